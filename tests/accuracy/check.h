/* check.h: one row through one form, every entry against the truth; keeps the worst error of each form and dtype for
 * the table a test prints last. Calls oracle/ and unit/support.h. */
#ifndef SJ_TEST_CHECK_H
#define SJ_TEST_CHECK_H

#include "oracle.h"
#include "support.h"

/* The worst error of some entries, and where it was. */
typedef struct worst {
    double error;
    size_t n, entries, beyond;
    char row[64];
} worst;

/* An entry of a result: its error, in units that the bound has too. */
typedef struct measured {
    const char *what;
    sj_dtype dtype;
    const char *row;
    size_t n, entry;
    double got, want, error, allowed;
} measured;

/* Counts it. Where its error is not within the bound, or is NaN, prints the place, and the test fails in finish_checks.
 */
void worst_record(worst *w, const measured *m);

/* A line of the tables that docs/accuracy.md is made of; none where no entry was counted. */
void worst_print(const worst *w, const char *what, sj_dtype dtype, double allowed);

/* Between open_truth and close_truth. */
extern oracle *truth;

/* Setup and teardown of a group: the oracle; the table of worst errors, printed. */
int open_truth(void **state);
int close_truth(void **state);

#define run_accuracy_tests(tests)                                                                                      \
    (require_kernel_set() ? require_kernel_set() : cmocka_run_group_tests(tests, open_truth, close_truth))

/* Ulps, or for products multiples of u times the condition, that a form may be off: check.c gives the reasons. */
double allowed_error(form_id id);

/* Records an error of a form, as worst_record does. */
void record_error(form_id id, sj_dtype dtype, double error, const char *row, size_t n, size_t i, double got,
                  double want);

/* Form `id` of row z (elements of dtype), all entries. g and q where the form takes them. */
void check_form(form_id id, sj_dtype dtype, const double *z, const double *g, size_t q, size_t n, const char *row);

/* The same for results computed before: entry i is computed[i]. */
void check_computed(form_id id, sj_dtype dtype, const double *z, const double *g, size_t q, size_t n, const char *row,
                    const double *computed);

/* Last in every test: fails it if any error since the last call was beyond its bound. */
void finish_checks(void);

/* For huge cotangents, which show it that deep entries have no weight: from logits z the row to compute, and the row as
 * the library reads it. */
void split_depths(sj_dtype dtype, const double *z, size_t n, double *given, double *read);

typedef enum jacobians { WITHOUT_JACOBIANS, WITH_JACOBIANS } jacobians;

/* Every form of the row: gradients of its largest, first, last and one random class, all kinds of cotangents. */
void check_row(sj_dtype dtype, const double *z, size_t n, const char *row, jacobians matrices, random_stream *r);

#endif
