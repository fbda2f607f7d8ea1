/* xnnpack.c: XNNPACK's softmax operator: float32, forward only. Creation and set-up are not timed.
 * Compiled only where the library is found. */
#include "peer.h"

#include <stdlib.h>

#include <xnnpack.h>

typedef struct job {
    xnn_operator_t softmax;
} job;

static const char *missing(void) {
    return xnn_initialize(NULL) == xnn_status_success ? NULL : "XNNPACK does not run on this machine";
}

static void close_job(void *opened) {
    job *j = opened;
    if (j->softmax != NULL) xnn_delete_operator(j->softmax);
    free(j);
}

static void *open_job(const workload *w) {
    if (w->op != OP_SOFTMAX || w->dtype != SJ_F32) return NULL;
    job *j = calloc(1, sizeof *j);
    if (j == NULL) return NULL;
    if (xnn_create_softmax_nc_f32(w->n, w->n, w->n, 0, &j->softmax) != xnn_status_success ||
        xnn_setup_softmax_nc_f32(j->softmax, w->rows, w->z, w->out, NULL) != xnn_status_success) {
        close_job(j);
        return NULL;
    }
    return j;
}

static bool call(void *opened) {
    job *j = opened;
    return xnn_run_operator(j->softmax, NULL) == xnn_status_success;
}

/* Its interface names none. */
static const char *version(void) { return ""; }

static double run(void *opened, size_t calls) { return bench_time_calls(call, opened, calls); }

const peer peer_xnnpack = {"XNNPACK", missing, version, open_job, run, close_job, true};
