/* cases.h: the list of cases of the manifest: every form, by dtypes, inputs, lengths, memory order and options.
 * manifest.c walks it; run.c computes one. */
#ifndef SJ_TEST_CASES_H
#define SJ_TEST_CASES_H

#include "forms.h"
#include "inputs.h"

typedef enum memory_order {
    ORDER_C,
    ORDER_CLASS_FIRST, /* the last dimension outermost */
    ORDER_STEP,        /* every third element of a larger array */
    ORDER_REVERSED,    /* every stride negative */
    ORDER_COUNT
} memory_order;

typedef enum in_place { NOT_IN_PLACE, IN_PLACE_OF_Z, IN_PLACE_OF_G } in_place;

/* What a cross-entropy is of; the probabilities are the cotangent, beside label smoothing and z-loss. */
typedef enum loss_target { NO_LOSS, OF_LABELS, OF_PROBABILITIES } loss_target;

#define CASE_NAME 96

typedef struct bit_case {
    char name[CASE_NAME];
    form_id form;
    loss_target target; /* the form has the shape of the loss, a number a row, or of its gradient */
    sj_dtype z, g, out;
    row_fill *fill; /* of z */
    size_t rows;
    const size_t *lengths; /* ended by 0: one call each */
    memory_order order;    /* of every array */
    in_place place;
    sj_layout layout; /* of a Jacobian */
    sj_given given;
    sj_nonfinite nonfinite;
    bool row_by_row; /* one call a row */
    bool same_bits;  /* as the case before it: only the way the arrays lie and are walked differs */
    bool comparable; /* default mode is measured against exact mode on these */
} bit_case;

typedef void case_visit(const bit_case *bits, void *context);

void each_case(case_visit *visit, void *context);

#endif
