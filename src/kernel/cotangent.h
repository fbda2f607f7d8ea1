/* cotangent.h: the second reduction of products: sums over a row's cotangent or tangent g. Called by
 * long_derivatives.h; calls long_rows.h and math/sum.h. */
#ifndef SJ_KERNEL_COTANGENT_H
#define SJ_KERNEL_COTANGENT_H

#include "long_rows.h"

/* g relative to the argmax, scaled by a power of two: d = g scale - at_max, at_max = g_m scale. The scale is 1
 * unless weights (up to 2^WEIGHT_BIAS) times d, summed, could overflow, and GIVEN_SCALE where weights are given. */
typedef struct cotangent {
    real scale, at_max;
    real largest; /* |g_m|, or of all |g_k| where some |d| was above its limit */
    dd dot;       /* sum over k != m of w_k d_k */
} cotangent;

/* Products are formed this much above the result, if none of |g| is above LIFT_LIMIT: the lift, g and the difference of
 * two g together are finite. */
#define LIFT_LIMIT (REAL_LARGEST / (4 * PRODUCT_LIFT))

/* Scale of a plain sum of g whose entries come this near the largest real, for rows of up to 2^40 of them. */
#define TOTAL_SCALE REAL(0x1p-40)

/* 2^WEIGHT_BIAS DOT_LIMIT PRODUCT_LIFT, and DOT_LIMIT times the weights of 2^28 terms a lane, are finite. Given weights
 * have no bias; d is scaled by GIVEN_SCALE instead, up to GIVEN_LIMIT. */
#if defined(SJ_REAL_f32)
#define DOT_LIMIT 0x1p8f
#define PRODUCT_LIFT 0x1p16f
#define GIVEN_SCALE 0x1p64f
#define GIVEN_LIMIT 0x1p30f
#else
#define DOT_LIMIT 0x1p16
#define PRODUCT_LIFT 0x1p40
#define GIVEN_SCALE 0x1p600
#define GIVEN_LIMIT 0x1p300
#endif

/* d, and 0 where there is no weight: whatever g is there, it counts for nothing. */
V_INLINE vec cotangent_difference(vec w, vec g, const cotangent *c) {
    return v_keep_gt(v_fma(g, v_set1(c->scale), v_set1(-c->at_max)), w, v_zero());
}

/* Largest |d_k| of n entries, or, where w is given, of those that have weight; NaN is passed over. */
static inline real chunk_largest(const real *w, const real *g, size_t n, const cotangent *c) {
    vec largest = v_zero();
    for (size_t i = 0; i < n; i += V_LANES) {
        const size_t count = n - i < V_LANES ? n - i : V_LANES;
        const vec weights = w ? v_load_n(w + i, count, 0) : v_set1(1);
        const vec d = cotangent_difference(weights, v_load_n(g + i, count, 0), c);
        largest = v_max(v_size(d), largest);
    }
    return v_max_lane(largest);
}

/* Sum of w_k d_k over n entries but `skip`. */
V_INLINE dd chunk_dot(const real *w, const real *g, size_t n, size_t skip, const cotangent *c) {
    vsum sums[SUM_PARTS];
    for (size_t part = 0; part < SUM_PARTS; part++) sums[part] = vsum_zero();
    for (size_t start = 0; start < n; start += GROUP)
        for (size_t part = 0; part < SUM_PARTS; part++) {
            vec terms[GROUP_TERMS];
            for (size_t j = 0; j < GROUP_TERMS; j++) {
                const size_t i = start + j * SUM_LANES + part * V_LANES;
                terms[j] = v_zero();
                if (i >= n) continue;
                const bool whole = i + V_LANES <= n;
                const vec weights = whole ? v_load(w + i) : v_load_n(w + i, n - i, 0);
                const vec x = whole ? v_load(g + i) : v_load_n(g + i, n - i, 0);
                terms[j] = v_mul(weights, cotangent_difference(weights, x, c));
                if (skip - i < V_LANES) terms[j] = without_lane(terms[j], skip - i);
            }
            vsum_add(&sums[part], group_sum(terms));
        }
    return vsum_total(sums);
}

/* 2^-e for the x > 1 in [2^e, 2^(e+1)), twice that in the last binade, where 2^-e is subnormal: x times it is below 4.
 */
static inline real scale_below_four(real x) {
    real_bits bits;
    memcpy(&bits, &x, sizeof bits);
    const real_bits exponent = bits >> REAL_MANTISSA; /* x > 1: at most 2 bias, and 2 bias - exponent >= 0 */
    const real_bits inverse = exponent < 2 * REAL_BIAS ? 2 * REAL_BIAS - exponent : 1;
    const real_bits scaled = inverse << REAL_MANTISSA;
    memcpy(&x, &scaled, sizeof x);
    return x;
}

/* The sum at the scale of `c`; false, and no sum, when some |d| is above `limit`. */
static inline bool cotangent_sweep(row *r, cotangent *c, real limit) {
    c->dot = (dd){0, 0};
    for (size_t start = 0; start < r->run->n; start += CHUNK) {
        const size_t count = row_piece(r, start);
        const real *w = row_weights(r, start, count), *g = row_g(r, start, count);
        if (chunk_largest(w, g, count, c) > limit) return false;
        c->dot = dd_add(c->dot, chunk_dot(w, g, count, r->state.argmax - start, c));
    }
    return true;
}

/* Largest |g| of the row, or of the entries that have weight. */
static inline real cotangent_largest(row *r, bool weighted) {
    const cotangent as_is = {.scale = 1};
    real largest = 0;
    for (size_t start = 0; start < r->run->n; start += CHUNK) {
        const size_t count = row_piece(r, start);
        const real *w = weighted ? row_weights(r, start, count) : NULL;
        const real part = chunk_largest(w, row_g(r, start, count), count, &as_is);
        largest = part > largest ? part : largest;
    }
    return largest;
}

static inline cotangent cotangent_reduce(row *r) {
    const real g_m = row_entry(r->g, &r->run->g, r->state.argmax), size = g_m < 0 ? -g_m : g_m;
    const bool given = r->how == WEIGH_GIVEN;
    const real infinite = REAL(INFINITY), limit = given ? GIVEN_LIMIT : DOT_LIMIT;
    const real usual = given && size <= limit ? GIVEN_SCALE : 1;
    cotangent c = {.scale = usual, .at_max = g_m * usual, .largest = size};
    if (cotangent_sweep(r, &c, limit * usual)) return c;
    c.largest = cotangent_largest(r, true);
    /* a difference of two numbers below 4 is below 8 */
    const real within = given ? GIVEN_LIMIT * GIVEN_SCALE : DOT_LIMIT;
    c.scale = c.largest < infinite ? scale_below_four(c.largest) * (within / 8) : 1;
    c.at_max = g_m * c.scale;
    cotangent_sweep(r, &c, infinite);
    return c;
}

/* Sum of g scale over all entries but the argmax. */
static inline dd cotangent_total(row *r, real scale) {
    dd total = {0, 0};
    for (size_t start = 0; start < r->run->n; start += CHUNK) {
        const size_t count = row_piece(r, start);
        const real *g = row_g(r, start, count);
        for (size_t i = 0; i < count && scale != 1; i++) r->x_scratch[i] = g[i] * scale;
        if (scale != 1) g = r->x_scratch;
        total = dd_add(total, chunk_weigh(g, r->x_scratch, count, r->state.argmax - start, NULL, WEIGH_GIVEN));
    }
    return total;
}

/* A factor of the softmax, s_q times x, as (w_q a) b: w_q a is 2^24 or more above the product, so it is normal where
 * that is not, and the product is rounded once. */
typedef struct split {
    double a, b;
} split;

#if defined(SJ_REAL_f32)
#define SPLIT_LEAST 0x1p-50
#define SPLIT_MOST 0x1p100
#else
#define SPLIT_LEAST 0x1p-40
#define SPLIT_MOST 0x1p900
#endif

/* x = f times power, a power of two held apart because their product may be subnormal. */
static inline split split_factor(double f, double power, double unbias) {
    const double least = SPLIT_LEAST / power, most = SPLIT_MOST / power;
    uint64_t bits;
    double above; /* the power of two at or below |f|, within [least, most] */
    memcpy(&bits, &f, sizeof bits);
    bits &= UINT64_C(0x7ff) << 52;
    memcpy(&above, &bits, sizeof above);
    above = above < least ? least : above < most ? above : most;
    return (split){above * unbias * 0x1p24 * power, f / above * 0x1p-24};
}

#endif
