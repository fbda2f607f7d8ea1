/* evaluate.h: a batch of rows of one length through a form of the library, every entry measured by the filter. Called
 * by search.c and records.c; calls filter.h. */
#ifndef SJ_ACCURACY_EVALUATE_H
#define SJ_ACCURACY_EVALUATE_H

#include "candidate.h"
#include "filter.h"

#define BATCH 16

/* Rows of a batch as the library and the filter read them. */
typedef struct batch {
    sj_dtype dtype;
    size_t rows, n, q;
    size_t input_bytes, result_bytes, cut_count;
    void *z, *g, *result; /* elements of the dtype, (rows, n) */
    double *cut;          /* candidate_logits, (rows, n) */
    filter filters[BATCH], cut_filters[BATCH];
    bool is_cut[BATCH], is_vague[BATCH];
} batch;

/* The worst entry of a row. */
typedef struct worst_entry {
    double error;
    size_t entry;
    size_t doubtful; /* entries whose filtered error exceeds what the caller asked to hear about */
} worst_entry;

/* rows <= BATCH candidates of equal n; all share the class q of the first. */
void batch_set(batch *b, sj_dtype dtype, const candidate *rows, size_t count);

/* Form `id` of every row, but for products of vague ones in default mode (error -1: s there may be 0 or not); worst[i]
 * for row i. Ends the program when the library refuses. */
void batch_measure(batch *b, form_id id, sj_mode mode, double threshold, worst_entry *worst);

/* Entry i of row `row` of the last result. */
double batch_result(const batch *b, form_id id, size_t row, size_t i);

void batch_free(batch *b);

#endif
