/* exact.c: exact mode where classes are divided. The records that all ranks have joined tell the maximum of each row
 * and where it is; then integers are added, a second message for each block, and they tell every rank the bits of the
 * whole row. Called by blocks.c; calls the library and MPI. */
#include "internal.h"

#include <string.h>

/* What of a record is summed: without a cotangent there is no dot. */
static size_t words_of(const call *of) { return SJ_REST_WORDS + (is_product(of->operation) ? SJ_DOT_WORDS : 0); }

static sj_status add_rows(const sj_mpi *group, const call *part, size_t at) {
    const bool products = is_product(part->operation);
    const sj_dtype results = products ? part->out.dtype : SJ_F64;
    return sj_exact_add(part->z, products ? &part->g : NULL, results, group->exact + at, group->first, &part->options);
}

static sj_status emit_rows(const sj_mpi *group, const call *part, size_t at) {
    const sj_exact *rows = group->exact + at;
    const sj_options *options = &part->options;
    switch (part->operation) {
    case OPERATION_SOFTMAX:
        return sj_exact_softmax(part->z, rows, group->first, part->out, options);
    case OPERATION_LOG_SOFTMAX:
        return sj_exact_log_softmax(part->z, rows, group->first, part->out, options);
    case OPERATION_LOGSUMEXP:
        return sj_exact_logsumexp(rows, part->out, options);
    case OPERATION_GRADIENT:
        return sj_exact_softmax_gradient(part->z, rows, group->first, part->q, part->out, options);
    case OPERATION_LOG_GRADIENT:
        return sj_exact_log_softmax_gradient(part->z, rows, group->first, part->q, part->out, options);
    default:
        return sj_exact_vjp(part->z, part->g, rows, group->first, part->out, options);
    }
}

/* The integers of all ranks, packed into one message: what stands between them is no sum. */
static sj_status add_ranks(const sj_mpi_request *r, size_t rows) {
    const size_t words = words_of(&r->call);
    sj_exact *exact = r->group->exact;
    int64_t *packed = r->group->words;
    for (size_t i = 0; i < rows; i++) {
        memcpy(packed + i * words, exact[i].rest, sizeof exact[i].rest);
        if (words > SJ_REST_WORDS) memcpy(packed + i * words + SJ_REST_WORDS, exact[i].dot, sizeof exact[i].dot);
    }
    if (MPI_Allreduce(MPI_IN_PLACE, packed, (int)(rows * words), MPI_INT64_T, MPI_SUM, r->group->comm))
        return SJ_MPI_FAILED;
    for (size_t i = 0; i < rows; i++) {
        memcpy(exact[i].rest, packed + i * words, sizeof exact[i].rest);
        if (words > SJ_REST_WORDS) memcpy(exact[i].dot, packed + i * words + SJ_REST_WORDS, sizeof exact[i].dot);
    }
    return SJ_OK;
}

sj_status sj_mpi_emit_exact_block(sj_mpi_request *r, size_t block) {
    const size_t rows = sj_mpi_block_rows(r, block);
    const record *records = sj_mpi_block_records(r, block) + 1;
    sj_exact *exact = r->group->exact;
    memset(exact, 0, rows * sizeof *exact);
    for (size_t i = 0; i < rows; i++) {
        exact[i].state = records[i].of.product.state;
        exact[i].at_max = exact[i].logit = records[i].of.product.at_max;
    }
    const sj_status added = sj_mpi_visit_block(r, block, add_rows);
    const sj_status summed = add_ranks(r, rows); /* whatever this rank found, the others wait for its message */
    if (added || summed) return added ? added : summed;
    if (r->call.operation != OPERATION_CROSS_ENTROPY) return sj_mpi_visit_block(r, block, emit_rows);
    memcpy(r->exact + block * BLOCK_ROWS, exact, rows * sizeof *exact);
    return SJ_OK;
}
