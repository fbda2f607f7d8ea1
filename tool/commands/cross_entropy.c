/* cross_entropy.c: the command cross-entropy: open logits and target, one library call, emit the loss and, with --grad,
 * the gradient. The whole array at once: a sum or mean is of all rows. What would exceed the memory is mapped. */
#include "compute.h"
#include "memory.h"
#include "workers.h"

#include <stdint.h>
#include <string.h>

/* What a call reads and writes. */
typedef struct loss_job {
    const arguments *args;
    arguments of_grad; /* --grad as if it were -o */
    input z, target, weights;
    result loss, grad;
    bool labels; /* else the target holds probabilities */
    grid around;
    mappings maps;
    size_t memory;
    sj_status status;
    sj_error error;
} loss_job;

/* Labels have one number a row, in the shape of the logits without the class axis, or in one row or column of text. */
static bool holds_labels(const loss_job *job) {
    const io_array *target = &job->target.array, *z = &job->z.array;
    const size_t rows = job->around.outer * job->around.inner;
    if (target->ndim == z->ndim - 1) {
        for (int d = 0, e = 0; d < z->ndim; d++)
            if (d != job->around.axis && target->shape[e++] != z->shape[d]) return false;
        return true;
    }
    return z->ndim == 2 && target->ndim == 2 && io_elements(target) == rows && job->around.n > 1 &&
           (target->shape[0] == 1 || target->shape[1] == 1);
}

/* As many as there are rows, and so read with the logits. */
static int take_labels(loss_job *job) {
    input *in = &job->target;
    in->rule = (input_rule){job->args->inputs[1], true, -0x1p53, 0x1p53, ""};
    if (in->in_file) {
        in->array.dtype = SJ_I64;
        return EXIT_DONE;
    }
    const int code = input_check(job->args, &in->rule, &in->array);
    if (code != EXIT_DONE) return code;
    in->from = in->array;
    in->array.data = NULL;
    in->array.dtype = SJ_I64;
    return EXIT_DONE;
}

static int read_weights(loss_job *job) {
    const arguments *args = job->args;
    if (!args->weights) return EXIT_DONE;
    const int code = input_open(args, args->weights, &job->weights);
    if (code != EXIT_DONE || io_elements(&job->weights.array) == job->around.n) return code;
    return fail(args, EXIT_BAD_DATA, "%s: found %zu weights, expected %zu, one for each class", args->weights,
                io_elements(&job->weights.array), job->around.n);
}

static int read_all(loss_job *job) {
    char shape[SHAPE_TEXT], z_shape[SHAPE_TEXT];
    const arguments *args = job->args;
    const io_array *z = &job->z.array, *target = &job->target.array;
    int code = input_open(args, args->inputs[0], &job->z);
    if (code == EXIT_DONE) code = grid_of(args, z, &job->around);
    if (code == EXIT_DONE) code = input_open(args, args->inputs[1], &job->target);
    if (code == EXIT_DONE) code = read_weights(job);
    if (code != EXIT_DONE) return code;
    job->labels = holds_labels(job);
    if (job->labels) return take_labels(job);
    bool same = target->ndim == z->ndim;
    for (int d = 0; same && d < z->ndim; d++) same = target->shape[d] == z->shape[d];
    if (same) return EXIT_DONE;
    return fail(args, EXIT_BAD_DATA,
                "%s: found shape %s, expected that of %s, %s, for probabilities, or the same without the class axis "
                "for labels",
                args->inputs[1], shape_text(target->ndim, target->shape, shape), args->inputs[0],
                shape_text(z->ndim, z->shape, z_shape));
}

/* Whether all of it, held at once, is more than the memory. */
static bool exceeds_memory(const loss_job *job) {
    const io_array *const arrays[4] = {&job->z.array, &job->target.array, &job->loss.array, &job->grad.array};
    size_t all = 0, bytes;
    for (int i = 0; i < (job->args->grad ? 4 : 3); i++) {
        if (!array_bytes(arrays[i], &bytes) || bytes > job->memory) return true;
        all += bytes;
    }
    return all > job->memory;
}

static int open_result(loss_job *job, const arguments *args, result *into, bool mapped) {
    int code = check_output(args, into->array.ndim);
    if (code != EXIT_DONE) return code;
    if (!mapped) return allocate_array(args, &into->array, "");
    code = result_open(args, into, "", false);
    return code == EXIT_DONE ? map_result(&job->maps, args, into) : code;
}

static int prepare(loss_job *job) {
    const arguments *args = job->args;
    const io_array *z = &job->z.array;
    io_array *loss = &job->loss.array, *grad = &job->grad.array;
    loss->dtype = grad->dtype = args->dtype ? args->dtype : z->dtype == SJ_F64 ? SJ_F64 : SJ_F32;
    for (int d = 0; d < z->ndim; d++) {
        grad->shape[grad->ndim++] = z->shape[d];
        if (d != job->around.axis && args->reduction == SJ_NONE) loss->shape[loss->ndim++] = z->shape[d];
    }
    job->memory = memory_allowed(args);
    const bool mapped = exceeds_memory(job);
    input *const inputs[3] = {&job->z, &job->target, &job->weights};
    int code = open_result(job, args, &job->loss, mapped && loss->ndim > 0);
    if (code == EXIT_DONE && args->grad) code = open_result(job, &job->of_grad, &job->grad, mapped);
    for (int i = 0; i < 3 && code == EXIT_DONE; i++)
        code = mapped ? map_input(&job->maps, args, inputs[i]) : input_load(args, inputs[i]);
    return code;
}

/* The one call, as the one unit of workers.h. */
static bool call(void *context, int worker, size_t unit) {
    loss_job *job = context;
    (void)worker, (void)unit;
    const arguments *args = job->args;
    const grid *around = &job->around;
    const sj_options options = library_options(args, &job->error);
    const size_t rows[] = {around->outer, around->inner};
    const io_array *target = &job->target.array, *weights = &job->weights.array;
    const sj_view z = grid_view(job->z.array.data, job->z.array.dtype, around);
    const sj_view targets =
        job->labels ? sj_array(target->data, SJ_I64, 2, rows) : grid_view(target->data, target->dtype, around);
    const sj_view loss =
        sj_array(job->loss.array.data, job->loss.array.dtype, args->reduction == SJ_NONE ? 2 : 0, rows);
    const sj_view grad = grid_view(job->grad.array.data, job->grad.array.dtype, around);
    const sj_view weight = sj_array(weights->data, weights->dtype, 1, &around->n);
    sj_loss_options how = SJ_LOSS_OPTIONS_INIT;
    how.reduction = args->reduction;
    how.label_smoothing = args->label_smoothing;
    how.weights = args->weights ? &weight : NULL;
    how.ignore_index = args->ignore_index;
    how.z_loss = args->z_loss;
    job->status = sj_cross_entropy(z, targets, &loss, args->grad ? &grad : NULL, &how, &options);
    return true;
}

static void trim(void *context, size_t done) {
    const loss_job *job = context;
    (void)done;
    map_trim(&job->maps, job->memory);
}

static int run(loss_job *job) {
    const arguments *args = job->args;
    if (!workers_run(1, 1, call, trim, job)) return fail(args, EXIT_NO_MEMORY, "out of memory");
    if (job->status == SJ_BAD_CLASS) return fail(args, EXIT_BAD_DATA, "%s: %s", args->inputs[1], job->error.message);
    return job->status == SJ_OK ? EXIT_DONE : library_failure(args, job->status, &job->error);
}

int command_cross_entropy(const arguments *args) {
    loss_job job = {.args = args, .of_grad = *args};
    job.of_grad.output = args->grad;
    job.of_grad.json = false;
    int code = read_all(&job);
    if (code == EXIT_DONE) code = prepare(&job);
    if (code == EXIT_DONE) code = run(&job);
    if (code == EXIT_DONE && args->grad) code = result_emit(&job.of_grad, &job.grad);
    if (code == EXIT_DONE) code = result_emit(args, &job.loss);
    result_drop(&job.loss);
    result_drop(&job.grad);
    input_close(&job.z);
    input_close(&job.target);
    input_close(&job.weights);
    map_free(&job.maps);
    return code;
}
