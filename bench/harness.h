/* harness.h: times every contender on one workload, interleaved, and measures what they computed.
 * Called by main.c; rules.c judges the measurements and report.c shows them. */
#ifndef SJ_BENCH_HARNESS_H
#define SJ_BENCH_HARNESS_H

#include "peer.h"

#define BENCH_MAX_ROUNDS 64
#define BENCH_MAX_PEERS 32

/* One contender on one workload. Times are nanoseconds per entry (bench_entries). */
typedef struct measurement {
    const peer *contender;
    bench_case what;
    double median, fastest, slowest;
    double over_copy;   /* median over the first limit's: memcpy, or memset for a Jacobian */
    double bandwidth;   /* of the compulsory bytes, over that limit's */
    double worst_error; /* see truth.h; NaN where not measured */
} measurement;

typedef struct timing {
    size_t rounds;     /* 1 .. BENCH_MAX_ROUNDS */
    double sample_ns;  /* a sample repeats the call until it lasts about so long */
    double most_ns;    /* of one contender on one workload: a slow one skips rounds, to three, or one if a call takes so
                          long */
    const bool *takes; /* which of peers[] take part */
} timing;

/* Writes one measurement for each contender that has the operation, in the order of peers[]; returns how many. */
size_t harness_run(const bench_case *what, const timing *how, measurement *out);

#endif
