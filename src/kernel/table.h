/* table.h: the table of kernels one set offers for one dtype; each entry serves every row of a run.
 * Built by table.c once per set and dtype, picked by plan/dispatch.c. */
#ifndef SJ_KERNEL_TABLE_H
#define SJ_KERNEL_TABLE_H

#include "reading.h"

typedef void sj_kernel(const sj_run *run);

/* n entries to `to`. */
typedef void sj_select(const sj_selection *from, size_t n, char *to);

/* `count` entries of half precision, `stride` apart, to floats, and back, each the nearest. */
typedef void sj_widen(const char *from, sj_dtype dtype, ptrdiff_t stride, size_t count, float *to);
typedef void sj_narrow(const float *from, size_t count, char *to, sj_dtype dtype, ptrdiff_t stride);

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
    SJ_OP_SECOND,        /* derivative of <u, J(z) g>, and with h: plus J h; in doubles, of default mode */
    SJ_OP_STATE,         /* of pieces of rows, not in exact mode */
    SJ_OP_STATE_SOFTMAX, /* of pieces of rows whose state is known, as the rest */
    SJ_OP_STATE_LOG_SOFTMAX,
    SJ_OP_STATE_LOGSUMEXP,
    SJ_OP_STATE_DOT, /* in exact mode of the weights as well */
    SJ_OP_STATE_PRODUCT,
    SJ_OP_STATE_GRADIENT,
    SJ_OP_STATE_LOG_GRADIENT,
    SJ_OP_STATE_LOSS,
    SJ_OP_CROSS_ENTROPY,      /* of labels; not in exact mode, nor is the next */
    SJ_OP_CROSS_ENTROPY_SOFT, /* of probabilities, or labels with smoothing */
    SJ_OPERATIONS
} sj_operation;

/* Results are rows as long as those of the logits. */
static inline bool sj_emits_rows(sj_operation operation) {
    switch (operation) {
    case SJ_OP_LOGSUMEXP:
    case SJ_OP_JACOBIAN:
    case SJ_OP_LOG_JACOBIAN:
    case SJ_OP_STATE:
    case SJ_OP_STATE_LOGSUMEXP:
    case SJ_OP_STATE_DOT:
        return false;
    default:
        return true;
    }
}

typedef struct sj_kernels sj_kernels;
struct sj_kernels {
    sj_kernel *rows[SJ_OPERATIONS];
    sj_kernel *by_row[SJ_OPERATIONS]; /* of runs read by row */
    sj_kernel *scaled[SJ_OPERATIONS]; /* of runs read as rows with nothing but a scale */
    size_t lanes;     /* rows of at most short_row entries are taken this many at a time, a power of two, and fewer cost
                         as much */
    size_t short_row; /* 0: every row is taken by itself */
    size_t staged;    /* entries of the longest row that is better selected first, where some are masked */
    sj_select *select;
    size_t staged_halves; /* entries of the longest row of half precision that is better staged as floats; 0: none is */
    sj_widen *widen;
    sj_narrow *narrow;          /* NULL: results are rounded once, from more digits than a float's */
    size_t span;                /* a team may share rows of more entries; SIZE_MAX: none */
    const sj_kernels *narrower; /* takes fewer at a time, with the same bits, in the operations it has; NULL: there is
                                   none */
    sj_join *join;              /* of exact mode: what joins states, and products */
    sj_join_products *join_products;
};

#endif
