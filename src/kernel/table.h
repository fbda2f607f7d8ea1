/* table.h: the table of kernels one set offers for one dtype; each entry serves every row of a run.
 * Built by table.c once per set and dtype, picked by plan/dispatch.c. */
#ifndef SJ_KERNEL_TABLE_H
#define SJ_KERNEL_TABLE_H

#include "run.h"

typedef void sj_kernel(const sj_run *run);

typedef enum sj_operation {
    SJ_OP_SOFTMAX,
    SJ_OP_LOG_SOFTMAX,
    SJ_OP_LOGSUMEXP,
    SJ_OP_GRADIENT,
    SJ_OP_LOG_GRADIENT,
    SJ_OP_JACOBIAN,
    SJ_OP_LOG_JACOBIAN,
    SJ_OP_PRODUCT, /* VJP and JVP of softmax: J is symmetric */
    SJ_OP_LOG_VJP,
    SJ_OP_LOG_JVP,
    SJ_OPERATIONS
} sj_operation;

typedef struct sj_kernels {
    sj_kernel *rows[SJ_OPERATIONS];
} sj_kernels;

#endif
