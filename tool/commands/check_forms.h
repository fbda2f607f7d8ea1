/* check_forms.h: runs every form of the library on one array and judges every entry of every result. Arrays in, a list
 * of lines out; verify.c makes the arrays and prints the lines. */
#ifndef TOOL_CHECK_FORMS_H
#define TOOL_CHECK_FORMS_H

#include "command.h"
#include "forms.h"

/* All arrays have one dtype and one shape, in C order. */
typedef struct check_input {
    sj_dtype dtype;
    int ndim; /* of the array as the user knows it; `around` is the same array seen around its class axis */
    const size_t *shape;
    grid around;
    const void *z;
    const void *cotangent, *log_cotangent; /* dL/ds and dL/d(log s) */
    const void *tangent;                   /* of either softmax */
    size_t q;                              /* the output of the gradients */
    size_t first_row, rows; /* where these are some of the rows the user knows: before them, and in all */
    size_t memory_limit;    /* bytes; a result that needs more is not computed */
} check_input;

/* One form and what was found. NaN where there is nothing to compare with. */
typedef struct check_line {
    const char *name;
    bool dense; /* layout of a Jacobian */
    char shape[SHAPE_TEXT];
    double bytes;          /* of the result */
    bool computed;         /* false: over the memory limit */
    sj_status status;      /* of the library call */
    double seconds;        /* of one call: the median of several */
    double mape;           /* of the library against automatic differentiation */
    double plain_relative; /* largest relative error of the textbook formula in float64, against the truth */
    double relative;       /* of the library, likewise; both over entries that are normal numbers of the dtype */
    double ulps;           /* largest error of the library in units of the last place, over every entry */
    double of_bound;       /* largest share of the bound that an entry uses; passes up to 1 */
    const char *bound;     /* "2 ulp" */
    bool pass;
} check_line;

#define CHECK_MAX_LINES (FORM_COUNT + 2)

typedef struct check_lines {
    check_line at[CHECK_MAX_LINES];
    size_t count;
    size_t rows, judged; /* judged: rows whose softmax is defined, and so has a truth */
} check_lines;

/* What the bounds are measured against, as one sentence: exact arithmetic, else automatic differentiation, else the
 * textbook formula. */
const char *check_basis(void);

/* Lines of some rows join those of the rows before. */
void check_join(check_lines *into, const check_lines *part);

/* False when out of memory. `bar` is advanced by one for each row. */
bool check_forms(const check_input *input, const sj_options *options, progress *bar, check_lines *lines);

#endif
