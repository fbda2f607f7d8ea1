/* limits.c: what this machine allows: memcpy of the logits, memset of a Jacobian's result, and stores past the caches.
 * Every other time is read against them. With more threads, each has its own part of the arrays. */
#include "peer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define MAX_THREADS 64
#define LINE 64

typedef void mover(char *to, const char *from, size_t bytes);

typedef struct job {
    mover *move;
    char *to;
    const char *from;
    size_t bytes;
    int threads;
} job;

typedef struct part {
    const job *whole;
    size_t first, bytes, calls;
} part;

static const char *version(const peer *self) {
    (void)self;
    return "";
}

static void copy(char *to, const char *from, size_t bytes) { memcpy(to, from, bytes); }

static void fill(char *to, const char *from, size_t bytes) {
    (void)from;
    memset(to, 0, bytes);
}

/* Whole lines from a page's beginning, which the workload's arrays have. */
static void fill_past_caches(char *to, const char *from, size_t bytes) {
    (void)from;
#if defined(__SSE2__)
    size_t i = 0;
    for (; i + LINE <= bytes; i += LINE) {
        for (size_t k = 0; k < LINE; k += 16) _mm_stream_si128((__m128i *)(void *)(to + i + k), _mm_setzero_si128());
    }
    memset(to + i, 0, bytes - i);
    _mm_sfence();
#else
    memset(to, 0, bytes);
#endif
}

static void *open_job(const workload *w, mover *move) {
    job *j = malloc(sizeof *j);
    if (j == NULL) return NULL;
    const size_t entries = move == copy ? w->logits : w->results;
    *j = (job){move, w->out, w->z, entries * w->item, w->what.threads < MAX_THREADS ? w->what.threads : MAX_THREADS};
    return j;
}

static void *open_copy(const peer *self, const workload *w) {
    (void)self;
    return w->what.op == OP_JACOBIAN ? NULL : open_job(w, copy);
}

static void *open_fill(const peer *self, const workload *w) {
    (void)self;
    return w->what.op == OP_JACOBIAN ? open_job(w, fill) : NULL;
}

static void *open_stream(const peer *self, const workload *w) {
    (void)self;
    return w->what.op == OP_LOGSUMEXP ? NULL : open_job(w, fill_past_caches);
}

/* The memory must be touched on every call although nothing reads it. */
static void keep(const void *memory) { __asm__ volatile("" : : "r"(memory) : "memory"); }

static void *run_part(void *given) {
    const part *p = given;
    for (size_t i = 0; i < p->calls; i++) {
        p->whole->move(p->whole->to + p->first, p->whole->from + p->first, p->bytes);
        keep(p->whole->to);
    }
    return NULL;
}

static double run(void *opened, size_t calls) {
    const job *j = opened;
    const size_t count = j->threads > 1 ? (size_t)j->threads : 1, each = j->bytes / count / LINE * LINE;
    part parts[MAX_THREADS] = {{j, 0, count > 1 ? each : j->bytes, calls}};
    pthread_t threads[MAX_THREADS];
    size_t started = 1;
    bool failed = false;
    const double start = bench_now();
    while (started < count && !failed) {
        const size_t first = started * each;
        parts[started] = (part){j, first, started + 1 < count ? each : j->bytes - first, calls};
        failed = pthread_create(&threads[started], NULL, run_part, &parts[started]) != 0;
        if (!failed) started++;
    }
    run_part(&parts[0]);
    for (size_t i = 1; i < started; i++) pthread_join(threads[i], NULL);
    return failed ? -1 : bench_now() - start;
}

const peer peer_memcpy = {"memcpy", PEER_LIMIT, peer_never_missing, version, open_copy, run, free, NULL};
const peer peer_memset = {"memset", PEER_LIMIT, peer_never_missing, version, open_fill, run, free, NULL};
const peer peer_stream = {"nt-fill", PEER_LIMIT, peer_never_missing, version, open_stream, run, free, NULL};
