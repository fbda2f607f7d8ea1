/* agree.h: how far default mode lies from exact mode on one result: the two contracts together bound it, on machines
 * too where there is no MPFR to ask. Called by manifest.c. */
#ifndef SJ_TEST_AGREE_H
#define SJ_TEST_AGREE_H

#include "run.h"

/* The largest share, over all entries of n-class rows, of what both modes' errors may add up to: at most 1. */
double agree_share(const bit_case *bits, size_t n, const case_result *exact, const double *got);

#endif
