/* harness.c: the timing. In every round each contender gives one sample, the limits first, so that a change of the
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
    size_t every; /* takes part in each round whose number this divides */
    size_t count; /* samples taken */
    double worst_error;
    double samples[BENCH_MAX_ROUNDS]; /* ns of one call */
} lane;

double bench_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static bool broken(const peer *contender, const workload *w) {
    fprintf(stderr, "bench: %s failed: %s %s\n", contender->name, bench_op_names[w->what.op],
            bench_dtype_name(w->what.dtype));
    return false;
}

/* Limits and parts compute no result of the operation. */
static bool has_result(const peer *p) { return p->kind == PEER_OURS || p->kind == PEER_EXACT || p->kind == PEER_OTHER; }

/* Runs once to warm caches and pages and to have its result measured, then finds how many calls fill a sample. */
static bool warm_up(lane *l, const workload *w, const truth *t, const timing *how) {
    memset(w->out, 0xff, w->results * w->item); /* NaN: what is not written shows */
    double elapsed = l->contender->run(l->job, 1);
    if (elapsed < 0) return broken(l->contender, w);
    l->worst_error = t != NULL && has_result(l->contender) ? truth_worst_error(t, w) : NAN;
    for (l->calls = 1; elapsed < how->most_ns;) {
        elapsed = l->contender->run(l->job, l->calls);
        if (elapsed < 0) return broken(l->contender, w);
        if (elapsed >= how->sample_ns) break;
        const double wanted = ceil((double)l->calls * how->sample_ns / fmax(elapsed, 1));
        if (wanted <= 8 * (double)l->calls) {
            elapsed *= wanted / (double)l->calls;
            l->calls = (size_t)wanted;
            break;
        }
        l->calls *= 8; /* the first calls are slower than the rest: approach */
    }
    const size_t least = elapsed < how->most_ns ? 3 : 1;
    const size_t most = (size_t)fmin(how->most_ns / elapsed, (double)how->rounds);
    l->every = how->rounds / (most < least ? least : most);
    l->every = l->every < 1 ? 1 : l->every;
    return true;
}

static size_t open_lanes(lane *lanes, const workload *w, const truth *t, const timing *how) {
    size_t count = 0;
    for (size_t i = 0; i < peer_count; i++) {
        lane *l = &lanes[count];
        if (!how->takes[i]) continue;
        *l = (lane){.contender = peers[i], .job = peers[i]->open(peers[i], w)};
        if (l->job == NULL) continue;
        if (warm_up(l, w, t, how)) {
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

static measurement summarise(lane *l, const workload *w) {
    const double entries = (double)bench_entries(&w->what);
    measurement m = {.contender = l->contender, .what = w->what, .worst_error = l->worst_error};
    if (l->count == 0) {
        m.median = m.fastest = m.slowest = NAN;
        return m;
    }
    qsort(l->samples, l->count, sizeof l->samples[0], by_size);
    m.median = (l->samples[l->count / 2] + l->samples[(l->count - 1) / 2]) / 2 / entries;
    m.fastest = l->samples[0] / entries;
    m.slowest = l->samples[l->count - 1] / entries;
    return m;
}

/* The compulsory bytes over those the copy (or the fill) moves for the same entries. */
static double bytes_over_copy(const bench_case *what) {
    const double moved = (double)(bench_entries(what) * bench_item(what->dtype)) * (what->op == OP_JACOBIAN ? 1 : 2);
    return bench_compulsory_bytes(what) / moved;
}

/* A pause lets the waiting threads of the contender before fall asleep. */
static void settle(int threads) {
    const struct timespec pause = {0, 2000000};
    if (threads > 1) nanosleep(&pause, NULL);
}

static void run_rounds(lane *lanes, size_t count, const workload *w, const timing *how) {
    for (size_t round = 0; round < how->rounds; round++) {
        for (size_t i = 0; i < count; i++) {
            lane *l = &lanes[i];
            if (round % l->every != 0) continue;
            settle(w->what.threads);
            const double elapsed = l->contender->run(l->job, l->calls);
            if (elapsed >= 0) l->samples[l->count++] = elapsed / (double)l->calls;
        }
    }
}

static void close_lanes(lane *lanes, size_t count, const workload *w, measurement *out) {
    for (size_t i = 0; i < count; i++) {
        const bool limit = lanes[0].contender->kind == PEER_LIMIT;
        out[i] = summarise(&lanes[i], w);
        out[i].over_copy = limit ? out[i].median / out[0].median : NAN;
        out[i].bandwidth = !has_result(out[i].contender) ? NAN : bytes_over_copy(&w->what) / out[i].over_copy;
        lanes[i].contender->close(lanes[i].job);
    }
}

size_t harness_run(const bench_case *what, const timing *how, measurement *out) {
    workload w;
    size_t count = 0;
    lane *lanes = calloc(peer_count, sizeof *lanes);
    if (lanes == NULL || !workload_open(&w, what)) {
        fprintf(stderr, "bench: out of memory for %zu x %zu\n", what->rows, what->n);
        free(lanes);
        return 0;
    }
    truth *t = truth_new(&w);
    count = open_lanes(lanes, &w, t, how);
    run_rounds(lanes, count, &w, how);
    close_lanes(lanes, count, &w, out);
    truth_free(t);
    workload_close(&w);
    free(lanes);
    return count;
}
