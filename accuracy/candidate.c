/* candidate.c: see candidate.h. */
#include "candidate.h"

#include "memory.h"

#include <float.h>
#include <math.h>

void candidate_free(candidate *c) {
    free(c->z);
    free(c->g);
    *c = (candidate){0};
}

static void reserve(candidate *c, size_t n) {
    const size_t most = n < EXPLICIT_MOST ? EXPLICIT_MOST : n;
    if (c->capacity >= most) return;
    candidate_free(c);
    c->z = new_array(most, sizeof *c->z);
    c->g = new_array(most, sizeof *c->g);
    c->capacity = most;
}

void candidate_copy(candidate *to, const candidate *from) {
    reserve(to, from->n);
    double *z = to->z, *g = to->g;
    const size_t capacity = to->capacity;
    memcpy(z, from->z, from->n * sizeof *z);
    memcpy(g, from->g, from->n * sizeof *g);
    *to = *from;
    to->z = z;
    to->g = g;
    to->capacity = capacity;
}

void candidate_draw(candidate *c, sj_dtype dtype, size_t family, size_t cotangent, size_t n, uint64_t seed) {
    random_stream r = {seed};
    reserve(c, n);
    c->n = n;
    c->family = family;
    c->cotangent = cotangent;
    c->seed = seed;
    family_at(family)->fill(c->z, n, dtype, &r);
    cotangent_families[cotangent].fill(c->g, n, c->z, dtype, &r);
    c->q = random_below(&r, 2) ? random_below(&r, n) : largest_of(c->z, n);
}

static double within_range(sj_dtype dtype, double x) {
    const double largest = dtype == SJ_F32 ? (double)FLT_MAX : DBL_MAX;
    return x > largest ? largest : x < -largest ? -largest : x;
}

/* x moved: by a few ulps, by many, by an amount of any size, to any depth below the row's largest. */
static double moved(double x, double top, sj_dtype dtype, random_stream *r) {
    if (!isfinite(x)) return x;
    double to = x;
    switch (random_below(r, 4)) {
    case 0:
        to = step_by(dtype, x, (int)random_below(r, 9) - 4);
        break;
    case 1:
        to = step_by(dtype, x, (int)random_below(r, 401) - 200);
        break;
    case 2:
        to = x + exp2(random_uniform(r, -25, 3)) * random_uniform(r, -1, 1);
        break;
    default:
        to = top - exp2(random_uniform(r, -6, 6)) * random_uniform(r, 0, 1);
    }
    return round_to(dtype, within_range(dtype, to));
}

/* Far enough from overflow that differences and sums of them are numbers. */
static double cotangent_limit(sj_dtype dtype) { return dtype == SJ_F32 ? 0x1p100 : 0x1p1000; }

static double moved_cotangent(double x, sj_dtype dtype, random_stream *r) {
    switch (random_below(r, 5)) {
    case 0:
        return step_by(dtype, x, (int)random_below(r, 9) - 4);
    case 1:
        return fabs(x) > cotangent_limit(dtype) ? x : round_to(dtype, x * random_uniform(r, 0.5, 1.9));
    case 2:
        return 0;
    case 3:
        return -x;
    default:
        return round_to(dtype, exp2(random_uniform(r, -12, 12)) * random_uniform(r, -1, 1));
    }
}

static void mutate_logits(candidate *c, sj_dtype dtype, random_stream *r) {
    const size_t i = random_below(r, c->n), j = random_below(r, c->n);
    const double z_i = c->z[i];
    switch (random_below(r, 8)) {
    case 0:
        c->z[i] = c->z[j];
        break;
    case 1:
        c->z[i] = c->z[j];
        c->z[j] = z_i;
        break;
    case 2: {
        const double shift = exp2(random_uniform(r, -20, 4)) * random_uniform(r, -1, 1);
        for (size_t k = 0; k < c->n; k++) c->z[k] = round_to(dtype, within_range(dtype, c->z[k] + shift));
        break;
    }
    default:
        c->z[i] = moved(z_i, c->z[largest_of(c->z, c->n)], dtype, r);
    }
}

static void mutate_cotangent(candidate *c, sj_dtype dtype, random_stream *r) {
    const size_t i = random_below(r, c->n), j = random_below(r, c->n);
    if (random_below(r, 6) == 0)
        c->g[i] = c->g[j];
    else
        c->g[i] = moved_cotangent(c->g[i], dtype, r);
}

/* A row of only -inf has no softmax. */
static void keep_finite(candidate *c) {
    for (size_t k = 0; k < c->n; k++)
        if (isfinite(c->z[k])) return;
    c->z[0] = 0;
}

void candidate_mutate(candidate *to, const candidate *from, sj_dtype dtype, random_stream *r) {
    candidate_copy(to, from);
    do {
        if (random_below(r, 3))
            mutate_logits(to, dtype, r);
        else
            mutate_cotangent(to, dtype, r);
    } while (random_below(r, 3) == 0);
    keep_finite(to);
}

void candidate_resize(candidate *c, size_t n, random_stream *r) {
    while (c->n > n && c->n > 1) {
        const size_t gone = random_below(r, c->n--);
        c->z[gone] = c->z[c->n];
        c->g[gone] = c->g[c->n];
    }
    for (; c->n < n && c->n < EXPLICIT_MOST; c->n++) {
        const size_t like = random_below(r, c->n);
        c->z[c->n] = c->z[like];
        c->g[c->n] = c->g[like];
    }
    if (c->q >= c->n) c->q = c->n - 1;
    keep_finite(c);
}

static void write_numbers(const char *name, const double *values, size_t n, FILE *out) {
    (void)fprintf(out, " %s=", name);
    for (size_t k = 0; k < n; k++) (void)fprintf(out, "%s%a", k ? "," : "", values[k]);
}

void candidate_write(const candidate *c, bool with_g, FILE *out) {
    (void)fprintf(out, "n=%zu q=%zu", c->n, c->q);
    if (c->n <= EXPLICIT_MOST) {
        write_numbers("z", c->z, c->n, out);
        if (with_g) write_numbers("g", c->g, c->n, out);
        return;
    }
    char family[32], cotangent[32];
    family_token(family_at(c->family)->name, family, sizeof family);
    family_token(cotangent_families[c->cotangent].name, cotangent, sizeof cotangent);
    (void)fprintf(out, " drawn=%s/%s/%llu", family, cotangent, (unsigned long long)c->seed);
}

static bool read_numbers(const char *text, double *values, size_t n) {
    char *end = NULL;
    if (!text) return false;
    text += 3;
    for (size_t k = 0; k < n; k++) {
        values[k] = strtod(text, &end);
        if (end == text || (k + 1 < n && *end != ',')) return false;
        text = end + 1;
    }
    return true;
}

bool candidate_read(candidate *c, sj_dtype dtype, const char *text) {
    size_t n = 0, q = 0;
    char family[32], cotangent[32];
    unsigned long long seed = 0;
    if (sscanf(text, "n=%zu q=%zu", &n, &q) != 2 || n == 0 || q >= n) return false;
    const char *drawn = strstr(text, " drawn="), *g = strstr(text, " g=");
    if (drawn) {
        if (sscanf(drawn, " drawn=%31[^/]/%31[^/]/%llu", family, cotangent, &seed) != 3) return false;
        const size_t i = family_find(family), j = cotangent_find(cotangent);
        if (i == SIZE_MAX || j == SIZE_MAX) return false;
        candidate_draw(c, dtype, i, j, n, seed);
    } else {
        if (n > EXPLICIT_MOST) return false;
        reserve(c, n);
        c->n = n;
        if (!read_numbers(strstr(text, " z="), c->z, n)) return false;
        for (size_t k = 0; k < n && !g; k++) c->g[k] = 0;
        if (g && !read_numbers(g, c->g, n)) return false;
    }
    c->q = q;
    return true;
}

static double depth_of(sj_dtype dtype) { return dtype == SJ_F32 ? 128 : 1024; }

bool candidate_is_vague(const candidate *c, sj_dtype dtype) {
    const double edge = c->z[largest_of(c->z, c->n)] - depth_of(dtype);
    for (size_t k = 0; k < c->n; k++)
        if (c->z[k] < edge && c->z[k] > edge - 2) return true;
    return false;
}

const double *candidate_logits(const candidate *c, sj_dtype dtype, bool with_g, double *cut) {
    const double depth = depth_of(dtype);
    double largest = 0;
    for (size_t k = 0; k < c->n && with_g; k++) largest = fmax(largest, fabs(c->g[k]));
    if (largest < 0x1p32) return c->z;
    const double top = c->z[largest_of(c->z, c->n)];
    for (size_t k = 0; k < c->n; k++) cut[k] = c->z[k] < top - depth ? -INFINITY : c->z[k];
    return cut;
}
