/* plan.h: from a validated call to runs of rows. Called by api/; calls the kernels that dispatch.h offers, on
 * the threads that threads.h does. */
#ifndef SJ_PLAN_H
#define SJ_PLAN_H

#include "ragged.h"

/* The batch dimensions of a call (all but the class axis), with the strides, in elements, of each operand. */
typedef struct sj_batch {
    int ndim;
    size_t shape[SJ_MAX_NDIM];
    sj_reading *reading; /* of the first row; NULL: none, and no strides of it */
    ptrdiff_t beside[SJ_BESIDES][SJ_MAX_NDIM];
    const sj_ragged *ragged;                        /* NULL: each row is the whole class axis */
    ptrdiff_t numbers[SJ_ROW_NUMBERS][SJ_MAX_NDIM]; /* of losses, else 0 */
    ptrdiff_t z[SJ_MAX_NDIM], g[SJ_MAX_NDIM], out[SJ_MAX_NDIM], more[SJ_MORE][SJ_MAX_NDIM];
} sj_batch;

/* Runs `operation` over the batch, which is used up: `first` describes the first row (its row strides are set here),
 * and arithmetic is in `compute`, the widest dtype of the call, or as `mode` asks. On `threads` threads at most; 0: as
 * many as pay. batch NULL: `first` is all rows already. */
void sj_plan_run(sj_operation operation, sj_dtype compute, sj_mode mode, int threads, sj_batch *batch, sj_run *first);

#endif
