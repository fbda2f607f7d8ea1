/* families.c: rows that are hard for one step of the computation each: the reduction of an argument, the sum, the
 * quotient, a result below the normal numbers. See families.h. */
#include "families.h"

#include <math.h>
#include <stdio.h>

#define LN2 0x1.62e42fefa39efp-1

double step_by(sj_dtype dtype, double x, int steps) {
    const double toward = steps < 0 ? -INFINITY : INFINITY;
    for (int i = steps < 0 ? -steps : steps; i > 0; i--)
        x = dtype == SJ_F32 ? (double)nextafterf((float)x, (float)toward) : nextafter(x, toward);
    return x;
}

double last_depth(sj_dtype dtype) { return dtype == SJ_F32 ? 104 : 745.5; }

static int few_steps(random_stream *r) { return (int)random_below(r, 9) - 4; }

/* Any size from 2^low to 2^high, any bits, below 0. */
static double any_depth(random_stream *r, double low, double high) {
    return -exp2(random_uniform(r, low, high)) * random_uniform(r, 0.5, 1);
}

static double top_of(sj_dtype dtype, random_stream *r) {
    static const double scales[] = {0, 1, 16, 180};
    return round_to(dtype, scales[random_below(r, 4)] * random_uniform(r, -1, 1));
}

static void below(double *z, size_t k, sj_dtype dtype, double top, double depth) {
    z[k] = round_to(dtype, top + depth);
}

/* T grows with n while each weight stays: the sum decides. */
static void one_over_ties(double *z, size_t n, sj_dtype dtype, random_stream *r) {
    const double top = top_of(dtype, r), depth = any_depth(r, -8, 5);
    for (size_t k = 0; k < n; k++) below(z, k, dtype, top, depth);
    z[random_below(r, n)] = top;
}

static void all_equal_but_one(double *z, size_t n, sj_dtype dtype, random_stream *r) {
    const double top = top_of(dtype, r);
    for (size_t k = 0; k < n; k++) z[k] = top;
    below(z, random_below(r, n), dtype, top, any_depth(r, -30, 7));
}

static void two_clusters(double *z, size_t n, sj_dtype dtype, random_stream *r) {
    const double top = top_of(dtype, r), depth = any_depth(r, -4, 6), spread = exp2(random_uniform(r, -30, -2));
    for (size_t k = 0; k < n; k++)
        below(z, k, dtype, top, (random_below(r, 2) ? depth : 0) - random_uniform(r, 0, spread));
}

static void geometric(double *z, size_t n, sj_dtype dtype, random_stream *r) {
    const double top = top_of(dtype, r), ratio = exp2(random_uniform(r, -6, 4));
    for (size_t k = 0; k < n; k++) below(z, k, dtype, top, -ratio * (double)k);
}

/* Every result but the largest lies below the smallest normal number. */
static void subnormal_results(double *z, size_t n, sj_dtype dtype, random_stream *r) {
    const double top = top_of(dtype, r), last = last_depth(dtype), first = dtype == SJ_F32 ? 86 : 707;
    for (size_t k = 0; k < n; k++) below(z, k, dtype, top, -random_uniform(r, first, last));
    z[random_below(r, n)] = top;
}

/* z - a loses its last digits when it is rounded. */
static void far_maximum(double *z, size_t n, sj_dtype dtype, random_stream *r) {
    const double first = dtype == SJ_F32 ? 5.5 : 8.5, size = exp2(random_uniform(r, first, first + 14));
    const double top = round_to(dtype, random_below(r, 2) ? size : -size), scale = exp2(random_uniform(r, -2, 6));
    for (size_t k = 0; k < n; k++) below(z, k, dtype, top, -random_uniform(r, 0, scale));
    z[random_below(r, n)] = top;
}

/* Logits of many sizes, so that each brings bits below the last of the others. */
static void trailing_bits(double *z, size_t n, sj_dtype dtype, random_stream *r) {
    for (size_t k = 0; k < n; k++) {
        const double size = exp2(random_uniform(r, -30, 5)) * random_uniform(r, 0.5, 1);
        z[k] = round_to(dtype, random_below(r, 2) ? size : -size);
    }
}

/* Weights a few steps from a power of two, where an ulp is widest against the number. */
static void near_powers_of_two(double *z, size_t n, sj_dtype dtype, random_stream *r) {
    const int reach = dtype == SJ_F32 ? 60 : 400;
    for (size_t k = 0; k < n; k++) {
        const double power = (double)random_below(r, (size_t)reach) * random_uniform(r, 0, 1);
        z[k] = step_by(dtype, round_to(dtype, -LN2 * floor(power)), few_steps(r));
    }
}

/* Where one step of an argument reduction gives way to the next: odd multiples of ln2 / 2^j, j from 1 to 8. */
static void reduction_borders(double *z, size_t n, sj_dtype dtype, random_stream *r) {
    const double cell = LN2 / exp2((double)(1 + random_below(r, 8)));
    for (size_t k = 0; k < n; k++) {
        const double odd = 2 * floor(random_uniform(r, -20, 20) / cell) + 1;
        z[k] = step_by(dtype, round_to(dtype, odd * cell), few_steps(r));
    }
}

/* Maxima at either end of the range in which logits are reduced by themselves (src/kernel/math/exp.h). */
static void near_the_guard(double *z, size_t n, sj_dtype dtype, random_stream *r) {
    static const double guards[2][2] = {{-42, 130}, {-360, 1000}};
    const double guard = guards[dtype == SJ_F64][random_below(r, 2)];
    const double top = step_by(dtype, guard, few_steps(r));
    for (size_t k = 0; k < n; k++) below(z, k, dtype, top, any_depth(r, -10, 7));
    z[random_below(r, n)] = top;
}

/* T near 1 and near a power of two: log1p and the quotient at the border of a binade. */
static void sum_near_a_power(double *z, size_t n, sj_dtype dtype, random_stream *r) {
    const double top = top_of(dtype, r), total = exp2((double)random_below(r, 30) - 25);
    for (size_t k = 0; k < n; k++) {
        const double share = log(total / (double)(n > 1 ? n - 1 : 1));
        z[k] = step_by(dtype, round_to(dtype, top + fmin(share, 0)), few_steps(r));
    }
    z[random_below(r, n)] = top;
}

/* Two to four logits that differ by the gap of a sweep, the rest far below. */
static void gap(double *z, size_t n, sj_dtype dtype, random_stream *r) {
    const double top = top_of(dtype, r), depth = -random_uniform(r, 0, last_depth(dtype));
    for (size_t k = 0; k < n; k++) below(z, k, dtype, top, depth - (k > 2 ? random_uniform(r, 0, 40) : 0));
    z[random_below(r, n)] = top;
}

static const row_family harder[] = {
    {"one over ties", one_over_ties},         {"all equal but one", all_equal_but_one},
    {"two clusters", two_clusters},           {"geometric", geometric},
    {"subnormal results", subnormal_results}, {"far maximum", far_maximum},
    {"trailing bits", trailing_bits},         {"near powers of two", near_powers_of_two},
    {"reduction borders", reduction_borders}, {"near the guard", near_the_guard},
    {"sum near a power", sum_near_a_power},   {"gap", gap},
};

#define HARDER (sizeof harder / sizeof *harder)

size_t family_count(void) { return row_family_count + HARDER; }

const row_family *family_at(size_t i) {
    return i < row_family_count ? &row_families[i] : &harder[i - row_family_count];
}

void family_token(const char *name, char *token, size_t size) {
    (void)snprintf(token, size, "%s", name);
    for (char *c = token; *c; c++)
        if (*c == ' ') *c = '_';
}

static bool is_named(const char *name, const char *wanted) {
    char token[32];
    family_token(name, token, sizeof token);
    return strcmp(token, wanted) == 0;
}

size_t family_find(const char *name) {
    for (size_t i = 0; i < family_count(); i++)
        if (is_named(family_at(i)->name, name)) return i;
    return SIZE_MAX;
}

size_t cotangent_find(const char *name) {
    for (size_t i = 0; i < cotangent_family_count; i++)
        if (is_named(cotangent_families[i].name, name)) return i;
    return SIZE_MAX;
}
