/* compute.c: what a job takes and what comes of it, and the buffers through which slices of files pass. An array of any
 * number of dimensions is (outer, n, inner) around its class axis. */
#include "compute.h"

#include <string.h>

int library_failure(const arguments *args, sj_status status, const sj_error *error) {
    const bool use = status == SJ_BAD_CLASS || status == SJ_BAD_AXIS || status == SJ_BAD_OPTION;
    const char *message = error->message[0] ? error->message : sj_strerror(status);
    return fail(args, use ? EXIT_WRONG_USE : EXIT_BAD_DATA, "%s", message);
}

input *job_input(batch_job *job, int i, bool *of_rows) {
    beside_inputs *beside = &job->beside;
    input *const inputs[JOB_INPUTS] = {&job->z, &job->g, &beside->mask, &beside->bias, &beside->lengths, &beside->sink};
    *of_rows = i >= JOB_LENGTHS;
    return inputs[i];
}

int job_read(batch_job *job, const arguments *args) {
    char z_shape[SHAPE_TEXT], g_shape[SHAPE_TEXT];
    const io_array *z = &job->z.array, *g = &job->g.array;
    job->args = args;
    int code = input_open(args, args->inputs[0], &job->z);
    if (code == EXIT_DONE) code = grid_of(args, z, &job->around);
    if (code == EXIT_DONE) code = beside_read(&job->beside, args, z, &job->around);
    if (code != EXIT_DONE || args->input_count < 2) return code;
    code = input_open(args, args->inputs[1], &job->g);
    if (code != EXIT_DONE) return code;
    if (g->ndim == z->ndim && memcmp(g->shape, z->shape, sizeof(size_t) * (size_t)z->ndim) == 0) return EXIT_DONE;
    return fail(args, EXIT_BAD_DATA, "%s: found shape %s, expected %s, the shape of %s", args->inputs[1],
                shape_text(g->ndim, g->shape, g_shape), shape_text(z->ndim, z->shape, z_shape), args->inputs[0]);
}

static bool append_extents(io_array *out, const io_array *z, int without) {
    for (int d = 0; d < z->ndim; d++) {
        if (d == without) continue;
        if (out->ndim == IO_MAX_NDIM) return false;
        out->shape[out->ndim++] = z->shape[d];
    }
    return true;
}

static bool result_shape(batch_job *job) {
    const int class_axis = job->around.axis;
    const io_array *z = &job->z.array;
    io_array *out = &job->out.array;
    out->ndim = 0;
    switch (job->kind) {
    case RESULT_ROWS:
        return append_extents(out, z, -1);
    case RESULT_REDUCED:
        return append_extents(out, z, class_axis);
    case RESULT_DENSE:
        return append_extents(out, z, -1) && append_extents(out, z, -1);
    case RESULT_BLOCKS:
        break;
    }
    if (!append_extents(out, z, class_axis) || out->ndim + 2 > IO_MAX_NDIM) return false;
    out->shape[out->ndim++] = job->around.n;
    out->shape[out->ndim++] = job->around.n;
    return true;
}

static int check_empty(const batch_job *job) {
    const io_array *z = &job->z.array, *out = &job->out.array;
    char z_shape[SHAPE_TEXT], shape[SHAPE_TEXT];
    if (io_elements(z) > 0 || io_elements(out) == 0 || few_elements(out)) return EXIT_DONE;
    return fail(job->args, EXIT_BAD_DATA,
                "%s: found shape %s, without elements, and a result of shape %s; expected at most %d elements in the "
                "result of such an input",
                job->args->inputs[0], shape_text(z->ndim, z->shape, z_shape), shape_text(out->ndim, out->shape, shape),
                MOST_FROM_EMPTY);
}

int job_prepare(batch_job *job) {
    const arguments *args = job->args;
    const bool wide = job->z.array.dtype == SJ_F64 || (job->g.given && job->g.array.dtype == SJ_F64);
    io_array *out = &job->out.array;
    out->dtype = args->dtype ? args->dtype : wide ? SJ_F64 : SJ_F32;
    if (!result_shape(job))
        return fail(args, EXIT_BAD_DATA, "%s: the result would have more than %d dimensions", args->inputs[0],
                    IO_MAX_NDIM);
    int code = check_empty(job);
    if (code == EXIT_DONE) code = check_output(args, out->ndim);
    if (code != EXIT_DONE) return code;
    const char *advice = job->kind == RESULT_DENSE    ? "'--layout blocks' needs far less"
                         : job->kind == RESULT_BLOCKS ? "'--layout sample:I' computes one row's block, and vjp and "
                                                        "jvp multiply by the Jacobian without forming it"
                                                      : "";
    return result_open(args, &job->out, advice, job->kind == RESULT_DENSE);
}

double job_bytes(batch_job *job) {
    double bytes = 0;
    bool of_rows;
    for (int i = 0; i < JOB_INPUTS; i++) {
        const input *in = job_input(job, i, &of_rows);
        if (in->given && in->in_file) bytes += (double)in->file.header.data_bytes;
    }
    return bytes;
}

int job_inputs_unchanged(batch_job *job) {
    io_error error;
    bool of_rows;
    for (int i = 0; i < JOB_INPUTS; i++) {
        const input *in = job_input(job, i, &of_rows);
        if (in->given && !input_unchanged(in, &error)) return fail(job->args, error.exit_code, "%s", error.message);
    }
    return EXIT_DONE;
}

void job_free(batch_job *job) {
    result_drop(&job->out);
    beside_free(&job->beside);
    input_close(&job->g);
    input_close(&job->z);
    map_free(&job->maps);
}
