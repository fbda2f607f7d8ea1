/* workload.h: what is timed: an operation on rows x n logits along the last or the first axis, its inputs and the place
 * of its result. Made by workload.c for harness.c; read by every peer and by truth.c. */
#ifndef SJ_BENCH_WORKLOAD_H
#define SJ_BENCH_WORKLOAD_H

#include "kernel/half.h"

#include <softjac.h>

#include <stdbool.h>

typedef enum bench_op {
    OP_SOFTMAX,
    OP_LOG_SOFTMAX,
    OP_LOGSUMEXP,
    OP_GRADIENT,       /* of output n / 2 */
    OP_VJP_OF_SOFTMAX, /* backward with s kept by the forward pass */
    OP_VJP,            /* from the logits: forward and backward in one */
    OP_JVP,            /* from the logits */
    OP_JACOBIAN,       /* one n x n block a row */
    OP_CROSS_ENTROPY,  /* the mean loss of labels, and its gradient in place of the logits */
    OP_MASKED_SOFTMAX, /* by a boolean mask of the logits' shape */
    OP_CAUSAL_SOFTMAX, /* entry k of row i takes part where k <= i */
    OP_COUNT
} bench_op;

extern const char *const bench_op_names[OP_COUNT]; /* as on the command line */

/* One line of the plan: what is timed, without its data. */
typedef struct bench_case {
    bench_op op;
    sj_dtype dtype;
    bool first_axis; /* the classes lie along axis 0 of (n, rows), else along axis 1 of (rows, n) */
    int threads;
    size_t rows, n;
} bench_case;

/* All arrays are C-ordered and contiguous and live in one file mapping that worker processes can map too: z, s =
 * softmax(z) and g from offset 0, `stride` bytes apart, then out. g is the second input: cotangents, or int64 labels,
 * one a row, or the mask, a byte an entry. */
typedef struct workload {
    bench_case what;
    size_t item; /* bytes of an entry */
    void *z, *s, *g, *out;
    size_t logits;     /* rows * n */
    size_t results;    /* entries of the result */
    size_t stride;     /* bytes from z to s, and from s to g, and from g to out */
    int file;          /* the mapped file */
    size_t file_bytes; /* its size */
} workload;

size_t bench_item(sj_dtype dtype);
const char *bench_dtype_name(sj_dtype dtype);

/* A first derivative or what it is of, without options, in float32 or float64: what the regimes and floors are of. */
bool bench_is_plain(const bench_case *what);

/* Bytes the operation must read and write, each array once. */
double bench_compulsory_bytes(const bench_case *what);

/* Entries that times are divided by: the logits, or for a Jacobian the entries of the result. */
size_t bench_entries(const bench_case *what);

/* Fills w with deterministic inputs. False when out of memory. */
bool workload_open(workload *w, const bench_case *what);
void workload_close(workload *w);

/* Views of z, s or g, and of the result. */
static inline sj_view workload_input(const workload *w, const void *array) {
    const bench_case *what = &w->what;
    const size_t shape[2] = {what->first_axis ? what->n : what->rows, what->first_axis ? what->rows : what->n};
    sj_view view = sj_array(array, what->dtype, 2, shape);
    view.axis = what->first_axis ? 0 : -1;
    return view;
}

static inline sj_view workload_result(const workload *w) {
    const size_t blocks[3] = {w->what.rows, w->what.n, w->what.n};
    if (w->what.op == OP_JACOBIAN) return sj_array(w->out, w->what.dtype, 3, blocks);
    if (w->what.op == OP_LOGSUMEXP) return sj_array(w->out, w->what.dtype, 1, blocks);
    return workload_input(w, w->out);
}

/* Where class k of a row lies in an array of the logits' shape. */
static inline size_t workload_place(const workload *w, size_t row, size_t k) {
    return w->what.first_axis ? k * w->what.rows + row : row * w->what.n + k;
}

static inline double workload_read(const workload *w, const void *array, size_t at) {
    return element_load(array, w->what.dtype, (ptrdiff_t)at);
}

/* Whether class k of a row takes part: all do where there is no mask. */
static inline bool workload_takes(const workload *w, size_t row, size_t k) {
    if (w->what.op == OP_MASKED_SOFTMAX) return ((const uint8_t *)w->g)[workload_place(w, row, k)] != 0;
    return w->what.op != OP_CAUSAL_SOFTMAX || k <= row;
}

#endif
