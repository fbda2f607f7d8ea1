/* inputs.c: see inputs.h. */
#include "inputs.h"

#include <math.h>

static uint64_t next_bits(bit_stream *bits) {
    uint64_t x = bits->state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uint64_t below(bit_stream *bits, uint64_t bound) { return next_bits(bits) % bound; }

/* Digits a uniform number in [0, 1) gets: every multiple of 2^-digits is an element of the dtype. */
static int digits_of(sj_dtype dtype) { return dtype == SJ_F32 ? 24 : 53; }

/* In [0, 1). */
static double fraction(bit_stream *bits, sj_dtype dtype) {
    const double unit = dtype == SJ_F32 ? 0x1p-24 : 0x1p-53;
    return (double)(next_bits(bits) >> (64 - digits_of(dtype))) * unit;
}

static double sign(bit_stream *bits) { return below(bits, 2) ? 1 : -1; }

/* In (-1, 1). Every draw is a statement of its own: the order of two in one expression is the compiler's. */
static double signed_fraction(bit_stream *bits, sj_dtype dtype) {
    const double direction = sign(bits);
    return direction * fraction(bits, dtype);
}

/* Sizes 2^-4 to 2^2 of both signs: ordinary logits. */
static void ordinary(double *z, size_t n, sj_dtype dtype, bit_stream *bits) {
    static const double sizes[] = {0x1p-4, 0x1p-2, 1, 1, 2, 2, 4, 4};
    for (size_t k = 0; k < n; k++) {
        const double size = sizes[below(bits, 8)];
        z[k] = size * signed_fraction(bits, dtype);
    }
}

static void wide(double *z, size_t n, sj_dtype dtype, bit_stream *bits) {
    for (size_t k = 0; k < n; k++) z[k] = 64 * signed_fraction(bits, dtype);
}

/* Down to where softmax is subnormal and 0. */
static void deep(double *z, size_t n, sj_dtype dtype, bit_stream *bits) {
    for (size_t k = 0; k < n; k++) z[k] = -fraction(bits, dtype) * (dtype == SJ_F32 ? 128 : 1024);
}

static void half_integers(double *z, size_t n, sj_dtype dtype, bit_stream *bits) {
    (void)dtype;
    for (size_t k = 0; k < n; k++) z[k] = (double)below(bits, 61) * 0.5 - 15;
}

static void ties(double *z, size_t n, sj_dtype dtype, bit_stream *bits) {
    (void)dtype;
    for (size_t k = 0; k < n; k++) z[k] = 2.5 * sign(bits);
}

/* Far from 0, the differences ordinary. */
static void far_away(double *z, size_t n, sj_dtype dtype, bit_stream *bits) {
    const double away = dtype == SJ_F32 ? 0x1p12 : 0x1p22, step = dtype == SJ_F32 ? 0x1p-11 : 0x1p-30;
    const uint64_t steps = UINT64_C(1) << (dtype == SJ_F32 ? 15 : 34);
    for (size_t k = 0; k < n; k++) z[k] = away + (double)below(bits, steps) * step;
}

/* Differences that overflow. */
static void largest(double *z, size_t n, sj_dtype dtype, bit_stream *bits) {
    const double size = dtype == SJ_F32 ? 0x1.fffffep127 : 0x1.fffffffffffffp1023;
    for (size_t k = 0; k < n; k++) {
        const double direction = sign(bits);
        z[k] = direction * (below(bits, 2) ? size : size * 0.5);
    }
}

static void with_minus_infinity(double *z, size_t n, sj_dtype dtype, bit_stream *bits) {
    const size_t finite = (size_t)below(bits, n);
    ordinary(z, n, dtype, bits);
    for (size_t k = 0; k < n; k++)
        if (k != finite && below(bits, 2)) z[k] = -INFINITY;
}

const input_family input_families[] = {
    {"ordinary", ordinary}, {"wide", wide},    {"deep", deep},       {"half-integers", half_integers},
    {"ties", ties},         {"far", far_away}, {"largest", largest}, {"with -inf", with_minus_infinity},
};
const size_t input_family_count = sizeof input_families / sizeof *input_families;

void fill_undefined(double *z, size_t n, sj_dtype dtype, bit_stream *bits) {
    const uint64_t kind = below(bits, 4);
    ordinary(z, n, dtype, bits);
    if (kind == 0) z[below(bits, n)] = NAN;
    if (kind == 1) z[below(bits, n)] = INFINITY;
    if (kind == 2)
        for (size_t k = 0; k < n; k++)
            if (k == 0 || below(bits, 2)) z[k] = INFINITY;
    if (kind == 3)
        for (size_t k = 0; k < n; k++) z[k] = -INFINITY;
}

void fill_softmax(double *s, size_t n, sj_dtype dtype, bit_stream *bits) {
    const double unit = dtype == SJ_F32 ? 0x1p-24 : 0x1p-53;
    uint64_t left = UINT64_C(1) << digits_of(dtype);
    for (size_t k = 0; k + 1 < n; k++) {
        const uint64_t share = below(bits, left / 3 + 1);
        s[k] = (double)share * unit;
        left -= share;
    }
    s[n - 1] = (double)left * unit;
}

void fill_cotangent(double *g, size_t n, sj_dtype dtype, bit_stream *bits) {
    for (size_t k = 0; k < n; k++) {
        const double size = (double)(UINT64_C(1) << below(bits, 17)) * 0x1p-8;
        g[k] = size * signed_fraction(bits, dtype);
    }
}
