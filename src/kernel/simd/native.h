/* native.h: the operations of portable.h that compilers do not find by themselves: the maximum and the fused
 * multiply-add of one register, its masked load and store, the test of a comparison, and the lookup in a small table.
 * Included by portable.h only. */
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

V_INLINE vec native_min(vec a, vec b) {
#if defined(__AVX512F__)
    return NATIVE(_mm512_min)(a, b);
#elif defined(__AVX2__)
    return NATIVE(_mm256_min)(a, b);
#elif defined(__SSE2__)
    return NATIVE(_mm_min)(a, b);
#else
    const vec_int smaller = a < b;
    return (vec)((smaller & (vec_int)a) | (~smaller & (vec_int)b));
#endif
}

/* Without the instruction errors of products take many, and an exp costs more than another pass over memory: kernels
 * choose by this. */
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

V_INLINE real native_max_lane(vec a) {
#if defined(__AVX512F__)
    return NATIVE(_mm512_reduce_max)(a);
#else
    real lanes[V_LANES];
    memcpy(lanes, &a, sizeof a);
    for (int width = (int)V_LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++) lanes[i] = lanes[i] > lanes[i + width] ? lanes[i] : lanes[i + width];
    return lanes[0];
#endif
}

/* A bit a lane: whether the comparison holds there. */
V_INLINE unsigned native_bits(vec_int mask) {
#if defined(__AVX512F__) && defined(SJ_REAL_f32)
    return _mm512_test_epi32_mask((__m512i)mask, (__m512i)mask);
#elif defined(__AVX512F__)
    return _mm512_test_epi64_mask((__m512i)mask, (__m512i)mask);
#elif defined(__AVX2__)
    return (unsigned)NATIVE(_mm256_movemask)((vec)mask);
#elif defined(__SSE2__)
    return (unsigned)NATIVE(_mm_movemask)((vec)mask);
#else
    unsigned bits = 0;
    for (size_t i = 0; i < V_LANES; i++) bits |= (unsigned)(mask[i] != 0) << i;
    return bits;
#endif
}

/* Bits of a lane that hold e j: 8 e + j shifted so that e is added to the exponent. */
#define EXPONENT_SHIFT (REAL_MANTISSA - 3)

#if defined(__AVX512F__)
typedef struct native_table {
    vec entries; /* twice for 16 lanes: the lookup takes as many bits as there are lanes */
} native_table;

V_INLINE native_table native_table_of(const real entries[8]) {
    native_table table;
    memcpy(&table.entries, entries, 8 * sizeof(real));
    memcpy((real *)&table.entries + V_LANES - 8, entries, 8 * sizeof(real));
    return table;
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

#if defined(__AVX2__)
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

#if defined(__AVX2__)
V_INLINE native_table native_table_scale(native_table table, vec power) {
    for (size_t i = 0; i < TABLE_VECTORS; i++) table.entries[i] *= power;
    return table;
}

V_INLINE vec native_lookup(const native_table *table, vec rounded) {
#if defined(SJ_REAL_f32)
    return _mm256_permutevar8x32_ps(table->entries[0], (__m256i)rounded);
#else
    /* halves of a double are picked as two floats, 2 j and 2 j + 1, among four doubles; bit 2 of j says which four */
    const __m256i twice = _mm256_slli_epi64((__m256i)rounded, 1);
    const __m256i halves = _mm256_or_si256(_mm256_shuffle_epi32(twice, 0xa0), _mm256_set1_epi64x((long long)1 << 32));
    const __m256 low = _mm256_permutevar8x32_ps((__m256)table->entries[0], halves);
    const __m256 high = _mm256_permutevar8x32_ps((__m256)table->entries[1], halves);
    return _mm256_blendv_pd((__m256d)low, (__m256d)high, (__m256d)_mm256_slli_epi64((__m256i)rounded, 61));
#endif
}
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

#undef NATIVE

#endif
