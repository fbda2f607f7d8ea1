/* filter.c: see filter.h. The forms are those of the library's documentation, evaluated entry by entry. */
#include "filter.h"

#include "memory.h"

#include <float.h>
#include <math.h>

_Static_assert(LDBL_MANT_DIG >= 64, "the filter needs a long double wider than double");

/* Sums with their rounding errors beside them (Neumaier). */
typedef struct long_sum {
    long double sum, lost;
} long_sum;

static void long_add(long_sum *total, long double x) {
    const long double s = total->sum + x, part = s - total->sum;
    total->lost += (total->sum - (s - part)) + (x - part);
    total->sum = s;
}

static long double long_total(long_sum total) { return total.sum + total.lost; }

static void reserve(filter *f, size_t n) {
    if (n <= f->capacity) return;
    filter_free(f);
    f->depth = new_array(n, sizeof *f->depth);
    f->depth_low = new_array(n, sizeof *f->depth_low);
    f->weight = new_array(n, sizeof *f->weight);
    f->s = new_array(n, sizeof *f->s);
    f->capacity = n;
}

void filter_free(filter *f) {
    free(f->depth);
    free(f->depth_low);
    free(f->weight);
    free(f->s);
    *f = (filter){0};
}

static void weigh(filter *f, size_t k, long double z) {
    const long double depth = z - f->max, part = depth + f->max, other = depth - part;
    f->depth[k] = depth;
    f->depth_low[k] = isfinite(depth) ? (z - part) - (f->max + other) : 0;
    const long double w = expl(depth);
    f->weight[k] = w + w * f->depth_low[k];
}

void filter_row(filter *f, const double *z, size_t n) {
    long_sum rest = {0, 0};
    reserve(f, n);
    f->n = n;
    f->m = 0;
    for (size_t k = 1; k < n; k++)
        if (z[k] > z[f->m]) f->m = k;
    f->max = (long double)z[f->m];
    for (size_t k = 0; k < n; k++) {
        weigh(f, k, (long double)z[k]);
        if (k != f->m) long_add(&rest, f->weight[k]);
    }
    f->rest = long_total(rest);
    f->log_sum = log1pl(f->rest);
    long_add(&rest, 1);
    const long double whole = long_total(rest);
    for (size_t k = 0; k < n; k++) f->s[k] = f->weight[k] / whole;
}

static long double deviation(const filter *f, size_t k) { return (long double)f->g[k] - (long double)f->g[f->m]; }

void filter_cotangent(filter *f, const double *g) {
    long_sum mean = {0, 0}, spread = {0, 0}, sum = {0, 0}, size = {0, 0};
    f->g = g;
    for (size_t k = 0; k < f->n; k++) {
        const long double term = f->s[k] * deviation(f, k);
        long_add(&mean, term);
        long_add(&spread, fabsl(term));
        if (k == f->m) continue;
        long_add(&sum, (long double)g[k]);
        long_add(&size, fabsl((long double)g[k]));
    }
    f->mean = long_total(mean);
    f->spread = long_total(spread);
    f->sum = long_total(sum);
    f->size = long_total(size);
}

/* 1 - s_q without cancelling: only at the argmax can s exceed 1/2. */
static long double complement(const filter *f, size_t q) { return q == f->m ? f->rest / (1 + f->rest) : 1 - f->s[q]; }

static long double jacobian(const filter *f, size_t q, size_t r) {
    return q == r ? f->s[q] * complement(f, q) : -f->s[q] * f->s[r];
}

static long double log_jacobian(const filter *f, size_t q, size_t r) { return q == r ? complement(f, q) : -f->s[r]; }

/* Of the sum over k != m, that over k != q: what an argmax with next to no complement weighs most must not hold it. */
static long double without(const filter *f, long double sum, long double g_m, long double g_q, size_t q) {
    return q == f->m ? sum : (sum - g_q) + g_m;
}

static long double log_vjp(const filter *f, size_t q) {
    const long double g_m = (long double)f->g[f->m], g_q = (long double)f->g[q];
    return complement(f, q) * g_q - f->s[q] * without(f, f->sum, g_m, g_q, q);
}

static long double log_vjp_condition(const filter *f, size_t q) {
    const long double g_m = fabsl((long double)f->g[f->m]), g_q = fabsl((long double)f->g[q]);
    return complement(f, q) * g_q + f->s[q] * without(f, f->size, g_m, g_q, q);
}

static long double truth(const filter *f, form_id id, size_t q, size_t i) {
    switch (id) {
    case FORM_SOFTMAX:
        return f->s[i];
    case FORM_LOG_SOFTMAX:
        return (f->depth[i] - f->log_sum) + f->depth_low[i];
    case FORM_LOGSUMEXP:
        return f->max + f->log_sum;
    case FORM_GRADIENT:
        return jacobian(f, q, i);
    case FORM_JACOBIAN:
        return jacobian(f, i / f->n, i % f->n);
    case FORM_LOG_GRADIENT:
        return log_jacobian(f, q, i);
    case FORM_LOG_JACOBIAN:
        return log_jacobian(f, i / f->n, i % f->n);
    case FORM_LOG_VJP:
        return log_vjp(f, i);
    case FORM_LOG_JVP:
        return deviation(f, i) - f->mean;
    default:
        return f->s[i] * (deviation(f, i) - f->mean);
    }
}

/* What the oracle calls the condition; see oracle.h. At the argmax d = 0, elsewhere 1 - 2 s_i >= 0. */
static long double condition(const filter *f, form_id id, size_t i) {
    if (id == FORM_LOGSUMEXP) return fmaxl(fabsl(f->max), f->log_sum);
    if (id == FORM_LOG_VJP) return log_vjp_condition(f, i);
    const long double sum = f->spread + (1 - 2 * f->s[i]) * fabsl(deviation(f, i));
    return id == FORM_LOG_JVP ? sum : f->s[i] * sum;
}

typedef struct layout {
    int digits, smallest, largest;
} layout;

static layout layout_of(sj_dtype dtype) {
    return dtype == SJ_F32 ? (layout){24, -149, 127} : (layout){53, -1074, 1023};
}

static double ulps(long double want, double got, layout l) {
    int exponent = l.smallest;
    if (want != 0) {
        (void)frexpl(want, &exponent);
        exponent = (exponent - 1 > l.largest ? l.largest : exponent - 1) - l.digits + 1;
        if (exponent < l.smallest) exponent = l.smallest;
    }
    return (double)(fabsl((long double)got - want) * scalbnl(1, -exponent));
}

static double componentwise(long double want, double got, long double condition, layout l) {
    const long double distance = fabsl((long double)got - want) - scalbnl(1, l.smallest - 1);
    if (distance <= 0) return 0;
    return condition == 0 ? (double)INFINITY : (double)(distance / condition * scalbnl(1, l.digits));
}

double filter_error(const filter *f, form_id id, size_t q, size_t i, double got, sj_dtype dtype) {
    const layout l = layout_of(dtype);
    const long double want = truth(f, id, q, i);
    if (!isfinite(got)) {
        const double rounded = dtype == SJ_F32 ? (double)(float)want : (double)want;
        return got == rounded ? 0 : (double)INFINITY;
    }
    if (forms[id].takes_g) return componentwise(want, got, condition(f, id, i), l);
    const double error = ulps(want, got, l);
    return id == FORM_LOGSUMEXP ? fmin(error, componentwise(want, got, condition(f, id, i), l)) : error;
}

double filter_margin(sj_dtype dtype) { return dtype == SJ_F32 ? 0x1p-35 : 0x1p-6; }
