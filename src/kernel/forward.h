/* forward.h: softmax, log-softmax, logsumexp of every row of a run. Called through table.c. */
#ifndef SJ_KERNEL_FORWARD_H
#define SJ_KERNEL_FORWARD_H

#include "emit.h"
#include "long_rows.h"

/* Every entry of the result row set to `value`. */
static inline void row_fill(row *r, double value) {
    for (size_t i = 0; i < r->run->n; i++) row_set(r, i, value);
}

/* One emit function over the whole row; x is what it reads beside the weights. */
typedef enum emit_reads { READS_WEIGHTS, READS_LOGITS, READS_G } emit_reads;

static inline void row_emit(row *r, emit_function *emit, const emission *e, emit_reads reads) {
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

static inline void forward_rows(const sj_run *run, bool log) {
    row r;
    r.run = run;
    for (size_t i = 0; i < run->rows; i++) {
        row_seek(&r, i);
        switch (row_reduce(&r)) {
        case ROW_NAN:
            row_fill(&r, NAN);
            break;
        case ROW_EMPTY:
            row_fill(&r, log ? -INFINITY : 0);
            break;
        case ROW_FINITE:
            if (log) {
                const emission e = emission_of((double)r.state.max, r.scalars.log1p_t, 0, 0);
                row_emit(&r, emit_log_softmax, &e, READS_LOGITS);
            } else {
                const emission e = emission_of(r.scalars.inverse, 0, 0, 0);
                row_emit(&r, emit_softmax, &e, READS_WEIGHTS);
            }
        }
    }
}

static void softmax_rows(const sj_run *run) { forward_rows(run, false); }

static void log_softmax_rows(const sj_run *run) { forward_rows(run, true); }

static void logsumexp_rows(const sj_run *run) {
    row r;
    r.run = run;
    for (size_t i = 0; i < run->rows; i++) {
        double value = -INFINITY;
        row_seek(&r, i);
        switch (row_reduce(&r)) {
        case ROW_NAN:
            value = (double)r.state.max;
            break; /* NaN or the infinity itself */
        case ROW_EMPTY:
            break;
        case ROW_FINITE:
            value = r.shared ? INFINITY : (double)r.state.max + r.scalars.log1p_t;
        }
        row_set(&r, 0, value);
    }
}

#endif
