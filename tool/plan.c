/* plan.c: the slices of plan.h. A slice is a range of outer, or of inner where one outer index already holds much. */
#include "plan.h"

#include "memory.h"

/* Elements of a result in one slice: some milliseconds of work, far more than a call costs; of a file, little enough to
 * be in the cache still when it is written. */
enum { SLICE_ELEMENTS = 1 << 20, FILE_ELEMENTS = 1 << 18, DENSE_ELEMENTS = 1 << 10 };

/* Rows side by side: what fills vectors in memory, what is worth a read of a file, and what a read may be at least. */
enum { LEAST_INNER = 64, FILE_INNER = 1 << 14, LEAST_FILE_INNER = 1 << 10 };

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

bool job_streams(batch_job *job) {
    bool of_rows, streams = !job->out.array.data;
    for (int i = 0; i < JOB_INPUTS; i++) {
        const input *in = job_input(job, i, &of_rows);
        streams = streams || (in->given && in->in_file && !in->array.data);
    }
    return streams;
}

/* Elements of the result that a row becomes, SIZE_MAX where they are beyond counting. */
static size_t row_elements(const batch_job *job) {
    const size_t n = job->around.n ? job->around.n : 1;
    size_t row = job->kind == RESULT_REDUCED ? 1 : n;
    if (job->kind == RESULT_BLOCKS && !checked_multiply(n, n, &row)) return SIZE_MAX;
    return row;
}

/* Bytes that a row takes of the memory of a slice: of all that is not an array in memory. */
static size_t row_bytes(batch_job *job) {
    size_t bytes = 0, elements = row_elements(job);
    bool of_rows;
    for (int i = 0; i < JOB_INPUTS; i++) {
        const input *in = job_input(job, i, &of_rows);
        if (in->given && !in->array.data) bytes += io_item(in->array.dtype) * (of_rows ? 1 : job->around.n);
    }
    /* Of a dense result a slice of r rows holds r times as much, but there are few. */
    if (job->kind == RESULT_DENSE && !checked_multiply(elements, job->around.n, &elements)) return SIZE_MAX;
    if (job->out.array.data) return bytes;
    return checked_multiply(elements, io_item(job->out.array.dtype), &elements) && elements < SIZE_MAX - bytes
               ? bytes + elements
               : SIZE_MAX;
}

/* Rows of a slice, were there memory without end. Of a dense result only the square of a slice with itself is computed:
 * what lies beside those squares is zero from the first. */
static size_t rows_of_slice(const batch_job *job, bool streams) {
    const size_t row = job->kind == RESULT_REDUCED ? job->around.n : row_elements(job);
    const size_t elements = job->kind == RESULT_DENSE ? DENSE_ELEMENTS : streams ? FILE_ELEMENTS : SLICE_ELEMENTS;
    return row <= 1 ? elements : elements < row ? 1 : elements / row;
}

/* At most `most` rows: of the memory for one slice. */
static void cut(slice_plan *plan, const batch_job *job, bool streams, size_t most) {
    const grid *around = &job->around;
    const size_t inner = around->inner ? around->inner : 1, rows = least(rows_of_slice(job, streams), most);
    /* A mapping is best walked once, from end to end. */
    const size_t side = job->maps.count ? inner : streams ? FILE_INNER : LEAST_INNER;
    plan->outers = io_elements(&job->out.array) == 0 ? around->outer : rows < inner ? 1 : rows / inner;
    plan->inners = rows >= inner ? inner : least(inner, least(rows > side ? rows : side, most));
    if (plan->inners == 0) plan->inners = 1;
    plan->inner_units = around->inner ? (around->inner + plan->inners - 1) / plan->inners : 1;
    const size_t outer_units = plan->outers ? (around->outer + plan->outers - 1) / plan->outers : 1;
    /* An empty result takes one call, whatever extents its input claims: the library still checks the arguments. */
    plan->units = outer_units ? outer_units * plan->inner_units : 1;
    plan->fits = most > 0 && (plan->inners == inner || !streams || plan->inners >= LEAST_FILE_INNER);
}

slice_plan plan_slices(batch_job *job) {
    slice_plan plan = {.workers = 1, .threads = job->args->threads};
    const bool streams = job_streams(job);
    const size_t memory = memory_allowed(job->args), row = row_bytes(job);
    const int threads = job->args->threads && job->args->threads < sj_threads() ? job->args->threads : sj_threads();
    for (int workers = streams ? threads : 1; workers > 0 && !plan.fits; workers /= 2) {
        cut(&plan, job, streams, row ? memory / (size_t)workers / row : SIZE_MAX);
        plan.workers = (size_t)workers < plan.units ? workers : (int)plan.units;
    }
    if (plan.workers > 1) plan.threads = plan.workers < threads ? threads / plan.workers : 1;
    return plan;
}

row_slice plan_slice(const slice_plan *plan, const grid *around, size_t unit) {
    row_slice slice = {.outer = unit / plan->inner_units * plan->outers,
                       .inner = unit % plan->inner_units * plan->inners};
    slice.outers = least(plan->outers, around->outer - slice.outer);
    slice.inners = least(plan->inners, around->inner - slice.inner);
    return slice;
}
