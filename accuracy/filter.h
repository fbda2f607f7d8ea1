/* filter.h: the first measure of an entry's error: the stable forms in long double (64 bits of significand or more),
 * some thousand times faster than the oracle, which confirms what the filter finds. Called by evaluate.c and judge.c.
 */
#ifndef SJ_ACCURACY_FILTER_H
#define SJ_ACCURACY_FILTER_H

#include "forms.h"

/* One row as the forms need it. */
typedef struct filter {
    size_t n, m, capacity;
    long double *depth, *depth_low; /* z_k - z_m as an unevaluated sum */
    long double *weight, *s;        /* exp(z_k - z_m), and over 1 + T */
    long double max, rest, log_sum; /* z_m, T, log1p(T) */
    const double *g;
    long double mean, spread; /* sum over k of s_k d_k and of s_k |d_k|, d = g - g_m */
    long double sum, size;    /* sum over k != m of g_k and of |g_k| */
} filter;

/* Logits are finite, or -inf beside a finite one. */
void filter_row(filter *f, const double *z, size_t n);

/* g is kept by reference. */
void filter_cotangent(filter *f, const double *g);

void filter_free(filter *f);

/* Error of entry i of form `id`: in units of the contract (contract.h). Class q for a gradient. Off by at most
 * filter_margin. */
double filter_error(const filter *f, form_id id, size_t q, size_t i, double got, sj_dtype dtype);

/* In units of v = 2^-64: a weight 4 (expl 2, the low part of the difference 1, its product 1), the compensated sum 2
 * more, so s is right to 4 + 6 + 1 and a product of two to 23; a VJP entry to 32 of its condition. 32 v is 2^-6 ulp of
 * float64 and 2^-35 ulp of float32. */
double filter_margin(sj_dtype dtype);

#endif
