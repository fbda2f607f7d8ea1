/* blocks.c: rows whose classes are divided, block by block: reduced to records, and emitted from records that all ranks
 * have joined. Called by request.c; calls the library, and exact.c. */
#include "internal.h"

#include <string.h>

size_t sj_mpi_block_rows(const sj_mpi_request *r, size_t block) {
    if (!is_divided(r->group)) return 0;
    const size_t left = r->group->rows - block * BLOCK_ROWS;
    return left < BLOCK_ROWS ? left : BLOCK_ROWS;
}

record *sj_mpi_block_records(const sj_mpi_request *r, size_t block) { return r->records + block * (BLOCK_ROWS + 1); }

sj_status sj_mpi_visit_block(sj_mpi_request *r, size_t block, visit *do_rows) {
    const size_t rows = sj_mpi_block_rows(r, block);
    const call *of = &r->call;
    const int out_axis = of->operation == OPERATION_LOGSUMEXP ? -1 : of->axis;
    const bool has_out = of->operation != OPERATION_CROSS_ENTROPY && of->operation != OPERATION_PREPARE;
    for (size_t at = 0; at < rows;) {
        call part = *of;
        const size_t first = block * BLOCK_ROWS + at;
        const size_t taken = sj_mpi_rows(&of->z, of->axis, first, rows - at, &part.z);
        if (of->g_name) (void)sj_mpi_rows(&of->g, of->axis, first, rows - at, &part.g);
        if (has_out) (void)sj_mpi_rows(&of->out, out_axis, first, rows - at, &part.out);
        part.options.error = &r->error;
        const sj_status status = do_rows(r->group, &part, at);
        if (status) return status;
        at += taken;
    }
    return SJ_OK;
}

/* ---------------------------------------------------------------- reduce */

static size_t rows_of(const call *part) {
    size_t rows = 1;
    for (int d = 0; d < part->z.ndim; d++) rows *= d == part->axis ? 1 : part->z.shape[d];
    return rows;
}

/* States of pieces are those of default mode. */
static sj_status reduce_states(const sj_mpi *group, const call *part, size_t at) {
    sj_options options = part->options;
    options.mode = SJ_DEFAULT;
    return sj_state_update(part->z, group->states + at, &options);
}

/* Entry k of one of the rows of a view. */
static double entry(const sj_view *view, int axis, size_t row, size_t k) {
    sj_view of;
    (void)sj_mpi_rows(view, axis, row, 1, &of);
    return sj_mpi_element(of.data, of.dtype, (ptrdiff_t)k * of.strides[axis]);
}

/* The cotangent's entries at this piece's argmax. */
static void take_tops(const sj_mpi *group, const call *part, size_t at) {
    for (size_t i = 0; i < rows_of(part); i++) {
        const sj_state *state = &group->states[at + i];
        group->products[at + i] = (sj_product){.state = *state};
        if (state->count > 0) group->products[at + i].at_max = entry(&part->g, part->axis, i, (size_t)state->argmax);
    }
}

static sj_status reduce_tops(const sj_mpi *group, const call *part, size_t at) {
    const sj_status status = part->states ? SJ_OK : reduce_states(group, part, at);
    take_tops(group, part, at);
    return status;
}

/* Twice, so that the second is about the mean of the piece's cotangents, rounded so that float32 kernels take it as it
 * is: a sum of small numbers, and sj_product_merge can shift it to another mean without losing digits. A piece without
 * weight, whatever its sum, counts for nothing there. */
static sj_status reduce_products(const sj_mpi *group, const call *part, size_t at) {
    sj_product *products = group->products + at;
    const size_t rows = rows_of(part);
    const bool wide = part->z.dtype == SJ_F64 || part->g.dtype == SJ_F64;
    sj_status status = part->states ? SJ_OK : reduce_states(group, part, at);
    take_tops(group, part, at);
    if (!status) status = sj_state_dot(part->z, part->g, products, &part->options);
    for (size_t i = 0; i < rows; i++) {
        const double mean = products[i].at_max + products[i].dot[0];
        products[i].at_max = wide ? mean : (double)(float)mean;
        products[i].dot[0] = products[i].dot[1] = 0;
    }
    return status ? status : sj_state_dot(part->z, part->g, products, &part->options);
}

/* The class that a row's record tells the logit of, counted in this piece; false where another rank's does. */
static bool holds_class(const sj_mpi *group, const call *of, size_t row, size_t *k) {
    uint64_t q = of->q;
    if (of->operation == OPERATION_CROSS_ENTROPY) {
        const int64_t label = sj_mpi_label(of, row);
        if (label == of->losses.how.ignore_index) return false;
        q = (uint64_t)label;
    }
    *k = (size_t)q - group->first;
    return q >= group->first && *k < group->classes;
}

static void take_picks(sj_mpi_request *r, size_t block, record *records) {
    for (size_t i = 0; i < sj_mpi_block_rows(r, block); i++) {
        const size_t row = block * BLOCK_ROWS + i;
        size_t k;
        if (!holds_class(r->group, &r->call, row, &k)) continue;
        records[i].of.product.at_max = entry(&r->call.z, r->call.axis, row, k);
        records[i].of.product.dot[1] = 1;
    }
}

static record_kind kind_of(const call *of) {
    if (is_product(of->operation)) return is_exact(of) ? RECORD_TOP : RECORD_PRODUCT;
    return takes_class(of->operation) || of->operation == OPERATION_CROSS_ENTROPY ? RECORD_PICK : RECORD_STATE;
}

sj_status sj_mpi_reduce_block(sj_mpi_request *r, size_t block) {
    const size_t rows = sj_mpi_block_rows(r, block);
    const record_kind kind = kind_of(&r->call);
    const bool products = kind == RECORD_PRODUCT || kind == RECORD_TOP;
    record *records = sj_mpi_block_records(r, block) + 1;
    sj_status status = r->status;
    memset(r->group->states, 0, rows * sizeof *r->group->states);
    if (!status && r->call.operation == OPERATION_APPLY)
        memcpy(r->group->states, r->call.states + block * BLOCK_ROWS, rows * sizeof *r->group->states);
    if (!status)
        status = sj_mpi_visit_block(r, block,
                                    kind == RECORD_PRODUCT ? reduce_products
                                    : kind == RECORD_TOP   ? reduce_tops
                                                           : reduce_states);
    for (size_t i = 0; i < rows; i++) {
        records[i].kind = kind;
        records[i].of.product = (sj_product){.state = r->group->states[i]};
        if (products && !status) records[i].of.product = r->group->products[i];
    }
    if (kind == RECORD_PICK && !status) take_picks(r, block, records);
    if (!status && r->call.operation == OPERATION_PREPARE)
        memcpy(r->call.states + block * BLOCK_ROWS, r->group->states, rows * sizeof *r->group->states);
    return status;
}

/* ---------------------------------------------------------------- emit */

static sj_status emit_rows(const sj_mpi *group, const call *part, size_t at) {
    const sj_options *options = &part->options;
    switch (part->operation) {
    case OPERATION_SOFTMAX:
        return sj_state_softmax(part->z, group->states + at, group->first, part->out, options);
    case OPERATION_LOG_SOFTMAX:
        return sj_state_log_softmax(part->z, group->states + at, group->first, part->out, options);
    case OPERATION_LOGSUMEXP:
        return sj_state_logsumexp(group->states + at, part->out, options);
    case OPERATION_GRADIENT:
        return sj_state_softmax_gradient(part->z, group->picks + at, group->first, part->q, part->out, options);
    case OPERATION_LOG_GRADIENT:
        return sj_state_log_softmax_gradient(part->z, group->picks + at, group->first, part->q, part->out, options);
    default:
        return sj_state_vjp(part->z, part->g, group->products + at, part->out, options);
    }
}

sj_status sj_mpi_emit_block(sj_mpi_request *r, size_t block) {
    const size_t rows = sj_mpi_block_rows(r, block);
    const record *records = sj_mpi_block_records(r, block) + 1;
    if (is_exact(&r->call)) return sj_mpi_emit_exact_block(r, block);
    for (size_t i = 0; i < rows; i++) {
        const sj_product *of = &records[i].of.product;
        r->group->states[i] = of->state;
        r->group->products[i] = *of;
        r->group->picks[i] = (sj_pick){of->state, of->at_max};
    }
    return sj_mpi_visit_block(r, block, emit_rows);
}
