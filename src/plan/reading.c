/* reading.c: runs of which entries are masked: short rows through a stage in which these stand as -inf, rows that end
 * early as rows of fewer entries, and the results of what is masked. Called by plan.c. */
#include "reading.h"

#include "kernel/half.h"
#include "kernel/reading.h"

#include <math.h>

static void result_set(const sj_run *run, char *row, ptrdiff_t offset, double value) {
    element_store(row, run->out.dtype, offset, value);
}

static char *row_at(const sj_operand *array, size_t index) {
    return array->data + (ptrdiff_t)sj_dtype_size(array->dtype) * (ptrdiff_t)index * array->row_stride;
}

/* Entries [start, end) of a row of results. */
static void results_fill(const sj_run *run, char *row, size_t start, size_t end, double value) {
    for (size_t k = start; k < end; k++) result_set(run, row, (ptrdiff_t)k * run->out.class_stride, value);
}

static char *result_row(const sj_run *run, size_t index) { return row_at(&run->out, index); }

/* Line and column k of a Jacobian of n entries. */
static void jacobian_clear(const sj_run *run, char *row, size_t k, size_t n) {
    const ptrdiff_t line = run->out.class_stride, column = run->out.input_stride;
    for (size_t i = 0; i < n; i++) {
        result_set(run, row, (ptrdiff_t)k * line + (ptrdiff_t)i * column, 0);
        result_set(run, row, (ptrdiff_t)i * line + (ptrdiff_t)k * column, 0);
    }
}

/* Masked results that do not come out so. */
static void rows_clear(const sj_run *run) {
    const sj_reading *of = run->reading;
    for (size_t i = 0; of->clears && i < run->rows; i++) {
        char *row = result_row(run, i);
        const bool all = of->results == SJ_READ_GRADIENT && row_masks(run, i, run->q);
        for (size_t k = 0; k < run->n; k++) {
            if (!all && !row_masks(run, i, k)) continue;
            if (of->results == SJ_READ_JACOBIAN)
                jacobian_clear(run, row, k, run->n);
            else
                result_set(run, row, (ptrdiff_t)k * run->out.class_stride, 0);
        }
    }
}

/* Short rows are selected into a stage, some at a time. */
#define READ_STAGE ((size_t)1 << 14)

/* Rows of an array, as they are read, into the stage. */
static sj_operand stage_rows(const sj_reader *reader, const sj_run *run, size_t first, size_t rows,
                             const sj_operand *array, sj_fill fill, char *stage) {
    const size_t n = run->n, size = sj_dtype_size(array->dtype);
    const sj_operand *mask = &run->reading->beside[SJ_BESIDE_MASK];
    const bool follow = array->row_stride == (ptrdiff_t)n && array->class_stride == 1;
    const bool masks_follow = !mask->data || (mask->row_stride == (ptrdiff_t)n && mask->class_stride == 1);
    const bool flat = follow && masks_follow;
    for (size_t i = 0; i < (flat ? 1 : rows); i++) {
        const char *row = row_at(array, first + i);
        const sj_selection s = selection_of(run, first + i, array, row, 0, fill);
        reader->select(&s, flat ? rows * n : n, stage + i * n * size);
    }
    if (reading_ends_rows(run->reading))
        for (size_t i = 0; i < rows; i++) {
            const size_t count = row_count(run, first + i);
            for (size_t k = count; k < n; k++)
                element_store(stage, array->dtype, (ptrdiff_t)(i * n + k),
                              fill == SJ_FILL_ZERO ? 0 : -(double)INFINITY);
        }
    return (sj_operand){stage, array->dtype, (ptrdiff_t)n, 1, 0};
}

static void read_staged(const sj_reader *reader, const sj_run *run) {
    _Alignas(64) char z[READ_STAGE], g[READ_STAGE];
    const sj_fill fill = run->given == SJ_GIVEN_SOFTMAX ? SJ_FILL_ZERO : SJ_FILL_LOW;
    const size_t fit = READ_STAGE / sizeof(double) / run->n, together = fit < 16 ? fit : fit / 16 * 16;
    sj_run part = *run;
    part.read = SJ_READ_PLACED;
    for (size_t first = 0; first < run->rows; first += together) {
        part.rows = run->rows - first < together ? run->rows - first : together;
        part.read_from = run->read_from + first;
        part.z = stage_rows(reader, run, first, part.rows, &run->z, fill, z);
        if (run->g.data) part.g = stage_rows(reader, run, first, part.rows, &run->g, SJ_FILL_ZERO, g);
        part.out.data = result_row(run, first);
        reader->serve(reader, &part);
    }
}

/* Of a row that ends early: results past its end. */
static void results_end(const sj_run *run, char *row, size_t count) {
    const size_t n = run->n;
    const sj_reading *of = run->reading;
    if (of->results == SJ_READ_JACOBIAN)
        for (size_t k = count; k < n; k++) jacobian_clear(run, row, k, n);
    else if (of->results != SJ_READ_SCALAR)
        results_fill(run, row, count, n, of->masked);
}

/* Rows that end early are rows of fewer entries. */
static void read_ends(const sj_reader *reader, const sj_run *run) {
    sj_reading masks = *run->reading;
    masks.causal = false;
    masks.beside[SJ_BESIDE_LENGTHS].data = NULL;
    sj_run one = *run;
    one.rows = 1;
    one.reading = masks.scales || masks.beside[SJ_BESIDE_MASK].data ? &masks : NULL;
    for (size_t i = 0; i < run->rows; i++) {
        one.n = row_count(run, i);
        one.read_from = run->read_from + i;
        one.z.data = row_at(&run->z, i);
        if (run->g.data) one.g.data = row_at(&run->g, i);
        one.out.data = result_row(run, i);
        if (run->reading->results == SJ_READ_GRADIENT && run->q >= one.n) one.n = 0;
        if (one.n > 0 || run->reading->results == SJ_READ_SCALAR) reader->serve(reader, &one);
        results_end(run, one.out.data, one.n);
    }
}

/* Rows are as they stand but for a scale, and one that kernels weigh by. */
static bool only_scales(const sj_run *run) {
    const sj_reading *of = run->reading;
    if (run->given != SJ_GIVEN_LOGITS || of->causal || of->results == SJ_READ_JACOBIAN) return false;
    for (int i = 0; i < SJ_BESIDES; i++)
        if (of->beside[i].data) return false;
    return fabs(of->scale) >= SJ_SCALE_LEAST && fabs(of->scale) <= SJ_SCALE_MOST;
}

void sj_read_rows(const sj_reader *reader, const sj_run *run) {
    if (only_scales(run)) {
        sj_run scaled = *run;
        scaled.read = SJ_READ_SCALED;
        reader->serve(reader, &scaled);
        return; /* nothing is masked */
    }
    if (run->n > 0 && run->n <= reader->most && !run->reading->scales) {
        read_staged(reader, run);
    } else if (run->n > 0 && reading_ends_rows(run->reading)) {
        read_ends(reader, run);
        return; /* which clears as it goes */
    } else {
        sj_run by_row = *run;
        by_row.read = SJ_READ_BY_ROW;
        by_row.sunk = run->reading->beside[SJ_BESIDE_SINK].data && run->given == SJ_GIVEN_LOGITS;
        by_row.n += by_row.sunk;
        reader->serve(reader, &by_row);
    }
    rows_clear(run);
}
