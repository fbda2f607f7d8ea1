/* derivatives.h: the derivatives of every row of a run: blocks of short rows, long rows, and the rows that have no
 * state. Called through table.c. */
#ifndef SJ_KERNEL_DERIVATIVES_H
#define SJ_KERNEL_DERIVATIVES_H

#include "long_products.h"
#include "product_groups.h"

/* One row of a derivative: its reduction, then `finite`, or the fill of a row that has no state. */
typedef void fill_function(row *r, double value);

static inline void derivative_row(row *r, keeping keep, row_function *finite, fill_function *fill) {
    switch (row_reduce(r, keep)) {
    case ROW_NAN:
        fill(r, NAN);
        break;
    case ROW_EMPTY:
        fill(r, 0);
        break;
    case ROW_FINITE:
        finite(r);
    }
}

static inline void softmax_gradient_row(row *r) { gradient_row(r, false); }
static inline void log_softmax_gradient_row(row *r) { gradient_row(r, true); }
static inline void softmax_jacobian_row(row *r) { jacobian_of_row(r, false); }
static inline void log_softmax_jacobian_row(row *r) { jacobian_of_row(r, true); }

static void any_gradient(row *r) { derivative_row(r, KEEP_PAIRS, softmax_gradient_row, row_fill); }
static void any_log_gradient(row *r) { derivative_row(r, KEEP_PAIRS, log_softmax_gradient_row, row_fill); }
static void any_jacobian(row *r) { derivative_row(r, KEEP_PAIRS, softmax_jacobian_row, jacobian_fill); }
static void any_log_jacobian(row *r) { derivative_row(r, KEEP_PAIRS, log_softmax_jacobian_row, jacobian_fill); }
static void any_product(row *r) {
    if (given_product_row(r) || long_product_row(r, product_emit)) return;
    derivative_row(r, KEEP_PRODUCT, product_row, row_fill);
}
static void any_log_vjp(row *r) { derivative_row(r, KEEP_PAIRS, log_vjp_row, row_fill); }
static void any_log_jvp(row *r) {
    if (!long_product_row(r, log_jvp_emit)) derivative_row(r, KEEP_PRODUCT, log_jvp_row, row_fill);
}

static void long_products(row *r) { product_groups(r, PRODUCT_OF_SOFTMAX, any_product); }
static void long_products_of_given(row *r) { product_groups(r, PRODUCT_OF_GIVEN, any_product); }
static void long_log_jvps(row *r) { product_groups(r, PRODUCT_OF_LOG, any_log_jvp); }

static void gradient_rows(const sj_run *run) { serve(run, gradient_rows, block_reduce, gradient_block, any_gradient); }
static void log_gradient_rows(const sj_run *run) {
    serve(run, log_gradient_rows, block_reduce, log_gradient_block, any_log_gradient);
}
static void jacobian_rows(const sj_run *run) { serve(run, jacobian_rows, block_reduce, jacobian_block, any_jacobian); }
static void log_jacobian_rows(const sj_run *run) {
    serve(run, log_jacobian_rows, block_reduce, log_jacobian_block, any_log_jacobian);
}
static void product_rows(const sj_run *run) {
    if (given_serves(run))
        serve_rows(run, product_rows, given_block_load, given_product_block, any_product, long_products_of_given);
    else
        serve_rows(run, product_rows, block_reduce, product_block, any_product, long_products);
}
static void log_vjp_rows(const sj_run *run) { serve(run, log_vjp_rows, block_reduce, log_vjp_block, any_log_vjp); }
static void log_jvp_rows(const sj_run *run) {
    serve_rows(run, log_jvp_rows, block_reduce, log_jvp_block, any_log_jvp, long_log_jvps);
}

#endif
