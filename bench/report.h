/* report.h: measurements and verdicts as tables for people and as JSON for programs (plot.py, tables.py).
 * Called by main.c. */
#ifndef SJ_BENCH_REPORT_H
#define SJ_BENCH_REPORT_H

#include "rules.h"

/* One workload: a line for each contender, then ours beside the best peer and the copy. */
void report_workload(const measurement *m, size_t count);

/* The targets, row by row, and for each regime how many hold. Returns how many that are required do not. */
size_t report_verdicts(const verdict *v, size_t count);

typedef struct run_facts {
    size_t rounds;
    double seconds;
} run_facts;

/* False, with a message on stderr, when the file cannot be written. */
bool report_json(const char *path, const run_facts *facts, const measurement *m, size_t count, const verdict *v,
                 size_t verdicts);

#endif
