/* search.h: the search for the worst entry of every form, for one dtype and mode on the kernel set in use. Called by
 * main.c; calls evaluate.h and records.h. */
#ifndef SJ_ACCURACY_SEARCH_H
#define SJ_ACCURACY_SEARCH_H

#include "records.h"

#define CORPORA_MOST 4

typedef struct search_options {
    double seconds; /* for this dtype and mode */
    uint64_t seed;
    size_t longest;                    /* row */
    const char *corpora[CORPORA_MOST]; /* files of records replayed first; NULL: none */
    int only;                          /* one form, or -1 */
} search_options;

/* Fills found[FORM_COUNT] (zeroed by the caller, who frees their inputs). */
void search(judge *j, sj_dtype dtype, sj_mode mode, const search_options *options, record *found);

#endif
