/* given_truth.h: the derivatives of a row that is given as softmax, from its s exactly: c_q = 1 - s_q, but at the
 * argmax, of which s holds too few digits, the sum of the others. For test_given.c. */
#ifndef SJ_TEST_GIVEN_TRUTH_H
#define SJ_TEST_GIVEN_TRUTH_H

#include "support.h"

/* Distance of `got` from entry i of form `id`: in ulps of dtype, for products in u times their condition after half of
 * the smallest subnormal, as oracle.h defines both. want: the truth, rounded. */
double given_error(form_id id, sj_dtype dtype, const double *s, const double *g, size_t q, size_t n, size_t i,
                   double got, double *want);

/* The same of d/dz <u, J g>, in u times the condition of oracle_second. */
double given_second_error(sj_dtype dtype, const double *s, const double *g, const double *u, size_t n, size_t i,
                          double got, double *want);

#endif
