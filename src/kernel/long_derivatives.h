/* long_derivatives.h: VJP and JVP of one long row, from its finished state. The argmax, where a complement stands, is
 * set here. Called by jacobian.h and derivatives.h. */
#ifndef SJ_KERNEL_LONG_DERIVATIVES_H
#define SJ_KERNEL_LONG_DERIVATIVES_H

#include "forward.h"
#include "mean.h"

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

/* 1 / (sum of weights without bias) */
static inline dd row_inverse(const row *r) { return dd_scale(r->scalars.inverse, 1 / r->scalars.unbias); }

/* c_m = T / (1 + T), times the bias */
static inline dd row_complement(const row *r) { return dd_mul(r->state.rest, row_inverse(r)); }

/* Of a row reduced with KEEP_PRODUCT: the sum of its weights. */
static inline dd row_sum(const row *r) { return r->how == WEIGH_GIVEN ? (dd){1, 0} : r->state.rest; }

/* out_q = s_q (g_q - G), from the second reduction */
static inline void product_emit(row *r, const cotangent *c) {
    const double scale = (double)c->scale, unbias = r->scalars.unbias;
    const vec_wide g_m = v_wide_set1((double)c->g_m);
    const product_ends ends = product_ends_of(wide_pair_of(row_sum(r)), wide_pair_of(c->dot), g_m, scale, unbias);
    if (!(fabs(ends.at.hi[0]) <= (double)REAL_LARGEST)) { /* a cotangent that is not finite has weight */
        row_fill(r, NAN);
        return;
    }
    emission e = product_emission(&ends, 0, scale, unbias);
    e.least = r->how == WEIGH_GIVEN ? v_zero() : weight_lost(v_set1(c->size));
    if (ends.at.plain[0] && is_shallow(r->how))
        row_emit(r, span_plain_product, &e);
    else if (r->how == WEIGH_GIVEN && c->scale < GIVEN_SCALE)
        row_emit(r, span_given_product, &e);
    else if (r->how == WEIGH_GIVEN)
        row_emit(r, span_product, &e);
    else
        row_emit(r, span_deep_product, &e);
}

static inline void product_row(row *r) {
    r->state.argmax = row_find(r);
    const cotangent c = cotangent_reduce(r);
    product_emit(r, &c);
}

/* out_q = g_q - G, a quarter of it where that could overflow */
static inline void log_jvp_emit(row *r, const cotangent *c) {
    const double part = c->largest > REAL_LARGEST / 4 ? 0.25 : 1;
    const means at = log_means_of(wide_pair_of(row_sum(r)), wide_pair_of(c->dot), v_wide_set1((double)c->g_m),
                                  (double)c->scale, part);
    const emission e = log_jvp_emission(&at, 0, part);
    row_emit(r, span_log_jvp, &e);
}

static inline void log_jvp_row(row *r) {
    r->state.argmax = row_find(r);
    const cotangent c = cotangent_reduce(r);
    log_jvp_emit(r, &c);
}

/* Cotangents below this are lifted by the bias of the weights where their products may be subnormal. */
#define LIFTED_COTANGENT 0x1p20

/* out_q = c_q g_q - s_q (sum over k != q of g_k - less) */
static inline void log_vjp_less(row *r, dd less) {
    const size_t m = r->state.argmax;
    const double unbias = r->scalars.unbias;
    /* g is scaled so that its sum is finite, and the argmax's entry so that no part of it is subnormal before it is */
    dd rest;
    const bool huge = !cotangent_total(r, 1, &rest);
    if (huge) cotangent_total(r, TOTAL_SCALE, &rest);
    const real scale = huge ? TOTAL_SCALE : 1;
    rest = dd_add(rest, dd_scale(less, -(double)scale));
    const double g_m = (double)row_g_at(r, m) * (double)scale;
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

static inline void log_vjp_row(row *r) { log_vjp_less(r, (dd){0, 0}); }

#endif
