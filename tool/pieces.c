/* pieces.c: the passes of pieces.h. Rows that lie side by side, as along the first axis of a matrix, are taken
 * together, so that a piece of them is a run of the file. A row is divided into ranges, whatever the number of threads,
 * and each range into pieces: the results do not depend on threads. */
#include "pieces.h"
#include "memory.h"
#include "transfer.h"
#include "workers.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { RANGES = 16, PIECE_ELEMENTS = 1 << 18, ROWS_MOST = 1 << 15 };

typedef enum pass { PASS_STATE, PASS_DOT, PASS_EMIT } pass;

typedef struct piece_worker {
    void *z, *g, *out; /* buffers for one piece */
    work_failure failure;
} piece_worker;

typedef struct piece_run {
    batch_job *job;
    pass pass;
    row_slice slice;      /* rows that are taken together: one of outer, some of inner */
    size_t length, range; /* entries of a piece, and of a range */
    sj_state *states;     /* RANGES times the rows; after the first pass the first are those of the whole rows */
    sj_product *products; /* the same, after the second */
    int workers, threads;
    piece_worker *at_work;
    atomic_size_t done; /* entries of rows */
    progress bar;
} piece_run;

bool pieces_serve(const batch_job *job) {
    const arguments *args = job->args;
    const beside_inputs *beside = &job->beside;
    const bool plain = !args->exact && args->given == SJ_GIVEN_LOGITS && !args->has_temperature &&
                       !beside->mask.given && !beside->bias.given && !beside->lengths.given && !beside->sink.given;
    /* Arithmetic is that of the widest dtype of a call, and a state is made of z alone: files can be read as wide. */
    return plain && job->states != STATES_NOTHING && job->z.in_file && (!job->g.given || job->g.in_file);
}

static bool reads_g(const piece_run *run) { return run->job->g.given && run->pass != PASS_STATE; }

static sj_status emit(const piece_run *run, size_t k, sj_view z, sj_view g, sj_view out, const sj_options *options) {
    switch (run->job->states) {
    case STATES_SOFTMAX:
        return sj_state_softmax(z, run->states, k, out, options);
    case STATES_LOG_SOFTMAX:
        return sj_state_log_softmax(z, run->states, k, out, options);
    default:
        return sj_state_vjp(z, g, run->products, out, options);
    }
}

static bool do_piece(piece_run *run, piece_worker *worker, size_t range, size_t k, size_t length) {
    batch_job *job = run->job;
    const size_t rows = run->slice.inners;
    const placement place = place_entries(&job->around, &run->slice, k, length);
    work_failure *failure = &worker->failure;
    sj_options options = library_options(job->args, &failure->library);
    sj_view z, g = {.data = NULL};
    options.threads = run->threads;
    failure->status = SJ_OK;
    if (!transfer_in(&job->z, &place, worker->z, &z, &failure->transfer)) return false;
    if (reads_g(run) && !transfer_in(&job->g, &place, worker->g, &g, &failure->transfer)) return false;
    const result *to = &job->out;
    const sj_dtype dtype = to->array.dtype;
    const sj_view out =
        to->array.data ? placed_view(to->array.data, dtype, &place) : packed_view(worker->out, dtype, &place);
    if (run->pass == PASS_STATE)
        failure->status = sj_state_update(z, run->states + range * rows, &options);
    else if (run->pass == PASS_DOT)
        failure->status = sj_state_dot(z, g, run->products + range * rows, &options);
    else
        failure->status = emit(run, k, z, g, out, &options);
    if (failure->status != SJ_OK) return false;
    return run->pass != PASS_EMIT || to->array.data || transfer_out(to, &place, worker->out, &failure->transfer);
}

static bool do_range(void *context, int number, size_t range) {
    piece_run *run = context;
    piece_worker *worker = &run->at_work[number];
    const size_t n = run->job->around.n, begin = range * run->range;
    const size_t end = n - begin < run->range ? n : begin + run->range;
    for (size_t k = begin; k < end; k += run->length) {
        const size_t length = end - k < run->length ? end - k : run->length;
        if (!do_piece(run, worker, range, k, length)) {
            worker->failure.failed = true;
            worker->failure.unit = range;
            return false;
        }
        atomic_fetch_add(&run->done, length * run->slice.inners);
    }
    return true;
}

static void show(void *context, size_t done) {
    piece_run *run = context;
    (void)done;
    progress_update(&run->bar, (double)atomic_load(&run->done));
}

static int run_pass(piece_run *run, pass which) {
    const work_failure *first = NULL;
    run->pass = which;
    const size_t ranges = (run->job->around.n + run->range - 1) / run->range;
    if (!workers_run(run->workers, ranges, do_range, show, run))
        return fail(run->job->args, EXIT_NO_MEMORY, "out of memory");
    for (int w = 0; w < run->workers; w++) first = failure_before(first, &run->at_work[w].failure);
    return failure_report(run->job->args, first);
}

static void merge_states(const piece_run *run) {
    const size_t rows = run->slice.inners;
    for (size_t r = 1; r < RANGES; r++) sj_state_merge(run->states, run->states + r * rows, rows);
}

/* Every range begins its part of the sum from the state of the row and the cotangent at its largest logit. */
static int begin_products(const piece_run *run) {
    const batch_job *job = run->job;
    const size_t rows = run->slice.inners, item = io_item(job->g.array.dtype);
    io_error error;
    for (size_t i = 0; i < rows; i++) {
        char g[sizeof(double)];
        const size_t m = run->states[i].argmax < job->around.n ? (size_t)run->states[i].argmax : 0;
        const row_slice row = {run->slice.outer, 1, run->slice.inner + i, 1};
        const placement place = place_entries(&job->around, &row, m, 1);
        if (!input_fill(&job->g, place.first, 1, g, &error))
            return fail(job->args, error.exit_code, "%s", error.message);
        double at_max;
        float single;
        memcpy(item == sizeof single ? (void *)&single : (void *)&at_max, g, item);
        if (item == sizeof single) at_max = (double)single;
        for (size_t r = 0; r < RANGES; r++)
            run->products[r * rows + i] = (sj_product){.state = run->states[i], .at_max = at_max};
    }
    return EXIT_DONE;
}

/* Unevaluated sums are added without what one double would lose. */
static void add_dots(const piece_run *run) {
    const size_t rows = run->slice.inners;
    for (size_t r = 1; r < RANGES; r++) {
        for (size_t i = 0; i < rows; i++) {
            double *a = run->products[i].dot;
            const double *b = run->products[r * rows + i].dot;
            const double sum = a[0] + b[0], part = sum - a[0];
            const double rest = (a[0] - (sum - part)) + (b[0] - part) + (a[1] + b[1]);
            a[0] = sum;
            a[1] = rest;
        }
    }
}

static int emit_logsumexp(piece_run *run) {
    work_failure *failure = &run->at_work[0].failure;
    const batch_job *job = run->job;
    const result *to = &job->out;
    const placement place = place_row_numbers(&job->around, &run->slice);
    const sj_options options = library_options(job->args, &failure->library);
    const sj_view out = to->array.data ? placed_view(to->array.data, to->array.dtype, &place)
                                       : packed_view(run->at_work[0].out, to->array.dtype, &place);
    failure->status = sj_state_logsumexp(run->states, out, &options);
    if (failure->status == SJ_OK &&
        (to->array.data || transfer_out(to, &place, run->at_work[0].out, &failure->transfer)))
        return EXIT_DONE;
    return failure_report(job->args, failure);
}

static int run_rows(piece_run *run) {
    memset(run->states, 0, RANGES * run->slice.inners * sizeof *run->states);
    int code = run_pass(run, PASS_STATE);
    if (code != EXIT_DONE) return code;
    merge_states(run);
    if (run->job->states == STATES_LOGSUMEXP) return emit_logsumexp(run);
    if (run->job->states == STATES_PRODUCT) {
        code = begin_products(run);
        if (code == EXIT_DONE) code = run_pass(run, PASS_DOT);
        if (code == EXIT_DONE) add_dots(run);
    }
    return code == EXIT_DONE ? run_pass(run, PASS_EMIT) : code;
}

/* Half of the memory is for the states of the rows that are taken together, half for their pieces. */
static void measure(piece_run *run) {
    batch_job *job = run->job;
    const size_t half = memory_allowed(job->args) / 2, n = job->around.n;
    const bool product = job->states == STATES_PRODUCT;
    const size_t state = RANGES * (sizeof(sj_state) + (product ? sizeof(sj_product) : 0));
    size_t rows = half / state < ROWS_MOST ? half / state : ROWS_MOST;
    if (rows > job->around.inner) rows = job->around.inner;
    const sj_dtype wide = job->out.array.dtype == SJ_F64 ? SJ_F64 : SJ_F32;
    if (wide == SJ_F64 || job->z.array.dtype == SJ_F64 || (product && job->g.array.dtype == SJ_F64))
        job->z.array.dtype = job->g.array.dtype = SJ_F64;
    const size_t item = io_item(job->z.array.dtype) * (product ? 2 : 1) + io_item(job->out.array.dtype);
    const int most = sj_threads(), asked = job->args->threads;
    run->workers = asked && asked < most ? asked : most;
    run->threads = run->workers > 1 ? 1 : asked;
    size_t length = half / (size_t)run->workers / item;
    length = (length < PIECE_ELEMENTS ? length : PIECE_ELEMENTS) / rows;
    run->length = length ? length : 1;
    run->range = (n + RANGES - 1) / RANGES;
    run->slice.inners = rows;
}

/* False when out of memory. */
static bool make_buffers(piece_run *run) {
    const size_t rows = run->slice.inners, piece = run->length * rows * sizeof(double);
    const bool product = run->job->states == STATES_PRODUCT;
    run->states = malloc(RANGES * rows * sizeof *run->states);
    run->products = product ? malloc(RANGES * rows * sizeof *run->products) : NULL;
    run->at_work = calloc((size_t)run->workers, sizeof *run->at_work);
    if (!run->states || !run->at_work || (product && !run->products)) return false;
    for (int w = 0; w < run->workers; w++) {
        piece_worker *worker = &run->at_work[w];
        worker->z = malloc(piece);
        worker->g = product ? malloc(piece) : NULL;
        worker->out = malloc(piece);
        if (!worker->z || !worker->out || (product && !worker->g)) return false;
    }
    return true;
}

static void free_buffers(piece_run *run) {
    for (int w = 0; run->at_work && w < run->workers; w++) {
        free(run->at_work[w].z);
        free(run->at_work[w].g);
        free(run->at_work[w].out);
    }
    free(run->at_work);
    free(run->products);
    free(run->states);
}

static int run_all(piece_run *run) {
    const grid *around = &run->job->around;
    const size_t rows = run->slice.inners;
    int code = EXIT_DONE;
    for (size_t outer = 0; outer < around->outer && code == EXIT_DONE; outer++) {
        for (size_t inner = 0; inner < around->inner && code == EXIT_DONE; inner += rows) {
            const size_t left = around->inner - inner;
            run->slice = (row_slice){outer, 1, inner, left < rows ? left : rows};
            code = run_rows(run);
        }
    }
    return code;
}

int pieces_run(batch_job *job) {
    piece_run run = {.job = job};
    const grid *around = &job->around;
    const double passes = job->states == STATES_PRODUCT ? 3 : job->states == STATES_LOGSUMEXP ? 1 : 2;
    int code = EXIT_NO_MEMORY;
    measure(&run);
    if (make_buffers(&run)) {
        progress_begin(&run.bar, job->args, job->args->command,
                       passes * (double)around->outer * (double)around->n * (double)around->inner);
        run.bar.bytes = passes * job_bytes(job);
        code = run_all(&run);
        progress_end(&run.bar);
    } else {
        fail(job->args, code, "out of memory");
    }
    free_buffers(&run);
    return code == EXIT_DONE ? job_inputs_unchanged(job) : code;
}
