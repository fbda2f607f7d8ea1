/* emit.h: softmax, log-softmax, logsumexp, gradient and Jacobian of one row of exact mode: every entry formed as a wide
 * number and rounded once. Called by exact/rows.h; calls row.h and logarithm.h. */
#ifndef SJ_KERNEL_EXACT_EMIT_H
#define SJ_KERNEL_EXACT_EMIT_H

#include "logarithm.h"
#include "row.h"

static inline double exact_rounded(const exact_row *r, wide x) { return wide_round(x, r->run->out.dtype); }

static void exact_fill(exact_row *r, double value) {
    const sj_reading *reading = r->run->reading;
    for (size_t i = 0; i < r->run->n; i++)
        exact_set(r, (ptrdiff_t)i * r->run->out.class_stride,
                  reading && row_masks(r->run, r->index, i) ? reading->masked : value);
}

/* -s_q s_r or -s_r for r in [0, n) at `stride` from `offset` on, but for the diagonal: -w_r factor. */
static void exact_off_diagonal(exact_row *r, wide factor, size_t q, double diagonal, ptrdiff_t offset,
                               ptrdiff_t stride) {
    for (size_t start = 0; start < r->run->n; start += EXACT_PIECE) {
        const size_t count = exact_piece(r, start);
        exact_weigh_again(r, start, count);
        for (size_t i = 0; i < count; i++)
            exact_set(r, offset + (ptrdiff_t)(start + i) * stride,
                      start + i == q ? diagonal : exact_rounded(r, wide_minus(wide_mul(weight_at(r, i), factor))));
    }
}

static void exact_softmax(exact_row *r) {
    for (size_t start = 0; start < r->run->n; start += EXACT_PIECE) {
        const size_t count = exact_piece(r, start);
        exact_weigh_again(r, start, count);
        for (size_t i = 0; i < count; i++)
            exact_set(r, (ptrdiff_t)(start + i) * r->run->out.class_stride,
                      exact_rounded(r, wide_mul(weight_at(r, i), r->inverse)));
    }
}

/* (z_q - z_m) - log1p(T) */
static void exact_log_softmax(exact_row *r) {
    const wide log = exact_log1p(r), max = wide_of(r->max);
    for (size_t start = 0; start < r->run->n; start += EXACT_PIECE) {
        const size_t count = exact_piece(r, start);
        const double *z = exact_logits(r, start, count);
        for (size_t i = 0; i < count; i++) {
            const double value = z[i] < -REAL_LARGEST ? -(double)INFINITY
                                                      : exact_rounded(r, wide_sub(wide_sub(wide_of(z[i]), max), log));
            exact_set(r, (ptrdiff_t)(start + i) * r->run->out.class_stride, value);
        }
    }
}

static void exact_logsumexp(exact_row *r) {
    const double value = r->shared ? (double)INFINITY : exact_rounded(r, wide_add(wide_of(r->max), exact_log1p(r)));
    exact_set(r, 0, value);
}

/* Row q of the Jacobian of softmax or of its logarithm. */
static void exact_jacobian_row(exact_row *r, size_t q, wide weight, bool log, ptrdiff_t offset, ptrdiff_t stride) {
    const wide s = wide_mul(weight, r->inverse), one = {1, 0, 0};
    const wide c = q == r->argmax ? exact_complement(r) : wide_sub(one, s);
    exact_off_diagonal(r, log ? r->inverse : wide_mul(s, r->inverse), q, exact_rounded(r, log ? c : wide_mul(s, c)),
                       offset, stride);
}

static inline void exact_gradient_of(exact_row *r, bool log) {
    const size_t q = r->run->q;
    exact_jacobian_row(r, q, exact_weight_of(r, q), log, 0, r->run->out.class_stride);
}

static inline void exact_jacobian_of(exact_row *r, bool log) {
    const sj_operand *out = &r->run->out;
    for (size_t q = 0; q < r->run->n; q++)
        exact_jacobian_row(r, q, exact_weight_of(r, q), log, (ptrdiff_t)q * out->class_stride, out->input_stride);
}

static void exact_gradient(exact_row *r) { exact_gradient_of(r, false); }
static void exact_log_gradient(exact_row *r) { exact_gradient_of(r, true); }
static void exact_jacobian(exact_row *r) { exact_jacobian_of(r, false); }
static void exact_log_jacobian(exact_row *r) { exact_jacobian_of(r, true); }

static void exact_fill_jacobian(exact_row *r, double value) {
    const sj_operand *out = &r->run->out;
    for (size_t q = 0; q < r->run->n; q++)
        for (size_t k = 0; k < r->run->n; k++)
            exact_set(r, (ptrdiff_t)q * out->class_stride + (ptrdiff_t)k * out->input_stride, value);
}

#endif
