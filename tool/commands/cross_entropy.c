/* cross_entropy.c: the command cross-entropy: read logits and target, one library call, emit the loss and, with --grad,
 * the gradient. The whole array at once: a sum or mean is of all rows. */
#include "compute.h"
#include "output.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

/* What a call reads and writes. */
typedef struct loss_job {
    const arguments *args;
    io_array z, target, weights, loss, grad;
    int64_t *labels; /* NULL: the target holds probabilities */
    grid around;
} loss_job;

/* Labels have one number a row, in the shape of the logits without the class axis, or in one row or column of text. */
static bool holds_labels(const loss_job *job) {
    const io_array *target = &job->target;
    const size_t rows = job->around.outer * job->around.inner;
    if (target->ndim == job->z.ndim - 1) {
        for (int d = 0, e = 0; d < job->z.ndim; d++)
            if (d != job->around.axis && target->shape[e++] != job->z.shape[d]) return false;
        return true;
    }
    return job->z.ndim == 2 && target->ndim == 2 && io_elements(target) == rows && job->around.n > 1 &&
           (target->shape[0] == 1 || target->shape[1] == 1);
}

static int take_labels(loss_job *job) {
    const size_t rows = io_elements(&job->target);
    job->labels = malloc((rows ? rows : 1) * sizeof *job->labels);
    if (!job->labels) return fail(job->args, EXIT_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < rows; i++) {
        const double x = io_element(job->target.data, job->target.dtype, i);
        if (!(fabs(x) <= 0x1p53) || x != floor(x))
            return fail(job->args, EXIT_BAD_DATA, "%s: found %g as label %zu, expected a whole number",
                        job->args->inputs[1], x, i);
        job->labels[i] = (int64_t)x;
    }
    return EXIT_DONE;
}

static int read_weights(loss_job *job) {
    const arguments *args = job->args;
    if (!args->weights) return EXIT_DONE;
    const int code = read_array(args, args->weights, &job->weights);
    if (code != EXIT_DONE || io_elements(&job->weights) == job->around.n) return code;
    return fail(args, EXIT_BAD_DATA, "%s: found %zu weights, expected %zu, one for each class", args->weights,
                io_elements(&job->weights), job->around.n);
}

static int read_all(loss_job *job) {
    char shape[SHAPE_TEXT], z_shape[SHAPE_TEXT];
    const arguments *args = job->args;
    int code = read_array(args, args->inputs[0], &job->z);
    if (code == EXIT_DONE) code = grid_of(args, &job->z, &job->around);
    if (code == EXIT_DONE) code = read_array(args, args->inputs[1], &job->target);
    if (code == EXIT_DONE) code = read_weights(job);
    if (code != EXIT_DONE) return code;
    if (holds_labels(job)) return take_labels(job);
    bool same = job->target.ndim == job->z.ndim;
    for (int d = 0; same && d < job->z.ndim; d++) same = job->target.shape[d] == job->z.shape[d];
    if (same) return EXIT_DONE;
    return fail(args, EXIT_BAD_DATA,
                "%s: found shape %s, expected that of %s, %s, for probabilities, or the same without the class axis "
                "for labels",
                args->inputs[1], shape_text(job->target.ndim, job->target.shape, shape), args->inputs[0],
                shape_text(job->z.ndim, job->z.shape, z_shape));
}

/* --grad as if it were -o. */
static arguments of_grad(const arguments *args) {
    arguments grad = *args;
    grad.output = args->grad;
    grad.json = false;
    return grad;
}

static int prepare(loss_job *job) {
    const arguments *args = job->args, grad = of_grad(args);
    const bool wide = job->z.dtype == SJ_F64;
    job->loss.dtype = job->grad.dtype = args->dtype ? args->dtype : wide ? SJ_F64 : SJ_F32;
    for (int d = 0; d < job->z.ndim; d++) {
        job->grad.shape[job->grad.ndim++] = job->z.shape[d];
        if (d != job->around.axis && args->reduction == SJ_NONE) job->loss.shape[job->loss.ndim++] = job->z.shape[d];
    }
    int code = check_output(args, job->loss.ndim);
    if (code == EXIT_DONE) code = allocate_array(args, &job->loss, "");
    if (code != EXIT_DONE || !args->grad) return code;
    code = check_output(&grad, job->grad.ndim);
    return code == EXIT_DONE ? allocate_array(args, &job->grad, "") : code;
}

static int run(loss_job *job) {
    sj_error error = {SJ_OK, ""};
    sigset_t before;
    const arguments *args = job->args;
    const grid *around = &job->around;
    const sj_options options = library_options(args, &error);
    const size_t rows[] = {around->outer, around->inner};
    const sj_view z = grid_view(job->z.data, job->z.dtype, around);
    const sj_view target =
        job->labels ? sj_array(job->labels, SJ_I64, 2, rows) : grid_view(job->target.data, job->target.dtype, around);
    const sj_view loss = sj_array(job->loss.data, job->loss.dtype, args->reduction == SJ_NONE ? 2 : 0, rows);
    const sj_view grad = grid_view(job->grad.data, job->grad.dtype, around);
    const sj_view weights = sj_array(job->weights.data, job->weights.dtype, 1, &around->n);
    sj_loss_options how = SJ_LOSS_OPTIONS_INIT;
    how.reduction = args->reduction;
    how.label_smoothing = args->label_smoothing;
    how.weights = args->weights ? &weights : NULL;
    how.ignore_index = args->ignore_index;
    how.z_loss = args->z_loss;
    hold_ending_signals(&before);
    const sj_status status = sj_cross_entropy(z, target, &loss, args->grad ? &grad : NULL, &how, &options);
    release_ending_signals(&before);
    if (status == SJ_BAD_CLASS) return fail(args, EXIT_BAD_DATA, "%s: %s", args->inputs[1], error.message);
    return status == SJ_OK ? EXIT_DONE : library_failure(args, status, &error);
}

int command_cross_entropy(const arguments *args) {
    loss_job job = {.args = args};
    const arguments grad = of_grad(args);
    int code = read_all(&job);
    if (code == EXIT_DONE) code = prepare(&job);
    if (code == EXIT_DONE) code = run(&job);
    if (code == EXIT_DONE && args->grad) code = emit_array(&grad, &job.grad);
    if (code == EXIT_DONE) code = emit_array(args, &job.loss);
    free(job.labels);
    io_array_free(&job.z);
    io_array_free(&job.target);
    io_array_free(&job.weights);
    io_array_free(&job.loss);
    io_array_free(&job.grad);
    return code;
}
