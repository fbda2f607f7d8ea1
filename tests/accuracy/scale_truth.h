/* scale_truth.h: truth for rows with a scale, a bias and a sink, by MPFR, and the error of an entry against it. */
#ifndef SJ_TEST_SCALE_TRUTH_H
#define SJ_TEST_SCALE_TRUTH_H

#include "support.h"

/* softmax of scale z + bias, beside a sink; every number is exact. A bias of -inf masks its entry. */
typedef struct scaled_row {
    const double *z, *bias, *g; /* bias: NULL for none */
    size_t n, q;
    double scale;
    const double *sink; /* NULL: none */
    size_t number;      /* no other row of the process has it */
} scaled_row;

/* Of entry i of a result in ulp, or for products in u times the condition, which counts the sink as an entry without
 * cotangent, or for logsumexp whichever is less. Derivatives are with respect to z. */
double scaled_error(form_id id, sj_dtype dtype, const scaled_row *r, size_t i, double got, double *want);

#endif
