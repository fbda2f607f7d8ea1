/* table.c: the kernels of one set for one dtype, or of exact mode for every dtype, as one constant table. Compiled once
 * per set and table with the set's flags, -DSJ_SET=<name> and -DSJ_REAL_f32, -DSJ_REAL_f64, or -DSJ_REAL_f64 with
 * -DSJ_EXACT_TABLE, and -DSJ_NARROWER=<name> where another set takes the rows that whole blocks leave over; picked at
 * run time by plan/dispatch.c. */
#include "table.h"

#include <stdint.h>

#if defined(SJ_EXACT_TABLE)
#include "exact/join.h"
#include "exact/losses.h"
#include "exact/rows.h"
#include "exact/states.h"
#define SERVES exact
#define BLOCK_ROWS 1
#define SHORT_ROW 0
#define STAGED 2048
#define BY_ROW(operation) operation##_rows
#define SCALED(operation) NULL
#define SPAN SIZE_MAX
#define ACROSS 0
#define HAS_LOSSES
#define HAS_ROWS
#define STAGES_HALVES
#define NARROW NULL
#elif defined(SJ_ACROSS) || defined(SJ_NARROW)
#include "losses.h"
#include "scaled_rows.h"
#define SERVES SJ_REAL
#define STAGED 0
#define BY_ROW(operation) NULL
#define SCALED(operation) operation##_scaled
#define HAS_LOSSES
#else
#include "by_row.h"
#include "losses.h"
#include "scaled_rows.h"
#if defined(SJ_REAL_f64)
#include "second.h"
#endif
#include "states.h"
#define SERVES SJ_REAL
#define HAS_LOSSES
#define HAS_ROWS
#define STAGED SHORT_ROW
#define BY_ROW(operation) operation##_by_row
#if defined(SJ_REAL_f32)
#define STAGES_HALVES
#define NARROW narrow_floats
#endif
#define SCALED(operation) operation##_scaled
#endif

/* A set for single rows leaves to others what makes more than one row of it, or mixes its entries otherwise. */
#define OF_BLOCKS(rows) (ACROSS ? NULL : (rows))

/* What is never taken in blocks is nothing for sets that take what blocks leave over. */
#if defined(HAS_ROWS)
#define OF_ROWS(rows) (rows)
#else
#define OF_ROWS(rows) NULL
#endif

/* Of default mode, and of doubles. */
#if defined(HAS_ROWS) && !defined(SJ_EXACT_TABLE)
#define OF_DEFAULT(rows) (rows)
#else
#define OF_DEFAULT(rows) NULL
#endif

#if defined(SJ_REAL_f64)
#define OF_DOUBLES(rows) OF_DEFAULT(rows)
#else
#define OF_DOUBLES(rows) NULL
#endif

#if defined(HAS_LOSSES)
#define OF_LOSSES(rows) OF_BLOCKS(rows)
#else
#define OF_LOSSES(rows) NULL
#endif

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
            [SJ_OP_SECOND] = OF_DOUBLES(second_rows),
            [SJ_OP_STATE] = OF_DEFAULT(state_rows),
            [SJ_OP_STATE_SOFTMAX] = OF_ROWS(state_softmax_rows),
            [SJ_OP_STATE_LOG_SOFTMAX] = OF_ROWS(state_log_softmax_rows),
            [SJ_OP_STATE_LOGSUMEXP] = OF_ROWS(state_logsumexp_rows),
            [SJ_OP_STATE_DOT] = OF_ROWS(state_dot_rows),
            [SJ_OP_STATE_PRODUCT] = OF_ROWS(state_product_rows),
            [SJ_OP_STATE_GRADIENT] = OF_ROWS(state_gradient_rows),
            [SJ_OP_STATE_LOG_GRADIENT] = OF_ROWS(state_log_gradient_rows),
            [SJ_OP_STATE_LOSS] = OF_ROWS(state_loss_rows),
            [SJ_OP_CROSS_ENTROPY] = OF_LOSSES(label_loss_rows),
            [SJ_OP_CROSS_ENTROPY_SOFT] = OF_LOSSES(soft_loss_rows),
        },
    .by_row =
        {
            [SJ_OP_SOFTMAX] = BY_ROW(softmax),
            [SJ_OP_LOG_SOFTMAX] = BY_ROW(log_softmax),
            [SJ_OP_LOGSUMEXP] = BY_ROW(logsumexp),
            [SJ_OP_GRADIENT] = BY_ROW(gradient),
            [SJ_OP_LOG_GRADIENT] = BY_ROW(log_gradient),
            [SJ_OP_JACOBIAN] = BY_ROW(jacobian),
            [SJ_OP_LOG_JACOBIAN] = BY_ROW(log_jacobian),
            [SJ_OP_PRODUCT] = BY_ROW(product),
            [SJ_OP_LOG_VJP] = BY_ROW(log_vjp),
            [SJ_OP_LOG_JVP] = BY_ROW(log_jvp),
        },
    .scaled =
        {
            [SJ_OP_SOFTMAX] = SCALED(softmax),
            [SJ_OP_LOG_SOFTMAX] = SCALED(log_softmax),
            [SJ_OP_LOGSUMEXP] = SCALED(logsumexp),
            [SJ_OP_GRADIENT] = OF_BLOCKS(SCALED(gradient)),
            [SJ_OP_LOG_GRADIENT] = OF_BLOCKS(SCALED(log_gradient)),
            [SJ_OP_PRODUCT] = SCALED(product),
            [SJ_OP_LOG_VJP] = OF_BLOCKS(SCALED(log_vjp)),
            [SJ_OP_LOG_JVP] = SCALED(log_jvp),
        },
    .lanes = BLOCK_ROWS,
    .short_row = SHORT_ROW,
    .staged = STAGED,
    .select = select_entries,
#if defined(STAGES_HALVES)
    .staged_halves = CHUNK,
    .widen = widen_floats,
    .narrow = NARROW,
#endif
    .span = SPAN,
    .narrower = NARROWER,
#if defined(SJ_EXACT_TABLE)
    .join = join_states,
    .join_products = join_products,
#endif
};
