/* operand.h: steps along the arrays of a run. Used by plan.c, ragged.c and halves.c. */
#ifndef SJ_PLAN_OPERAND_H
#define SJ_PLAN_OPERAND_H

#include "kernel/run.h"

static inline void advance(sj_operand *operand, ptrdiff_t elements) {
    if (operand->data) operand->data += elements * (ptrdiff_t)sj_dtype_size(operand->dtype);
}

/* A run from a later row on. */
static inline void advance_rows(sj_run *run, size_t rows) {
    advance(&run->z, (ptrdiff_t)rows * run->z.row_stride);
    advance(&run->g, (ptrdiff_t)rows * run->g.row_stride);
    for (int i = 0; i < SJ_MORE; i++) advance(&run->more[i], (ptrdiff_t)rows * run->more[i].row_stride);
    advance(&run->out, (ptrdiff_t)rows * run->out.row_stride);
    run->read_from += rows;
    if (!run->losses) return;
    for (int i = 0; i < SJ_ROW_NUMBERS; i++) advance(&run->numbers[i], (ptrdiff_t)rows * run->numbers[i].row_stride);
}

#endif
