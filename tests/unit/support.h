/* support.h: what the tests of unit/ and accuracy/ share: the kernel set a process is to test, repeatable random
 * numbers, elements of either dtype, one row through one form, and comparison by bits. */
#ifndef SJ_TEST_SUPPORT_H
#define SJ_TEST_SUPPORT_H

#include "forms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define EXIT_SKIPPED 77

/* 0 when calls use the set that SOFTJAC_ISA names (or none is named). EXIT_SKIPPED, with the reason printed, where the
 * build or the CPU lacks it; EXIT_FAILURE where both have it and the library uses another. */
int require_kernel_set(void);

/* Runs a group of tests on that set only: the value main returns. */
#define run_for_set(tests) (require_kernel_set() ? require_kernel_set() : cmocka_run_group_tests(tests, NULL, NULL))

/* The same numbers on every machine. */
typedef struct random_stream {
    uint64_t state;
} random_stream;

double random_uniform(random_stream *r, double low, double high);
double random_normal(random_stream *r);
size_t random_below(random_stream *r, size_t bound);

/* Elements of a dtype. */
extern const sj_dtype dtypes[2]; /* those that are computed in */
extern const sj_dtype half_dtypes[2];
sj_dtype any_dtype(random_stream *r); /* of all four */
const char *dtype_name(sj_dtype dtype);
size_t dtype_bytes(sj_dtype dtype);
double round_to(sj_dtype dtype, double x);
double element_get(const void *data, sj_dtype dtype, size_t i);
void element_set(void *data, sj_dtype dtype, size_t i, double x);

/* malloc of `count` elements that fails the test when there is no memory. */
void *new_elements(sj_dtype dtype, size_t count);

/* `count` elements of a dtype from doubles; and back. The caller frees. */
void *typed(sj_dtype dtype, const double *values, size_t count);
void untype(sj_dtype dtype, const void *data, double *values, size_t count);

/* Normal numbers. */
void fill_random(void *data, sj_dtype dtype, size_t count, uint64_t seed);

/* The shape of a form's result for logits of `ndim` dimensions with class axis `axis`; returns its dimensions. */
int result_shape(form_id id, int ndim, int axis, const size_t *shape, size_t *result);

/* Form `id` of one contiguous row, everything in `dtype`; out gets form_entries() doubles. Fails the test on a status.
 */
void form_row(form_id id, sj_dtype dtype, const double *z, const double *g, size_t q, size_t n, double *out);
void form_row_with(const sj_options *options, form_id id, sj_dtype dtype, const double *z, const double *g, size_t q,
                   size_t n, double *out);

/* Equal bits, except that every NaN equals every NaN. */
bool same_bits(sj_dtype dtype, const void *a, size_t i, const void *b, size_t j);

#endif
