/* derivative.c: the commands gradient, jacobian, vjp and jvp, of softmax or, with --log, of log-softmax.
 * One sample's Jacobian is the blocks form of the one row that --layout sample:I selects. */
#include "compute.h"

#include <string.h>

static sj_status gradient(const batch_job *job, sj_view z, sj_view g, sj_view out, const sj_options *options) {
    (void)g;
    const size_t q = job->args->class_index;
    return job->args->log ? sj_log_softmax_gradient(z, q, out, options) : sj_softmax_gradient(z, q, out, options);
}

static sj_status jacobian(const batch_job *job, sj_view z, sj_view g, sj_view out, const sj_options *options) {
    (void)g;
    const sj_layout layout = job->kind == RESULT_DENSE ? SJ_DENSE : SJ_BLOCKS;
    return job->args->log ? sj_log_softmax_jacobian(z, layout, out, options)
                          : sj_softmax_jacobian(z, layout, out, options);
}

static sj_status vjp(const batch_job *job, sj_view z, sj_view g, sj_view out, const sj_options *options) {
    return job->args->log ? sj_log_softmax_vjp(z, g, out, options) : sj_softmax_vjp(z, g, out, options);
}

static sj_status jvp(const batch_job *job, sj_view z, sj_view g, sj_view out, const sj_options *options) {
    return job->args->log ? sj_log_softmax_jvp(z, g, out, options) : sj_softmax_jvp(z, g, out, options);
}

static void describe(batch_job *job, const arguments *args) {
    if (strcmp(args->command, "gradient") == 0)
        job->call = gradient;
    else if (strcmp(args->command, "vjp") == 0)
        job->call = vjp;
    else if (strcmp(args->command, "jvp") == 0)
        job->call = jvp;
    else {
        job->call = jacobian;
        job->kind = args->layout == LAYOUT_DENSE ? RESULT_DENSE : RESULT_BLOCKS;
    }
    if ((job->call == vjp || job->call == jvp) && !args->log) job->states = STATES_PRODUCT;
}

/* The library would say it of a slice; here the message can name the file. */
static int check_class(const arguments *args, const grid *around) {
    if (!args->has_class || args->class_index < around->n) return EXIT_DONE;
    if (around->n == 0)
        return fail(args, EXIT_BAD_DATA, "%s: found no class along the axis, and --class %zu needs one",
                    args->inputs[0], args->class_index);
    return fail(args, EXIT_WRONG_USE, "--class: found %zu, expected 0 to %zu for the %zu classes of %s",
                args->class_index, around->n - 1, around->n, args->inputs[0]);
}

/* Cuts the input to the one row of --layout sample:I, a vector. */
static int select_sample(batch_job *job, const arguments *args) {
    const grid *around = &job->around;
    const size_t row = args->sample;
    size_t rows = 0;
    if (!checked_multiply(around->outer, around->inner, &rows) || row >= rows)
        return fail(args, EXIT_WRONG_USE, "--layout sample:%zu: expected a row below %zu, the rows of %s", row, rows,
                    args->inputs[0]);
    int code = input_keep_row(args, &job->z, around, row);
    if (code == EXIT_DONE) code = beside_keep_row(args, &job->beside, around, row);
    job->around = (struct grid){1, around->n, 1, 0};
    return code;
}

int command_derivative(const arguments *args) {
    batch_job job = {.call = NULL};
    describe(&job, args);
    int code = job_read(&job, args);
    if (code == EXIT_DONE) code = check_class(args, &job.around);
    if (code == EXIT_DONE && args->layout == LAYOUT_SAMPLE) code = select_sample(&job, args);
    if (code == EXIT_DONE) code = job_prepare(&job);
    if (code == EXIT_DONE) code = job_run(&job);
    if (code == EXIT_DONE) code = result_emit(args, &job.out);
    job_free(&job);
    return code;
}
