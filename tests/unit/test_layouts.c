/* test_layouts.c: arrays of 1 to 5 dimensions, every class axis, every layout and dtype: each row bit for bit what the
 * same row gives alone and contiguous, and nothing written beside the output. */
#include "layout.h"

#define TRIALS 4 /* of every form, number of dimensions, axis, layout */

typedef struct problem {
    form_id id;
    int ndim, axis;
    sj_layout jacobian;
    size_t shape[5];
    layout z, g, out;
    size_t q;
} problem;

/* Position of class k of row `row` (the other dimensions in C order) in C order of the whole array. */
static size_t logit_index(const problem *p, size_t row, size_t k) {
    size_t inner = 1;
    for (int d = p->axis + 1; d < p->ndim; d++) inner *= p->shape[d];
    return (row / inner * p->shape[p->axis] + k) * inner + row % inner;
}

/* Position in the output of entry i of the row's result. */
static size_t result_index(const problem *p, size_t row, size_t i) {
    const size_t n = p->shape[p->axis], all = layout_count(&p->z.view);
    if (forms[p->id].result == RESULT_ROW) return logit_index(p, row, i);
    if (p->jacobian == SJ_BLOCKS) return row * form_entries(&forms[p->id], n) + i;
    return logit_index(p, row, i / n) * all + logit_index(p, row, i % n);
}

/* What the row gives alone: in the widest dtype of the call, rounded once to the output's. */
static void row_alone(const problem *p, size_t row, double *result) {
    const size_t n = p->shape[p->axis];
    const bool takes_g = forms[p->id].takes_g;
    double *z = new_elements(SJ_F64, n), *g = new_elements(SJ_F64, n);
    const bool wide =
        p->z.view.dtype == SJ_F64 || p->out.view.dtype == SJ_F64 || (takes_g && p->g.view.dtype == SJ_F64);
    for (size_t k = 0; k < n; k++) {
        z[k] = layout_get(&p->z.view, logit_index(p, row, k));
        g[k] = layout_get(&p->g.view, logit_index(p, row, k));
    }
    form_row(p->id, wide ? SJ_F64 : SJ_F32, z, g, p->q, n, result);
    free(z);
    free(g);
}

static void check_result(const problem *p, layout_kind kind) {
    const size_t n = p->shape[p->axis], rows = layout_count(&p->z.view) / n, entries = form_entries(&forms[p->id], n);
    const sj_dtype dtype = p->out.view.dtype;
    double *want = new_elements(SJ_F64, entries);
    for (size_t row = 0; row < rows; row++) {
        row_alone(p, row, want);
        for (size_t i = 0; i < entries; i++) {
            double got = layout_get(&p->out.view, result_index(p, row, i)), rounded = round_to(dtype, want[i]);
            if (!same_bits(SJ_F64, &got, 0, &rounded, 0))
                fail_msg("%s, %d dimensions, axis %d, layout %d, dtypes %s %s -> %s, row %zu, entry %zu: %a; "
                         "expected %a",
                         forms[p->id].name, p->ndim, p->axis, (int)kind, dtype_name(p->z.view.dtype),
                         dtype_name(p->g.view.dtype), dtype_name(dtype), row, i, got, rounded);
        }
    }
    assert_true(layout_gaps_untouched(&p->out));
    free(want);
}

/* A dense Jacobian is +0 wherever no row's block is. */
static void check_zeros(const problem *p) {
    const size_t n = p->shape[p->axis], all = layout_count(&p->z.view), rows = all / n;
    size_t zeros = 0;
    for (size_t i = 0; i < all * all; i++) {
        const double got = layout_get(&p->out.view, i), zero = 0;
        zeros += memcmp(&got, &zero, sizeof zero) == 0;
    }
    assert_true(zeros >= all * all - rows * n * n);
}

static int output_shape(const problem *p, size_t *result) {
    if (p->jacobian == SJ_BLOCKS) return result_shape(p->id, p->ndim, p->axis, p->shape, result);
    memcpy(result, p->shape, (size_t)p->ndim * sizeof *result);
    memcpy(result + p->ndim, p->shape, (size_t)p->ndim * sizeof *result);
    return 2 * p->ndim;
}

static void run_problem(problem *p, layout_kind kind, random_stream *r) {
    size_t result[2 * 5];
    const int ndim = output_shape(p, result);
    p->z = layout_new(kind, any_dtype(r), p->ndim, p->shape, r);
    p->g = layout_new(random_below(r, 2) ? kind : LAYOUT_MIXED, any_dtype(r), p->ndim, p->shape, r);
    p->out = layout_new(kind == LAYOUT_ZERO ? LAYOUT_MIXED : kind, any_dtype(r), ndim, result, r);
    layout_fill(&p->z, r);
    layout_fill(&p->g, r);
    p->z.view.axis = random_below(r, 2) ? p->axis : p->axis - p->ndim;
    p->q = random_below(r, p->shape[p->axis]);
    const form_arguments a = {p->z.view, p->g.view, p->q, p->jacobian, p->out.view};
    assert_int_equal(forms[p->id].call(&a, NULL), SJ_OK);
    check_result(p, kind);
    if (p->jacobian == SJ_DENSE) check_zeros(p);
    layout_free(&p->z);
    layout_free(&p->g);
    layout_free(&p->out);
}

static void check_forms(layout_kind kind, sj_layout jacobian) {
    random_stream r = {(uint64_t)kind + 100};
    problem p;
    for (int id = 0; id < FORM_COUNT; id++)
        for (p.ndim = 1; p.ndim <= 5; p.ndim++)
            for (p.axis = 0; p.axis < p.ndim; p.axis++)
                for (int trial = 0; trial < TRIALS; trial++) {
                    if (jacobian == SJ_DENSE && forms[id].result != RESULT_MATRIX) continue;
                    p.id = (form_id)id;
                    p.jacobian = jacobian;
                    for (int d = 0; d < p.ndim; d++) p.shape[d] = 1 + random_below(&r, jacobian == SJ_DENSE ? 2 : 3);
                    p.shape[p.axis] = 1 + random_below(&r, p.ndim < 3 ? 40 : jacobian == SJ_DENSE ? 4 : 9);
                    run_problem(&p, kind, &r);
                }
}

static void check_layout(layout_kind kind) {
    check_forms(kind, SJ_BLOCKS);
    check_forms(kind, SJ_DENSE);
}

static void c_order(void **state) {
    (void)state;
    check_layout(LAYOUT_C);
}

static void fortran_order(void **state) {
    (void)state;
    check_layout(LAYOUT_FORTRAN);
}

static void negative_strides(void **state) {
    (void)state;
    check_layout(LAYOUT_NEGATIVE);
}

static void every_second_element(void **state) {
    (void)state;
    check_layout(LAYOUT_STEP_2);
}

static void any_order_step_and_direction(void **state) {
    (void)state;
    check_layout(LAYOUT_MIXED);
}

static void inputs_of_stride_zero(void **state) {
    (void)state;
    check_layout(LAYOUT_ZERO);
}

/* The columns of one matrix, in turn logits, cotangent and output. */
/* z, g and out in one matrix of 3 n columns, the columns of each `step` apart and its first `offset` after the one's
 * before. */
static void check_columns(size_t step, size_t offset) {
    enum { rows = 3, n = 21 };
    for (int id = 0; id < FORM_COUNT; id++) {
        if (forms[id].result != RESULT_ROW) continue;
        double matrix[rows][3 * n], want[n];
        fill_random(matrix, SJ_F64, rows * 3 * n, 11);
        form_arguments a = {sj_matrix_f64(&matrix[0][0], rows, n), sj_matrix_f64(&matrix[0][offset], rows, n), 5,
                            SJ_BLOCKS, sj_matrix_f64(&matrix[0][2 * offset], rows, n)};
        sj_view *const views[] = {&a.z, &a.g, &a.out};
        for (size_t v = 0; v < 3; v++) {
            views[v]->strides[0] = 3 * n;
            views[v]->strides[1] = (ptrdiff_t)step;
        }
        assert_int_equal(forms[id].call(&a, NULL), SJ_OK);
        for (size_t row = 0; row < rows; row++) {
            double z[n], g[n];
            for (size_t k = 0; k < n; k++) {
                z[k] = matrix[row][step * k];
                g[k] = matrix[row][step * k + offset];
            }
            form_row((form_id)id, SJ_F64, z, g, 5, n, want);
            for (size_t k = 0; k < n; k++) assert_true(same_bits(SJ_F64, matrix[row], step * k + 2 * offset, want, k));
        }
    }
}

static void interleaved_columns(void **state) {
    (void)state;
    check_columns(3, 1);
}

static void columns_side_by_side(void **state) {
    (void)state;
    check_columns(1, 21);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(c_order),
                                       cmocka_unit_test(fortran_order),
                                       cmocka_unit_test(negative_strides),
                                       cmocka_unit_test(every_second_element),
                                       cmocka_unit_test(any_order_step_and_direction),
                                       cmocka_unit_test(inputs_of_stride_zero),
                                       cmocka_unit_test(interleaved_columns),
                                       cmocka_unit_test(columns_side_by_side)};
    return run_for_set(tests);
}
