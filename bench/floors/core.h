/* core.h: parts of the kernels of one set and table alone, for floors: what a call must do at least, by the algorithms
 * that the kernels have. Filled by core.c and exact_core.c, timed by peers/floors.c. */
#ifndef SJ_BENCH_FLOORS_CORE_H
#define SJ_BENCH_FLOORS_CORE_H

#include "kernel/run.h"
#include "workload.h"

/* Entries of an array that, with four like it, stay in the first cache. */
#define FLOOR_BYTES ((size_t)6144)

/* Arrays of FLOOR_BYTES and some, in the first cache. */
typedef struct floor_case {
    bench_op op;
    size_t n;
    bool beside; /* rows of up to 64 entries lie side by side */
    void *z, *g, *out;
} floor_case;

typedef struct floor_core {
    const char *set;
    sj_dtype dtype;
    /* The arithmetic of the entries of some rows, `times`: weights and sums, the sum of products, results, and for rows
     * of up to 64 their turning; no maxima, nothing that a row has once. Returns the entries of one time. */
    size_t (*entries)(const floor_case *c, size_t times);
    /* The turning alone, of blocks of such rows. */
    size_t (*turning)(const floor_case *c, size_t times);
    /* All of a run: what a call does beside is its checks and its plan. */
    void (*kernel)(bench_op op, const sj_run *run);
    /* Of a run of rows side by side: their copies to the stage, and back. */
    void (*copies)(const sj_run *run);
    /* Of a run of Jacobians: every line stored, copied from one. */
    void (*lines)(const sj_run *run);
} floor_core;

static inline bool floor_has_cotangent(bench_op op) { return op == OP_VJP_OF_SOFTMAX || op == OP_VJP || op == OP_JVP; }

/* What is timed is not left out, nor moved out of its loop. */
static inline void floor_keep(const void *memory) { __asm__ volatile("" : : "r"(memory) : "memory"); }

#endif
