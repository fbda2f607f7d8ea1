/* native.h: the operations of portable.h that compilers do not find by themselves: the maximum and the fused
 * multiply-add of one register, its masked load and store, the test of a comparison, and the lookup in a small table.
 * Included by portable.h only. */
#ifndef SJ_SIMD_NATIVE_H
#define SJ_SIMD_NATIVE_H

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#elif defined(__wasm_simd128__)
#include <wasm_simd128.h>
#endif

#if defined(SJ_REAL_f32)
#define NATIVE(name) name##_ps
#define COMPARE(a, b, how) _mm512_cmp_ps_mask(a, b, how)
#define NEON(name) name##_f32
#define NEON_BITS(name) name##_u32
#define WASM(name) wasm_f32x4_##name
#else
#define NATIVE(name) name##_pd
#define COMPARE(a, b, how) _mm512_cmp_pd_mask(a, b, how)
#define NEON(name) name##_f64
#define NEON_BITS(name) name##_u64
#define WASM(name) wasm_f64x2_##name
#endif

V_INLINE vec native_max(vec a, vec b) {
#if V_BYTES == 64
    return NATIVE(_mm512_max)(a, b);
#elif V_BYTES == 32
    return NATIVE(_mm256_max)(a, b);
#elif defined(__SSE2__)
    return NATIVE(_mm_max)(a, b);
#elif defined(__wasm_simd128__)
    return (vec)WASM(pmax)((v128_t)b, (v128_t)a);
#else /* NEON too: its maxima keep a NaN, or pass over it, whichever operand it is */
    const vec_int larger = a > b;
    return (vec)((larger & (vec_int)a) | (~larger & (vec_int)b));
#endif
}

V_INLINE vec native_min(vec a, vec b) {
#if V_BYTES == 64
    return NATIVE(_mm512_min)(a, b);
#elif V_BYTES == 32
    return NATIVE(_mm256_min)(a, b);
#elif defined(__SSE2__)
    return NATIVE(_mm_min)(a, b);
#elif defined(__wasm_simd128__)
    return (vec)WASM(pmin)((v128_t)b, (v128_t)a);
#else
    const vec_int smaller = a < b;
    return (vec)((smaller & (vec_int)a) | (~smaller & (vec_int)b));
#endif
}

/* Without the instruction errors of products take many, and an exp costs more than another pass over memory: kernels
 * choose by this. */
#if defined(__FMA__) || defined(__aarch64__)
#define NATIVE_FMA 1
#else
#define NATIVE_FMA 0
#endif

V_INLINE vec native_fma(vec a, vec b, vec c) {
#if V_BYTES == 64
    return NATIVE(_mm512_fmadd)(a, b, c);
#elif defined(__FMA__) && V_BYTES == 32
    return NATIVE(_mm256_fmadd)(a, b, c);
#elif defined(__FMA__)
    return NATIVE(_mm_fmadd)(a, b, c);
#elif defined(__aarch64__)
    return NEON(vfmaq)(c, a, b);
#else
    return a * b + c;
#endif
}

#if V_BYTES == 64
#if defined(SJ_REAL_f32)
#define LANE_MASK(count) ((__mmask16)((1u << (count)) - 1u))
#else
#define LANE_MASK(count) ((__mmask8)((1u << (count)) - 1u))
#endif
#endif

V_INLINE vec native_load_n(const real *from, size_t count, vec fill) {
#if V_BYTES == 64
    return NATIVE(_mm512_mask_loadu)(fill, LANE_MASK(count), from);
#elif defined(__AVX2__)
    static const real_int numbers[] = {0, 1, 2, 3, 4, 5, 6, 7};
    vec_int lanes;
    memcpy(&lanes, numbers, sizeof lanes);
    const vec_int there = lanes < (real_int)count;
#if V_BYTES == 32
    const vec loaded = NATIVE(_mm256_maskload)(from, (__m256i)there);
#else
    const vec loaded = NATIVE(_mm_maskload)(from, (__m128i)there);
#endif
    return (vec)((vec_int)loaded | (~there & (vec_int)fill));
#else
    memcpy(&fill, from, count * sizeof(real));
    return fill;
#endif
}

V_INLINE void native_store_n(real *to, vec a, size_t count) {
#if V_BYTES == 64
    NATIVE(_mm512_mask_storeu)(to, LANE_MASK(count), a);
#elif V_BYTES == 32
    /* by halves: a loop becomes a call of memcpy, and AMD's masked stores take longer than these together */
    __m128 part = _mm256_castps256_ps128((__m256)a);
    if (count == V_LANES) memcpy(to, &a, sizeof a);
    if (count & V_LANES / 2) {
        memcpy(to, &part, sizeof part);
        part = _mm256_extractf128_ps((__m256)a, 1);
        to += V_LANES / 2;
    }
    if (count & V_LANES / 4) {
        _mm_storel_pi((__m64 *)(void *)to, part);
        part = _mm_movehl_ps(part, part);
    }
    if (count & V_LANES / 8) _mm_store_ss((float *)(void *)(to + (count & V_LANES / 4)), part);
#else
    /* fewer than V_LANES: shorter than a call of memcpy */
    real lanes[V_LANES];
    memcpy(lanes, &a, sizeof a);
    for (size_t i = 0; i < count; i++) to[i] = lanes[i];
#endif
}
#undef LANE_MASK

#if V_BYTES == 64 || (V_BYTES == 32 && defined(SJ_REAL_f32))
#define NATIVE_PERMUTE 1
#else
#define NATIVE_PERMUTE 0
#endif

V_INLINE vec native_permute(vec a, vec_int from) {
#if V_BYTES == 64
    return NATIVE(_mm512_permutexvar)((__m512i)from, a);
#elif NATIVE_PERMUTE
    return _mm256_permutevar8x32_ps(a, (__m256i)from);
#else
    (void)from;
    return a;
#endif
}

V_INLINE real native_max_lane(vec a) {
#if V_BYTES == 64
    return NATIVE(_mm512_reduce_max)(a);
#elif defined(SJ_NEON)
    return NEON(vmaxvq)(a);
#else
    real lanes[V_LANES];
    memcpy(lanes, &a, sizeof a);
    for (int width = (int)V_LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++) lanes[i] = lanes[i] > lanes[i + width] ? lanes[i] : lanes[i + width];
    return lanes[0];
#endif
}

/* Comparisons: a bit a lane in a mask register, or all bits of a lane. */
#if V_BYTES == 64
#if defined(SJ_REAL_f32)
typedef __mmask16 native_mask;
#else
typedef __mmask8 native_mask;
#endif
V_INLINE native_mask native_none(void) { return 0; }
V_INLINE native_mask native_eq(vec a, vec b) { return COMPARE(a, b, _CMP_EQ_OQ); }
V_INLINE native_mask native_gt(vec a, vec b) { return COMPARE(a, b, _CMP_GT_OQ); }
V_INLINE native_mask native_ge(vec a, vec b) { return COMPARE(a, b, _CMP_GE_OQ); }
V_INLINE native_mask native_nan(vec a) { return COMPARE(a, a, _CMP_UNORD_Q); }
V_INLINE vec native_select(native_mask m, vec x, vec y) { return NATIVE(_mm512_mask_blend)(m, y, x); }
V_INLINE vec native_keep(native_mask m, vec x) { return NATIVE(_mm512_maskz_mov)(m, x); }
V_INLINE unsigned native_bits(native_mask mask) { return mask; }
#else
typedef vec_int native_mask;
V_INLINE native_mask native_none(void) { return (native_mask){0}; }
V_INLINE native_mask native_eq(vec a, vec b) { return a == b; }
V_INLINE native_mask native_gt(vec a, vec b) { return a > b; }
V_INLINE native_mask native_ge(vec a, vec b) { return a >= b; }
V_INLINE native_mask native_nan(vec a) { return a != a; }
V_INLINE vec native_select(native_mask m, vec x, vec y) { return (vec)((m & (vec_int)x) | (~m & (vec_int)y)); }
V_INLINE vec native_keep(native_mask m, vec x) { return (vec)((vec_int)x & m); }

/* A bit a lane. */
V_INLINE unsigned native_bits(vec_int mask) {
#if V_BYTES == 32
    return (unsigned)NATIVE(_mm256_movemask)((vec)mask);
#elif defined(__SSE2__)
    return (unsigned)NATIVE(_mm_movemask)((vec)mask);
#elif defined(SJ_NEON)
    static const real_bits numbers[] = {1, 2, 4, 8};
    vec_bits bits;
    memcpy(&bits, numbers, sizeof bits);
    return (unsigned)NEON_BITS(vaddvq)((vec_bits)mask & bits);
#elif defined(__wasm_simd128__) && defined(SJ_REAL_f32)
    return wasm_i32x4_bitmask((v128_t)mask);
#elif defined(__wasm_simd128__)
    return wasm_i64x2_bitmask((v128_t)mask);
#else
    unsigned bits = 0;
    for (size_t i = 0; i < V_LANES; i++) bits |= (unsigned)(mask[i] != 0) << i;
    return bits;
#endif
}
#endif

/* Bits of a lane that hold e j: 8 e + j shifted so that e is added to the exponent. */
#define EXPONENT_SHIFT (REAL_MANTISSA - 3)

#if V_BYTES == 64
typedef struct native_table {
    vec entries; /* twice for 16 lanes: the lookup takes as many bits as there are lanes */
} native_table;

V_INLINE native_table native_table_of(const real entries[8]) {
#if defined(SJ_REAL_f32)
    return (native_table){_mm512_broadcast_f32x8(_mm256_loadu_ps(entries))};
#else
    return (native_table){_mm512_loadu_pd(entries)};
#endif
}

V_INLINE native_table native_table_scale(native_table table, vec power) {
    return (native_table){table.entries * power};
}

V_INLINE vec native_lookup(const native_table *table, vec rounded) {
    return NATIVE(_mm512_permutexvar)((__m512i)rounded, table->entries);
}

V_INLINE vec native_scale_entry(vec entry, vec rounded, vec eighths) {
    (void)rounded;
    return NATIVE(_mm512_scalef)(entry, eighths);
}
#else
V_INLINE real native_entry(real entry, real_bits j) {
    real_bits bits;
    memcpy(&bits, &entry, sizeof bits);
    bits -= j << EXPONENT_SHIFT;
    memcpy(&entry, &bits, sizeof entry);
    return entry;
}

V_INLINE vec native_scale_entry(vec entry, vec rounded, vec eighths) {
    (void)eighths;
    return (vec)((vec_bits)entry + ((vec_bits)rounded << EXPONENT_SHIFT));
}

/* Sets that look up in registers, and in memory. */
#if defined(__AVX2__) || defined(SJ_NEON) || (defined(__wasm_simd128__) && defined(SJ_REAL_f32))
#define TABLE_VECTORS (8 / V_LANES)
typedef struct native_table {
    vec entries[TABLE_VECTORS];
} native_table;
#else
typedef struct native_table {
    real entries[8];
} native_table;
#endif

V_INLINE native_table native_table_of(const real entries[8]) {
    native_table table;
    real taken[8];
    for (real_bits j = 0; j < 8; j++) taken[j] = native_entry(entries[j], j);
    memcpy(table.entries, taken, sizeof taken);
    return table;
}

#if defined(TABLE_VECTORS)
V_INLINE native_table native_table_scale(native_table table, vec power) {
    for (size_t i = 0; i < TABLE_VECTORS; i++) table.entries[i] *= power;
    return table;
}

#if defined(SJ_NEON)
/* The bytes of entry j stand at its size times j. */
V_INLINE vec native_lookup(const native_table *table, vec rounded) {
#if defined(SJ_REAL_f32)
    const uint8x16_t lowest = {0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12};
    const uint8x16_t numbers = {0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3};
    const uint8x16x2_t bytes = {{(uint8x16_t)table->entries[0], (uint8x16_t)table->entries[1]}};
    const uint8x16_t at = vsliq_n_u8(numbers, vqtbl1q_u8((uint8x16_t)rounded, lowest), 2);
    return (vec)vqtbl2q_u8(bytes, at & 31);
#else
    const uint8x16_t lowest = {0, 0, 0, 0, 0, 0, 0, 0, 8, 8, 8, 8, 8, 8, 8, 8};
    const uint8x16_t numbers = {0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7};
    const uint8x16x4_t bytes = {{(uint8x16_t)table->entries[0], (uint8x16_t)table->entries[1],
                                 (uint8x16_t)table->entries[2], (uint8x16_t)table->entries[3]}};
    const uint8x16_t at = vsliq_n_u8(numbers, vqtbl1q_u8((uint8x16_t)rounded, lowest), 3);
    return (vec)vqtbl4q_u8(bytes, at & 63);
#endif
}
#elif defined(__wasm_simd128__)
/* A swizzle gives 0 where its index is past the 16 bytes, so of the two halves one is the entry. */
V_INLINE vec native_lookup(const native_table *table, vec rounded) {
    const vec_bits at = ((vec_bits)rounded & 7) * 0x04040404 + 0x03020100;
    const v128_t low = wasm_i8x16_swizzle((v128_t)table->entries[0], (v128_t)at);
    const v128_t high = wasm_i8x16_swizzle((v128_t)table->entries[1], (v128_t)(at ^ 0x10101010));
    return (vec)wasm_v128_or(low, high);
}
#else
/* Lookups are 32 bytes wide, also where vectors are half of it. */
#if V_BYTES == 32
V_INLINE __m256i native_wide(vec a) { return (__m256i)a; }
V_INLINE vec native_back(__m256 a) { return (vec)a; }
V_INLINE __m256 native_entries(const native_table *table, size_t half) { return (__m256)table->entries[half]; }
#else
V_INLINE __m256i native_wide(vec a) { return _mm256_castsi128_si256((__m128i)a); }
V_INLINE vec native_back(__m256 a) { return (vec)_mm256_castps256_ps128(a); }
V_INLINE __m256 native_entries(const native_table *table, size_t half) {
    const __m256 low = _mm256_castps128_ps256((__m128)table->entries[2 * half]);
    return _mm256_insertf128_ps(low, (__m128)table->entries[2 * half + 1], 1);
}
#endif

V_INLINE vec native_lookup(const native_table *table, vec rounded) {
    const __m256i k = native_wide(rounded);
#if defined(SJ_REAL_f32)
    return native_back(_mm256_permutevar8x32_ps(native_entries(table, 0), k));
#else
    /* halves of a double are picked as two floats, 2 j and 2 j + 1, among four doubles; bit 2 of j says which four */
    const __m256i twice = _mm256_slli_epi64(k, 1);
    const __m256i halves = _mm256_or_si256(_mm256_shuffle_epi32(twice, 0xa0), _mm256_set1_epi64x((long long)1 << 32));
    const __m256 low = _mm256_permutevar8x32_ps(native_entries(table, 0), halves);
    const __m256 high = _mm256_permutevar8x32_ps(native_entries(table, 1), halves);
    const __m256i which = _mm256_slli_epi64(k, 61);
    return native_back((__m256)_mm256_blendv_pd((__m256d)low, (__m256d)high, (__m256d)which));
#endif
}
#endif
#undef TABLE_VECTORS
#else
V_INLINE native_table native_table_scale(native_table table, vec power) {
    real factor[V_LANES];
    memcpy(factor, &power, sizeof power);
    for (size_t j = 0; j < 8; j++) table.entries[j] *= factor[0];
    return table;
}

V_INLINE vec native_lookup(const native_table *table, vec rounded) {
    vec entry = {0};
    for (size_t i = 0; i < V_LANES; i++) entry[i] = table->entries[((vec_bits)rounded)[i] & 7];
    return entry;
}
#endif
#endif

/* Past the caches, where the processor has such stores; the address is a multiple of V_BYTES. */
V_INLINE void native_stream(real *to, vec a) {
#if V_BYTES == 64
    NATIVE(_mm512_stream)(to, a);
#elif V_BYTES == 32
    NATIVE(_mm256_stream)(to, a);
#elif defined(__SSE2__)
    NATIVE(_mm_stream)(to, a);
#else
    memcpy(to, &a, sizeof a);
#endif
}

/* Other threads see what was stored so once they see what is stored after this. */
V_INLINE void native_stream_end(void) {
#if defined(__SSE2__)
    _mm_sfence();
#endif
}

/* At the end of a kernel: the caller's code may be without AVX, and waits where upper halves of registers are in use.
 * GCC 12 leaves them so on the way out of a function whose last call was to a static one. */
V_INLINE void native_end(void) {
#if defined(__AVX__)
    _mm256_zeroupper();
#endif
}

#undef NATIVE
#undef COMPARE
#undef NEON
#undef NEON_BITS
#undef WASM

#endif
