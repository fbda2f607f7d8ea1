/* xnnpack.c: XNNPACK's softmax operator: float32, forward along the last axis only. Creation and set-up are not timed.
 * Compiled only where the library is found. */
#include "peer.h"

#include <stdlib.h>

#include <pthreadpool.h>
#include <xnnpack.h>

typedef struct job {
    xnn_operator_t softmax;
    pthreadpool_t pool; /* NULL: the calling thread alone */
} job;

static const char *missing(const peer *self) {
    (void)self;
    return xnn_initialize(NULL) == xnn_status_success ? NULL : "XNNPACK does not run on this machine";
}

static void close_job(void *opened) {
    job *j = opened;
    if (j->softmax != NULL) xnn_delete_operator(j->softmax);
    if (j->pool != NULL) pthreadpool_destroy(j->pool);
    free(j);
}

static void *open_job(const peer *self, const workload *w) {
    const size_t n = w->what.n;
    (void)self;
    if (w->what.op != OP_SOFTMAX || w->what.dtype != SJ_F32 || w->what.first_axis) return NULL;
    job *j = calloc(1, sizeof *j);
    if (j == NULL) return NULL;
    if (w->what.threads > 1) j->pool = pthreadpool_create((size_t)w->what.threads);
    if (xnn_create_softmax_nc_f32(n, n, n, 0, &j->softmax) != xnn_status_success ||
        xnn_setup_softmax_nc_f32(j->softmax, w->what.rows, w->z, w->out, j->pool) != xnn_status_success) {
        close_job(j);
        return NULL;
    }
    return j;
}

static bool call(void *opened) {
    job *j = opened;
    return xnn_run_operator(j->softmax, j->pool) == xnn_status_success;
}

/* Its interface names none. */
static const char *version(const peer *self) {
    (void)self;
    return "";
}

static double run(void *opened, size_t calls) { return bench_time_calls(call, opened, calls); }

const peer peer_xnnpack = {"XNNPACK", PEER_OTHER, missing, version, open_job, run, close_job, NULL};
