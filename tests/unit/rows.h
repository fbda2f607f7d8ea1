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

/* Lowest index of the largest element. */
size_t largest_of(const double *z, size_t n);

#endif
