/* peer.h: one contender of the benchmark: softjac itself, the copy it is compared with, or another library.
 * One file in peers/ for each; harness.c knows them only by this interface. */
#ifndef SJ_BENCH_PEER_H
#define SJ_BENCH_PEER_H

#include "workload.h"

typedef enum peer_kind {
    PEER_LIMIT, /* what the machine allows: a copy, a fill; its result is not compared with the truth */
    PEER_OURS,
    PEER_EXACT, /* ours, in exact mode */
    PEER_OTHER,
    PEER_FLOOR,      /* a part of ours alone, what no call does without; it has no result */
    PEER_EXACT_FLOOR /* the same of exact mode */
} peer_kind;

typedef struct peer peer;
struct peer {
    const char *name;
    peer_kind kind;
    /* NULL when it can run; else why not, for the reader. */
    const char *(*missing)(const peer *self);
    const char *(*version)(const peer *self);
    /* Everything that a program would do once for a shape and not once a call. NULL: it has no such operation. */
    void *(*open)(const peer *self, const workload *w);
    /* Does the work `calls` times, leaving the result in w->out; nanoseconds of all of them, negative on failure. */
    double (*run)(void *job, size_t calls);
    void (*close)(void *job);
    const void *detail; /* for its own file */
};

/* For contenders that are always there. */
static inline const char *peer_never_missing(const peer *self) {
    (void)self;
    return NULL;
}

/* The contenders of this build, peers/table.c: the limits first, then softjac, then the others. */
extern const peer *const peers[];
extern const size_t peer_count;

/* Names of contenders that this build lacks, and the packages that bring them; "" if none. */
extern const char peers_not_built[];

/* Monotonic time in nanoseconds. */
double bench_now(void);

/* run of a peer that lives in this process: `call` is one call and returns false on failure. */
static inline double bench_time_calls(bool (*call)(void *job), void *job, size_t calls) {
    const double start = bench_now();
    for (size_t i = 0; i < calls; i++) {
        if (!call(job)) return -1;
    }
    return bench_now() - start;
}

#endif
