/* mean.h: the ends of the rows of a product, a row a lane: from the sums over a row what its entries are made with. One
 * row stands in every lane. Called by long_derivatives.h and product_groups.h; calls cotangent.h. */
#ifndef SJ_KERNEL_MEAN_H
#define SJ_KERNEL_MEAN_H

#include "cotangent.h"
#include "emit.h"
#include "math/wide_pair.h"

/* G = g_m + D as hi + down (lo + rest), down a power of two: beside a large g_m a small D keeps its digits. */
typedef struct means {
    vec_wide hi, lo, rest, down;
    vec_wide_int plain; /* hi + lo is G but for PLAIN_REST of D, and so are products of lo with roundings: down is 1 */
} means;

/* u / 64 */
#define PLAIN_REST (1 / (double)((real_bits)1 << (REAL_MANTISSA + 7)))

/* From g_m and D, each times the same. */
V_INLINE means means_of(vec_wide g_m, wide_pair dot) {
    const wide_pair sum = wide_pair_sum(g_m, dot.hi);
    const vec_wide hi = v_wide_round(sum.hi), one = v_wide_set1(1);
    const wide_pair below = wide_pair_sum(sum.hi - hi, sum.lo), left = wide_pair_sum(below.hi, below.lo + dot.lo);
    const vec_wide_int tiny = v_wide_size(left.hi) < v_wide_set1((double)MEAN_SMALL);
    const vec_wide lift = v_wide_select(tiny, v_wide_set1((double)MEAN_LIFT), one);
    const vec_wide lo = v_wide_round(left.hi * lift), rest = v_wide_round((left.hi * lift - lo) + left.lo * lift);
    const vec_wide small = v_wide_size(dot.hi) * v_wide_set1(PLAIN_REST);
    vec_wide_int plain = ~tiny & (v_wide_size(rest) <= small);
    plain &= v_wide_size(lo * v_wide_set1(PLAIN_REST * 64)) <= small;
    if (!NATIVE_FMA) plain &= 0;
    return (means){hi, lo, rest, v_wide_select(tiny, v_wide_set1(1 / (double)MEAN_LIFT), one), plain};
}

/* What the entries of a product are made with: s (g - G) from w and g. */
typedef struct product_ends {
    wide_pair factor; /* of w */
    vec_wide scale;   /* of g, and of G */
    means at;
} product_ends;

/* A power of two near the inverse of a sum of weights, and their quotient. */
typedef struct near_inverse {
    vec_wide power;
    wide_pair rest;
} near_inverse;

V_INLINE near_inverse near_inverse_of(wide_pair sum) {
    const wide_pair inverse = wide_pair_inverse(sum);
    const vec_wide power = v_wide_power_below(inverse.hi);
    return (near_inverse){power, wide_pair_scale(inverse, v_wide_set1(1) / power)};
}

V_INLINE wide_pair over_sum(wide_pair dot, near_inverse of) {
    return wide_pair_mul(wide_pair_scale(dot, of.power), of.rest);
}

/* From the sums of w, and of w d at `scale`. Of a long row s is as small as the sum is large: the sum's power of two is
 * taken from g instead. unbias: of the weights */
V_INLINE product_ends product_ends_of(wide_pair sum, wide_pair dot, vec_wide g_m, double scale, double unbias) {
    const near_inverse inverse = near_inverse_of(sum);
    const vec_wide own = inverse.power * v_wide_set1((double)EMIT_LIFT / unbias), by = own * v_wide_set1(scale);
    return (product_ends){inverse.rest, by, means_of(g_m * by, wide_pair_scale(over_sum(dot, inverse), own))};
}

/* Where entries need no factor: a `part` of G. */
V_INLINE means log_means_of(wide_pair sum, wide_pair dot, vec_wide g_m, double scale, double part) {
    const wide_pair d = wide_pair_scale(over_sum(dot, near_inverse_of(sum)), v_wide_set1(part / scale));
    return means_of(g_m * v_wide_set1(part), d);
}

/* The emissions of one lane. */
V_INLINE emission product_emission(const product_ends *ends, size_t lane, double scale, double unbias) {
    const dd factor = {ends->factor.hi[lane], ends->factor.lo[lane]};
    return (emission){.factor = spread(factor),
                      .a = v_set1((real)ends->scale[lane]),
                      .b = v_set1((real)ends->at.hi[lane]),
                      .c = v_set1((real)ends->at.lo[lane]),
                      .last = descent_by(v_set1((real)(unbias / (double)EMIT_LIFT / scale))),
                      .rest = v_set1((real)ends->at.rest[lane]),
                      .down = v_set1((real)ends->at.down[lane])};
}

V_INLINE emission given_emission(const means *at, size_t lane, real scale) {
    return (emission){.a = v_set1(scale),
                      .b = v_set1((real)at->hi[lane]),
                      .c = v_set1((real)at->lo[lane]),
                      .last = descent_by(v_set1(1 / scale))};
}

V_INLINE emission log_jvp_emission(const means *at, size_t lane, double part) {
    return (emission){.a = v_set1((real)part),
                      .b = v_set1((real)at->hi[lane]),
                      .c = v_set1((real)at->lo[lane] * (real)at->down[lane]),
                      .d = v_set1((real)(1 / part))};
}

#endif
