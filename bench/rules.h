/* rules.h: what the measurements must show: for each regime a figure that is required and one that is the goal.
 * Judged by rules.c over a whole run, shown by report.c. */
#ifndef SJ_BENCH_RULES_H
#define SJ_BENCH_RULES_H

#include "harness.h"

typedef struct verdict {
    const char *regime, *figure; /* what is judged, in words */
    const measurement *ours;
    const peer *against;          /* the peer compared with, or NULL */
    double value, required, goal; /* NaN: nothing required, no goal */
    bool at_least;                /* else at most */
} verdict;

/* All rules over all workloads; writes at most `room`, returns how many. */
size_t rules_judge(const measurement *all, size_t count, verdict *out, size_t room);

bool verdict_holds(const verdict *v);
bool verdict_reaches(const verdict *v);

/* The fastest of the other libraries on the workload of m; NULL if none has it. */
const measurement *rules_best_peer(const measurement *all, size_t count, const bench_case *what);

#endif
