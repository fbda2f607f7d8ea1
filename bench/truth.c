/* truth.c: exact results of sampled entries, from the row state's cancellation-free forms in long double, whose error
 * there is far below an ulp of double. The benchmark prints it beside the time; tests use the MPFR oracle. Called by
 * harness.c. */
#include "truth.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#define SAMPLED_ENTRIES 65536 /* about as many; at least one row, at most 64 */
#define SAMPLED_ROWS 64

typedef struct point {
    size_t at;               /* place in out */
    long double exact, unit; /* what an error is counted in; 0: not compared */
} point;

struct truth {
    size_t count, room;
    point *points;
};

/* One row's state, and for products their mean D and spread. */
typedef struct row {
    const workload *w;
    size_t index, m;
    long double a, rest; /* z_m, T */
    long double mean, spread, g_m;
} row;

/* What is masked has weight 0. */
static long double read_logit(const row *r, size_t k) {
    if (!workload_takes(r->w, r->index, k)) return -INFINITY;
    return workload_read(r->w, r->w->z, workload_place(r->w, r->index, k));
}

static long double read_cotangent(const row *r, size_t k) {
    return workload_read(r->w, r->w->g, workload_place(r->w, r->index, k)) - r->g_m;
}

/* Adds to sum; lost collects what the rounding of the sum dropped, so that long rows stay exact. */
static void add(long double *sum, long double *lost, long double term) {
    const long double before = *sum;
    *sum += term;
    *lost += fabsl(before) >= fabsl(term) ? (before - *sum) + term : (term - *sum) + before;
}

/* exp of z_k - a for a sum. In long rows double is enough, and quick: roundings of both signs average out. */
static long double weight(const row *r, size_t k) {
    const long double shift = read_logit(r, k) - r->a;
    return r->w->what.n > SAMPLED_ENTRIES ? (long double)exp((double)shift) : expl(shift);
}

static row reduce(const workload *w, size_t index) {
    const size_t n = w->what.n;
    row r = {.w = w, .index = index};
    long double lost = 0, mean_lost = 0;
    for (size_t k = 1; k < n; k++) {
        if (read_logit(&r, k) > read_logit(&r, r.m)) r.m = k;
    }
    r.a = read_logit(&r, r.m);
    r.g_m = workload_read(w, w->g, workload_place(w, index, r.m));
    for (size_t k = 0; k < n; k++) {
        if (k == r.m) continue;
        const long double e = weight(&r, k), d = read_cotangent(&r, k);
        add(&r.rest, &lost, e);
        add(&r.mean, &mean_lost, e * d);
        r.spread += e * fabsl(d);
    }
    r.rest += lost;
    r.mean = (r.mean + mean_lost) / (1 + r.rest);
    r.spread /= 1 + r.rest;
    return r;
}

static long double softmax_of(const row *r, size_t k) { return expl(read_logit(r, k) - r->a) / (1 + r->rest); }

static long double complement_of(const row *r, size_t k) {
    return k == r->m ? r->rest / (1 + r->rest) : 1 - softmax_of(r, k);
}

static long double jacobian_of(const row *r, size_t q, size_t k) {
    return q == k ? softmax_of(r, q) * complement_of(r, q) : -softmax_of(r, q) * softmax_of(r, k);
}

/* Of the mean of the rows' losses. */
static long double loss_gradient_of(const row *r, size_t k) {
    const bool label = (size_t)((const int64_t *)r->w->g)[r->index] == k;
    return (label ? -complement_of(r, k) : softmax_of(r, k)) / (long double)r->w->what.rows;
}

static int digits_of(sj_dtype dtype) {
    return is_half(dtype) ? half_digits(dtype) + 1 : dtype == SJ_F32 ? FLT_MANT_DIG : DBL_MANT_DIG;
}

/* Spacing of the dtype at x, never below the smallest subnormal. */
static long double ulp(long double x, sj_dtype dtype) {
    const int digits = digits_of(dtype);
    const int least = (is_half(dtype) ? half_least(dtype) + 1 : dtype == SJ_F32 ? FLT_MIN_EXP : DBL_MIN_EXP) - digits;
    int exponent;
    frexpl(x, &exponent);
    return ldexpl(1, exponent - digits > least && x != 0 ? exponent - digits : least);
}

static long double roundoff(sj_dtype dtype) { return ldexpl(1, -digits_of(dtype)); }

static void keep(truth *t, size_t at, long double exact, long double unit) {
    if (t->count < t->room) t->points[t->count++] = (point){at, exact, unit};
}

static void keep_product(truth *t, const row *r, size_t k) {
    const long double s = softmax_of(r, k), d = read_cotangent(r, k);
    const long double condition = s * (complement_of(r, k) * fabsl(d) + r->spread - s * fabsl(d));
    const sj_dtype dtype = r->w->what.dtype;
    const long double unit = fmaxl(roundoff(dtype) * condition, ulp(0, dtype) / 2);
    keep(t, workload_place(r->w, r->index, k), s * (d - r->mean), unit);
}

static void keep_entry(truth *t, const row *r, size_t k) {
    const sj_dtype dtype = r->w->what.dtype;
    long double exact;
    switch (r->w->what.op) {
    case OP_SOFTMAX:
    case OP_MASKED_SOFTMAX:
    case OP_CAUSAL_SOFTMAX:
        exact = softmax_of(r, k);
        break;
    case OP_LOG_SOFTMAX:
        exact = read_logit(r, k) - r->a - log1pl(r->rest);
        break;
    case OP_GRADIENT:
        exact = jacobian_of(r, r->w->what.n / 2, k);
        break;
    case OP_CROSS_ENTROPY:
        exact = loss_gradient_of(r, k);
        break;
    default:
        keep_product(t, r, k);
        return;
    }
    keep(t, workload_place(r->w, r->index, k), exact, ulp(exact, dtype));
}

static void keep_logsumexp(truth *t, const row *r) {
    const sj_dtype dtype = r->w->what.dtype;
    const long double tail = log1pl(r->rest), exact = r->a + tail;
    keep(t, r->index, exact, fmaxl(ulp(exact, dtype), roundoff(dtype) * fmaxl(fabsl(r->a), tail)));
}

/* Of a large block every step-th entry of a row, the diagonal among them. */
static void keep_block(truth *t, const row *r) {
    const size_t n = r->w->what.n, step = n * n / SAMPLED_ENTRIES + 1;
    for (size_t q = 0; q < n; q++) {
        for (size_t k = q % step; k < n; k += step) {
            const long double exact = jacobian_of(r, q, k);
            keep(t, (r->index * n + q) * n + k, exact, ulp(exact, r->w->what.dtype));
        }
    }
}

static void keep_row(truth *t, const row *r) {
    const size_t n = r->w->what.n;
    if (r->w->what.op == OP_LOGSUMEXP) {
        keep_logsumexp(t, r);
    } else if (r->w->what.op == OP_JACOBIAN) {
        keep_block(t, r);
    } else {
        for (size_t k = 0; k < n; k += n / SAMPLED_ENTRIES + 1) keep_entry(t, r, k);
        keep_entry(t, r, r->m);
    }
}

truth *truth_new(const workload *w) {
    const size_t of_row = w->what.op == OP_JACOBIAN ? w->what.n * w->what.n : w->what.n;
    if (of_row == 0) return NULL;
    size_t rows = SAMPLED_ENTRIES / of_row;
    rows = rows < 1 ? 1 : rows > SAMPLED_ROWS ? SAMPLED_ROWS : rows;
    rows = rows > w->what.rows ? w->what.rows : rows;
    truth *t = LDBL_MANT_DIG > DBL_MANT_DIG ? calloc(1, sizeof *t) : NULL;
    if (t == NULL) return NULL;
    t->room = 2 * SAMPLED_ENTRIES + SAMPLED_ROWS;
    t->points = malloc(t->room * sizeof *t->points);
    if (t->points == NULL) {
        truth_free(t);
        return NULL;
    }
    for (size_t i = 0; i < rows; i++) {
        const row r = reduce(w, rows == 1 ? 0 : i * (w->what.rows - 1) / (rows - 1));
        keep_row(t, &r);
    }
    return t;
}

void truth_free(truth *t) {
    if (t == NULL) return;
    free(t->points);
    free(t);
}

double truth_worst_error(const truth *t, const workload *w) {
    double worst = 0;
    for (size_t i = 0; i < t->count; i++) {
        const point *p = &t->points[i];
        if (!(p->unit > 0)) continue;
        const double error = (double)(fabsl(workload_read(w, w->out, p->at) - p->exact) / p->unit);
        /* one that is not a number is the largest of all */
        worst = isnan(error) ? INFINITY : fmax(worst, error);
    }
    return worst;
}
