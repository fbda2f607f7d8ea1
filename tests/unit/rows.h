/* rows.h: families of logits and of cotangents that tests draw rows from, easy and adversarial. Every value
 * is one of the dtype, held in a double. */
#ifndef SJ_TEST_ROWS_H
#define SJ_TEST_ROWS_H

#include "support.h"

typedef struct row_family {
    const char *name;
    void (*fill)(double *z, size_t n, sj_dtype dtype, random_stream *r);
} row_family;

extern const row_family row_families[];
extern const size_t row_family_count;

typedef struct cotangent_family {
    const char *name;
    void (*fill)(double *g, size_t n, const double *z, sj_dtype dtype, random_stream *r);
} cotangent_family;

extern const cotangent_family cotangent_families[];
extern const size_t cotangent_family_count;

#define MOST_PIECES 9

/* Where pieces of a row begin; some are empty. */
typedef struct row_division {
    size_t pieces, starts[MOST_PIECES + 1];
} row_division;

row_division divide(size_t n, random_stream *r);

/* Piece i of a row of that dtype. */
sj_view piece(const void *row, sj_dtype dtype, const row_division *d, size_t i);

/* Lowest index of the largest element. */
size_t largest_of(const double *z, size_t n);

#endif
