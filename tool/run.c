/* run.c: job_run of compute.h. Each worker has buffers for one slice: it reads the parts that are not in memory, calls
 * the library, and writes the result to its place, while others do the same with other slices. */
#include "memory.h"
#include "pieces.h"
#include "plan.h"
#include "transfer.h"
#include "workers.h"

#include <stdlib.h>

typedef struct slice_worker {
    void *parts[JOB_INPUTS], *result; /* buffers; NULL where the array is in memory */
    work_failure failure;
} slice_worker;

typedef struct slice_run {
    batch_job *job;
    slice_plan plan;
    slice_worker *workers;
    progress bar;
    size_t memory; /* for what is mapped */
} slice_run;

static bool compute_slice(batch_job *job, const row_slice *slice, slice_worker *worker, int threads) {
    work_failure *failure = &worker->failure;
    sj_view views[JOB_INPUTS];
    bool of_rows;
    for (int i = 0; i < JOB_INPUTS; i++) {
        const input *in = job_input(job, i, &of_rows);
        const placement place = of_rows ? place_row_numbers(&job->around, slice) : place_rows(&job->around, slice);
        if (in->given && !transfer_in(in, &place, worker->parts[i], &views[i], &failure->transfer)) return false;
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
    return to->array.data || transfer_out(to, &place, worker->result, &failure->transfer);
}

static bool run_unit(void *context, int number, size_t unit) {
    slice_run *run = context;
    slice_worker *worker = &run->workers[number];
    const row_slice slice = plan_slice(&run->plan, &run->job->around, unit);
    if (compute_slice(run->job, &slice, worker, run->plan.threads)) return true;
    worker->failure.failed = true;
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

static int first_failure(const slice_run *run) {
    const work_failure *first = NULL;
    for (int w = 0; w < run->plan.workers; w++) first = failure_before(first, &run->workers[w].failure);
    return failure_report(run->job->args, first);
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
        run.bar.bytes = job_bytes(job);
        const bool ran = workers_run(run.plan.workers, run.plan.units, run_unit, show_progress, &run);
        progress_end(&run.bar);
        if (ran) code = first_failure(&run);
    }
    free_buffers(&run);
    if (code == EXIT_NO_MEMORY) return fail(job->args, code, "out of memory");
    return code == EXIT_DONE ? job_inputs_unchanged(job) : code;
}

int job_run(batch_job *job) {
    const slice_plan plan = plan_slices(job);
    if (!plan.fits && pieces_serve(job)) return pieces_run(job);
    const int code = plan.fits ? EXIT_DONE : map_all(job);
    return code == EXIT_DONE ? run_slices(job) : code;
}
