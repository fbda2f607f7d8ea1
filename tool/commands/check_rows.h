/* check_rows.h: a float64 result over m rows against automatic differentiation and against the truth, for article.c.
 * verify's check_forms.c judges any array and dtype; this is the plain case with one number a comparison. */
#ifndef TOOL_CHECK_ROWS_H
#define TOOL_CHECK_ROWS_H

#include "forms.h"

/* z, g: (m, n), C order. g and q only where the form takes them. */
typedef struct row_set {
    const double *z, *g;
    size_t q, m, n;
} row_set;

size_t rows_entries(form_id id, const row_set *rows);

/* All rows of `id` by automatic differentiation. False where there is none. */
bool rows_autodiff(form_id id, const row_set *rows, double *out);

/* Largest relative error against the truth; NaN where there is none. */
double rows_relative(form_id id, const row_set *rows, const double *got);

/* The blocks (m, n, n) of a dense Jacobian (m, n, m, n). False when an entry off the blocks is not zero. */
bool rows_blocks_of_dense(const double *dense, const row_set *rows, double *blocks);

#endif
