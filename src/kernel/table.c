/* table.c: the kernels of one set for one dtype, or of exact mode for every dtype, as one constant table. Compiled once
 * per set and table with the set's flags, -DSJ_SET=<name> and -DSJ_REAL_f32, -DSJ_REAL_f64, or -DSJ_REAL_f64 with
 * -DSJ_EXACT_TABLE, and -DSJ_NARROWER=<name> where another set takes the rows that whole blocks leave over; picked at
 * run time by plan/dispatch.c. */
#include "table.h"

#include <stdint.h>

#if defined(SJ_EXACT_TABLE)
#include "exact/rows.h"
#define SERVES exact
#define BLOCK_ROWS 1
#define SHORT_ROW 0
#define SPAN SIZE_MAX
#define ACROSS 0
#else
#include "derivatives.h"
#define SERVES SJ_REAL
#endif

/* A set for single rows leaves to others what makes more than one row of it, or mixes its entries otherwise. */
#define OF_BLOCKS(rows) (ACROSS ? NULL : (rows))

#define JOIN3(a, b, c) a##b##_##c
#define TABLE_NAME(set, serves) JOIN3(sj_kernels_, set, serves)

extern const sj_kernels TABLE_NAME(SJ_SET, SERVES);

#if defined(SJ_NARROWER)
extern const sj_kernels TABLE_NAME(SJ_NARROWER, SERVES);
#define NARROWER &TABLE_NAME(SJ_NARROWER, SERVES)
#else
#define NARROWER NULL
#endif

const sj_kernels TABLE_NAME(SJ_SET, SERVES) = {
    .rows =
        {
            [SJ_OP_SOFTMAX] = softmax_rows,
            [SJ_OP_LOG_SOFTMAX] = log_softmax_rows,
            [SJ_OP_LOGSUMEXP] = logsumexp_rows,
            [SJ_OP_GRADIENT] = OF_BLOCKS(gradient_rows),
            [SJ_OP_LOG_GRADIENT] = OF_BLOCKS(log_gradient_rows),
            [SJ_OP_JACOBIAN] = OF_BLOCKS(jacobian_rows),
            [SJ_OP_LOG_JACOBIAN] = OF_BLOCKS(log_jacobian_rows),
            [SJ_OP_PRODUCT] = product_rows,
            [SJ_OP_LOG_VJP] = OF_BLOCKS(log_vjp_rows),
            [SJ_OP_LOG_JVP] = log_jvp_rows,
        },
    .lanes = BLOCK_ROWS,
    .short_row = SHORT_ROW,
    .span = SPAN,
    .narrower = NARROWER,
};
