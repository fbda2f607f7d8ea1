/* check_judge.h: one row of one result against the truth, automatic differentiation and the textbook formula.
 * check_forms.c calls it row by row; what it finds accumulates in the form's line. */
#ifndef TOOL_CHECK_JUDGE_H
#define TOOL_CHECK_JUDGE_H

#include "check_forms.h"
#include "oracle.h"

typedef struct row_judge {
    sj_dtype dtype;
    sj_mode mode;
    size_t n;
    oracle *truth;                   /* NULL without MPFR */
    double *plain, *autodiff, *work; /* entries of one result by the other two ways; scratch of n */
} row_judge;

/* `entries`: of the largest result of a row. False when out of memory; close it in any case. */
bool judge_open(row_judge *judge, sj_dtype dtype, sj_mode mode, size_t n, size_t entries);
void judge_close(row_judge *judge);

/* Whether this row has a truth: finite logits, or -inf beside them. Without MPFR also: neither exp nor its sum leaves
 * the range in which plain float64 formulas keep their digits. */
bool judge_can(const double *z, size_t n);

/* Starts a line of results in `dtype`: nothing found yet. */
void judge_begin(check_line *line, form_id id, sj_dtype dtype, sj_mode mode);

/* Judges `got`. line->mape collects the sum over entries. False when out of memory. */
bool judge_row(row_judge *judge, form_id id, const double *z, const double *g, size_t q, const double *got,
               check_line *line);

#endif
