/* forward.h: softmax, log-softmax, logsumexp of every row of a run. Called through table.c. */
#ifndef SJ_KERNEL_FORWARD_H
#define SJ_KERNEL_FORWARD_H

#include "short_rows.h"

/* Every entry of the result row set to `value`. */
static inline void row_fill(row *r, double value) {
    for (size_t i = 0; i < r->run->n; i++) row_set(r, i, value);
}

/* One emit function over the whole row; x is what it reads beside the weights. */
typedef enum emit_reads { READS_WEIGHTS, READS_LOGITS, READS_G } emit_reads;

V_INLINE void row_emit(row *r, emit_function *emit, const emission *e, emit_reads reads) {
    const sj_operand *out = &r->run->out;
    for (size_t start = 0; start < r->run->n; start += CHUNK) {
        const size_t count = row_piece(r, start);
        const real *w = reads == READS_LOGITS ? NULL : row_weights(r, start, count), *x = w;
        if (reads == READS_LOGITS) w = x = row_logits(r, start, count);
        if (reads == READS_G) x = row_g(r, start, count);
        real *to = chunk_begin(r->out, out, out->class_stride, start, r->x_scratch);
        emit_chunk(emit, e, w, x, to, count);
        chunk_end(r->out, out, out->class_stride, start, count, to);
    }
}

/* The same over a block; the result replaces the weights. */
V_INLINE void block_emit(block *b, emit_function *emit, const emission *e, const vec *x) {
    for (size_t k = 0; k < b->run->n; k++) b->w[k] = emit(b->w[k], x[k], e);
}

static inline emission softmax_emission(const row *r) {
    const dd inverse = r->scalars.inverse;
    return emission_of(inverse.hi, below_real(inverse.hi, inverse.lo));
}

static void softmax_row(row *r) {
    const bool store = !NATIVE_FMA && r->run->n > CHUNK && r->run->out.dtype == REAL_DTYPE;
    const row_kind kind = row_reduce(r, store);
    if (kind != ROW_FINITE) {
        row_fill(r, kind == ROW_NAN ? NAN : 0);
        return;
    }
    const emission e = softmax_emission(r);
    row_emit(r, emit_softmax, &e, READS_WEIGHTS);
}

static void softmax_block(block *b) {
    const emission e = {.a = b->inverse.hi, .b = b->inverse.lo};
    block_emit(b, emit_softmax, &e, b->z);
    block_store_row(b, b->w);
}

static void log_softmax_row(row *r) {
    const row_kind kind = row_reduce(r, false);
    if (kind != ROW_FINITE) {
        row_fill(r, kind == ROW_NAN ? NAN : -INFINITY);
        return;
    }
    const emission e = emission_of((double)r->state.max, state_log1p(&r->state));
    row_emit(r, emit_log_softmax, &e, READS_LOGITS);
}

static void log_softmax_block(block *b) {
    const emission e = {.a = b->max, .b = block_log1p(b)};
    block_emit(b, emit_log_softmax, &e, b->z);
    block_store_row(b, b->w);
}

static void logsumexp_row(row *r) {
    double value = -INFINITY;
    switch (row_reduce(r, false)) {
    case ROW_NAN:
        value = (double)r->state.max;
        break; /* NaN or the infinity itself */
    case ROW_EMPTY:
        break;
    case ROW_FINITE:
        value = r->shared ? (double)INFINITY : (double)r->state.max + state_log1p(&r->state);
    }
    row_set(r, 0, value);
}

static void logsumexp_block(block *b) {
    const vec sum = v_add(b->max, block_log1p(b));
    block_store(b, &sum, 1, 0, 1);
}

static void softmax_rows(const sj_run *run) { serve(run, softmax_block, softmax_row); }
static void log_softmax_rows(const sj_run *run) { serve(run, log_softmax_block, log_softmax_row); }
static void logsumexp_rows(const sj_run *run) { serve(run, logsumexp_block, logsumexp_row); }

#endif
