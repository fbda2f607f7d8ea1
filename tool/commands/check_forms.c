/* check_forms.c: computes every form with the library, times the call, hands each row of each result to check_judge.c.
 * See check_forms.h. */
#include "check_forms.h"

#include "check_judge.h"
#include "check_time.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What check_forms works with. */
typedef struct check_run {
    const check_input *input;
    const sj_options *options;
    check_lines *lines;
    check_line *line_of[FORM_COUNT]; /* the line of a form, in blocks where it is a Jacobian */
    void *out[FORM_COUNT];           /* NULL where it was not computed */
    double *z, *g, *got;             /* one row, as doubles */
} check_run;

static size_t row_count(const check_input *input) { return input->around.outer * input->around.inner; }

static const void *g_of(const check_input *input, form_id id) {
    if (id == FORM_JVP || id == FORM_LOG_JVP) return input->tangent;
    return id == FORM_LOG_VJP ? input->log_cotangent : input->cotangent;
}

/* The shape of the result as the user knows it, from that of the logits. */
static void result_shape(const check_input *input, form_id id, bool dense, char text[SHAPE_TEXT]) {
    size_t shape[2 * IO_MAX_NDIM + 2];
    int ndim = 0;
    const bool keeps_axis = forms[id].result == RESULT_ROW || dense;
    for (int d = 0; d < input->ndim; d++) {
        if (keeps_axis || d != input->around.axis) shape[ndim++] = input->shape[d];
    }
    if (dense) {
        memcpy(shape + ndim, input->shape, (size_t)input->ndim * sizeof *shape);
        ndim += input->ndim;
    } else if (forms[id].result == RESULT_MATRIX) {
        shape[ndim++] = input->around.n;
        shape[ndim++] = input->around.n;
    }
    shape_text(ndim, shape, text);
}

static sj_view result_view(const check_input *input, form_id id, bool dense, void *data) {
    const grid *at = &input->around;
    if (forms[id].result == RESULT_ROW) return grid_view(data, input->dtype, at);
    if (forms[id].result == RESULT_SCALAR) return sj_array(data, input->dtype, 2, (size_t[]){at->outer, at->inner});
    if (!dense) return sj_array(data, input->dtype, 4, (size_t[]){at->outer, at->inner, at->n, at->n});
    return sj_array(data, input->dtype, 6, (size_t[]){at->outer, at->n, at->inner, at->outer, at->n, at->inner});
}

/* Bytes of the result: exact in *bytes unless false is returned, and near enough for a remark in line->bytes. */
static bool result_bytes(const check_input *input, form_id id, check_line *line, size_t *bytes) {
    const size_t n = input->around.n, rows = line->dense ? input->rows : row_count(input);
    const size_t factors[4] = {rows, forms[id].result == RESULT_SCALAR ? 1 : n,
                               forms[id].result == RESULT_MATRIX ? n : 1, line->dense ? rows : 1};
    bool fits = true;
    *bytes = io_item(input->dtype);
    line->bytes = (double)*bytes;
    for (int i = 0; i < 4; i++) {
        line->bytes *= (double)factors[i];
        fits = fits && checked_multiply(*bytes, factors[i], bytes);
    }
    return fits;
}

/* NULL, with line->computed false, where the result would not fit. */
static void *allocate(const check_input *input, form_id id, check_line *line) {
    size_t bytes;
    const bool fits = result_bytes(input, id, line, &bytes) && bytes <= input->memory_limit;
    void *data = fits ? malloc(bytes ? bytes : 1) : NULL;
    line->computed = data != NULL;
    return data;
}

/* Calls the library several times and keeps the median time. */
static void call_timed(const check_run *run, form_id id, void *out, check_line *line) {
    const check_input *input = run->input;
    const form_arguments call = {.z = grid_view(input->z, input->dtype, &input->around),
                                 .g = grid_view(g_of(input, id), input->dtype, &input->around),
                                 .q = input->q,
                                 .layout = line->dense ? SJ_DENSE : SJ_BLOCKS,
                                 .out = result_view(input, id, line->dense, out)};
    stopwatch watch = stopwatch_start();
    do {
        line->status = forms[id].call(&call, run->options);
    } while (line->status == SJ_OK && stopwatch_again(&watch));
    line->seconds = stopwatch_median(&watch);
}

static check_line *add_line(check_run *run, form_id id, bool dense) {
    check_line *line = &run->lines->at[run->lines->count++];
    *line = (check_line){.name = forms[id].name, .dense = dense, .seconds = NAN};
    result_shape(run->input, id, dense, line->shape);
    judge_begin(line, id, run->input->dtype, run->options->mode);
    return line;
}

static void compute(check_run *run) {
    for (form_id id = 0; id < FORM_COUNT; id++) {
        check_line *line = run->line_of[id] = add_line(run, id, false);
        run->out[id] = allocate(run->input, id, line);
        if (run->out[id]) call_timed(run, id, run->out[id], line);
        if (forms[id].result == RESULT_MATRIX) add_line(run, id, true);
    }
}

/* Row (o, i) of the array seen as (outer, n, inner). */
static void gather(const check_input *input, const void *data, size_t row, double *values) {
    const grid *at = &input->around;
    const size_t first = row / at->inner * at->n * at->inner + row % at->inner;
    for (size_t k = 0; k < at->n; k++) values[k] = io_element(data, input->dtype, first + k * at->inner);
}

static void gather_result(const check_run *run, form_id id, size_t row) {
    const size_t n = run->input->around.n;
    if (forms[id].result == RESULT_ROW) {
        gather(run->input, run->out[id], row, run->got);
        return;
    }
    const size_t entries = form_entries(&forms[id], n);
    for (size_t i = 0; i < entries; i++) run->got[i] = io_element(run->out[id], run->input->dtype, row * entries + i);
}

/* Rows outside, forms inside: the oracle computes the exponentials of a row once. */
static bool judge_rows(check_run *run, row_judge *judge, progress *bar) {
    const check_input *input = run->input;
    const size_t n = input->around.n;
    run->lines->rows = row_count(input);
    for (size_t row = 0; row < run->lines->rows && n > 0; row++) {
        gather(input, input->z, row, run->z);
        progress_update(bar, (double)(input->first_row + row));
        if (!judge_can(run->z, n)) continue;
        run->lines->judged++;
        for (form_id id = 0; id < FORM_COUNT; id++) {
            if (!run->out[id] || run->line_of[id]->status != SJ_OK) continue;
            gather_result(run, id, row);
            if (forms[id].takes_g) gather(input, g_of(input, id), row, run->g);
            if (!judge_row(judge, id, run->z, run->g, input->q, run->got, run->line_of[id])) return false;
        }
    }
    return true;
}

/* Whether the dense result holds the blocks, bit for bit, and zero everywhere else. */
static bool dense_holds_blocks(const check_input *input, const void *dense, const void *blocks) {
    const size_t rows = row_count(input), n = input->around.n, inner = input->around.inner;
    for (size_t p = 0; p < rows; p++) {
        for (size_t q = 0; q < n; q++) {
            const size_t from = ((p / inner * n + q) * inner + p % inner) * rows * n;
            for (size_t i = 0; i < rows; i++) {
                for (size_t r = 0; r < n; r++) {
                    const double got = io_element(dense, input->dtype, from + (i / inner * n + r) * inner + i % inner);
                    const double expected = p == i ? io_element(blocks, input->dtype, (p * n + q) * n + r) : 0;
                    if (got != expected && !(isnan(got) && isnan(expected))) return false;
                }
            }
        }
    }
    return true;
}

/* The dense Jacobian is judged by its blocks, which the line before it has judged. */
static void judge_dense(const check_run *run, form_id id) {
    const check_line *blocks = run->line_of[id];
    check_line *line = run->line_of[id] + 1;
    void *out = allocate(run->input, id, line);
    line->computed = out && run->out[id];
    if (!line->computed) {
        free(out);
        return;
    }
    call_timed(run, id, out, line);
    line->bound = "= blocks";
    const bool same = line->status == SJ_OK && dense_holds_blocks(run->input, out, run->out[id]);
    line->of_bound = same ? blocks->of_bound : INFINITY;
    line->relative = blocks->relative;
    line->plain_relative = blocks->plain_relative;
    line->ulps = blocks->ulps;
    line->mape = blocks->mape / (double)row_count(run->input); /* over the zeros too */
    free(out);
}

static double join_means(double a, size_t of_a, double b, size_t of_b) {
    if (of_a == 0 || of_b == 0) return of_a == 0 ? b : a;
    return (a * (double)of_a + b * (double)of_b) / (double)(of_a + of_b);
}

static void conclude(check_lines *lines) {
    for (size_t i = 0; i < lines->count; i++) {
        check_line *line = &lines->at[i];
        line->pass = line->computed && line->status == SJ_OK && lines->judged > 0 && line->of_bound <= 1;
    }
}

void check_join(check_lines *into, const check_lines *part) {
    if (into->count == 0) {
        *into = *part;
        return;
    }
    for (size_t i = 0; i < into->count; i++) {
        check_line *line = &into->at[i];
        const check_line *more = &part->at[i];
        line->mape = join_means(line->mape, into->judged, more->mape, part->judged);
        line->relative = fmax(line->relative, more->relative);
        line->plain_relative = fmax(line->plain_relative, more->plain_relative);
        line->ulps = fmax(line->ulps, more->ulps);
        line->of_bound = fmax(line->of_bound, more->of_bound);
        line->seconds += more->seconds;
        line->bytes = fmax(line->bytes, more->bytes);
        line->computed = line->computed && more->computed;
        if (line->status == SJ_OK) line->status = more->status;
    }
    into->rows += part->rows;
    into->judged += part->judged;
    conclude(into);
}

bool check_forms(const check_input *input, const sj_options *options, progress *bar, check_lines *lines) {
    const size_t n = input->around.n;
    check_run run = {.input = input, .options = options, .lines = lines};
    row_judge judge;
    *lines = (check_lines){0};
    compute(&run);
    const size_t entries = run.out[FORM_JACOBIAN] || run.out[FORM_LOG_JACOBIAN] ? n * n : n;
    run.z = calloc(n + 1, sizeof(double));
    run.g = calloc(n + 1, sizeof(double));
    run.got = calloc(entries + 1, sizeof(double));
    bool done = judge_open(&judge, input->dtype, options->mode, n, entries) && run.z && run.g && run.got;
    done = done && judge_rows(&run, &judge, bar);
    for (form_id id = 0; id < FORM_COUNT; id++) {
        run.line_of[id]->mape /= (double)(lines->judged * form_entries(&forms[id], n));
        if (done && forms[id].result == RESULT_MATRIX) judge_dense(&run, id);
        free(run.out[id]);
    }
    conclude(lines);
    judge_close(&judge);
    free(run.z);
    free(run.g);
    free(run.got);
    return done;
}
