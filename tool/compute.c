/* compute.c: the slices of compute.h. An array of any number of dimensions is (outer, n, inner) around its class axis;
 * a slice is a range of outer, or of inner where one outer index already holds much. */
#include "compute.h"
#include "output.h"

#include <string.h>

/* Elements of a result in one slice: some milliseconds of work, and far more than a call costs. */
enum { SLICE_ELEMENTS = 1 << 20, LEAST_INNER = 64 };

typedef struct row_slice {
    size_t outer, outers, inner, inners; /* first and count */
} row_slice;

int library_failure(const arguments *args, sj_status status, const sj_error *error) {
    const bool use = status == SJ_BAD_CLASS || status == SJ_BAD_AXIS || status == SJ_BAD_OPTION;
    const char *message = error->message[0] ? error->message : sj_strerror(status);
    return fail(args, use ? EXIT_WRONG_USE : EXIT_BAD_DATA, "%s", message);
}

int job_read(batch_job *job, const arguments *args, io_array *z, io_array *g) {
    char z_shape[SHAPE_TEXT], g_shape[SHAPE_TEXT];
    job->args = args;
    job->z = z;
    int code = read_array(args, args->inputs[0], z);
    if (code == EXIT_DONE) code = grid_of(args, z, &job->around);
    if (code == EXIT_DONE) code = beside_read(&job->beside, args, z, &job->around);
    if (code != EXIT_DONE || args->input_count < 2) return code;
    code = read_array(args, args->inputs[1], g);
    if (code != EXIT_DONE) return code;
    job->g = g;
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
    io_array *out = &job->out;
    out->ndim = 0;
    switch (job->kind) {
    case RESULT_ROWS:
        return append_extents(out, job->z, -1);
    case RESULT_REDUCED:
        return append_extents(out, job->z, class_axis);
    case RESULT_DENSE:
        return append_extents(out, job->z, -1) && append_extents(out, job->z, -1);
    case RESULT_BLOCKS:
        break;
    }
    if (!append_extents(out, job->z, class_axis) || out->ndim + 2 > IO_MAX_NDIM) return false;
    out->shape[out->ndim++] = job->around.n;
    out->shape[out->ndim++] = job->around.n;
    return true;
}

static int check_empty(const batch_job *job) {
    const io_array *z = job->z, *out = &job->out;
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
    const bool wide = job->z->dtype == SJ_F64 || (job->g && job->g->dtype == SJ_F64);
    job->out.dtype = args->dtype ? args->dtype : wide ? SJ_F64 : SJ_F32;
    if (!result_shape(job))
        return fail(args, EXIT_BAD_DATA, "%s: the result would have more than %d dimensions", args->inputs[0],
                    IO_MAX_NDIM);
    int code = check_empty(job);
    if (code == EXIT_DONE) code = check_output(args, job->out.ndim);
    if (code != EXIT_DONE) return code;
    const char *advice = job->kind == RESULT_DENSE    ? "'--layout blocks' needs far less"
                         : job->kind == RESULT_BLOCKS ? "'--layout sample:I' computes one row's block, and vjp and "
                                                        "jvp multiply by the Jacobian without forming it"
                                                      : "";
    return allocate_array(args, &job->out, advice);
}

/* The view of `count` dimensions at element `offset` of an array. */
static sj_view view_of(const io_array *array, size_t offset, int ndim, const size_t *shape, const size_t *strides) {
    sj_view view = sj_array((const char *)array->data + offset * io_item(array->dtype), array->dtype, ndim, shape);
    for (int d = 0; d < ndim; d++) view.strides[d] = (ptrdiff_t)strides[d];
    return view;
}

static sj_view rows_view(const io_array *array, const grid *around, const row_slice *slice) {
    const size_t shape[] = {slice->outers, around->n, slice->inners};
    const size_t strides[] = {around->n * around->inner, around->inner, 1};
    sj_view view = view_of(array, slice->outer * strides[0] + slice->inner, 3, shape, strides);
    view.axis = 1;
    return view;
}

static sj_view row_numbers_view(const io_array *array, const grid *around, const row_slice *slice) {
    const size_t shape[] = {slice->outers, slice->inners}, strides[] = {around->inner, 1};
    return view_of(array, slice->outer * around->inner + slice->inner, 2, shape, strides);
}

/* Products of extents cannot overflow here: the result they index has been allocated. */
static sj_view result_view(const batch_job *job, const row_slice *slice) {
    const grid *around = &job->around;
    const size_t n = around->n, inner = around->inner, row = n * inner;
    const size_t all = job->kind == RESULT_DENSE ? around->outer * row : 0;
    if (job->kind == RESULT_REDUCED) return row_numbers_view(&job->out, around, slice);
    if (job->kind == RESULT_BLOCKS) {
        const size_t shape[] = {slice->outers, slice->inners, n, n};
        const size_t strides[] = {inner * n * n, n * n, n, 1};
        return view_of(&job->out, slice->outer * strides[0] + slice->inner * strides[1], 4, shape, strides);
    }
    if (job->kind == RESULT_DENSE) {
        const size_t shape[] = {slice->outers, n, slice->inners, slice->outers, n, slice->inners};
        const size_t strides[] = {row * all, inner * all, all, row, inner, 1};
        return view_of(&job->out, slice->outer * (strides[0] + row) + slice->inner * (all + 1), 6, shape, strides);
    }
    return rows_view(&job->out, around, slice);
}

/* Rows of a slice. Of a dense result only the square of a slice with itself is computed: what lies beside those
 * squares is zero, as it was allocated. */
static size_t rows_of_slice(const batch_job *job) {
    const size_t n = job->around.n ? job->around.n : 1;
    size_t row = n, rows = SLICE_ELEMENTS;
    if (job->kind == RESULT_BLOCKS && !checked_multiply(n, n, &row)) return 1;
    if (job->kind == RESULT_DENSE) rows = 1 << 10;
    return rows < row ? 1 : rows / row;
}

/* Where view_of_slice places what a slice has of the array, or NULL where there is no array. */
static const sj_view *beside_view(const io_array *array, const batch_job *job, const row_slice *slice,
                                  sj_view (*view_of_slice)(const io_array *, const grid *, const row_slice *),
                                  sj_view *view) {
    if (!array->data) return NULL;
    *view = view_of_slice(array, &job->around, slice);
    return view;
}

/* Threads that the library starts hold signals as this one does, for good: an ending signal is then always this one's,
 * which writes files undisturbed. */
static sj_status run_slice(batch_job *job, const row_slice *slice, const sj_options *options) {
    sigset_t before;
    const beside_arrays *beside = &job->beside;
    sj_view mask, bias, lengths, sink;
    sj_options with = *options;
    with.mask = beside_view(&beside->mask, job, slice, rows_view, &mask);
    with.bias = beside_view(&beside->bias, job, slice, rows_view, &bias);
    with.lengths = beside_view(&beside->lengths, job, slice, row_numbers_view, &lengths);
    with.sink = beside_view(&beside->sink, job, slice, row_numbers_view, &sink);
    const sj_view z = rows_view(job->z, &job->around, slice);
    const sj_view g = job->g ? rows_view(job->g, &job->around, slice) : z;
    hold_ending_signals(&before);
    const sj_status status = job->call(job, z, g, result_view(job, slice), &with);
    release_ending_signals(&before);
    return status;
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

int job_run(batch_job *job) {
    sj_error error = {SJ_OK, ""};
    const sj_options options = library_options(job->args, &error);
    const grid *around = &job->around;
    const size_t rows = rows_of_slice(job), inner = around->inner ? around->inner : 1;
    const bool empty = io_elements(&job->out) == 0;
    const size_t outers = empty ? around->outer : rows < inner ? 1 : rows / inner;
    const size_t inners = rows >= inner ? inner : least(inner, rows > LEAST_INNER ? rows : LEAST_INNER);
    row_slice slice = {0, 0, 0, 0};
    progress bar;
    sj_status status = SJ_OK;
    progress_begin(&bar, job->args, job->args->command, (double)around->outer * (double)inner);
    /* An empty result takes one call, whatever extents its input claims: the library still checks the arguments. */
    do {
        slice.outers = least(outers, around->outer - slice.outer);
        slice.inner = 0;
        do {
            slice.inners = least(inners, around->inner - slice.inner);
            status = run_slice(job, &slice, &options);
            slice.inner += slice.inners;
            progress_update(&bar, (double)slice.outer * (double)inner + (double)(slice.outers * slice.inner));
        } while (status == SJ_OK && slice.inner < around->inner);
        slice.outer += slice.outers;
    } while (status == SJ_OK && slice.outer < around->outer);
    progress_end(&bar);
    return status == SJ_OK ? EXIT_DONE : library_failure(job->args, status, &error);
}

void job_free(batch_job *job) {
    io_array_free(&job->out);
    beside_free(&job->beside);
}
