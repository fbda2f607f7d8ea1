/* exact_table.c: the kernels of exact mode of one set, as one constant table, for every dtype. Compiled once per set
 * with the set's flags, -DSJ_SET=<name> and -DSJ_REAL_f64; picked at run time by plan/dispatch.c. */
#include "table.h"

#include "exact/rows.h"

#define JOIN3(a, b, c) a##b##_##c
#define TABLE_NAME(set) JOIN3(sj_kernels_, set, exact)

extern const sj_kernels TABLE_NAME(SJ_SET);

const sj_kernels TABLE_NAME(SJ_SET) = {{
    [SJ_OP_SOFTMAX] = softmax_rows,
    [SJ_OP_LOG_SOFTMAX] = log_softmax_rows,
    [SJ_OP_LOGSUMEXP] = logsumexp_rows,
    [SJ_OP_GRADIENT] = gradient_rows,
    [SJ_OP_LOG_GRADIENT] = log_gradient_rows,
    [SJ_OP_JACOBIAN] = jacobian_rows,
    [SJ_OP_LOG_JACOBIAN] = log_jacobian_rows,
    [SJ_OP_PRODUCT] = product_rows,
    [SJ_OP_LOG_VJP] = log_vjp_rows,
    [SJ_OP_LOG_JVP] = log_jvp_rows,
}};
