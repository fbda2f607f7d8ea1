/* by_row.h: every operation for rows whose entries are masked as they are read, one after the other. Called through
 * table.c. */
#ifndef SJ_KERNEL_BY_ROW_H
#define SJ_KERNEL_BY_ROW_H

#include "derivatives.h"

/* Every row of a run whose entries are masked as they are read. by_row: the function that asks for it. */
V_OUTLINE void serve_by_row(const sj_run *run, run_function *by_row, row_function *single) {
    if (!ACROSS && !run->reading->scales && columns_serve(run)) {
        column_rows(run, by_row);
        v_end();
    } else {
        rows_alone(run, single, true);
    }
}

static void softmax_by_row(const sj_run *run) { serve_by_row(run, softmax_by_row, softmax_row); }
static void log_softmax_by_row(const sj_run *run) { serve_by_row(run, log_softmax_by_row, log_softmax_row); }
static void logsumexp_by_row(const sj_run *run) { serve_by_row(run, logsumexp_by_row, logsumexp_row); }
static void gradient_by_row(const sj_run *run) { serve_by_row(run, gradient_by_row, any_gradient); }
static void log_gradient_by_row(const sj_run *run) { serve_by_row(run, log_gradient_by_row, any_log_gradient); }
static void jacobian_by_row(const sj_run *run) { serve_by_row(run, jacobian_by_row, any_jacobian); }
static void log_jacobian_by_row(const sj_run *run) { serve_by_row(run, log_jacobian_by_row, any_log_jacobian); }
static void product_by_row(const sj_run *run) { serve_by_row(run, product_by_row, any_product); }
static void log_vjp_by_row(const sj_run *run) { serve_by_row(run, log_vjp_by_row, any_log_vjp); }
static void log_jvp_by_row(const sj_run *run) { serve_by_row(run, log_jvp_by_row, any_log_jvp); }

#endif
