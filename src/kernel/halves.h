/* halves.h: entries of half precision to floats and back, eight by eight where the set has instructions for it. Called
 * by chunk.h, and through table.c by plan/halves.c, which stages rows. */
#ifndef SJ_KERNEL_HALVES_H
#define SJ_KERNEL_HALVES_H

#include "half.h"
#include "simd/real.h"

#if defined(__F16C__)
#include <immintrin.h>
#endif

/* float16 beside each other. */
V_INLINE void f16_widen(const uint16_t *from, size_t count, float *to) {
    size_t i = 0;
#if defined(__F16C__)
    for (; i + 8 <= count; i += 8)
        _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)(from + i))));
#endif
    for (; i < count; i++) to[i] = half_widened(from[i], SJ_F16);
}

/* `count` entries of an array, `stride` apart. */
V_OUTLINE void widen_floats(const char *from, sj_dtype dtype, ptrdiff_t stride, size_t count, float *to) {
    const uint16_t *bits = (const uint16_t *)(const void *)from;
    if (stride == 1 && dtype == SJ_F16)
        f16_widen(bits, count, to);
    else if (stride == 1)
        for (size_t i = 0; i < count; i++) to[i] = half_widened(bits[i], SJ_BF16);
    else
        for (size_t i = 0; i < count; i++) to[i] = half_widened(bits[(ptrdiff_t)i * stride], dtype);
}

#if defined(SJ_REAL_f32)
/* The kernel's dtype. */
static inline void widen_reals(const char *from, sj_dtype dtype, ptrdiff_t stride, size_t count, real *to) {
    widen_floats(from, dtype, stride, count, to);
}

V_INLINE void f16_narrow(const float *from, size_t count, uint16_t *to) {
    size_t i = 0;
#if defined(__F16C__)
    for (; i + 8 <= count; i += 8)
        _mm_storeu_si128((__m128i *)(void *)(to + i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT));
#endif
    for (; i < count; i++) to[i] = half_nearest((double)from[i], SJ_F16);
}

/* Nearest, ties to even. */
V_INLINE uint16_t bf16_of_float(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint32_t nearest = (bits + 0x7fff + (bits >> 16 & 1)) >> 16, nan = bits >> 16 | 0x40;
    return (uint16_t)((bits & 0x7fffffff) > UINT32_C(0x7f800000) ? nan : nearest);
}

V_OUTLINE void narrow_floats(const float *from, size_t count, char *to, sj_dtype dtype, ptrdiff_t stride) {
    uint16_t *bits = (uint16_t *)(void *)to;
    if (stride == 1 && dtype == SJ_F16)
        f16_narrow(from, count, bits);
    else if (stride == 1)
        for (size_t i = 0; i < count; i++) bits[i] = bf16_of_float(from[i]);
    else
        for (size_t i = 0; i < count; i++) bits[(ptrdiff_t)i * stride] = half_nearest((double)from[i], dtype);
}

static inline void narrow_reals(const real *from, size_t count, char *to, sj_dtype dtype, ptrdiff_t stride) {
    narrow_floats(from, count, to, dtype, stride);
}
#else
V_OUTLINE void widen_reals(const char *from, sj_dtype dtype, ptrdiff_t stride, size_t count, real *to) {
    float floats[64];
    for (size_t i = 0; i < count; i += 64) {
        const size_t piece = count - i < 64 ? count - i : 64;
        widen_floats(from + (ptrdiff_t)i * stride * (ptrdiff_t)sizeof(uint16_t), dtype, stride, piece, floats);
        for (size_t k = 0; k < piece; k++) to[i + k] = (real)floats[k];
    }
}

/* Rounded once, not to a float before. */
V_OUTLINE void narrow_reals(const real *from, size_t count, char *to, sj_dtype dtype, ptrdiff_t stride) {
    for (size_t i = 0; i < count; i++) half_store(to, dtype, (ptrdiff_t)i * stride, from[i]);
}
#endif

#endif
