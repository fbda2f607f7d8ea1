/* cotangent.h: the second reduction of products: sums over a row's cotangent or tangent g. Called by
 * long_derivatives.h; calls long_rows.h and math/sum.h. */
#ifndef SJ_KERNEL_COTANGENT_H
#define SJ_KERNEL_COTANGENT_H

#include "long_rows.h"

/* g relative to the argmax, scaled by a power of two: d = g scale - at_max, at_max = g_m scale exactly. The scale is 1
 * unless weights (up to 2^WEIGHT_BIAS) times d, summed, could overflow. */
typedef struct cotangent {
    real scale, at_max;
    dd dot; /* sum over k != m of w_k d_k */
} cotangent;

#if defined(SJ_REAL_f32)
#define DOT_LIMIT 0x1p8f /* 2^90 2^8 and 2^28 terms a lane: below 2^127 */
#else
#define DOT_LIMIT 0x1p32
#endif

V_INLINE vec cotangent_difference(vec g, const cotangent *c) { return v_fma(g, v_set1(c->scale), v_set1(-c->at_max)); }

/* Largest |d_k| of n entries; NaN is passed over. */
static inline real chunk_largest(const real *g, size_t n, const cotangent *c) {
    vec largest = v_zero();
    for (size_t i = 0; i < n; i += V_LANES) {
        const vec x = i + V_LANES <= n ? v_load(g + i) : v_load_n(g + i, n - i, g[0]);
        const vec d = cotangent_difference(x, c);
        largest = v_max(v_max(d, v_sub(v_zero(), d)), largest);
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
                terms[j] = v_mul(weights, cotangent_difference(x, c));
                if (skip - i < V_LANES) terms[j] = without_lane(terms[j], skip - i);
            }
            vsum_add(&sums[part], group_sum(terms));
        }
    return vsum_total(sums);
}

/* 2^-e for the x in [2^e, 2^(e+1)). */
static inline real scale_below_two(real x) {
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
        if (chunk_largest(g, count, c) > limit) return false;
        c->dot = dd_add(c->dot, chunk_dot(w, g, count, r->state.argmax - start, c));
    }
    return true;
}

static inline real cotangent_largest(row *r) {
    const cotangent as_is = {1, 0, {0, 0}};
    real largest = 0;
    for (size_t start = 0; start < r->run->n; start += CHUNK) {
        const size_t count = row_piece(r, start);
        const real part = chunk_largest(row_g(r, start, count), count, &as_is);
        largest = part > largest ? part : largest;
    }
    return largest;
}

static inline cotangent cotangent_reduce(row *r) {
    const real g_m = row_entry(r->g, &r->run->g, r->state.argmax), infinite = REAL(INFINITY);
    cotangent c = {1, g_m, {0, 0}};
    if (cotangent_sweep(r, &c, r->how == WEIGH_GIVEN ? infinite : DOT_LIMIT)) return c;
    const real largest = cotangent_largest(r);
    if (largest < infinite) {
        c.scale = scale_below_two(largest) / 4; /* a difference of two numbers below 2 is below 4 */
        c.at_max = g_m * c.scale;
    }
    cotangent_sweep(r, &c, infinite);
    return c;
}

/* Sum of g over all entries but the argmax. */
static inline dd cotangent_total(row *r) {
    const size_t m = r->state.argmax;
    dd total = {0, 0};
    for (size_t start = 0; start < r->run->n; start += CHUNK) {
        const size_t count = row_piece(r, start);
        const real *g = row_g(r, start, count);
        total = dd_add(total, chunk_weigh(g, r->x_scratch, count, m - start, NULL, WEIGH_GIVEN));
    }
    return total;
}

#endif
