/* piece.h: the two operations of portable.h that compilers do not find by themselves: the maximum and the fused
 * multiply-add of one register. Included by portable.h only. */
#ifndef SJ_SIMD_PIECE_H
#define SJ_SIMD_PIECE_H

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(SJ_REAL_f32)
#define PIECE_OP(name) name##_ps
#else
#define PIECE_OP(name) name##_pd
#endif

static inline piece piece_max(piece a, piece b) {
#if defined(__AVX512F__)
    return PIECE_OP(_mm512_max)(a, b);
#elif defined(__AVX2__)
    return PIECE_OP(_mm256_max)(a, b);
#elif defined(__SSE2__)
    return PIECE_OP(_mm_max)(a, b);
#else
    const piece_int larger = a > b;
    return (piece)((larger & (piece_int)a) | (~larger & (piece_int)b));
#endif
}

static inline piece piece_fma(piece a, piece b, piece c) {
#if defined(__AVX512F__)
    return PIECE_OP(_mm512_fmadd)(a, b, c);
#elif defined(__AVX2__) && defined(__FMA__)
    return PIECE_OP(_mm256_fmadd)(a, b, c);
#elif defined(__aarch64__) && defined(SJ_REAL_f32)
    return vfmaq_f32(c, a, b);
#elif defined(__aarch64__)
    return vfmaq_f64(c, a, b);
#else
    return a * b + c;
#endif
}

#undef PIECE_OP

#endif
