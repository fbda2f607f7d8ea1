/* report.h: what files of results hold, read once for `accuracy keep` and `accuracy report`. */
#ifndef SJ_ACCURACY_REPORT_H
#define SJ_ACCURACY_REPORT_H

#include "records.h"

#define PEERS_MOST 16

/* A library beside this one: the name its records carry, and its title with the version. */
typedef struct peer_title {
    char name[16], title[48];
} peer_title;

typedef struct results {
    record *records;
    size_t count, capacity;
    char **exp_lines; /* as `accuracy exp` printed them */
    size_t exp_count, exp_capacity;
    peer_title peers[PEERS_MOST];
    size_t peer_count;
} results;

/* Adds what a file holds. False, with the reason printed, if it cannot be read. */
bool results_read(results *r, const char *path);
void results_free(results *r);

/* The worst record of a form under one name (a kernel set, a library, NULL: any kernel set), or NULL. */
const record *results_worst(const results *r, form_id id, sj_dtype dtype, sj_mode mode, const char *name);

/* The document, but for its title, to `out`. */
void report_tables(const results *r, FILE *out);

#endif
