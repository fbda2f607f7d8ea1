/* portable.h: the SIMD vocabulary over compiler vectors: REAL_LANES lanes held as pieces of the widest register the
 * translation unit is compiled for (16, 32 or 64 bytes). The same code is every kernel set until one has a header of
 * its own. Called by the kernels; calls nothing. Lane i of a vector is element i of the row. */
#ifndef SJ_SIMD_PORTABLE_H
#define SJ_SIMD_PORTABLE_H

#include "real.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#if defined(__AVX512F__)
#define PIECE_BYTES 64
#elif defined(__AVX2__)
#define PIECE_BYTES 32
#else
#define PIECE_BYTES 16
#endif
#define PIECES (REAL_LANES * (int)sizeof(real) / PIECE_BYTES)

typedef real piece __attribute__((vector_size(PIECE_BYTES)));
typedef real_bits piece_bits __attribute__((vector_size(PIECE_BYTES)));
typedef real_int piece_int __attribute__((vector_size(PIECE_BYTES)));

typedef struct vec {
    piece p[PIECES];
} vec;

#include "piece.h"

#define EACH_PIECE for (int i = 0; i < PIECES; i++)

static inline vec v_load(const real *from) {
    vec r;
    memcpy(&r, from, sizeof r);
    return r;
}

static inline void v_store(real *to, vec a) { memcpy(to, &a, sizeof a); }

static inline vec v_set1(real a) {
    vec r;
    EACH_PIECE r.p[i] = a - (piece){0};
    return r;
}

static inline vec v_zero(void) { return (vec){{{0}}}; }

/* The first `count` lanes from memory, `fill` in the others. Reads nothing past them. */
static inline vec v_load_n(const real *from, size_t count, real fill) {
    vec r = v_set1(fill);
    memcpy(&r, from, count * sizeof(real));
    return r;
}

static inline void v_store_n(real *to, vec a, size_t count) { memcpy(to, &a, count * sizeof(real)); }

static inline vec v_add(vec a, vec b) {
    EACH_PIECE a.p[i] = a.p[i] + b.p[i];
    return a;
}

static inline vec v_sub(vec a, vec b) {
    EACH_PIECE a.p[i] = a.p[i] - b.p[i];
    return a;
}

static inline vec v_mul(vec a, vec b) {
    EACH_PIECE a.p[i] = a.p[i] * b.p[i];
    return a;
}

/* a * b + c: one rounding where the set has the instruction, two where it has not. */
static inline vec v_fma(vec a, vec b, vec c) {
    EACH_PIECE a.p[i] = piece_fma(a.p[i], b.p[i], c.p[i]);
    return a;
}

/* Larger of the two; b where a lane is NaN. */
static inline vec v_max(vec a, vec b) {
    EACH_PIECE a.p[i] = piece_max(a.p[i], b.p[i]);
    return a;
}

/* x where a >= b, else 0. */
static inline vec v_keep_ge(vec x, vec a, vec b) {
    EACH_PIECE x.p[i] = (piece)((piece_int)x.p[i] & (a.p[i] >= b.p[i]));
    return x;
}

/* p * 2^k for p near 1 and normal results, where the integer k stands in the low bits of `magic`; `bias` is a further
 * power, already shifted into the exponent field. */
static inline vec v_scale2(vec p, vec magic, real_bits bias) {
    EACH_PIECE p.p[i] = (piece)((piece_bits)p.p[i] + ((piece_bits)magic.p[i] << REAL_MANTISSA) + bias);
    return p;
}

/* Lanes where a comparison held, kept as a vector so that a loop can gather it and test once. */
typedef struct vmask {
    piece_int p[PIECES];
} vmask;

static inline vmask v_mask_none(void) { return (vmask){{{0}}}; }

static inline vmask v_or(vmask a, vmask b) {
    EACH_PIECE a.p[i] |= b.p[i];
    return a;
}

static inline vmask v_eq(vec a, vec b) {
    vmask r;
    EACH_PIECE r.p[i] = a.p[i] == b.p[i];
    return r;
}

static inline vmask v_is_nan(vec a) {
    vmask r;
    EACH_PIECE r.p[i] = a.p[i] != a.p[i];
    return r;
}

static inline bool v_any(vmask a) {
    piece_int all = a.p[0];
    for (int i = 1; i < PIECES; i++) all |= a.p[i];
    real_int lanes[PIECE_BYTES / sizeof(real)], any = 0;
    memcpy(lanes, &all, sizeof all);
    for (size_t i = 0; i < PIECE_BYTES / sizeof(real); i++) any |= lanes[i];
    return any != 0;
}

/* The largest lane. */
static inline real v_max_lane(vec a) {
    real lanes[REAL_LANES];
    v_store(lanes, a);
    for (int width = REAL_LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++) lanes[i] = lanes[i] > lanes[i + width] ? lanes[i] : lanes[i + width];
    return lanes[0];
}

#endif
