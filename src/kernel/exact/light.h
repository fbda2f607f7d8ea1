/* light.h: the state of a row of float32 in plain double, with a proven bound of its error: where every result is
 * farther than that from a midpoint between floats, its rounding is decided and pairs are not needed. Called by
 * exact/light_row.h; calls simd/ and pair.h. Constants from exact.sollya.
 * Results are the correctly rounded ones or none, so fused arithmetic and the order of the sums may differ from set to
 * set. In units of u = 2^-53, relative:
 *   weight     0.1 (polynomial) + 1 (table) + 1 (product) + 0.2 (argument and tail)            < 2.5
 *   rest       2.5 + 2 (four terms) + 1.1 (compensated sum of the groups) + 1 (its rounding)    < 7
 *   inverse    7 + 1 (sum) + 1 (quotient)                                                       = 9
 *   s_q        2.5 + 9 + 1 = 12.5, the bounds' factors 1: LIGHT_SOFTMAX is 16
 *   c_q        12.5 + 1 = 13.5, c_m 7 + 9 + 1 = 17
 *   log1p(T)   7 + 2.5 + 1 (T) + 12 (light_log1p)                                               < 23
 * LIGHT_ERROR is 32, for one of these, a difference without cancellation, and the roundings of the bounds;
 * LIGHT_PRODUCT is 64, for s_q s_r and s_q c_q. What is not decided costs its row another sweep, in pairs: a row of
 * millions meets it at most of these bounds. */
#ifndef SJ_KERNEL_EXACT_LIGHT_H
#define SJ_KERNEL_EXACT_LIGHT_H

#include "../chunk.h"
#include "../math/pair.h"

#include <math.h>

#define LIGHT_SOFTMAX 0x1p-49
#define LIGHT_ERROR 0x1p-48
#define LIGHT_PRODUCT 0x1p-47

/* Weights are exp(z) as it is: within [2^-805, 2^370] for maxima up to LIGHT_NEAR and logits down to LIGHT_DEPTH below,
 * where deeper ones are moved. Of other, far maxima they are exp(z - max): that difference is exact for z from
 * max / 2 to 2 max (Sterbenz), and lower ones are LIGHT_NEAR / 2 deep or more, where s is below 2^-184. What those
 * weigh too much, 2^-432 of the maximum each, is nothing beside a T, or an s, that does not round to 0 as a float. */
#define LIGHT_NEAR 256.0
#define LIGHT_DEPTH 300.0

#define LIGHT_MAGIC 0x1.8p49 /* leaves eighths */
#define LIGHT_LOG2E 0x1.71547652b82fep0
#define LIGHT_LN2_HI 0x1.62e42fep-1 /* 28 bits: eighths times it are exact */
#define LIGHT_LN2_LO 0x1.f473de6af278fp-30
#define LIGHT_LN2 0x1.62e42fefa39efp-1
#define LIGHT_ROOT_HALF 0x1.6a09e667f3bcdp-1
#define LIGHT_TERMS 6
static const double light_terms[LIGHT_TERMS] = {/* of r^7 .. r^2 */
                                                0x1.a01634f8214f5p-13, 0x1.6c1cbffe8b14p-10, 0x1.11111125f4571p-7,
                                                0x1.5555554803ecbp-5,  0x1.555555555512ap-3, 0x1.000000000010cp-1};
static const double light_entries[8] = {/* 2^(j/8) */
                                        0x1p0,
                                        0x1.172b83c7d517bp0,
                                        0x1.306fe0a31b715p0,
                                        0x1.4bfdad5362a27p0,
                                        0x1.6a09e667f3bcdp0,
                                        0x1.8ace5422aa0dbp0,
                                        0x1.ae89f995ad3adp0,
                                        0x1.d5818dcfba487p0};

/* As many floats as a vector has doubles; and a whole vector of them. */
typedef float singles __attribute__((vector_size(V_BYTES / 2)));
typedef int32_t single_bits __attribute__((vector_size(V_BYTES / 2)));
typedef float full_singles __attribute__((vector_size(V_BYTES)));
typedef int32_t full_bits __attribute__((vector_size(V_BYTES)));
#define FULL_LANES (2 * V_LANES)

/* GCC splits the general conversion of 8 floats in two. */
V_INLINE vec wide_singles(singles x) {
#if defined(__AVX512F__)
    return _mm512_cvtps_pd((__m256)x);
#elif defined(__AVX2__)
    return _mm256_cvtps_pd((__m128)x);
#else
    return __builtin_convertvector(x, vec);
#endif
}

V_INLINE vec widened(const float *from) {
    singles x;
    memcpy(&x, from, sizeof x);
    return wide_singles(x);
}

V_INLINE full_singles full_load(const float *from) {
    full_singles x;
    memcpy(&x, from, sizeof x);
    return x;
}

V_INLINE full_singles full_set1(float a) {
    full_singles x = {0};
    for (size_t lane = 0; lane < FULL_LANES; lane++) x[lane] = a;
    return x;
}

/* Larger of the two, b where a is NaN. */
V_INLINE full_singles full_max(full_singles a, full_singles b) {
#if defined(__AVX512F__)
    return _mm512_max_ps(a, b);
#elif defined(__AVX2__)
    return _mm256_max_ps(a, b);
#elif defined(__SSE2__)
    return _mm_max_ps(a, b);
#else
    const full_bits larger = a > b;
    return (full_singles)((larger & (full_bits)a) | (~larger & (full_bits)b));
#endif
}

/* Maximum of z[0..n), or of -z, NaN passed over: -inf if there is nothing else. */
V_INLINE float light_max_of(const float *z, size_t n, bool minus) {
    float max = -(float)INFINITY;
    size_t i = 0;
    if (n >= 4 * FULL_LANES) {
        full_singles parts[4];
        for (int k = 0; k < 4; k++) parts[k] = full_set1(max);
        for (; i + 4 * FULL_LANES <= n; i += 4 * FULL_LANES)
            for (size_t k = 0; k < 4; k++) {
                const full_singles x = full_load(z + i + k * FULL_LANES);
                parts[k] = full_max(minus ? -x : x, parts[k]);
            }
        const full_singles all = full_max(full_max(parts[0], parts[1]), full_max(parts[2], parts[3]));
        for (size_t lane = 0; lane < FULL_LANES; lane++) max = all[lane] > max ? all[lane] : max;
    }
    for (; i < n; i++) {
        const float x = minus ? -z[i] : z[i];
        max = x > max ? x : max;
    }
    return max;
}

static float light_max(const float *z, size_t n) { return light_max_of(z, n, false); }

V_INLINE bool full_holds(const float *z, size_t vectors, full_singles wanted) {
    full_bits found = full_load(z) == wanted;
    for (size_t k = 1; k < vectors; k++) found |= full_load(z + k * FULL_LANES) == wanted;
    return v_any(v_not(v_eq((vec)found, v_zero())));
}

/* First index of the value a in z[0..n), n if there is none. */
static size_t light_find(const float *z, size_t n, float a) {
    const full_singles wanted = full_set1(a);
    size_t i = 0;
    while (i + 4 * FULL_LANES <= n && !full_holds(z + i, 4, wanted)) i += 4 * FULL_LANES;
    while (i + FULL_LANES <= n && !full_holds(z + i, 1, wanted)) i += FULL_LANES;
    while (i < n && z[i] != a) i++;
    return i;
}

/* exp(z), or exp of the floor for smaller z; NaN for NaN. */
V_INLINE vec light_weight(vec z, vec floor, const vtable *table) {
    const vec x = v_max(floor, z), magic = v_set1(LIGHT_MAGIC);
    const vec rounded = v_fma(x, v_set1(LIGHT_LOG2E), magic), eighths = v_sub(rounded, magic);
    const vec high = v_fma(eighths, v_set1(-LIGHT_LN2_HI), x); /* exact */
    const vec r = v_fma(eighths, v_set1(-LIGHT_LN2_LO), high);
    vec tail = v_set1(light_terms[0]);
    for (int i = 1; i < LIGHT_TERMS; i++) tail = v_fma(tail, r, v_set1(light_terms[i]));
    const vec entry = v_scale_entry(v_lookup(table, rounded), rounded, eighths);
    return v_fma(entry, v_fma(v_mul(r, r), tail, r), entry);
}

#define LIGHT_GROUP (4 * (size_t)V_LANES)

/* The lines of some floats of the next piece of a long row, or the next rows: a sweep that computes leaves memory time.
 */
V_INLINE void singles_ahead(const float *at, size_t count) {
    for (size_t i = 0; i < count; i += 64 / sizeof(float)) v_prefetch((const char *)(at + CHUNK + i));
}

/* from[0..n) but `skip`, filled up with `fill` to a whole group. */
static inline void light_fill(const float *from, size_t n, size_t skip, float fill, float *group) {
    for (size_t i = 0; i < LIGHT_GROUP; i++) group[i] = i < n && i != skip ? from[i] : fill;
}

/* A sum in lanes and what its roundings lost; a group of four joins it. */
V_INLINE void light_add(vpair *sum, const vec terms[4]) {
    const vpair next = vpair_sum(sum->hi, v_add(v_add(terms[0], terms[1]), v_add(terms[2], terms[3])));
    *sum = (vpair){next.hi, v_add(sum->lo, next.lo)};
}

static inline dd light_total(vpair sum) {
    double hi[V_LANES], lo[V_LANES];
    v_store(hi, sum.hi);
    v_store(lo, sum.lo);
    for (size_t width = V_LANES / 2; width > 0; width /= 2)
        for (size_t i = 0; i < width; i++) {
            const dd pair = two_sum(hi[i], hi[i + width]);
            hi[i] = pair.hi;
            lo[i] += lo[i + width] + pair.lo;
        }
    return two_sum(hi[0], lo[0]);
}

/* What the weights of a row are made with. */
typedef struct light_origin {
    double max;
    double shift; /* what is subtracted from logits: 0, or of far rows the maximum */
    bool cut;     /* logits more than LIGHT_CUT below the maximum weigh nothing */
} light_origin;

/* The depth of softjac.h, where a cotangent could make it show. */
#define LIGHT_CUT 128.0

V_INLINE dd light_weigh_as(const float *z, size_t n, size_t skip, light_origin from, bool cut, bool far, double *w) {
    const double max = far ? 0 : from.max;
    const vec floor = v_set1(max - LIGHT_DEPTH), top = v_set1(max), depth = v_set1(LIGHT_CUT);
    const vtable table = v_table(light_entries);
    vpair sum = {v_zero(), v_zero()};
    float filled[LIGHT_GROUP];
    for (size_t i = 0; i < n; i += LIGHT_GROUP) {
        const float *at = z + i;
        if (n - i < LIGHT_GROUP || skip - i < LIGHT_GROUP) {
            light_fill(z + i, n - i, skip - i, -(float)INFINITY, filled);
            at = filled;
        }
        vec terms[4];
        for (size_t k = 0; k < 4; k++) {
            const vec read = widened(at + k * V_LANES), logits = far ? v_sub(read, v_set1(from.shift)) : read;
            terms[k] = light_weight(logits, floor, &table);
            if (cut) terms[k] = v_select(v_gt(v_sub(top, logits), depth), v_zero(), terms[k]); /* NaN stays */
            v_store(w + i + k * V_LANES, terms[k]);
        }
        light_add(&sum, terms);
    }
    return light_total(sum);
}

/* Weights of z[0..n), n <= CHUNK, into w, up to a whole group, and their sum but for entry `skip`: it, and what fills
 * the group, weigh as the lowest logit, which shows in no result. */
static dd light_weigh(const float *z, size_t n, size_t skip, light_origin from, double *w) {
    if (from.shift != 0) return light_weigh_as(z, n, skip, from, from.cut, true, w);
    return from.cut ? light_weigh_as(z, n, skip, from, true, false, w)
                    : light_weigh_as(z, n, skip, from, false, false, w);
}

/* The same without the sum, which is not formed. */
static void light_weigh_again(const float *z, size_t n, light_origin from, double *w) {
    if (from.shift != 0)
        (void)light_weigh_as(z, n, SIZE_MAX, from, from.cut, true, w);
    else if (from.cut)
        (void)light_weigh_as(z, n, SIZE_MAX, from, true, false, w);
    else
        (void)light_weigh_as(z, n, SIZE_MAX, from, false, false, w);
}

/* The same of weights that are given: z itself, and its sum but for entry `skip`. */
static dd light_widen(const float *z, size_t n, size_t skip, double *w) {
    vpair sum = {v_zero(), v_zero()};
    float filled[LIGHT_GROUP];
    for (size_t i = 0; i < n; i += LIGHT_GROUP) {
        const float *from = z + i;
        if (n - i < LIGHT_GROUP || skip - i < LIGHT_GROUP) {
            light_fill(z + i, n - i, skip - i, 0, filled);
            from = filled;
        }
        vec terms[4];
        for (size_t k = 0; k < 4; k++) {
            terms[k] = widened(from + k * V_LANES);
            v_store(w + i + k * V_LANES, terms[k]);
        }
        light_add(&sum, terms);
    }
    return light_total(sum);
}

/* The weight of one logit of the row, cut or not. */
static inline double light_weight_at(double z, light_origin from) {
    const vtable table = v_table(light_entries);
    const vec w = light_weight(v_set1(z - from.shift), v_set1(from.max - from.shift - LIGHT_DEPTH), &table);
    return w[0];
}

/* log(1 + t), t >= 0: as wide_log1p, in double. */
V_INLINE vec light_log1p(vec t) {
    static const double inverses[] = {/* 1 / (2i + 1), i = 11 .. 1 */
                                      0x1.642c8590b2164p-5, 0x1.8618618618618p-5, 0x1.af286bca1af28p-5,
                                      0x1.e1e1e1e1e1e1ep-5, 0x1.1111111111111p-4, 0x1.3b13b13b13b14p-4,
                                      0x1.745d1745d1746p-4, 0x1.c71c71c71c71cp-4, 0x1.2492492492492p-3,
                                      0x1.999999999999ap-3, 0x1.5555555555555p-2};
    const vec one = v_set1(1), sum = v_add(one, t), k = v_exponent(sum, LIGHT_ROOT_HALF);
    const vec reduced = v_sub(v_mul(sum, v_exp2(v_sub(v_zero(), k))), one);
    const vec f = v_select(v_eq(k, v_zero()), t, reduced);
    const vec y = v_div(f, v_add(v_set1(2), f)), square = v_mul(y, y);
    vec series = v_zero();
    for (size_t i = 0; i < sizeof inverses / sizeof *inverses; i++) series = v_fma(series, square, v_set1(inverses[i]));
    const vec half = v_fma(y, v_mul(square, series), y);
    return v_fma(k, v_set1(LIGHT_LN2), v_add(half, half));
}

#endif
