/* check_time.c: the stopwatch of check_time.h. */
#include "check_time.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#define FEWEST 3
#define ENOUGH_SECONDS 0.3

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

stopwatch stopwatch_start(void) { return (stopwatch){.lap_start = now()}; }

bool stopwatch_again(stopwatch *watch) {
    const double end = now(), lap = end - watch->lap_start;
    watch->laps[watch->count++] = lap;
    watch->total += lap;
    watch->lap_start = now();
    return watch->count < FEWEST || (watch->count < STOPWATCH_MOST && watch->total < ENOUGH_SECONDS);
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double stopwatch_median(stopwatch *watch) {
    if (watch->count == 0) return NAN;
    qsort(watch->laps, (size_t)watch->count, sizeof *watch->laps, ascending);
    return watch->laps[watch->count / 2];
}
