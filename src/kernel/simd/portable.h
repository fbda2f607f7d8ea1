/* portable.h: the SIMD vocabulary over compiler vectors of the widest register the translation unit is compiled for
 * (16, 32 or 64 bytes; 16 with -DSJ_NARROW): the same code is every kernel set, but for the few operations of native.h.
 * Called by the kernels. */
#ifndef SJ_SIMD_PORTABLE_H
#define SJ_SIMD_PORTABLE_H

#include "real.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(SJ_NARROW)
#define V_BYTES 16
#elif defined(__AVX512F__)
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

/* Lanes where a comparison holds. NaN holds in none but v_is_nan, and raises no flag where the set has quiet ones. */
typedef native_mask vmask;

V_INLINE vmask v_none(void) { return native_none(); }

V_INLINE vmask v_or(vmask a, vmask b) { return (vmask)(a | b); }

V_INLINE vmask v_and(vmask a, vmask b) { return (vmask)(a & b); }

V_INLINE vmask v_not(vmask a) { return (vmask)~a; }

V_INLINE vmask v_eq(vec a, vec b) { return native_eq(a, b); }

V_INLINE vmask v_gt(vec a, vec b) { return native_gt(a, b); }

V_INLINE vmask v_ge(vec a, vec b) { return native_ge(a, b); }

V_INLINE vmask v_is_nan(vec a) { return native_nan(a); }

/* The number of each lane. */
V_INLINE vec v_numbers(void) {
    static const real numbers[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    vec lanes;
    memcpy(&lanes, numbers, sizeof lanes);
    return lanes;
}

/* The first `count` lanes. */
V_INLINE vmask v_lanes_below(size_t count) { return v_gt(v_set1((real)count), v_numbers()); }

/* x where the mask holds, else y. */
V_INLINE vec v_select(vmask m, vec x, vec y) { return native_select(m, x, y); }

/* x where the mask holds, else 0. */
V_INLINE vec v_keep(vmask m, vec x) { return native_keep(m, x); }

V_INLINE bool v_any(vmask a) { return native_bits(a) != 0; }

V_INLINE bool v_holds(vmask a, size_t lane) { return (native_bits(a) >> lane & 1) != 0; }

/* A bit a lane. */
V_INLINE unsigned v_bits(vmask a) { return native_bits(a); }

/* The first lane where the comparison holds; V_LANES or more where it does not. */
V_INLINE size_t v_first_lane(vmask a) { return (size_t)__builtin_ctz(native_bits(a) | 1u << V_LANES); }

/* The first `count` lanes from memory, `fill` in the others. Touches nothing past them. */
V_INLINE vec v_load_n(const real *from, size_t count, real fill) { return native_load_n(from, count, v_set1(fill)); }

/* The cache line of an address, if there is one, is brought into the second cache, or into the first too; nothing is
 * read. */
V_INLINE void v_prefetch(const char *address) { __builtin_prefetch(address, 0, 2); }

V_INLINE void v_prefetch_near(const char *address) { __builtin_prefetch(address); }

/* The same as integers. */
V_INLINE vec_int v_lanes(void) {
    static const real_int numbers[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    vec_int r;
    memcpy(&r, numbers, sizeof r);
    return r;
}

/* The first `count` lanes of a, 0 in the others. */
V_INLINE vec v_first(vec a, size_t count) { return v_keep(v_lanes_below(count), a); }

/* a with x in one lane. */
V_INLINE vec v_with_lane(vec a, size_t lane, real x) {
    const vec_int there = v_lanes() == (real_int)lane;
    return (vec)((there & (vec_int)v_set1(x)) | (~there & (vec_int)a));
}

V_INLINE void v_store_n(real *to, vec a, size_t count) { native_store_n(to, a, count); }

V_INLINE vec v_add(vec a, vec b) { return a + b; }

V_INLINE vec v_sub(vec a, vec b) { return a - b; }

V_INLINE vec v_mul(vec a, vec b) { return a * b; }

V_INLINE vec v_div(vec a, vec b) { return a / b; }

/* a * b + c: one rounding where the set has the instruction, two where it has not. */
V_INLINE vec v_fma(vec a, vec b, vec c) { return native_fma(a, b, c); }

/* Larger of the two; b where a lane is NaN. */
V_INLINE vec v_max(vec a, vec b) { return native_max(a, b); }

/* Smaller of the two; b where a lane is NaN. */
V_INLINE vec v_min(vec a, vec b) { return native_min(a, b); }

/* |a| */
V_INLINE vec v_size(vec a) { return (vec)((vec_bits)a & ~((real_bits)1 << (8 * sizeof(real) - 1))); }

/* The power of two at or below x > 0, x normal; 0 for 0. */
V_INLINE vec v_power_below(vec x) { return (vec)((vec_bits)x >> REAL_MANTISSA << REAL_MANTISSA); }

/* Lanes of a and b taken in turn, of their first halves and of their second; and the way back. */
#define LANES_8(m, i) m(i), m((i) + 1), m((i) + 2), m((i) + 3), m((i) + 4), m((i) + 5), m((i) + 6), m((i) + 7)
#if V_BYTES == 64 && defined(SJ_REAL_f32)
#define LANES 16
#define EACH_LANE(m) LANES_8(m, 0), LANES_8(m, 8)
#elif V_BYTES == 64 || (V_BYTES == 32 && defined(SJ_REAL_f32))
#define LANES 8
#define EACH_LANE(m) LANES_8(m, 0)
#elif V_BYTES == 32 || defined(SJ_REAL_f32)
#define LANES 4
#define EACH_LANE(m) m(0), m(1), m(2), m(3)
#else
#define LANES 2
#define EACH_LANE(m) m(0), m(1)
#endif
#define LANE_ZIP_LOW(i) ((i) / 2 + (i) % 2 * LANES)
#define LANE_ZIP_HIGH(i) ((i) / 2 + (i) % 2 * LANES + LANES / 2)
#define LANE_EVEN(i) (2 * (i))
#define LANE_ODD(i) (2 * (i) + 1)
#define CLOSE (16 / (V_BYTES / LANES))
#define LANE_CLOSE_LOW(i) ((i) / CLOSE * CLOSE + (i) % CLOSE / 2 + (i) % 2 * LANES)
#define LANE_CLOSE_HIGH(i) (LANE_CLOSE_LOW(i) + CLOSE / 2)
#define LANE_EVEN_CLOSE(i) ((i) / CLOSE * 2 * CLOSE + (i) % CLOSE)
#define LANE_ODD_CLOSE(i) (LANE_EVEN_CLOSE(i) + CLOSE)
#define LANE_1(i) (((i) ^ 1) % LANES)
#define LANE_2(i) (((i) ^ 2) % LANES)
#define LANE_4(i) (((i) ^ 4) % LANES)
#define LANE_8(i) (((i) ^ 8) % LANES)

V_INLINE vec v_zip_low(vec a, vec b) { return __builtin_shufflevector(a, b, EACH_LANE(LANE_ZIP_LOW)); }

V_INLINE vec v_zip_high(vec a, vec b) { return __builtin_shufflevector(a, b, EACH_LANE(LANE_ZIP_HIGH)); }

V_INLINE vec v_even(vec a, vec b) { return __builtin_shufflevector(a, b, EACH_LANE(LANE_EVEN)); }

V_INLINE vec v_odd(vec a, vec b) { return __builtin_shufflevector(a, b, EACH_LANE(LANE_ODD)); }

/* The same within each 16 bytes, where a zip is one instruction in every set, and of 16 bytes as if they were a lane.
 */
#define CLOSE_LANES (16 / sizeof(real))

V_INLINE vec v_zip_low_close(vec a, vec b) { return __builtin_shufflevector(a, b, EACH_LANE(LANE_CLOSE_LOW)); }

V_INLINE vec v_zip_high_close(vec a, vec b) { return __builtin_shufflevector(a, b, EACH_LANE(LANE_CLOSE_HIGH)); }

V_INLINE vec v_even_close(vec a, vec b) { return __builtin_shufflevector(a, b, EACH_LANE(LANE_EVEN_CLOSE)); }

V_INLINE vec v_odd_close(vec a, vec b) { return __builtin_shufflevector(a, b, EACH_LANE(LANE_ODD_CLOSE)); }

/* Lanes `apart`, a power of two below V_LANES, change places. */
V_INLINE vec v_swap(vec a, size_t apart) {
    switch (apart) {
    case 1:
        return __builtin_shufflevector(a, a, EACH_LANE(LANE_1));
    case 2:
        return __builtin_shufflevector(a, a, EACH_LANE(LANE_2));
    case 4:
        return __builtin_shufflevector(a, a, EACH_LANE(LANE_4));
    default:
        return __builtin_shufflevector(a, a, EACH_LANE(LANE_8));
    }
}

#undef LANES_8
#undef LANES
#undef EACH_LANE
#undef LANE_ZIP_LOW
#undef LANE_ZIP_HIGH
#undef LANE_EVEN
#undef LANE_ODD
#undef CLOSE
#undef LANE_CLOSE_LOW
#undef LANE_CLOSE_HIGH
#undef LANE_EVEN_CLOSE
#undef LANE_ODD_CLOSE
#undef LANE_1
#undef LANE_2
#undef LANE_4
#undef LANE_8

/* Lane i is lane from[i] of a; only where NATIVE_PERMUTE says so. */
V_INLINE vec v_permute(vec a, vec_int from) { return native_permute(a, from); }

/* Eight entries, one of which is picked by the low three bits of a lane. Sets that scale by adding to the exponent hold
 * entry j with j taken from those bits beforehand: what the sum of both leaves is the entry. */
typedef native_table vtable;

V_INLINE vtable v_table(const real entries[8]) { return native_table_of(entries); }

V_INLINE vtable v_table_scale(vtable table, vec power_of_two) { return native_table_scale(table, power_of_two); }

/* The entry at the integer 8 e + j that stands in the low bits of `rounded`, times 2^e; eighths = e + j / 8. The result
 * is normal. */
V_INLINE vec v_lookup(const vtable *table, vec rounded) { return native_lookup(table, rounded); }

V_INLINE vec v_scale_entry(vec entry, vec rounded, vec eighths) { return native_scale_entry(entry, rounded, eighths); }

/* 2^k for integers k whose power is normal. */
V_INLINE vec v_exp2(vec k) {
    const vec magic = v_set1(REAL((real_bits)3 << (REAL_MANTISSA - 1)));
    return (vec)(((vec_bits)v_add(k, magic) + REAL_BIAS) << REAL_MANTISSA);
}

/* The integer e for which x 2^-e is in [below, 2 below), as a number; x >= 1 > below, all finite. */
V_INLINE vec v_exponent(vec x, real below) {
    const vec magic = v_set1(REAL((real_bits)1 << REAL_MANTISSA));
    const vec_bits e = ((vec_bits)x - (vec_bits)v_set1(below)) >> REAL_MANTISSA;
    return v_sub((vec)((vec_bits)magic + e), magic);
}

/* A store past the caches, to a multiple of V_BYTES; v_stream_end follows the last of them. */
V_INLINE void v_stream(real *to, vec a) { native_stream(to, a); }

V_INLINE void v_stream_end(void) { native_stream_end(); }

/* Entries from `to` on before one that v_stream takes. */
V_INLINE size_t v_before_stream(const real *to) { return (0 - (uintptr_t)(const void *)to) % V_BYTES / sizeof(real); }

/* The last thing a kernel does. */
V_INLINE void v_end(void) { native_end(); }

/* The first lane: of vectors that hold one number in every lane. */
V_INLINE real v_lane(vec a) { return a[0]; }

/* The largest lane. */
V_INLINE real v_max_lane(vec a) { return native_max_lane(a); }

V_INLINE real v_min_lane(vec a) { return -native_max_lane(v_sub(v_zero(), a)); }

#endif
