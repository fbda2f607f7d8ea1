/* softjac.c: this library through its public header, as a program would call it. */
#include "peer.h"

static const char *missing(void) { return NULL; }

static const char *version(void) { return sj_kernel_set(); }

static void *open_job(const workload *w) { return (void *)w; }

/* Views are built inside the timed call: they are part of what a call costs. */
static bool call(void *job) {
    const workload *w = job;
    const size_t shape[3] = {w->rows, w->n, w->n};
    const sj_view z = sj_array(w->z, w->dtype, 2, shape);
    const sj_view g = sj_array(w->g, w->dtype, 2, shape);
    const sj_view out = sj_array(w->out, w->dtype, w->op == OP_JACOBIAN ? 3 : 2, shape);
    sj_options given_softmax = SJ_OPTIONS_INIT;
    switch (w->op) {
    case OP_SOFTMAX:
        return sj_softmax(z, out, NULL) == SJ_OK;
    case OP_VJP:
        return sj_softmax_vjp(z, g, out, NULL) == SJ_OK;
    case OP_JACOBIAN:
        return sj_softmax_jacobian(z, SJ_BLOCKS, out, NULL) == SJ_OK;
    default:
        given_softmax.given = SJ_GIVEN_SOFTMAX;
        return sj_softmax_vjp(sj_array(w->s, w->dtype, 2, shape), g, out, &given_softmax) == SJ_OK;
    }
}

static double run(void *job, size_t calls) { return bench_time_calls(call, job, calls); }

static void close_job(void *job) { (void)job; }

const peer peer_softjac = {"softjac", missing, version, open_job, run, close_job, true};
