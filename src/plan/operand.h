/* operand.h: steps along the arrays of a run. Used by plan.c and ragged.c. */
#ifndef SJ_PLAN_OPERAND_H
#define SJ_PLAN_OPERAND_H

#include "kernel/run.h"

static inline void advance(sj_operand *operand, ptrdiff_t elements) {
    if (operand->data) operand->data += elements * (ptrdiff_t)sj_dtype_size(operand->dtype);
}

#endif
