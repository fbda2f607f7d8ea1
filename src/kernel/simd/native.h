/* native.h: the operations of portable.h that compilers do not find by themselves: the maximum and the fused
 * multiply-add of one register, its masked load and store, and the test of a comparison. Included by portable.h only.
 */
#ifndef SJ_SIMD_NATIVE_H
#define SJ_SIMD_NATIVE_H

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(SJ_REAL_f32)
#define NATIVE(name) name##_ps
#else
#define NATIVE(name) name##_pd
#endif

V_INLINE vec native_max(vec a, vec b) {
#if defined(__AVX512F__)
    return NATIVE(_mm512_max)(a, b);
#elif defined(__AVX2__)
    return NATIVE(_mm256_max)(a, b);
#elif defined(__SSE2__)
    return NATIVE(_mm_max)(a, b);
#else
    const vec_int larger = a > b;
    return (vec)((larger & (vec_int)a) | (~larger & (vec_int)b));
#endif
}

/* Without the instruction an exp costs more than another pass over memory, and softmax_row keeps its weights. */
#if defined(__AVX512F__) || (defined(__AVX2__) && defined(__FMA__)) || defined(__aarch64__)
#define NATIVE_FMA 1
#else
#define NATIVE_FMA 0
#endif

V_INLINE vec native_fma(vec a, vec b, vec c) {
#if defined(__AVX512F__)
    return NATIVE(_mm512_fmadd)(a, b, c);
#elif defined(__AVX2__) && defined(__FMA__)
    return NATIVE(_mm256_fmadd)(a, b, c);
#elif defined(__aarch64__) && defined(SJ_REAL_f32)
    return vfmaq_f32(c, a, b);
#elif defined(__aarch64__)
    return vfmaq_f64(c, a, b);
#else
    return a * b + c;
#endif
}

#if defined(__AVX512F__)
#define NATIVE_MASKED 1
#if defined(SJ_REAL_f32)
#define LANE_MASK(count) ((__mmask16)((1u << (count)) - 1u))
#else
#define LANE_MASK(count) ((__mmask8)((1u << (count)) - 1u))
#endif
V_INLINE vec native_load_n(const real *from, size_t count, vec fill) {
    return NATIVE(_mm512_mask_loadu)(fill, LANE_MASK(count), from);
}

V_INLINE void native_store_n(real *to, vec a, size_t count) { NATIVE(_mm512_mask_storeu)(to, LANE_MASK(count), a); }
#undef LANE_MASK
#endif

/* Lanes where a or b is NaN. */
V_INLINE vec_int native_unordered(vec a, vec b) {
#if defined(__AVX512F__)
    return (a != a) | (b != b);
#elif defined(__AVX2__)
    return (vec_int)NATIVE(_mm256_cmp)(a, b, _CMP_UNORD_Q);
#elif defined(__SSE2__)
    return (vec_int)NATIVE(_mm_cmpunord)(a, b);
#else
    return (a != a) | (b != b);
#endif
}

/* Whether any lane of a comparison holds. */
V_INLINE bool native_any(vec_int mask) {
#if defined(__AVX512F__)
    return _mm512_test_epi32_mask((__m512i)mask, (__m512i)mask) != 0;
#elif defined(__AVX2__)
    return _mm256_movemask_epi8((__m256i)mask) != 0;
#elif defined(__SSE2__)
    return _mm_movemask_epi8((__m128i)mask) != 0;
#else
    real_int lanes[V_LANES], any = 0;
    memcpy(lanes, &mask, sizeof mask);
    for (size_t i = 0; i < V_LANES; i++) any |= lanes[i];
    return any != 0;
#endif
}

#undef NATIVE

#endif
