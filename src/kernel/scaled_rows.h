/* scaled_rows.h: every operation for rows that nothing but a scale is beside: the kernels of rows without one, weighing
 * logits times the scale. Rows that are not near then are left to by_row.h's way of reading. Called through table.c. */
#ifndef SJ_KERNEL_SCALED_ROWS_H
#define SJ_KERNEL_SCALED_ROWS_H

#include "derivatives.h"

static void softmax_scaled_long_rows(row *r) {
    group_rows(r, GROUP_SUM, WEIGH_SCALED_SHALLOW, scaled_group_softmax, softmax_row);
}
static void log_softmax_scaled_long_rows(row *r) {
    group_rows(r, GROUP_REST, WEIGH_SCALED_SHALLOW, scaled_group_log_softmax, log_softmax_row);
}
static void logsumexp_scaled_long_rows(row *r) {
    group_rows(r, GROUP_REST, WEIGH_SCALED_SHALLOW, scaled_group_logsumexp, logsumexp_row);
}

static void softmax_scaled(const sj_run *run) {
    serve_rows(run, softmax_scaled, scaled_block_reduce_whole, softmax_block, softmax_row, softmax_scaled_long_rows);
}
static void log_softmax_scaled(const sj_run *run) {
    serve_rows(run, log_softmax_scaled, scaled_block_reduce, scaled_log_softmax_block, log_softmax_row,
               log_softmax_scaled_long_rows);
}
static void logsumexp_scaled(const sj_run *run) {
    serve_rows(run, logsumexp_scaled, scaled_block_reduce, scaled_logsumexp_block, logsumexp_row,
               logsumexp_scaled_long_rows);
}
static inline void gradient_scaled(const sj_run *run) {
    serve(run, gradient_scaled, scaled_block_reduce, scaled_gradient_block, any_gradient);
}
static inline void log_gradient_scaled(const sj_run *run) {
    serve(run, log_gradient_scaled, scaled_block_reduce, scaled_log_gradient_block, any_log_gradient);
}
static inline void product_scaled(const sj_run *run) {
    serve(run, product_scaled, scaled_block_reduce, scaled_product_block, any_product);
}
static inline void log_vjp_scaled(const sj_run *run) {
    serve(run, log_vjp_scaled, scaled_block_reduce, scaled_log_vjp_block, any_log_vjp);
}
static inline void log_jvp_scaled(const sj_run *run) {
    serve(run, log_jvp_scaled, scaled_block_reduce, scaled_log_jvp_block, any_log_jvp);
}

#endif
