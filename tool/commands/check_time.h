/* check_time.h: the median time of a repeated call: at least 3 times, at most 31, about a third of a second in all.
 *   stopwatch watch = stopwatch_start();
 *   do { the call } while (stopwatch_again(&watch));
 *   seconds = stopwatch_median(&watch); */
#ifndef TOOL_CHECK_TIME_H
#define TOOL_CHECK_TIME_H

#include <stdbool.h>

#define STOPWATCH_MOST 31

typedef struct stopwatch {
    double laps[STOPWATCH_MOST], lap_start, total;
    int count;
} stopwatch;

stopwatch stopwatch_start(void);

/* Ends a lap; whether another is wanted. */
bool stopwatch_again(stopwatch *watch);

/* NaN before the first lap. */
double stopwatch_median(stopwatch *watch);

#endif
