/* truth.c: exact results of some rows in long double, from the row state's cancellation-free forms, whose error there
 * is far below an ulp of double. The benchmark prints it beside the time; tests use the MPFR oracle. Called by
 * harness.c. */
#include "truth.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#define SAMPLED_ENTRIES 65536 /* about as many logits; at least one row, at most 64 */
#define SAMPLED_ROWS 64

struct truth {
    size_t rows;      /* sampled */
    long double *s;   /* rows x n */
    long double *c;   /* complement 1 - s, rows x n */
    size_t *argmax;   /* rows */
    long double *v;   /* vjp, rows x n; NULL where the operation is none */
    long double *cnd; /* its condition: sum over k of |J_ik| |g_k - g_m| */
};

static size_t sampled_row(const truth *t, const workload *w, size_t i) {
    return t->rows == 1 ? 0 : i * (w->rows - 1) / (t->rows - 1);
}

/* Adds to sum; lost collects what the rounding of the sum dropped, so that long rows stay exact. */
static void add(long double *sum, long double *lost, long double term) {
    const long double before = *sum;
    *sum += term;
    *lost += fabsl(before) >= fabsl(term) ? (before - *sum) + term : (term - *sum) + before;
}

static void softmax_row(truth *t, const workload *w, size_t i) {
    const size_t n = w->n, first = sampled_row(t, w, i) * n;
    long double *s = t->s + i * n, *c = t->c + i * n, rest = 0, lost = 0;
    size_t m = 0;
    for (size_t k = 1; k < n; k++) {
        if (workload_read(w, w->z, first + k) > workload_read(w, w->z, first + m)) m = k;
    }
    const long double largest = workload_read(w, w->z, first + m);
    for (size_t k = 0; k < n; k++) {
        s[k] = expl(workload_read(w, w->z, first + k) - largest);
        if (k != m) add(&rest, &lost, s[k]);
    }
    rest += lost;
    for (size_t k = 0; k < n; k++) {
        s[k] /= 1 + rest;
        c[k] = k == m ? rest / (1 + rest) : 1 - s[k];
    }
    t->argmax[i] = m;
}

static void vjp_row(truth *t, const workload *w, size_t i) {
    const size_t n = w->n, first = sampled_row(t, w, i) * n;
    const long double *s = t->s + i * n, *c = t->c + i * n;
    const long double largest = workload_read(w, w->g, first + t->argmax[i]);
    long double mean = 0, lost = 0, spread = 0;
    for (size_t k = 0; k < n; k++) {
        const long double d = workload_read(w, w->g, first + k) - largest;
        add(&mean, &lost, s[k] * d);
        spread += s[k] * fabsl(d);
    }
    mean += lost;
    for (size_t k = 0; k < n; k++) {
        const long double d = workload_read(w, w->g, first + k) - largest;
        t->v[i * n + k] = s[k] * (d - mean);
        t->cnd[i * n + k] = s[k] * (c[k] * fabsl(d) + spread - s[k] * fabsl(d));
    }
}

static bool allocate(truth *t, const workload *w) {
    const size_t entries = t->rows * w->n;
    if (entries == 0) return false;
    t->s = malloc(entries * sizeof *t->s);
    t->c = malloc(entries * sizeof *t->c);
    t->argmax = malloc(t->rows * sizeof *t->argmax);
    if (t->s == NULL || t->c == NULL || t->argmax == NULL) return false;
    if (w->op != OP_VJP && w->op != OP_VJP_OF_SOFTMAX) return true;
    t->v = malloc(entries * sizeof *t->v);
    t->cnd = malloc(entries * sizeof *t->cnd);
    return t->v != NULL && t->cnd != NULL;
}

truth *truth_new(const workload *w) {
    if (LDBL_MANT_DIG <= DBL_MANT_DIG) return NULL;
    truth *t = calloc(1, sizeof *t);
    if (t == NULL) return NULL;
    t->rows = SAMPLED_ENTRIES / w->n;
    t->rows = t->rows < 1 ? 1 : t->rows > SAMPLED_ROWS ? SAMPLED_ROWS : t->rows;
    t->rows = t->rows > w->rows ? w->rows : t->rows;
    if (!allocate(t, w)) {
        truth_free(t);
        return NULL;
    }
    for (size_t i = 0; i < t->rows; i++) {
        softmax_row(t, w, i);
        if (t->v != NULL) vjp_row(t, w, i);
    }
    return t;
}

void truth_free(truth *t) {
    if (t == NULL) return;
    free(t->s);
    free(t->c);
    free(t->argmax);
    free(t->v);
    free(t->cnd);
    free(t);
}

/* Spacing of the dtype at x, never below the smallest subnormal. */
static long double ulp(long double x, sj_dtype dtype) {
    const int digits = dtype == SJ_F32 ? FLT_MANT_DIG : DBL_MANT_DIG;
    const int least = dtype == SJ_F32 ? FLT_MIN_EXP - FLT_MANT_DIG : DBL_MIN_EXP - DBL_MANT_DIG;
    int exponent;
    frexpl(x, &exponent);
    return ldexpl(1, exponent - digits > least && x != 0 ? exponent - digits : least);
}

static double ulps(const workload *w, size_t at, long double exact) {
    return (double)(fabsl(workload_read(w, w->out, at) - exact) / ulp(exact, w->dtype));
}

/* The larger error; one that is not a number is the largest of all. */
static double worse(double a, double b) { return isnan(b) ? INFINITY : fmax(a, b); }

static double worst_in_jacobian(const truth *t, const workload *w, size_t i) {
    const size_t n = w->n, first = sampled_row(t, w, i) * n * n;
    const long double *s = t->s + i * n, *c = t->c + i * n;
    double worst = 0;
    for (size_t q = 0; q < n; q++) {
        for (size_t r = 0; r < n; r++) {
            worst = worse(worst, ulps(w, first + q * n + r, q == r ? s[q] * c[q] : -s[q] * s[r]));
        }
    }
    return worst;
}

static double worst_in_row(const truth *t, const workload *w, size_t i) {
    const size_t n = w->n, first = sampled_row(t, w, i) * n;
    const long double u = w->dtype == SJ_F32 ? FLT_EPSILON / 2 : DBL_EPSILON / 2;
    double worst = 0;
    for (size_t k = 0; k < n; k++) {
        if (t->v == NULL) {
            worst = worse(worst, ulps(w, first + k, t->s[i * n + k]));
        } else if (t->cnd[i * n + k] > 0) {
            const long double error = fabsl(workload_read(w, w->out, first + k) - t->v[i * n + k]);
            worst = worse(worst, (double)(error / (u * t->cnd[i * n + k])));
        }
    }
    return worst;
}

double truth_worst_error(const truth *t, const workload *w) {
    double worst = 0;
    for (size_t i = 0; i < t->rows; i++) {
        worst = worse(worst, w->op == OP_JACOBIAN ? worst_in_jacobian(t, w, i) : worst_in_row(t, w, i));
    }
    return worst;
}
