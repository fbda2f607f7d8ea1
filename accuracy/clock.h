/* clock.h: wall time in seconds, for budgets. Called by search.c, exp_sweep.c. */
#ifndef SJ_ACCURACY_CLOCK_H
#define SJ_ACCURACY_CLOCK_H

#include <time.h>

static inline double seconds_now(void) {
    struct timespec now;
    (void)timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#endif
