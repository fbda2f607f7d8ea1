/* report.h: what files of results hold, read once for `accuracy keep` and `accuracy report`. */
#ifndef SJ_ACCURACY_REPORT_H
#define SJ_ACCURACY_REPORT_H

#include "records.h"

#define PEERS_MOST 16

/* A library beside this one: the name its records carry, and its title with the version. */
typedef struct peer_title {
    char name[16], title[48];
} peer_title;

/* What a test of tests/accuracy printed of one operation: worst_print there. */
typedef struct test_line {
    char test[16], set[16], what[64], worst[128];
    double error, allowed;
    size_t beyond, entries;
} test_line;

typedef struct results {
    record *records;
    size_t count, capacity;
    char **sweep_lines; /* as `accuracy exp` and `accuracy halves` printed them */
    size_t sweep_count, sweep_capacity;
    test_line *tests;
    size_t test_count, test_capacity;
    peer_title peers[PEERS_MOST];
    size_t peer_count;
} results;

/* Adds what a file holds. False, with the reason printed, if it cannot be read. */
bool results_read(results *r, const char *path);
void results_free(results *r);

/* The worst record of a form under one name (a kernel set, a library, NULL: any kernel set), or NULL. */
const record *results_worst(const results *r, form_id id, sj_dtype dtype, sj_mode mode, const char *name);

/* The kernel sets that have columns. */
#define SETS 3
extern const char *const report_sets[SETS];

/* The tables of the tests, and, after a text, the lines of the sweep whose first word is `of`; nothing of what was not
 * run. */
void report_tests(const results *r, FILE *out);
void report_sweep(const results *r, const char *of, const char *text, FILE *out);

/* The document, but for its title, to `out`. */
void report_tables(const results *r, FILE *out);

#endif
