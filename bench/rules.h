/* rules.h: what the measurements must show: for each regime a figure that is required and one that is the goal.
 * Judged by rules.c over a whole run, shown by report.c. */
#ifndef SJ_BENCH_RULES_H
#define SJ_BENCH_RULES_H

#include "harness.h"

typedef struct verdict {
    const char *regime, *figure;  /* what is judged, in words */
    const measurement *ours;      /* of the workload */
    const measurement *judged;    /* the same, or exact mode's */
    const peer *against;          /* the peer compared with, or NULL */
    double value, required, goal; /* NaN: nothing required, no goal */
    bool at_least;                /* else at most */
    double floor;                 /* ns per entry that the call takes at least; NaN: not known */
    const char *floor_of;         /* what takes it */
} verdict;

/* All rules over all workloads; writes at most `room`, returns how many. */
size_t rules_judge(const measurement *all, size_t count, verdict *out, size_t room);

bool verdict_holds(const verdict *v);
bool verdict_reaches(const verdict *v);

/* ns per entry at which `bound`, what is required or the goal, would just hold. */
double verdict_time(const verdict *v, double bound);

/* Whether such a time is below the floor: the bound cannot hold by the algorithms there are. */
bool verdict_below_floor(const verdict *v, double bound);

/* The fastest of the other libraries on the workload of m; NULL if none has it. */
const measurement *rules_best_peer(const measurement *all, size_t count, const bench_case *what);

#endif
