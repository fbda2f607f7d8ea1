/* softjac.c: this library through its public header, as a program would call it, in default and in exact mode. */
#include "peer.h"

#include <stdlib.h>
#include <string.h>

typedef struct job {
    bench_op op;
    size_t n;
    sj_view from, g, out, loss;
    sj_options options;
    sj_loss_options how;
    double mean;        /* the loss, in the dtype of the logits */
    const void *logits; /* NULL unless the call takes their place */
    size_t logits_bytes;
} job;

static const char *version(const peer *self) {
    (void)self;
    return sj_kernel_set();
}

/* g in its other uses; the gradient of a loss takes the place of the logits. */
static void set_labels(job *j, const workload *w) {
    j->from = j->out;
    j->g = sj_array(w->g, SJ_I64, 1, &w->what.rows);
    j->loss = sj_array(&j->mean, w->what.dtype, 0, NULL);
    j->how.reduction = SJ_MEAN;
    j->logits = w->z;
    j->logits_bytes = w->logits * w->item;
}

static void set_mask(job *j) {
    j->g.dtype = SJ_BOOL;
    j->options.mask = &j->g;
}

/* Views and options are made once, as the other libraries' descriptors are. */
static void *open_job(const peer *self, const workload *w) {
    const bool given_softmax = w->what.op == OP_VJP_OF_SOFTMAX;
    if (self->kind == PEER_EXACT && w->what.op == OP_CROSS_ENTROPY) return NULL;
    job *j = malloc(sizeof *j);
    if (j == NULL) return NULL;
    *j = (job){.op = w->what.op,
               .n = w->what.n,
               .from = workload_input(w, given_softmax ? w->s : w->z),
               .g = workload_input(w, w->g),
               .out = workload_result(w),
               .options = SJ_OPTIONS_INIT,
               .how = SJ_LOSS_OPTIONS_INIT};
    j->options.given = given_softmax ? SJ_GIVEN_SOFTMAX : SJ_GIVEN_LOGITS;
    j->options.threads = w->what.threads;
    j->options.mode = self->kind == PEER_EXACT ? SJ_EXACT : SJ_DEFAULT;
    j->options.causal = w->what.op == OP_CAUSAL_SOFTMAX;
    if (w->what.op == OP_MASKED_SOFTMAX) set_mask(j);
    if (w->what.op == OP_CROSS_ENTROPY) set_labels(j, w);
    return j;
}

static bool call(void *opened) {
    const job *j = opened;
    switch (j->op) {
    case OP_SOFTMAX:
    case OP_MASKED_SOFTMAX:
    case OP_CAUSAL_SOFTMAX:
        return sj_softmax(j->from, j->out, &j->options) == SJ_OK;
    case OP_LOG_SOFTMAX:
        return sj_log_softmax(j->from, j->out, &j->options) == SJ_OK;
    case OP_LOGSUMEXP:
        return sj_logsumexp(j->from, j->out, &j->options) == SJ_OK;
    case OP_GRADIENT:
        return sj_softmax_gradient(j->from, j->n / 2, j->out, &j->options) == SJ_OK;
    case OP_JVP:
        return sj_softmax_jvp(j->from, j->g, j->out, &j->options) == SJ_OK;
    case OP_JACOBIAN:
        return sj_softmax_jacobian(j->from, SJ_BLOCKS, j->out, &j->options) == SJ_OK;
    case OP_CROSS_ENTROPY:
        return sj_cross_entropy(j->from, j->g, &j->loss, &j->out, &j->how, &j->options) == SJ_OK;
    default:
        return sj_softmax_vjp(j->from, j->g, j->out, &j->options) == SJ_OK;
    }
}

/* Between calls in place the logits are restored, and the clock stands: a gradient is no row of logits. */
static double run_in_place(job *j, size_t calls) {
    double elapsed = 0;
    for (size_t i = 0; i < calls; i++) {
        memcpy(j->from.data, j->logits, j->logits_bytes);
        const double one = bench_time_calls(call, j, 1);
        if (one < 0) return one;
        elapsed += one;
    }
    return elapsed;
}

static double run(void *opened, size_t calls) {
    job *j = opened;
    return j->logits != NULL ? run_in_place(j, calls) : bench_time_calls(call, j, calls);
}

const peer peer_softjac = {"softjac", PEER_OURS, peer_never_missing, version, open_job, run, free, NULL};
const peer peer_exact = {"softjac exact", PEER_EXACT, peer_never_missing, version, open_job, run, free, NULL};
