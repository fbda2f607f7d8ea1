/* workload.h: what is timed: an operation on a matrix of rows x n, its inputs and the place of its result.
 * Made by workload.c for harness.c; read by every peer and by truth.c. */
#ifndef SJ_BENCH_WORKLOAD_H
#define SJ_BENCH_WORKLOAD_H

#include <softjac.h>

#include <stdbool.h>

typedef enum bench_op {
    OP_SOFTMAX,
    OP_VJP_OF_SOFTMAX, /* backward with s kept by the forward pass */
    OP_VJP,            /* from the logits: forward and backward in one */
    OP_JACOBIAN,       /* one n x n block a row */
    OP_COUNT
} bench_op;

extern const char *const bench_op_names[OP_COUNT]; /* as on the command line */

typedef struct bench_shape {
    size_t rows, n;
} bench_shape;

#define BENCH_SHAPES 7
extern const bench_shape bench_shapes[BENCH_SHAPES];

/* All arrays are C-ordered and contiguous and live in one file mapping that worker processes can map too: z, s =
 * softmax(z) and g from offset 0, `stride` bytes apart, then out. */
typedef struct workload {
    bench_op op;
    sj_dtype dtype;
    size_t rows, n;
    void *z, *s, *g, *out;
    size_t results;    /* entries of out: rows * n, or rows * n * n */
    size_t item;       /* bytes of an entry */
    size_t stride;     /* bytes from z to s, and from s to g, and from g to out */
    int file;          /* the mapped file */
    size_t file_bytes; /* its size */
} workload;

/* The shape an operation really runs on: rows are cut where a Jacobian would pass 2^24 entries; 0 rows if none fits. */
bench_shape workload_shape(bench_op op, bench_shape shape);

/* Fills w with deterministic inputs. False when out of memory. */
bool workload_open(workload *w, bench_op op, sj_dtype dtype, bench_shape shape);
void workload_close(workload *w);

double workload_read(const workload *w, const void *array, size_t i);

#endif
