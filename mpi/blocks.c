/* blocks.c: some rows of a call whose classes are divided: reduced to records, and emitted from records that all ranks
 * have joined. Called by request.c; calls the library. */
#include "internal.h"

#include <math.h>
#include <string.h>

size_t sj_mpi_block_rows(const sj_mpi_request *r, size_t block) {
    if (r->group->shard == SJ_SHARD_ROWS) return 0;
    const size_t left = r->group->rows - block * BLOCK_ROWS;
    return left < BLOCK_ROWS ? left : BLOCK_ROWS;
}

record *sj_mpi_block_records(const sj_mpi_request *r, size_t block) { return r->records + block * (BLOCK_ROWS + 1); }

/* What is done to some rows of a block: their part of the call, and the first of them, counted in the block. */
typedef sj_status visit(const sj_mpi *group, const call *part, size_t at);

static sj_status visit_block(sj_mpi_request *r, size_t block, visit *do_rows) {
    const size_t rows = sj_mpi_block_rows(r, block);
    const call *of = &r->call;
    const bool whole = of->operation != OPERATION_LOGSUMEXP;
    for (size_t at = 0; at < rows;) {
        call part = *of;
        const size_t first = block * BLOCK_ROWS + at;
        const size_t taken = sj_mpi_rows(&of->z, of->axis, first, rows - at, &part.z);
        if (of->g_name) (void)sj_mpi_rows(&of->g, of->axis, first, rows - at, &part.g);
        (void)sj_mpi_rows(&of->out, whole ? of->axis : -1, first, rows - at, &part.out);
        part.options.error = &r->error;
        const sj_status status = do_rows(r->group, &part, at);
        if (status) return status;
        at += taken;
    }
    return SJ_OK;
}

/* ---------------------------------------------------------------- reduce */

static sj_status reduce_states(const sj_mpi *group, const call *part, size_t at) {
    return sj_state_update(part->z, group->states + at, &part->options);
}

/* An entry of a row that is row `at` of a view's. */
static double entry(const sj_view *view, int axis, size_t row, size_t k) {
    sj_view of;
    (void)sj_mpi_rows(view, axis, row, 1, &of);
    return sj_mpi_element(of.data, of.dtype, (ptrdiff_t)k * of.strides[axis]);
}

/* What a row has nothing of: no product counts there. */
static bool has_no_weight(const sj_state *of) { return of->count == 0 || of->max == -INFINITY; }

/* A product of this piece by itself: about the mean of g over it, from which the whole row's will be shifted. So its
 * sum is small where g hardly varies, whatever g is elsewhere. Rounded so that float32 kernels take it as it is. */
static void centre(sj_product *p, bool wide) {
    const double mean = p->at_max + p->dot[0];
    p->at_max = wide ? mean : (double)(float)mean;
    p->dot[0] = p->dot[1] = 0;
}

static sj_status reduce_products(const sj_mpi *group, const call *part, size_t at) {
    sj_product *products = group->products + at;
    const sj_state *states = group->states + at;
    const bool wide = part->z.dtype == SJ_F64 || part->g.dtype == SJ_F64;
    size_t rows = 1;
    for (int d = 0; d < part->z.ndim; d++) rows *= d == part->axis ? 1 : part->z.shape[d];
    sj_options options =
        part->options; /* what becomes of a row of only -inf, or with +inf, is not this piece's to say */
    if (options.nonfinite != SJ_LIMIT) options.nonfinite = SJ_ZERO;
    sj_status status = sj_state_update(part->z, group->states + at, &options);
    for (size_t i = 0; i < rows; i++) {
        products[i] = (sj_product){.state = states[i]};
        if (!has_no_weight(&states[i])) products[i].at_max = entry(&part->g, part->axis, i, (size_t)states[i].argmax);
    }
    if (!status) status = sj_state_dot(part->z, part->g, products, &options);
    for (size_t i = 0; i < rows; i++) centre(&products[i], wide);
    if (!status) status = sj_state_dot(part->z, part->g, products, &options);
    for (size_t i = 0; i < rows; i++)
        if (has_no_weight(&states[i])) products[i] = (sj_product){.state = states[i]};
    return status;
}

sj_status sj_mpi_reduce_block(sj_mpi_request *r, size_t block) {
    const size_t rows = sj_mpi_block_rows(r, block);
    const bool products = r->call.operation == OPERATION_VJP;
    record *records = sj_mpi_block_records(r, block) + 1;
    memset(r->group->states, 0, rows * sizeof *r->group->states);
    const sj_status status = r->status ? r->status : visit_block(r, block, products ? reduce_products : reduce_states);
    for (size_t i = 0; i < rows; i++) {
        records[i].kind = products ? RECORD_PRODUCT : RECORD_STATE;
        records[i].of.product = (sj_product){.state = r->group->states[i]};
        if (products && !status) records[i].of.product = r->group->products[i];
    }
    return status;
}

/* ---------------------------------------------------------------- emit */

static sj_status emit_rows(const sj_mpi *group, const call *part, size_t at) {
    const sj_state *states = group->states + at;
    switch (part->operation) {
    case OPERATION_SOFTMAX:
        return sj_state_softmax(part->z, states, group->first, part->out, &part->options);
    case OPERATION_LOG_SOFTMAX:
        return sj_state_log_softmax(part->z, states, group->first, part->out, &part->options);
    case OPERATION_LOGSUMEXP:
        return sj_state_logsumexp(states, part->out, &part->options);
    case OPERATION_VJP:
        return sj_state_vjp(part->z, part->g, group->products + at, part->out, &part->options);
    }
    return SJ_BAD_OPTION;
}

sj_status sj_mpi_emit_block(sj_mpi_request *r, size_t block) {
    const size_t rows = sj_mpi_block_rows(r, block);
    const record *records = sj_mpi_block_records(r, block) + 1;
    for (size_t i = 0; i < rows; i++) {
        r->group->states[i] = records[i].of.product.state;
        r->group->products[i] = records[i].of.product;
    }
    return visit_block(r, block, emit_rows);
}
