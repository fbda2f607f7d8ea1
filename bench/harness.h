/* harness.h: times every contender on one workload, interleaved, and measures what they computed.
 * Called by main.c, whose table and file report.c writes. */
#ifndef SJ_BENCH_HARNESS_H
#define SJ_BENCH_HARNESS_H

#include "peer.h"

#define BENCH_MAX_ROUNDS 64

/* One contender on one workload. Times are nanoseconds per entry of the result. */
typedef struct measurement {
    const peer *contender;
    bench_op op;
    sj_dtype dtype;
    bench_shape shape;
    double median, fastest, slowest;
    double over_copy;   /* median over the copy's median */
    double bandwidth;   /* of the compulsory bytes, over the copy's */
    double worst_error; /* see truth.h; NaN where not measured */
} measurement;

typedef struct plan {
    size_t rounds;     /* 1 .. BENCH_MAX_ROUNDS */
    double sample_ns;  /* a sample repeats the call until it lasts about so long */
    const bool *takes; /* which of peers[] take part */
} plan;

/* Writes one measurement for each contender that has the operation, in the order of peers[]; returns how many. */
size_t harness_run(bench_op op, sj_dtype dtype, bench_shape shape, const plan *how, measurement *out);

#endif
