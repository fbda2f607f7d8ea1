/* long_derivatives.h: gradient of one output, Jacobian, VJP and JVP of one long row, from its finished state. The
 * diagonal and the argmax, where complements stand, are set here. Called by derivatives.h. */
#ifndef SJ_KERNEL_LONG_DERIVATIVES_H
#define SJ_KERNEL_LONG_DERIVATIVES_H

#include "cotangent.h"
#include "forward.h"

V_INLINE void span_off_diagonal(row *r, const void *e, span s) { span_emit(r, emit_off_diagonal, e, READS_WEIGHTS, s); }
V_INLINE void span_plain_off_diagonal(row *r, const void *e, span s) {
    span_emit(r, emit_plain_off_diagonal, e, READS_WEIGHTS, s);
}
V_INLINE void span_plain_product(row *r, const void *e, span s) { span_emit(r, emit_plain_product, e, READS_G, s); }
V_INLINE void span_given_product(row *r, const void *e, span s) { span_emit(r, emit_given_product, e, READS_G, s); }
V_INLINE void span_deep_product(row *r, const void *e, span s) { span_emit(r, emit_deep_product, e, READS_G, s); }
V_INLINE void span_product(row *r, const void *e, span s) { span_emit(r, emit_product, e, READS_G, s); }
V_INLINE void span_log_jvp(row *r, const void *e, span s) { span_emit(r, emit_log_jvp, e, READS_G, s); }
V_INLINE void span_log_vjp_huge(row *r, const void *e, span s) { span_emit(r, emit_log_vjp_huge, e, READS_G, s); }
V_INLINE void span_log_vjp(row *r, const void *e, span s) { span_emit(r, emit_log_vjp, e, READS_G, s); }

/* s_q and c_q = 1 - s_q of one entry; no entry but the argmax has s > 1/2, so only there does 1 - s cancel. */
typedef struct entry {
    dd s; /* times the bias of the weights: normal where s_q is not */
    dd c;
    double unbias; /* c_q = c unbias: at the argmax c carries the bias too */
} entry;

/* 1 / (sum of weights without bias) */
static inline dd row_inverse(const row *r) { return dd_scale(r->scalars.inverse, 1 / r->scalars.unbias); }

/* c_m = T / (1 + T), times the bias */
static inline dd row_complement(const row *r) { return dd_mul(r->state.rest, row_inverse(r)); }

static inline entry row_entry_softmax(const row *r, size_t q, real z) {
    const dd w = entry_weight(z, &r->ref, r->how);
    entry e = {.unbias = 1};
    if (w.hi > (double)v_lane(row_lost(r))) e.s = dd_mul(w, row_inverse(r));
    if (q != r->state.argmax) {
        e.c = dd_complement(dd_scale(e.s, r->scalars.unbias));
    } else {
        e.c = row_complement(r);
        e.unbias = r->scalars.unbias;
    }
    return e;
}

/* Products of two softmax carry the bias of both where one of them is as small as this: but for a quarter of it in
 * float32, so that the power of two that takes it away is normal. Intel's processors take 150 cycles for a subnormal
 * factor. */
#define SMALL_SOFTMAX 0x1p-8
static inline double small_lift(double unbias) { return 2 * WEIGHT_BIAS > REAL_BIAS && unbias < 1 ? 0x1p-2 : 1; }

/* Constants of row q of the Jacobian off its diagonal. */
static inline emission jacobian_row(const row *r, entry e, bool log) {
    if (log) return softmax_emission(r);
    const double unbias = r->scalars.unbias, lift = e.s.hi * unbias < SMALL_SOFTMAX ? small_lift(unbias) : unbias;
    return (emission){.factor = spread(dd_scale(dd_mul(e.s, row_inverse(r)), lift)),
                      .last = descent_by(v_set1((real)(unbias * (unbias / lift)))),
                      .least = r->how == WEIGH_GIVEN ? v_zero() : weight_lost_beside(v_set1((real)e.s.hi))};
}

/* Whether all entries of the row of the Jacobian but the diagonal are normal. */
static inline bool jacobian_row_is_plain(const row *r, const emission *off) {
    return r->how == WEIGH_SHALLOW && v_lane(off->factor.hi) * WEIGHT_SHALLOW >= v_lane(off->last.edge);
}

static inline double diagonal(const row *r, entry e, bool log) {
    return log ? e.c.hi * e.unbias : dd_mul(dd_scale(e.s, e.unbias), e.c).hi * r->scalars.unbias;
}

static inline void gradient_row(row *r, bool log) {
    const size_t q = r->run->q;
    const entry e = row_entry_softmax(r, q, row_logits(r, q, 1)[0]);
    const emission off = jacobian_row(r, e, log);
    if (jacobian_row_is_plain(r, &off))
        row_emit(r, span_plain_off_diagonal, &off);
    else
        row_emit(r, span_off_diagonal, &off);
    row_set(r, q, diagonal(r, e, log));
}

/* The part of the Jacobian with q in [q0, q0 + rows) and r in [r0, r0 + count). */
static inline void jacobian_tile(row *r, const real *z_q, size_t q0, size_t rows, size_t r0, size_t count, bool log) {
    const sj_operand *out = &r->run->out;
    char *const base = r->out;
    const real *w = row_weights(r, r0, count), *low = row_lows(r, r0);
    for (size_t i = 0; i < rows; i++) {
        const size_t q = q0 + i;
        const entry e = row_entry_softmax(r, q, z_q[i]);
        const emission off = jacobian_row(r, e, log);
        char *line = chunk_at(base, out, out->class_stride, q);
        real *to = chunk_begin(line, out, out->input_stride, r0, r->x_scratch);
        if (jacobian_row_is_plain(r, &off))
            emit_chunk(emit_plain_off_diagonal, &off, w, low, w, to, count);
        else
            emit_chunk(emit_off_diagonal, &off, w, low, w, to, count);
        if (q - r0 < count) to[q - r0] = (real)diagonal(r, e, log);
        chunk_end(line, out, out->input_stride, r0, count, to);
    }
}

static inline void jacobian_of_row(row *r, bool log) {
    real z_q[CHUNK];
    for (size_t q0 = 0; q0 < r->run->n; q0 += CHUNK) {
        const size_t rows = row_piece(r, q0);
        memcpy(z_q, row_logits(r, q0, rows), rows * sizeof(real));
        for (size_t r0 = 0; r0 < r->run->n; r0 += CHUNK) jacobian_tile(r, z_q, q0, rows, r0, row_piece(r, r0), log);
    }
}

static inline void jacobian_fill(row *r, double value) {
    const sj_operand *out = &r->run->out;
    for (size_t q = 0; q < r->run->n; q++)
        for (size_t k = 0; k < r->run->n; k++)
            chunk_store(r->out, out->dtype, (ptrdiff_t)q * out->class_stride + (ptrdiff_t)k * out->input_stride,
                        (real)value);
}

/* G = g_m + D as hi + down (lo + rest), down a power of two: beside a large g_m a small D keeps its digits. */
typedef struct mean {
    real hi, lo, rest, down;
    bool plain; /* hi + lo is G but for PLAIN_REST of D, and so are products of lo with roundings: down is 1 */
} mean;

/* u / 64 */
#define PLAIN_REST (1 / (double)((real_bits)1 << (REAL_MANTISSA + 7)))

static inline bool mean_is_plain(double d, real lo, real rest) {
    if (!NATIVE_FMA) return false;
    const double small = fabs(d) * PLAIN_REST;
    return fabs((double)rest) <= small && fabs((double)lo * PLAIN_REST * 64) <= small;
}

/* G times scale, from the sum of w_k d_k at c's own. */
static inline mean cotangent_mean(const row *r, const cotangent *c, double scale) {
    const dd dot = dd_scale(dd_mul(c->dot, r->scalars.inverse), scale / (double)c->scale);
    const dd sum = two_sum((double)row_entry(r->g, &r->run->g, r->state.argmax) * scale, dot.hi);
    const real hi = (real)sum.hi;
    const dd below = two_sum(sum.hi - (double)hi, sum.lo), left = two_sum(below.hi, below.lo + dot.lo);
    const real lift = fabs(left.hi) < (double)MEAN_SMALL ? MEAN_LIFT : 1, lo = (real)(left.hi * (double)lift);
    const real rest = (real)((left.hi * (double)lift - (double)lo) + left.lo * (double)lift);
    const bool plain = lift == 1 && mean_is_plain(dot.hi, lo, rest);
    return (mean){hi, lo, rest, 1 / lift, plain};
}

/* out_q = s_q (g_q - G), from the second reduction */
static inline void product_emit(row *r, const cotangent *c) {
    /* of a long row s is as small as the sum is large: the sum's power of two is taken from g instead */
    const dd inverse = row_inverse(r);
    const double sum = 1 / power_below(inverse.hi), scale = (double)c->scale * ((double)EMIT_LIFT / sum);
    const mean at = cotangent_mean(r, c, scale);
    if (!(at.hi >= -REAL_LARGEST && at.hi <= REAL_LARGEST)) { /* a cotangent that is not finite has weight */
        row_fill(r, NAN);
        return;
    }
    const emission e = {.factor = spread(dd_scale(inverse, sum)),
                        .a = v_set1((real)scale),
                        .b = v_set1(at.hi),
                        .c = v_set1(at.lo),
                        .last = descent_by(v_set1((real)(r->scalars.unbias / sum / scale))),
                        .rest = v_set1(at.rest),
                        .down = v_set1(at.down),
                        .least = r->how == WEIGH_GIVEN ? v_zero() : weight_lost(v_set1(c->size))};
    if (at.plain && r->how == WEIGH_SHALLOW)
        row_emit(r, span_plain_product, &e);
    else if (r->how == WEIGH_GIVEN && c->scale < GIVEN_SCALE)
        row_emit(r, span_given_product, &e);
    else if (r->how == WEIGH_GIVEN)
        row_emit(r, span_product, &e);
    else
        row_emit(r, span_deep_product, &e);
}

static inline void product_row(row *r) {
    const cotangent c = cotangent_reduce(r);
    product_emit(r, &c);
}

/* out_q = g_q - G, a quarter of it where that could overflow */
static inline void log_jvp_row(row *r) {
    const cotangent c = cotangent_reduce(r);
    const double part = c.largest > REAL_LARGEST / 4 ? 0.25 : 1;
    const mean at = cotangent_mean(r, &c, part);
    const emission e = {
        .a = v_set1((real)part), .b = v_set1(at.hi), .c = v_set1(at.lo * at.down), .d = v_set1((real)(1 / part))};
    row_emit(r, span_log_jvp, &e);
}

/* Cotangents below this are lifted by the bias of the weights where their products may be subnormal. */
#define LIFTED_COTANGENT 0x1p20

/* out_q = c_q g_q - s_q sum over k != q of g_k */
static inline void log_vjp_row(row *r) {
    const size_t m = r->state.argmax;
    const double unbias = r->scalars.unbias;
    /* g is scaled so that its sum is finite, and the argmax's entry so that no part of it is subnormal before it is */
    dd rest;
    const bool huge = !cotangent_total(r, 1, &rest);
    if (huge) cotangent_total(r, TOTAL_SCALE, &rest);
    const real scale = huge ? TOTAL_SCALE : 1;
    const double g_m = (double)row_entry(r->g, &r->run->g, m) * (double)scale;
    const dd all = dd_add(rest, (dd){g_m, 0});
    const dd near_one = row_inverse(r);
    const double lift = fabs(g_m) < LIFTED_COTANGENT && fabs(rest.hi) < LIFTED_COTANGENT ? 0x1p480 : 1;
    const split factor = split_factor(dd_mul(dd_scale(all, lift), near_one), 1 / ((double)scale * lift), unbias);
    const dd own = dd_mul(row_complement(r), (dd){g_m * (lift * unbias), 0});
    const dd others = dd_mul(dd_mul(r->state.top, r->scalars.inverse), dd_scale(rest, -lift));
    const emission e = {.factor = spread(factor.f),
                        .a = v_set1((real)(factor.a * (huge ? 0.25 : 1))),
                        .last = descent_by(v_set1((real)factor.b)),
                        .least = r->ref.least};
    if (huge)
        row_emit(r, span_log_vjp_huge, &e);
    else
        row_emit(r, span_log_vjp, &e);
    row_set(r, m, dd_add(own, others).hi / lift / (double)scale);
}

#endif
