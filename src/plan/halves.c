/* halves.c: rows of half precision, some at a time: widened to floats on the stack, served as such, and their results
 * rounded once more. Longer rows, and Jacobians, are converted piece by piece in the kernels. Called by plan.c.
 *
 * Exact mode rounds to float32 first, which decides the half but where the float stands midway between two of them:
 * such rows are computed anew, and rounded once. */
#include "halves.h"

#include "kernel/half.h"
#include "operand.h"

#define STAGE_FLOATS ((size_t)4096)

static bool holds_halves(const sj_operand *array) { return array->data && is_half(array->dtype); }

bool sj_stages_halves(const sj_kernels *kernels, const sj_run *run) {
    if (run->n == 0 || run->n > kernels->staged_halves) return false;
    if (run->losses && !kernels->narrow) return false; /* a row that is computed anew would add its loss twice */
    return holds_halves(&run->z) || holds_halves(&run->g) || holds_halves(&run->out);
}

/* A matrix of halves, `count` lines of entries that are `step` apart, and how they stand as floats. */
typedef struct lines {
    char *data;
    sj_dtype dtype;
    ptrdiff_t line, step;
    size_t count, entries;
    sj_operand floats;
} lines;

/* Rows are lines, or entries of neighbours are where rows lie side by side. */
static lines lines_of(const sj_operand *array, size_t rows, size_t n) {
    const bool across = array->row_stride == 1 && array->class_stride != 1 && rows > 1;
    lines l = {array->data, array->dtype, array->row_stride, array->class_stride, rows, n, {0}};
    if (across) l = (lines){array->data, array->dtype, array->class_stride, 1, n, rows, {0}};
    const ptrdiff_t apart = (ptrdiff_t)l.entries;
    l.floats = (sj_operand){NULL, SJ_F32, across ? 1 : apart, across ? apart : 1, 0};
    if (l.line == apart * l.step) l.entries *= l.count, l.count = 1;
    return l;
}

static char *line_at(const lines *l, size_t i) {
    return l->data + (ptrdiff_t)i * l->line * (ptrdiff_t)sizeof(uint16_t);
}

static sj_operand widened(const sj_kernels *kernels, const sj_operand *array, size_t rows, size_t n, float *stage) {
    if (!holds_halves(array)) return *array;
    lines l = lines_of(array, rows, n);
    l.floats.data = (char *)stage;
    for (size_t i = 0; i < l.count; i++)
        kernels->widen(line_at(&l, i), l.dtype, l.step, l.entries, stage + i * l.entries);
    return l.floats;
}

static void narrow(const sj_kernels *kernels, const lines *l, const float *stage) {
    for (size_t i = 0; i < l->count; i++)
        kernels->narrow(stage + i * l->entries, l->entries, line_at(l, i), l->dtype, l->step);
}

/* Midway between two neighbours of a half's dtype. */
static bool is_midway(float x, sj_dtype dtype) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (dtype == SJ_BF16) return (bits & 0xffff) == 0x8000;
    const float size = x < 0 ? -x : x;
    if (!(size < 0x1p-14f)) return (bits & 0x1fff) == 0x1000;
    const float last = size * 0x1p25f; /* an odd number of halves of the last place */
    return last == (float)(uint32_t)last && ((uint32_t)last & 1);
}

static bool row_is_decided(const lines *l, const float *stage, size_t row, size_t n) {
    const float *floats = stage + (ptrdiff_t)row * l->floats.row_stride;
    for (size_t k = 0; k < n; k++)
        if (is_midway(floats[(ptrdiff_t)k * l->floats.class_stride], l->dtype)) return false;
    return true;
}

/* One row of exact mode. The others of the part are rounded already where it is computed anew, but not this one, whose
 * logits may stand where its results will. */
static void finish_exact_row(const sj_kernels *kernels, sj_operation operation, const sj_run *part, const lines *l,
                             size_t row, const float *stage) {
    sj_run one = *part;
    advance_rows(&one, row);
    one.rows = 1;
    if (!row_is_decided(l, stage, row, part->n)) {
        kernels->rows[operation](&one);
        return;
    }
    const float *floats = stage + (ptrdiff_t)row * l->floats.row_stride;
    for (size_t k = 0; k < part->n; k++)
        half_store(one.out.data, one.out.dtype, (ptrdiff_t)k * one.out.class_stride,
                   (double)floats[(ptrdiff_t)k * l->floats.class_stride]);
}

void sj_perform_halves(const sj_kernels *kernels, sj_operation operation, sj_run *run, sj_perform *perform) {
    _Alignas(64) float z[STAGE_FLOATS], g[STAGE_FLOATS], out[STAGE_FLOATS];
    const size_t fit = STAGE_FLOATS / run->n, together = fit < 16 ? fit : fit / 16 * 16;
    const bool narrows = sj_emits_rows(operation) && holds_halves(&run->out);
    for (size_t left = run->rows, rows; left > 0; left -= rows) {
        rows = left < together ? left : together;
        sj_run part = *run;
        part.rows = rows;
        part.stream = false;
        part.z = widened(kernels, &run->z, rows, run->n, z);
        part.g = widened(kernels, &run->g, rows, run->n, g);
        lines results = lines_of(&run->out, rows, run->n);
        results.floats.data = (char *)out;
        if (narrows) part.out = results.floats;
        perform(kernels, operation, &part);
        if (narrows && kernels->narrow)
            narrow(kernels, &results, out);
        else if (narrows)
            for (size_t i = 0; i < rows; i++) finish_exact_row(kernels, operation, run, &results, i, out);
        advance_rows(run, rows);
    }
}
