/* portable.h: the SIMD vocabulary over compiler vectors of the widest register the translation unit is compiled for
 * (16, 32 or 64 bytes). The same code is every kernel set until one has a header of its own. Called by the kernels;
 * calls nothing. */
#ifndef SJ_SIMD_PORTABLE_H
#define SJ_SIMD_PORTABLE_H

#include "real.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#if defined(__AVX512F__)
#define V_BYTES 64
#elif defined(__AVX2__)
#define V_BYTES 32
#else
#define V_BYTES 16
#endif
#define V_LANES (V_BYTES / sizeof(real))

typedef real vec __attribute__((vector_size(V_BYTES)));
typedef real_bits vec_bits __attribute__((vector_size(V_BYTES)));
typedef real_int vec_int __attribute__((vector_size(V_BYTES)));

#include "native.h"

V_INLINE vec v_load(const real *from) {
    vec r;
    memcpy(&r, from, sizeof r);
    return r;
}

V_INLINE void v_store(real *to, vec a) { memcpy(to, &a, sizeof a); }

V_INLINE vec v_set1(real a) { return a - (vec){0}; }

V_INLINE vec v_zero(void) { return (vec){0}; }

/* The first `count` lanes from memory, `fill` in the others. Touches nothing past them. */
V_INLINE vec v_load_n(const real *from, size_t count, real fill) {
    vec r = v_set1(fill);
#if defined(NATIVE_MASKED)
    r = native_load_n(from, count, r);
#else
    memcpy(&r, from, count * sizeof(real));
#endif
    return r;
}

V_INLINE void v_store_n(real *to, vec a, size_t count) {
#if defined(NATIVE_MASKED)
    native_store_n(to, a, count);
#else
    memcpy(to, &a, count * sizeof(real));
#endif
}

V_INLINE vec v_add(vec a, vec b) { return a + b; }

V_INLINE vec v_sub(vec a, vec b) { return a - b; }

V_INLINE vec v_mul(vec a, vec b) { return a * b; }

V_INLINE vec v_div(vec a, vec b) { return a / b; }

/* a * b + c: one rounding where the set has the instruction, two where it has not. */
V_INLINE vec v_fma(vec a, vec b, vec c) { return native_fma(a, b, c); }

/* Larger of the two; b where a lane is NaN. */
V_INLINE vec v_max(vec a, vec b) { return native_max(a, b); }

/* |a| */
V_INLINE vec v_size(vec a) { return v_max(v_sub(v_zero(), a), a); }

/* x where a >= b, else 0. */
V_INLINE vec v_keep_ge(vec x, vec a, vec b) { return (vec)((vec_int)x & (a >= b)); }

/* x where a > b, else 0. */
V_INLINE vec v_keep_gt(vec x, vec a, vec b) { return (vec)((vec_int)x & (a > b)); }

/* x where a == b, else 0. */
V_INLINE vec v_keep_eq(vec x, vec a, vec b) { return (vec)((vec_int)x & (a == b)); }

/* Powers of two ready to be added to the bits of a number. */
typedef vec_bits vexponent;

/* 2^(bias - k), where the integer k stands in the low bits of `magic`. */
V_INLINE vexponent v_exponent_below(real_bits bias, vec magic) { return (bias - (vec_bits)magic) << REAL_MANTISSA; }

/* p * 2^k * exponent for p near 1 and a normal result, where the integer k stands in the low bits of `magic`. */
V_INLINE vec v_scale2(vec p, vec magic, vexponent exponent) {
    return (vec)((vec_bits)p + ((vec_bits)magic << REAL_MANTISSA) + exponent);
}

/* Lanes where a comparison held, kept as a vector so that a loop can gather it and test once. */
typedef vec_int vmask;

V_INLINE vmask v_or(vmask a, vmask b) { return a | b; }

V_INLINE vmask v_eq(vec a, vec b) { return a == b; }

V_INLINE vmask v_either_nan(vec a, vec b) { return native_unordered(a, b); }

V_INLINE vmask v_is_nan(vec a) { return a != a; }

/* x where the mask holds, else y. */
V_INLINE vec v_select(vmask m, vec x, vec y) { return (vec)((m & (vec_int)x) | (~m & (vec_int)y)); }

V_INLINE bool v_any(vmask a) { return native_any(a); }

/* The largest lane. */
V_INLINE real v_max_lane(vec a) {
    real lanes[V_LANES];
    v_store(lanes, a);
    for (int width = (int)V_LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++) lanes[i] = lanes[i] > lanes[i + width] ? lanes[i] : lanes[i + width];
    return lanes[0];
}

#endif
