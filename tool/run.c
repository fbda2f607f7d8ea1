/* run.c: job_run of compute.h. Each worker has buffers for one slice: it reads the parts that are not in memory, calls
 * the library, and writes the result to its place, while others do the same with other slices. */
#include "memory.h"
#include "plan.h"
#include "workers.h"

#include "io/convert.h"
#include "io/fail.h"

#include <stdlib.h>
#include <string.h>

/* Of the lowest slice that failed on one worker. */
typedef struct slice_failure {
    size_t unit;
    sj_status status; /* SJ_OK: `transfer` says what failed */
    sj_error library;
    io_error transfer;
} slice_failure;

typedef struct slice_worker {
    void *parts[JOB_INPUTS], *result; /* buffers; NULL where the array is in memory */
    bool failed;
    slice_failure failure;
} slice_worker;

typedef struct slice_run {
    batch_job *job;
    slice_plan plan;
    slice_worker *workers;
    progress bar;
    size_t memory; /* for what is mapped */
} slice_run;

typedef struct fill_context {
    const input *in;
    char *to;
    io_error *error;
} fill_context;

static bool fill_run(void *context, size_t first, size_t count, size_t at) {
    const fill_context *fill = context;
    return input_fill(fill->in, first, count, fill->to + at * io_item(fill->in->array.dtype), fill->error);
}

/* A view of what a slice has of the input: where it is in memory, or of a buffer that it is read into. */
static bool slice_view(const input *in, const placement *place, void *buffer, sj_view *view, io_error *error) {
    fill_context fill = {in, buffer, error};
    if (in->array.data) return *view = placed_view(in->array.data, in->array.dtype, place), true;
    *view = packed_view(buffer, in->array.dtype, place);
    return each_run(place, fill_run, &fill);
}

typedef struct write_context {
    const result *to;
    const char *from;
    io_error *error;
} write_context;

static bool write_run(void *context, size_t first, size_t count, size_t at) {
    const write_context *write = context;
    const size_t item = io_item(write->to->array.dtype);
    const off_t offset = write->to->data + (off_t)(first * item);
    return output_place(write->to->file, offset, write->from + at * item, count * item, write->error);
}

static bool write_slice(const result *to, const placement *place, void *buffer, io_error *error) {
    write_context write = {to, buffer, error};
    convert_little(buffer, io_item(to->array.dtype), placement_elements(place));
    return each_run(place, write_run, &write);
}

static bool compute_slice(batch_job *job, const row_slice *slice, slice_worker *worker, int threads) {
    slice_failure *failure = &worker->failure;
    sj_view views[JOB_INPUTS];
    bool of_rows;
    for (int i = 0; i < JOB_INPUTS; i++) {
        const input *in = job_input(job, i, &of_rows);
        const placement place = of_rows ? place_row_numbers(&job->around, slice) : place_rows(&job->around, slice);
        if (in->given && !slice_view(in, &place, worker->parts[i], &views[i], &failure->transfer)) return false;
    }
    sj_options options = library_options(job->args, &failure->library);
    options.threads = threads;
    options.mask = job->beside.mask.given ? &views[JOB_MASK] : NULL;
    options.bias = job->beside.bias.given ? &views[JOB_BIAS] : NULL;
    options.lengths = job->beside.lengths.given ? &views[JOB_LENGTHS] : NULL;
    options.sink = job->beside.sink.given ? &views[JOB_SINK] : NULL;
    const result *to = &job->out;
    const placement place = place_result(job->kind, &job->around, slice);
    const sj_view out = to->array.data ? placed_view(to->array.data, to->array.dtype, &place)
                                       : packed_view(worker->result, to->array.dtype, &place);
    failure->status = job->call(job, views[JOB_Z], job->g.given ? views[JOB_G] : views[JOB_Z], out, &options);
    if (failure->status != SJ_OK) return false;
    return to->array.data || write_slice(to, &place, worker->result, &failure->transfer);
}

static bool run_unit(void *context, int number, size_t unit) {
    slice_run *run = context;
    slice_worker *worker = &run->workers[number];
    const row_slice slice = plan_slice(&run->plan, &run->job->around, unit);
    if (compute_slice(run->job, &slice, worker, run->plan.threads)) return true;
    worker->failed = true;
    worker->failure.unit = unit;
    return false;
}

static void show_progress(void *context, size_t done) {
    slice_run *run = context;
    progress_update(&run->bar, (double)done);
    map_trim(&run->job->maps, run->memory);
}

/* False when out of memory. */
static bool make_buffers(slice_run *run) {
    batch_job *job = run->job;
    const row_slice slice = plan_slice(&run->plan, &job->around, 0);
    const placement rows = place_rows(&job->around, &slice), numbers = place_row_numbers(&job->around, &slice);
    const placement place = place_result(job->kind, &job->around, &slice);
    bool made = true, of_rows;
    for (int w = 0; w < run->plan.workers; w++) {
        slice_worker *worker = &run->workers[w];
        for (int i = 0; i < JOB_INPUTS; i++) {
            const input *in = job_input(job, i, &of_rows);
            if (!in->given || in->array.data) continue;
            worker->parts[i] = malloc(placement_elements(of_rows ? &numbers : &rows) * io_item(in->array.dtype) + 1);
            made = made && worker->parts[i];
        }
        if (job->out.array.data) continue;
        worker->result = malloc(placement_elements(&place) * io_item(job->out.array.dtype) + 1);
        made = made && worker->result;
    }
    return made;
}

static void free_buffers(slice_run *run) {
    for (int w = 0; run->workers && w < run->plan.workers; w++) {
        for (int i = 0; i < JOB_INPUTS; i++) free(run->workers[w].parts[i]);
        free(run->workers[w].result);
    }
    free(run->workers);
}

/* What one thread alone would have said, had it done the slices in order. */
static int first_failure(const slice_run *run) {
    const slice_failure *first = NULL;
    for (int w = 0; w < run->plan.workers; w++) {
        const slice_worker *worker = &run->workers[w];
        if (worker->failed && (!first || worker->failure.unit < first->unit)) first = &worker->failure;
    }
    if (!first) return EXIT_DONE;
    if (first->status != SJ_OK) return library_failure(run->job->args, first->status, &first->library);
    return fail(run->job->args, first->transfer.exit_code, "%s", first->transfer.message);
}

static int check_unchanged(batch_job *job) {
    io_error error;
    bool of_rows;
    for (int i = 0; i < JOB_INPUTS; i++) {
        const input *in = job_input(job, i, &of_rows);
        if (in->given && !input_unchanged(in, &error)) return fail(job->args, error.exit_code, "%s", error.message);
    }
    return EXIT_DONE;
}

static int map_all(batch_job *job) {
    bool of_rows;
    int code = map_result(&job->maps, job->args, &job->out);
    for (int i = 0; i < JOB_INPUTS && code == EXIT_DONE; i++)
        code = map_input(&job->maps, job->args, job_input(job, i, &of_rows));
    return code;
}

static int run_slices(batch_job *job) {
    slice_run run = {.job = job, .plan = plan_slices(job), .memory = memory_allowed(job->args)};
    int code = EXIT_NO_MEMORY;
    run.workers = calloc((size_t)run.plan.workers, sizeof *run.workers);
    if (run.workers && make_buffers(&run)) {
        progress_begin(&run.bar, job->args, job->args->command, (double)run.plan.units);
        const bool ran = workers_run(run.plan.workers, run.plan.units, run_unit, show_progress, &run);
        progress_end(&run.bar);
        if (ran) code = first_failure(&run);
    }
    free_buffers(&run);
    if (code == EXIT_NO_MEMORY) return fail(job->args, code, "out of memory");
    return code == EXIT_DONE ? check_unchanged(job) : code;
}

int job_run(batch_job *job) {
    const slice_plan plan = plan_slices(job);
    const int code = plan.fits ? EXIT_DONE : map_all(job);
    return code == EXIT_DONE ? run_slices(job) : code;
}
