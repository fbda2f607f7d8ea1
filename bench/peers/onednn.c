/* onednn.c: oneDNN's softmax primitive: float32, forward, backward from s, and the two after each other.
 * Primitives and memory objects are made outside the timed part. Compiled only where the library is found. */
#include "peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dnnl.h>

typedef struct job {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_memory_desc_t shape;
    dnnl_primitive_desc_t forward_desc;
    dnnl_primitive_t forward, backward;
    dnnl_memory_t source, softmax, cotangent, result;
    void *scratch; /* s between forward and backward */
    bench_op op;
} job;

/* The library takes its number of threads from OpenMP, which reads the environment before main. */
static const char *missing(void) {
    const char *threads = getenv("OMP_NUM_THREADS");
    return threads != NULL && strcmp(threads, "1") == 0 ? NULL : "set OMP_NUM_THREADS=1: everything runs on one thread";
}

static const char *version(void) {
    static char text[32];
    const dnnl_version_t *v = dnnl_version();
    snprintf(text, sizeof text, "%d.%d.%d", v->major, v->minor, v->patch);
    return text;
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

static bool make_forward(job *j) {
    dnnl_softmax_desc_t desc;
    const dnnl_prop_kind_t kind = j->op == OP_SOFTMAX ? dnnl_forward_inference : dnnl_forward_training;
    return dnnl_softmax_forward_desc_init(&desc, kind, &j->shape, 1) == dnnl_success &&
           dnnl_primitive_desc_create(&j->forward_desc, &desc, NULL, j->engine, NULL) == dnnl_success &&
           dnnl_primitive_create(&j->forward, j->forward_desc) == dnnl_success;
}

static bool make_backward(job *j) {
    dnnl_softmax_desc_t desc;
    dnnl_primitive_desc_t backward_desc;
    if (dnnl_softmax_backward_desc_init(&desc, &j->shape, &j->shape, 1) != dnnl_success ||
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
    void *s = w->op == OP_SOFTMAX ? w->out : w->s;
    if (w->op == OP_VJP) {
        /* w->s belongs to the workload, whose other readers must find it unchanged */
        j->scratch = aligned_alloc(64, (w->rows * w->n * w->item + 63) / 64 * 64);
        if (j->scratch == NULL) return false;
        s = j->scratch;
    }
    return wrap(j, &j->source, w->z) && wrap(j, &j->softmax, s) && wrap(j, &j->cotangent, w->g) &&
           wrap(j, &j->result, w->out);
}

static void *open_job(const workload *w) {
    const dnnl_dims_t dims = {(dnnl_dim_t)w->rows, (dnnl_dim_t)w->n};
    if (w->op == OP_JACOBIAN || w->dtype != SJ_F32) return NULL;
    job *j = calloc(1, sizeof *j);
    if (j == NULL) return NULL;
    j->op = w->op;
    const bool made = dnnl_engine_create(&j->engine, dnnl_cpu, 0) == dnnl_success &&
                      dnnl_stream_create(&j->stream, j->engine, dnnl_stream_default_flags) == dnnl_success &&
                      dnnl_memory_desc_init_by_tag(&j->shape, 2, dims, dnnl_f32, dnnl_ab) == dnnl_success &&
                      make_memories(j, w) && make_forward(j) && (w->op == OP_SOFTMAX || make_backward(j));
    if (!made) {
        close_job(j);
        return NULL;
    }
    return j;
}

static bool call(void *opened) {
    job *j = opened;
    const dnnl_exec_arg_t forward[] = {{DNNL_ARG_SRC, j->source}, {DNNL_ARG_DST, j->softmax}};
    const dnnl_exec_arg_t backward[] = {
        {DNNL_ARG_DST, j->softmax}, {DNNL_ARG_DIFF_DST, j->cotangent}, {DNNL_ARG_DIFF_SRC, j->result}};
    if (j->op != OP_VJP_OF_SOFTMAX && dnnl_primitive_execute(j->forward, j->stream, 2, forward) != dnnl_success)
        return false;
    if (j->op != OP_SOFTMAX && dnnl_primitive_execute(j->backward, j->stream, 3, backward) != dnnl_success)
        return false;
    return dnnl_stream_wait(j->stream) == dnnl_success;
}

static double run(void *opened, size_t calls) { return bench_time_calls(call, opened, calls); }

const peer peer_onednn = {"oneDNN", missing, version, open_job, run, close_job, true};
