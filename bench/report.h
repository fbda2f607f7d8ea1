/* report.h: measurements as a table for people and as JSON for programs (plot.py). Called by main.c. */
#ifndef SJ_BENCH_REPORT_H
#define SJ_BENCH_REPORT_H

#include "harness.h"

void report_table_head(void);
void report_table_rows(const measurement *m, size_t count);

/* False, with a message on stderr, when the file cannot be written. */
bool report_json(const char *path, const measurement *m, size_t count);

#endif
