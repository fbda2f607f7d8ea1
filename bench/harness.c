/* harness.c: the timing. In every round each contender gives one sample, the copy first, so that a change of the
 * machine's speed hits all of them; the figures are medians over the rounds. Called by main.c, calls peers/ and
 * truth.c. */
#include "harness.h"

#include "truth.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct lane {
    const peer *contender;
    void *job;
    size_t calls; /* per sample */
    double worst_error;
    double samples[BENCH_MAX_ROUNDS]; /* ns of one call */
} lane;

double bench_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static bool broken(const peer *contender) {
    fprintf(stderr, "bench: %s failed\n", contender->name);
    return false;
}

/* Runs once to warm caches and pages and to have its result measured, then finds how many calls fill a sample. */
static bool warm_up(lane *l, const workload *w, const truth *t, double sample_ns) {
    memset(w->out, 0xff, w->results * w->item); /* NaN: what is not written shows */
    if (l->contender->run(l->job, 1) < 0) return broken(l->contender);
    l->worst_error = t != NULL && l->contender->computes ? truth_worst_error(t, w) : NAN;
    l->calls = 1;
    for (;;) {
        const double elapsed = l->contender->run(l->job, l->calls);
        if (elapsed < 0) return broken(l->contender);
        if (elapsed >= sample_ns) return true;
        const double wanted = ceil((double)l->calls * sample_ns / fmax(elapsed, 1));
        if (wanted > 8 * (double)l->calls) {
            l->calls *= 8; /* the first calls are slower than the rest: approach */
        } else {
            l->calls = (size_t)wanted;
            return true;
        }
    }
}

static size_t open_lanes(lane *lanes, const workload *w, const truth *t, const plan *how) {
    size_t count = 0;
    for (size_t i = 0; i < peer_count; i++) {
        lane *l = &lanes[count];
        if (!how->takes[i]) continue;
        *l = (lane){.contender = peers[i], .job = peers[i]->open(w)};
        if (l->job == NULL) continue;
        if (warm_up(l, w, t, how->sample_ns)) {
            count++;
        } else {
            peers[i]->close(l->job);
        }
    }
    return count;
}

static int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static measurement summarise(lane *l, const workload *w, size_t rounds) {
    const double entries = (double)w->results;
    measurement m = {l->contender, w->op, w->dtype, {w->rows, w->n}, 0, 0, 0, 0, 0, l->worst_error};
    qsort(l->samples, rounds, sizeof l->samples[0], by_size);
    m.median = (l->samples[rounds / 2] + l->samples[(rounds - 1) / 2]) / 2 / entries;
    m.fastest = l->samples[0] / entries;
    m.slowest = l->samples[rounds - 1] / entries;
    return m;
}

/* What must be read and written for one entry of the result, over what the copy (or the fill) moves for it. */
static double compulsory_bytes(const measurement *m) {
    if (!m->contender->computes) return 1;
    switch (m->op) {
    case OP_SOFTMAX:
        return 1;
    case OP_JACOBIAN:
        return 1 + 1 / (double)m->shape.n;
    default:
        return 3 / 2.0; /* two inputs */
    }
}

static size_t run_rounds(lane *lanes, size_t count, const workload *w, const plan *how, measurement *out) {
    for (size_t round = 0; round < how->rounds; round++) {
        for (size_t i = 0; i < count; i++) {
            lane *l = &lanes[i];
            l->samples[round] = l->contender->run(l->job, l->calls) / (double)l->calls;
        }
    }
    for (size_t i = 0; i < count; i++) {
        out[i] = summarise(&lanes[i], w, how->rounds);
        out[i].over_copy = lanes[0].contender->computes ? NAN : out[i].median / out[0].median;
        out[i].bandwidth = compulsory_bytes(&out[i]) / out[i].over_copy;
        lanes[i].contender->close(lanes[i].job);
    }
    return count;
}

size_t harness_run(bench_op op, sj_dtype dtype, bench_shape shape, const plan *how, measurement *out) {
    workload w;
    size_t count = 0;
    lane *lanes = calloc(peer_count, sizeof *lanes);
    if (lanes == NULL || !workload_open(&w, op, dtype, shape)) {
        fprintf(stderr, "bench: out of memory for %zu x %zu\n", shape.rows, shape.n);
        free(lanes);
        return 0;
    }
    truth *t = truth_new(&w);
    count = run_rounds(lanes, open_lanes(lanes, &w, t, how), &w, how, out);
    truth_free(t);
    workload_close(&w);
    free(lanes);
    return count;
}
