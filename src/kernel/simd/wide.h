/* wide.h: doubles, as many as fill a register, from the lanes of a vector. Called by math/sum.h; calls portable.h. GCC
 * 12 converts through memory where it is not given the instruction. */
#ifndef SJ_SIMD_WIDE_H
#define SJ_SIMD_WIDE_H

#include "portable.h"

/* Doubles, as many as fill a vector: part `half` of the lanes as such, which is all of them in float64. */
typedef double vec_wide __attribute__((vector_size(V_BYTES)));
#define WIDE_LANES (V_BYTES / sizeof(double))

#if V_BYTES == 64
#define WIDE_EACH(w) 0 ^ (w), 1 ^ (w), 2 ^ (w), 3 ^ (w), 4 ^ (w), 5 ^ (w), 6 ^ (w), 7 ^ (w)
#elif V_BYTES == 32
#define WIDE_EACH(w) 0 ^ (w), 1 ^ (w), 2 ^ (w), 3 ^ (w)
#else
#define WIDE_EACH(w) 0 ^ (w), 1 ^ (w)
#endif

V_INLINE vec_wide v_widen(vec a, size_t half) {
#if defined(SJ_REAL_f64)
    (void)half;
    return a;
#else
#if V_BYTES == 64
    const __m512d bits = _mm512_castps_pd((__m512)a);
    return (vec_wide)_mm512_cvtps_pd(
        _mm256_castpd_ps(half == 0 ? _mm512_castpd512_pd256(bits) : _mm512_extractf64x4_pd(bits, 1)));
#elif V_BYTES == 32
    return (vec_wide)_mm256_cvtps_pd(half == 0 ? _mm256_castps256_ps128((__m256)a)
                                               : _mm256_extractf128_ps((__m256)a, 1));
#else
    if (half == 0) return __builtin_convertvector(__builtin_shufflevector(a, a, WIDE_EACH(0)), vec_wide);
    return __builtin_convertvector(__builtin_shufflevector(a, a, WIDE_EACH(WIDE_LANES)), vec_wide);
#endif
#endif
}

/* Lane i is lane i ^ width of a, width a power of two. */
V_INLINE vec_wide v_wide_across(vec_wide a, size_t width) {
#if V_BYTES == 64
    if (width == 4) return __builtin_shufflevector(a, a, WIDE_EACH(4));
#endif
#if V_BYTES >= 32
    if (width == 2) return __builtin_shufflevector(a, a, WIDE_EACH(2));
#endif
    (void)width;
    return __builtin_shufflevector(a, a, WIDE_EACH(1));
}
#undef WIDE_EACH

typedef int64_t vec_wide_int __attribute__((vector_size(V_BYTES)));

V_INLINE vec_wide v_wide_set1(double a) { return a - (vec_wide){0}; }

V_INLINE vec_wide v_wide_load(const double *from) {
    vec_wide r;
    memcpy(&r, from, sizeof r);
    return r;
}

/* x where a comparison holds, else y. */
V_INLINE vec_wide v_wide_select(vec_wide_int m, vec_wide x, vec_wide y) {
    return (vec_wide)((m & (vec_wide_int)x) | (~m & (vec_wide_int)y));
}

V_INLINE vec_wide v_wide_size(vec_wide a) { return (vec_wide)((vec_wide_int)a & INT64_MAX); }

/* The power of two at or below x > 0, x normal; 0 for 0. */
V_INLINE vec_wide v_wide_power_below(vec_wide x) { return (vec_wide)((vec_wide_int)x & (INT64_C(0x7ff) << 52)); }

/* The nearest numbers of the kernel's dtype. */
V_INLINE vec_wide v_wide_round(vec_wide a) {
#if defined(SJ_REAL_f64)
    return a;
#elif V_BYTES == 64
    return (vec_wide)_mm512_cvtps_pd(_mm512_cvtpd_ps((__m512d)a));
#elif V_BYTES == 32
    return (vec_wide)_mm256_cvtps_pd(_mm256_cvtpd_ps((__m256d)a));
#else
    typedef float few __attribute__((vector_size(V_BYTES / 2)));
    return __builtin_convertvector(__builtin_convertvector(a, few), vec_wide);
#endif
}

#endif
