/* onednn.c: the system's oneDNN, version 2: float32 softmax and log-softmax forward, softmax backward from s, and
 * forward and backward after each other. Primitives and memory objects are made outside the timed part. Compiled only
 * where the library is found; version 3 has another interface and runs in a process of its own (onednn_worker.c). */
#include "peer.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include <dnnl.h>

typedef struct job {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_memory_desc_t shape;
    dnnl_primitive_desc_t forward_desc;
    dnnl_primitive_t forward, backward;
    dnnl_memory_t source, softmax, cotangent, result;
    void *scratch; /* s between forward and backward */
    bench_case what;
} job;

static const char *missing(const peer *self) {
    (void)self;
    return NULL;
}

static const char *version(const peer *self) {
    static char text[32];
    const dnnl_version_t *v = dnnl_version();
    (void)self;
    snprintf(text, sizeof text, "%d.%d.%d", v->major, v->minor, v->patch);
    return text;
}

/* It asks its OpenMP, which this program is not linked with. */
static void allow_threads(int threads) {
    void *symbol = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
    void (*set_threads)(int);
    if (symbol == NULL) return;
    *(void **)&set_threads = symbol; /* POSIX's way from an object pointer to a function */
    set_threads(threads);
}

static void close_job(void *opened) {
    job *j = opened;
    dnnl_memory_t memories[] = {j->source, j->softmax, j->cotangent, j->result};
    for (size_t i = 0; i < 4; i++) {
        if (memories[i] != NULL) dnnl_memory_destroy(memories[i]);
    }
    if (j->forward != NULL) dnnl_primitive_destroy(j->forward);
    if (j->backward != NULL) dnnl_primitive_destroy(j->backward);
    if (j->forward_desc != NULL) dnnl_primitive_desc_destroy(j->forward_desc);
    if (j->stream != NULL) dnnl_stream_destroy(j->stream);
    if (j->engine != NULL) dnnl_engine_destroy(j->engine);
    free(j->scratch);
    free(j);
}

static bool goes_back(const job *j) { return j->what.op == OP_VJP || j->what.op == OP_VJP_OF_SOFTMAX; }

static int class_axis(const job *j) { return j->what.first_axis ? 0 : 1; }

static bool describe_forward(job *j) {
    dnnl_softmax_desc_t softmax;
    dnnl_logsoftmax_desc_t log_softmax;
    const dnnl_prop_kind_t kind = goes_back(j) ? dnnl_forward_training : dnnl_forward_inference;
    const bool log = j->what.op == OP_LOG_SOFTMAX;
    const dnnl_status_t made = log ? dnnl_logsoftmax_forward_desc_init(&log_softmax, kind, &j->shape, class_axis(j))
                                   : dnnl_softmax_forward_desc_init(&softmax, kind, &j->shape, class_axis(j));
    const void *desc = log ? (const void *)&log_softmax : (const void *)&softmax;
    return made == dnnl_success &&
           dnnl_primitive_desc_create(&j->forward_desc, desc, NULL, j->engine, NULL) == dnnl_success;
}

static bool make_backward(job *j) {
    dnnl_softmax_desc_t desc;
    dnnl_primitive_desc_t backward_desc;
    if (dnnl_softmax_backward_desc_init(&desc, &j->shape, &j->shape, class_axis(j)) != dnnl_success ||
        dnnl_primitive_desc_create(&backward_desc, &desc, NULL, j->engine, j->forward_desc) != dnnl_success)
        return false;
    const bool made = dnnl_primitive_create(&j->backward, backward_desc) == dnnl_success;
    dnnl_primitive_desc_destroy(backward_desc);
    return made;
}

static bool wrap(job *j, dnnl_memory_t *memory, void *data) {
    return dnnl_memory_create(memory, &j->shape, j->engine, data) == dnnl_success;
}

static bool make_memories(job *j, const workload *w) {
    void *s = j->what.op == OP_VJP_OF_SOFTMAX ? w->s : w->out;
    if (j->what.op == OP_VJP) {
        /* w->s belongs to the workload, whose other readers must find it unchanged */
        s = j->scratch = aligned_alloc(64, (w->logits * w->item + 63) / 64 * 64);
        if (s == NULL) return false;
    }
    return wrap(j, &j->source, w->z) && wrap(j, &j->softmax, s) && wrap(j, &j->cotangent, w->g) &&
           wrap(j, &j->result, w->out);
}

static bool make(job *j, const workload *w) {
    const dnnl_dim_t rows = (dnnl_dim_t)w->what.rows, n = (dnnl_dim_t)w->what.n;
    const dnnl_dims_t dims = {w->what.first_axis ? n : rows, w->what.first_axis ? rows : n};
    return dnnl_engine_create(&j->engine, dnnl_cpu, 0) == dnnl_success &&
           dnnl_stream_create(&j->stream, j->engine, dnnl_stream_default_flags) == dnnl_success &&
           dnnl_memory_desc_init_by_tag(&j->shape, 2, dims, dnnl_f32, dnnl_ab) == dnnl_success && make_memories(j, w) &&
           describe_forward(j) && dnnl_primitive_create(&j->forward, j->forward_desc) == dnnl_success &&
           (!goes_back(j) || make_backward(j));
}

static void *open_job(const peer *self, const workload *w) {
    (void)self;
    if (w->what.dtype != SJ_F32) return NULL;
    if (w->what.op != OP_SOFTMAX && w->what.op != OP_LOG_SOFTMAX && w->what.op != OP_VJP &&
        w->what.op != OP_VJP_OF_SOFTMAX)
        return NULL;
    job *j = calloc(1, sizeof *j);
    if (j == NULL) return NULL;
    j->what = w->what;
    allow_threads(w->what.threads);
    if (make(j, w)) return j;
    close_job(j);
    return NULL;
}

static bool call(void *opened) {
    job *j = opened;
    const dnnl_exec_arg_t forward[] = {{DNNL_ARG_SRC, j->source}, {DNNL_ARG_DST, j->softmax}};
    const dnnl_exec_arg_t backward[] = {
        {DNNL_ARG_DST, j->softmax}, {DNNL_ARG_DIFF_DST, j->cotangent}, {DNNL_ARG_DIFF_SRC, j->result}};
    if (j->what.op != OP_VJP_OF_SOFTMAX && dnnl_primitive_execute(j->forward, j->stream, 2, forward) != dnnl_success)
        return false;
    if (goes_back(j) && dnnl_primitive_execute(j->backward, j->stream, 3, backward) != dnnl_success) return false;
    return dnnl_stream_wait(j->stream) == dnnl_success;
}

static double run(void *opened, size_t calls) {
    allow_threads(((job *)opened)->what.threads);
    return bench_time_calls(call, opened, calls);
}

const peer peer_onednn = {"oneDNN", PEER_OTHER, missing, version, open_job, run, close_job, NULL};
