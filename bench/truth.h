/* truth.h: how far what was timed is from the exact result, on a sample of its entries.
 * Called by harness.c after a contender ran; evaluates in long double. */
#ifndef SJ_BENCH_TRUTH_H
#define SJ_BENCH_TRUTH_H

#include "workload.h"

typedef struct truth truth; /* exact results of the sampled entries of one workload */

/* NULL when out of memory, or where long double is no wider than double. */
truth *truth_new(const workload *w);
void truth_free(truth *t);

/* The largest error in w->out over the sample. Products: in units of the roundoff times sum over k of |J_ik| |g_k -
 * g_m|, what the inputs' own rounding does, and half the smallest subnormal at least. logsumexp: in ulp, or the
 * roundoff times max(|z_m|, log1p T) where that is more. All else: in units of the last place of the exact entry. */
double truth_worst_error(const truth *t, const workload *w);

#endif
