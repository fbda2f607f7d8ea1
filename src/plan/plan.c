/* plan.c: collapses the batch dimensions of a call into runs of rows at constant strides, and walks them, one kernel
 * call for each run or a thread's part of it. Called by api/call.c; calls threads.c and the kernel table. */
#include "plan.h"

#include "dispatch.h"
#include "halves.h"
#include "operand.h"
#include "ragged.h"
#include "reading.h"
#include "threads.h"

#include <stdbool.h>

static void swap(ptrdiff_t *strides, int a, int b) {
    const ptrdiff_t old = strides[a];
    strides[a] = strides[b], strides[b] = old;
}

static void swap_dims(sj_batch *batch, int a, int b) {
    if (a == b) return;
    const size_t old = batch->shape[a];
    batch->shape[a] = batch->shape[b], batch->shape[b] = old;
    swap(batch->z, a, b);
    swap(batch->g, a, b);
    for (int i = 0; i < SJ_MORE; i++) swap(batch->more[i], a, b);
    swap(batch->out, a, b);
    for (int i = 0; batch->reading && i < SJ_BESIDES; i++) swap(batch->beside[i], a, b);
    for (int i = 0; i < SJ_ROW_NUMBERS; i++) swap(batch->numbers[i], a, b);
}

/* Dimension `inner` continues `outer` in every operand: one step of outer is a whole walk of inner. */
static bool continues(const sj_batch *batch, int outer, int inner) {
    const ptrdiff_t size = (ptrdiff_t)batch->shape[inner];
    for (int i = 0; batch->reading && i < SJ_BESIDES; i++)
        if (batch->beside[i][outer] != size * batch->beside[i][inner]) return false;
    for (int i = 0; i < SJ_ROW_NUMBERS; i++)
        if (batch->numbers[i][outer] != size * batch->numbers[i][inner]) return false;
    return batch->z[outer] == size * batch->z[inner] && batch->g[outer] == size * batch->g[inner] &&
           batch->more[0][outer] == size * batch->more[0][inner] &&
           batch->more[1][outer] == size * batch->more[1][inner] && batch->out[outer] == size * batch->out[inner];
}

/* Drops dimensions of one, sorts the rest so that the logits are walked in memory order, and joins neighbours. */
static void collapse(sj_batch *batch) {
    int kept = 0;
    for (int d = 0; d < batch->ndim; d++)
        if (batch->shape[d] != 1) swap_dims(batch, kept++, d);
    batch->ndim = kept;
    for (int d = 1; d < kept; d++)
        for (int e = d; e > 0 && sj_magnitude(batch->z[e]) > sj_magnitude(batch->z[e - 1]); e--)
            swap_dims(batch, e, e - 1);
    int last = 0;
    for (int d = 1; d < kept; d++) {
        if (continues(batch, last, d)) {
            const size_t joined = batch->shape[last] * batch->shape[d];
            swap_dims(batch, last, d);
            batch->shape[last] = joined;
        } else {
            swap_dims(batch, ++last, d);
        }
    }
    if (kept > 0) batch->ndim = last + 1;
}

/* A collapsed call. An item of its work is a group of rows that follow each other in a run. */
typedef struct plan {
    const sj_kernels *kernels;
    sj_operation operation;
    const sj_batch *runs; /* the dimensions around the innermost */
    const sj_run *first;  /* the first run, with all its rows */
    size_t group_rows;    /* of every group but a run's last */
    size_t groups;        /* of a run */
} plan;

/* Where a walk over the runs is. */
typedef struct place {
    size_t index[SJ_MAX_NDIM];
    sj_run run; /* its first row */
    sj_reading reading;
} place;

static void step(const sj_batch *runs, int d, ptrdiff_t steps, place *at) {
    sj_run *run = &at->run;
    advance(&run->z, steps * runs->z[d]);
    advance(&run->g, steps * runs->g[d]);
    for (int i = 0; i < SJ_MORE; i++) advance(&run->more[i], steps * runs->more[i][d]);
    advance(&run->out, steps * runs->out[d]);
    for (int i = 0; i < SJ_ROW_NUMBERS && run->losses; i++) advance(&run->numbers[i], steps * runs->numbers[i][d]);
    if (!run->reading) return;
    for (int i = 0; i < SJ_BESIDES; i++) advance(&at->reading.beside[i], steps * runs->beside[i][d]);
    at->reading.reach += steps * runs->beside[SJ_BESIDE_REACH][d];
}

static void begin(const plan *p, place *at) {
    at->run = *p->first;
    if (!at->run.reading) return;
    at->reading = *at->run.reading;
    at->run.reading = &at->reading;
}

static void seek(const sj_batch *runs, size_t run, place *at) {
    for (int d = runs->ndim - 1; d >= 0; d--) {
        at->index[d] = run % runs->shape[d];
        run /= runs->shape[d];
        step(runs, d, (ptrdiff_t)at->index[d], at);
    }
}

static void next_run(const sj_batch *runs, place *at) {
    for (int d = runs->ndim - 1; d >= 0; d--) {
        if (++at->index[d] < runs->shape[d]) {
            step(runs, d, 1, at);
            return;
        }
        at->index[d] = 0;
        step(runs, d, -(ptrdiff_t)(runs->shape[d] - 1), at);
    }
}

static sj_kernel *kernel_of(const sj_kernels *kernels, sj_operation operation, const sj_run *run) {
    return run->read == SJ_READ_SCALED ? kernels->scaled[operation] : kernels->rows[operation];
}

/* A few short rows cost as much as a block of them: what whole blocks leave over goes to narrower ones. */
static void perform_floats(const sj_kernels *kernels, sj_operation operation, sj_run *run) {
    const sj_kernels *narrower = kernels->narrower;
    for (; narrower && kernel_of(narrower, operation, run) && run->n <= kernels->short_row;
         narrower = narrower->narrower) {
        const size_t left = run->rows & (kernels->lanes - 1), whole = run->rows - left;
        if (left == 0 || left > narrower->lanes) break;
        if (whole > 0) {
            run->rows = whole;
            kernel_of(kernels, operation, run)(run);
            advance_rows(run, whole);
            run->rows = left;
        }
        kernels = narrower;
    }
    kernel_of(kernels, operation, run)(run);
}

static void perform_plain(const sj_kernels *kernels, sj_operation operation, sj_run *run) {
    if (sj_stages_halves(kernels, run))
        sj_perform_halves(kernels, operation, run, perform_floats);
    else
        perform_floats(kernels, operation, run);
}

/* A run with something beside its logits, part by part as it is read. */
typedef struct row_reader {
    sj_reader reader;
    const sj_kernels *kernels;
    sj_operation operation;
} row_reader;

static void serve_read(const sj_reader *reader, sj_run *run) {
    const row_reader *r = (const row_reader *)(const void *)reader;
    if (run->reading && run->read == SJ_UNREAD)
        sj_read_rows(reader, run);
    else if (run->read == SJ_READ_BY_ROW)
        r->kernels->by_row[r->operation](run);
    else
        perform_plain(r->kernels, r->operation, run);
}

static void perform_rows(const sj_kernels *kernels, sj_operation operation, sj_run *run) {
    if (!run->reading) {
        perform_plain(kernels, operation, run);
        return;
    }
    const row_reader r = {{serve_read, kernels->select, kernels->staged}, kernels, operation};
    sj_read_rows(&r.reader, run);
}

/* The rows of a run from group `first` on, `count` groups of them. */
static void perform_run(const plan *p, const sj_run *whole, size_t first, size_t count) {
    const size_t start = first * p->group_rows, left = whole->rows - start;
    sj_run run = *whole;
    run.rows = count < p->groups - first ? count * p->group_rows : left;
    advance_rows(&run, start);
    perform_rows(p->kernels, p->operation, &run);
}

static void perform_groups(const void *context, size_t first, size_t count) {
    const plan *p = context;
    size_t group = first % p->groups;
    place at;
    begin(p, &at);
    seek(p->runs, first / p->groups, &at);
    for (;;) {
        const size_t left = p->groups - group, taken = count < left ? count : left;
        perform_run(p, &at.run, group, taken);
        count -= taken;
        if (count == 0) return;
        next_run(p->runs, &at);
        group = 0;
    }
}

/* Of one sweep over one entry of the logits, in entries of a float32 softmax. */
static double sweep_cost(sj_dtype compute, sj_mode mode) {
    return (mode == SJ_EXACT ? 4 : compute == SJ_F64 ? 3 : 1) / 2.0;
}

/* Of one entry, with its results. */
static double entry_cost(sj_operation operation, sj_dtype compute, sj_mode mode, size_t n) {
    const bool is_jacobian = operation == SJ_OP_JACOBIAN || operation == SJ_OP_LOG_JACOBIAN;
    return sweep_cost(compute, mode) * (1 + (is_jacobian ? (double)n : 1));
}

/* The threads of a call, for rows that follow each other and are shared. */
typedef struct row_team {
    sj_team team;
    double cost; /* of a sweep over a row */
    int threads;
} row_team;

static void divide_row(const sj_team *team, size_t count, void (*perform)(const void *, size_t, size_t),
                       const void *context) {
    const row_team *t = (const row_team *)(const void *)team;
    const sj_work work = {count, t->cost, perform, context};
    sj_threads_perform(&work, t->threads);
}

static const sj_kernels *kernels_of(const sj_kernel_sets *set, sj_dtype compute, sj_mode mode) {
    if (mode == SJ_EXACT) return set->exact;
    return compute == SJ_F32 ? set->f32 : set->f64;
}

/* Bytes that a processor's last cache may hold for one core, as of AMD's complexes; the system tells the size of all
 * caches of a socket together. Results of a call that moves more would not be found there later, and each line of them
 * would be read before it is written. */
#define CACHED ((double)((size_t)32 << 20))

/* Whether results go past the caches: not where they replace what was read, and is in cache. */
static bool streams(sj_operation operation, const sj_run *run, double entries) {
    const size_t read = sj_dtype_size(run->z.dtype) + (run->g.data ? sj_dtype_size(run->g.dtype) : 0);
    const bool in_place = run->out.data == run->z.data || run->out.data == run->g.data;
    return sj_emits_rows(operation) && !in_place && entries * (double)(read + sj_dtype_size(run->out.dtype)) >= CACHED;
}

/* The first run, with all its rows, `runs` times. batch: the dimensions around it. */
static void perform_all(sj_operation operation, sj_dtype compute, sj_mode mode, int threads, const sj_batch *batch,
                        size_t runs, sj_run *first) {
    const sj_kernels *kernels = kernels_of(sj_dispatch(), compute, mode);
    const double entries = (double)runs * (double)first->rows * (double)first->n;
    const double cost = entries * entry_cost(operation, compute, mode, first->n);
    first->stream = streams(operation, first, entries);
    if (runs == 1 && !sj_threads_pay(cost, threads)) { /* most small calls */
        perform_rows(kernels, operation, first);
        return;
    }
    plan p = {kernels, operation, batch, first, 1, first->rows};
    if (first->n <= kernels->short_row) { /* taken in blocks: a thread's first row begins one */
        p.group_rows = kernels->lanes;
        p.groups = (first->rows - 1) / kernels->lanes + 1;
    }
    const sj_work work = {runs * p.groups, cost, perform_groups, &p};
    if (first->n <= kernels->span || work.items >= (size_t)sj_threads_for(cost, threads)) {
        sj_threads_perform(&work, threads);
        return;
    }
    const row_team team = {{divide_row}, (double)first->n * sweep_cost(compute, mode), threads};
    sj_run shared = *first;
    shared.team = &team.team;
    p.first = &shared;
    perform_groups(&p, 0, work.items);
}

/* A collapsed call of packed rows. */
typedef struct ragged_plan {
    sj_ragged_server server;
    plan plan;
    size_t runs, most; /* rows of more entries are done apart */
} ragged_plan;

static void serve_ragged(const sj_ragged_server *server, sj_run *run) {
    const ragged_plan *r = (const ragged_plan *)(const void *)server;
    perform_rows(r->plan.kernels, r->plan.operation, run);
}

static void perform_ragged_rows(const void *context, size_t first, size_t count) {
    const ragged_plan *r = context;
    const sj_ragged *ragged = r->plan.runs->ragged;
    const size_t start = sj_ragged_from(ragged, first), end = sj_ragged_from(ragged, first + count);
    place at;
    begin(&r->plan, &at);
    seek(r->plan.runs, 0, &at);
    for (size_t i = 0; i < r->runs; i++) {
        sj_ragged_rows(&r->server, ragged, start, end, r->most, &at.run);
        next_run(r->plan.runs, &at);
    }
}

/* Fewer than as many rows of exact mode, or of a set without lanes, are not worth a call by themselves. */
#define LEAST_BLOCK ((size_t)8)

/* Entries of the longest packed row that is left to one thread of several: longer ones are more than its share, and may
 * be divided themselves, being long enough or in enough slices. */
static size_t most_of_thread(const sj_kernels *kernels, size_t items, double slices, int threads) {
    if (threads == 1) return items;
    const size_t share = items / (size_t)threads;
    if (slices >= (double)threads * (double)kernels->lanes || share > kernels->span) return share;
    return kernels->span;
}

/* The first run, whose rows are all packed ones together, `runs` times. */
static void perform_ragged(sj_operation operation, sj_dtype compute, sj_mode mode, int threads, const sj_batch *batch,
                           size_t runs, sj_run *first) {
    const sj_ragged *ragged = batch->ragged;
    const sj_kernels *kernels = kernels_of(sj_dispatch(), compute, mode);
    const size_t items = first->n + ragged->rows;
    const double slices = (double)runs * (double)first->rows;
    const double cost = slices * (double)items * entry_cost(operation, compute, mode, first->n);
    const int many = sj_threads_for(cost, threads);
    const size_t block = kernels->lanes < LEAST_BLOCK ? LEAST_BLOCK : kernels->lanes;
    const plan p = {kernels, operation, batch, first, 1, 1};
    const ragged_plan r = {{serve_ragged, block}, p, runs, most_of_thread(kernels, items, slices, many)};
    for (size_t i = 0; many > 1 && i < ragged->rows; i++) {
        if (sj_ragged_length(ragged, i) <= r.most) continue;
        sj_run one = *first;
        sj_reading reading;
        sj_ragged_seek(ragged, i, first, &one, &reading);
        perform_all(operation, compute, mode, threads, batch, runs, &one);
    }
    first->stream = streams(operation, first, slices * (double)first->n);
    const sj_work work = {items, cost, perform_ragged_rows, &r};
    sj_threads_perform(&work, threads);
}

/* The first run with all its rows, and how many runs there are; false where there is no row. */
static bool lay_out(sj_batch *batch, sj_run *first, size_t *runs) {
    for (int d = 0; d < batch->ndim; d++)
        if (batch->shape[d] == 0) return false;
    collapse(batch);
    const int inner = batch->ndim - 1;
    first->rows = inner < 0 ? 1 : batch->shape[inner];
    first->z.row_stride = inner < 0 ? 0 : batch->z[inner];
    first->g.row_stride = inner < 0 ? 0 : batch->g[inner];
    for (int i = 0; i < SJ_MORE; i++) first->more[i].row_stride = inner < 0 ? 0 : batch->more[i][inner];
    first->out.row_stride = inner < 0 ? 0 : batch->out[inner];
    for (int i = 0; batch->reading && i < SJ_BESIDES; i++)
        batch->reading->beside[i].row_stride = inner < 0 ? 0 : batch->beside[i][inner];
    for (int i = 0; i < SJ_ROW_NUMBERS && first->losses; i++)
        first->numbers[i].row_stride = inner < 0 ? 0 : batch->numbers[i][inner];
    batch->ndim = inner < 0 ? 0 : inner;
    for (int d = 0; d < batch->ndim; d++) *runs *= batch->shape[d];
    return true;
}

void sj_plan_run(sj_operation operation, sj_dtype compute, sj_mode mode, int threads, sj_batch *batch, sj_run *first) {
    static const sj_batch none = {.ndim = 0};
    size_t runs = 1;
    if (batch && !lay_out(batch, first, &runs)) return;
    if (batch && batch->ragged)
        perform_ragged(operation, compute, mode, threads, batch, runs, first);
    else
        perform_all(operation, compute, mode, threads, batch ? batch : &none, runs, first);
}
