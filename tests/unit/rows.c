/* rows.c: see rows.h. */
#include "rows.h"

#include <float.h>
#include <math.h>

static double next_below(sj_dtype dtype, double x) {
    return dtype == SJ_F32 ? (double)nextafterf((float)x, -INFINITY) : nextafter(x, -INFINITY);
}

static double largest_finite(sj_dtype dtype) { return dtype == SJ_F32 ? (double)FLT_MAX : DBL_MAX; }

size_t largest_of(const double *z, size_t n) {
    size_t m = 0;
    for (size_t k = 1; k < n; k++)
        if (z[k] > z[m]) m = k;
    return m;
}

static void scaled_normal(double *z, size_t n, sj_dtype dtype, random_stream *r, double scale) {
    for (size_t k = 0; k < n; k++) z[k] = round_to(dtype, scale * random_normal(r));
}

static void normal(double *z, size_t n, sj_dtype dtype, random_stream *r) { scaled_normal(z, n, dtype, r, 1); }

static void wide_normal(double *z, size_t n, sj_dtype dtype, random_stream *r) { scaled_normal(z, n, dtype, r, 20); }

static void uniform80(double *z, size_t n, sj_dtype dtype, random_stream *r) {
    for (size_t k = 0; k < n; k++) z[k] = round_to(dtype, random_uniform(r, -80, 0));
}

/* Sparse tails: most softmax entries are subnormal or 0. */
static void deep(double *z, size_t n, sj_dtype dtype, random_stream *r) {
    const double depth = dtype == SJ_F32 ? -110 : -760;
    for (size_t k = 0; k < n; k++) z[k] = round_to(dtype, random_uniform(r, depth, 0));
}

/* The article's input. */
static void half_integers(double *z, size_t n, sj_dtype dtype, random_stream *r) {
    (void)dtype;
    for (size_t k = 0; k < n; k++) z[k] = (double)random_below(r, 61) / 2 - 15;
}

static void ties(double *z, size_t n, sj_dtype dtype, random_stream *r) {
    (void)dtype;
    for (size_t k = 0; k < n; k++) z[k] = random_below(r, 2) ? 2.5 : -2.5;
}

static void near_ties(double *z, size_t n, sj_dtype dtype, random_stream *r) {
    const double top = round_to(dtype, random_uniform(r, 1, 30));
    for (size_t k = 0; k < n; k++) z[k] = random_below(r, 2) ? top : next_below(dtype, top);
}

static void ascending(double *z, size_t n, sj_dtype dtype, random_stream *r) {
    double at = round_to(dtype, random_uniform(r, -30, 0));
    for (size_t k = 0; k < n; k++) z[k] = at = round_to(dtype, at + random_uniform(r, 0, 2));
}

static void descending(double *z, size_t n, sj_dtype dtype, random_stream *r) {
    double at = round_to(dtype, random_uniform(r, 0, 30));
    for (size_t k = 0; k < n; k++) z[k] = at = round_to(dtype, at - random_uniform(r, 0, 2));
}

/* 1 - s of that entry is far below u. */
static void one_huge(double *z, size_t n, sj_dtype dtype, random_stream *r) {
    normal(z, n, dtype, r);
    z[random_below(r, n)] = dtype == SJ_F32 ? 60 : 300;
}

static void constant(double *z, size_t n, sj_dtype dtype, random_stream *r) {
    const double value = round_to(dtype, random_uniform(r, -500, 500));
    for (size_t k = 0; k < n; k++) z[k] = value;
}

/* The differences are ordinary, the logits far from 0: their subtraction is where digits go. */
static void shifted(double *z, size_t n, sj_dtype dtype, random_stream *r) {
    const double shift = dtype == SJ_F32 ? 3000 : 3e6;
    for (size_t k = 0; k < n; k++) z[k] = round_to(dtype, shift + 5 * random_normal(r));
}

static void ten_thousands(double *z, size_t n, sj_dtype dtype, random_stream *r) { scaled_normal(z, n, dtype, r, 1e4); }

static void huge(double *z, size_t n, sj_dtype dtype, random_stream *r) { scaled_normal(z, n, dtype, r, 1e30); }

/* Differences overflow. */
static void near_largest(double *z, size_t n, sj_dtype dtype, random_stream *r) {
    for (size_t k = 0; k < n; k++) {
        z[k] = random_below(r, 2) ? largest_finite(dtype) : next_below(dtype, largest_finite(dtype));
        if (random_below(r, 3) == 0) z[k] = -z[k];
    }
}

static void subnormal(double *z, size_t n, sj_dtype dtype, random_stream *r) {
    const double smallest = dtype == SJ_F32 ? 0x1p-149 : 0x1p-1074;
    for (size_t k = 0; k < n; k++) z[k] = smallest * (double)((int)random_below(r, 2001) - 1000);
}

static void with_minus_infinity(double *z, size_t n, sj_dtype dtype, random_stream *r) {
    normal(z, n, dtype, r);
    const size_t finite = random_below(r, n);
    for (size_t k = 0; k < n; k++)
        if (k != finite && random_below(r, 2)) z[k] = -INFINITY;
}

const row_family row_families[] = {
    {"normal", normal},
    {"wide normal", wide_normal},
    {"uniform(-80, 0)", uniform80},
    {"deep", deep},
    {"half-integers", half_integers},
    {"ties", ties},
    {"near ties", near_ties},
    {"ascending", ascending},
    {"descending", descending},
    {"one huge", one_huge},
    {"constant", constant},
    {"shifted", shifted},
    {"1e4", ten_thousands},
    {"1e30", huge},
    {"near largest", near_largest},
    {"subnormal", subnormal},
    {"with -inf", with_minus_infinity},
};
const size_t row_family_count = sizeof row_families / sizeof *row_families;

static void g_normal(double *g, size_t n, const double *z, sj_dtype dtype, random_stream *r) {
    (void)z;
    scaled_normal(g, n, dtype, r, 1);
}

static void g_one_hot(double *g, size_t n, const double *z, sj_dtype dtype, random_stream *r) {
    (void)z;
    (void)dtype;
    for (size_t k = 0; k < n; k++) g[k] = 0;
    g[random_below(r, n)] = 1;
}

static void g_argmax(double *g, size_t n, const double *z, sj_dtype dtype, random_stream *r) {
    (void)dtype;
    (void)r;
    for (size_t k = 0; k < n; k++) g[k] = 0;
    g[largest_of(z, n)] = 1;
}

static void g_constant(double *g, size_t n, const double *z, sj_dtype dtype, random_stream *r) {
    (void)z;
    const double value = round_to(dtype, random_normal(r));
    for (size_t k = 0; k < n; k++) g[k] = value;
}

/* A large common part, which J annihilates. */
static void g_offset(double *g, size_t n, const double *z, sj_dtype dtype, random_stream *r) {
    (void)z;
    for (size_t k = 0; k < n; k++) g[k] = round_to(dtype, 1000 + random_normal(r));
}

static void g_huge(double *g, size_t n, const double *z, sj_dtype dtype, random_stream *r) {
    (void)z;
    scaled_normal(g, n, dtype, r, dtype == SJ_F32 ? 1e30 : 1e300);
}

static void g_tiny(double *g, size_t n, const double *z, sj_dtype dtype, random_stream *r) {
    (void)z;
    scaled_normal(g, n, dtype, r, dtype == SJ_F32 ? 1e-30 : 1e-300);
}

/* Sizes of 2^-20 to 2^20. */
static void g_uneven(double *g, size_t n, const double *z, sj_dtype dtype, random_stream *r) {
    (void)z;
    for (size_t k = 0; k < n; k++) g[k] = round_to(dtype, ldexp(random_normal(r), (int)random_below(r, 41) - 20));
}

const cotangent_family cotangent_families[] = {
    {"normal", g_normal}, {"one-hot", g_one_hot}, {"argmax", g_argmax}, {"constant", g_constant},
    {"offset", g_offset}, {"huge", g_huge},       {"tiny", g_tiny},     {"uneven", g_uneven},
};
const size_t cotangent_family_count = sizeof cotangent_families / sizeof *cotangent_families;

row_division divide(size_t n, random_stream *r) {
    row_division d = {.pieces = 1 + random_below(r, MOST_PIECES)};
    for (size_t i = 1; i < d.pieces; i++) d.starts[i] = random_below(r, n + 1);
    d.starts[d.pieces] = n;
    for (size_t i = 1; i < d.pieces; i++)
        for (size_t k = i; k > 1 && d.starts[k] < d.starts[k - 1]; k--) {
            const size_t start = d.starts[k];
            d.starts[k] = d.starts[k - 1], d.starts[k - 1] = start;
        }
    return d;
}

sj_view piece(const void *row, sj_dtype dtype, const row_division *d, size_t i) {
    const size_t count = d->starts[i + 1] - d->starts[i];
    return sj_array((const char *)row + d->starts[i] * dtype_bytes(dtype), dtype, 1, &count);
}
