/* test_masks.c: every form under every kind of mask, on arrays of all layouts: what takes part against the truth of a
 * row that has nothing else, what is masked against the constant that it is. Signalling NaN stand where nothing may be
 * read, and no call may raise INVALID. */
#include "check.h"
#include "masked.h"

#include <fenv.h>
#include <math.h>
#include <stdio.h>

/* Shapes with and without the class axis, as result_shape has them; the lines of Jacobians come last. */
static layout new_result(const masked *m, form_id id, layout_kind kind, random_stream *r) {
    size_t shape[SJ_MAX_NDIM] = {0};
    const int ndim = result_shape(id, MASKED_NDIM, m->axis, m->shape, shape);
    return layout_new(kind, m->dtype, ndim, shape, r);
}

static void check_constant(form_id id, const masked *m, double got, size_t row, size_t k) {
    const double want = id == FORM_LOG_SOFTMAX || id == FORM_LOGSUMEXP ? -INFINITY : 0;
    if (got != want || signbit(got) != signbit(want))
        fail_msg("%s %s, n = %zu, row %zu, entry %zu is masked: %a; expected %a", forms[id].name, dtype_name(m->dtype),
                 m->n, row, k, got, want);
}

/* Which entry of the row that has nothing else entry k is; the number of its entries where it is masked. */
static size_t place_in(const masked *m, size_t row, size_t k, size_t count) {
    size_t place = 0;
    for (size_t i = 0; i < k; i++) place += m->takes[masked_index(m, row, i)];
    return m->takes[masked_index(m, row, k)] ? place : count;
}

static void check_masked_row(form_id id, const masked *m, const sj_view *out, size_t q, size_t row, const char *name) {
    const bool matrix = forms[id].result == RESULT_MATRIX, scalar = forms[id].result == RESULT_SCALAR;
    double *z = new_elements(SJ_F64, m->n), *g = new_elements(SJ_F64, m->n);
    double *kept = new_elements(SJ_F64, form_entries(&forms[id], m->n));
    const size_t count = masked_pack(m, row, z, g), class = place_in(m, row, q, count);
    const bool constant = count == 0 || (forms[id].takes_class && class == count);
    size_t taken = 0;
    for (size_t k = 0; k < (scalar ? 1 : m->n); k++)
        for (size_t l = 0; l < (matrix ? m->n : 1); l++) {
            const double got = layout_get(out, masked_result(m, id, row, k, l));
            const bool takes = m->takes[masked_index(m, row, k)] && (!matrix || m->takes[masked_index(m, row, l)]);
            if (constant || (!scalar && !takes))
                check_constant(id, m, got, row, k);
            else
                kept[taken++] = got;
        }
    if (!constant) check_computed(id, m->dtype, z, g, class, count, name, kept);
    free(z);
    free(g);
    free(kept);
}

static void check_masked_form(form_id id, masked *m, layout_kind kind, const char *name, random_stream *r) {
    layout out = new_result(m, id, kind, r);
    const size_t q = random_below(r, m->n);
    const form_arguments a = {.z = m->z.view, .g = m->g.view, .q = q, .out = out.view};
    assert_int_equal(feclearexcept(FE_ALL_EXCEPT), 0);
    assert_int_equal(forms[id].call(&a, &m->options), SJ_OK);
    if (fetestexcept(FE_INVALID)) /* a signalling NaN was read */
        fail_msg("%s %s, n = %zu, %s: INVALID is raised", forms[id].name, dtype_name(m->dtype), m->n, name);
    assert_true(layout_gaps_untouched(&out));
    for (size_t row = 0; row < m->rows; row++) check_masked_row(id, m, &out.view, q, row, name);
    layout_free(&out);
}

static layout_kind any_layout(random_stream *r) { return (layout_kind)random_below(r, LAYOUT_ZERO); }

static void check_masks(sj_dtype dtype, size_t n, sj_mode mode, random_stream *r) {
    static const char *const names[] = {"mask", "stretched", "lengths", "causal", "every"};
    for (int kind = 0; kind < MASK_KINDS; kind++)
        for (int axis = n > 300 ? MASKED_NDIM - 1 : 0; axis < MASKED_NDIM; axis++) {
            masked m;
            const bool plain = random_below(r, 2);
            masked_new(&m, (mask_kind)kind, dtype, n, axis, plain ? LAYOUT_C : any_layout(r),
                       plain ? LAYOUT_C : any_layout(r), r);
            m.options.mode = mode;
            for (int id = 0; id < FORM_COUNT; id++)
                if (forms[id].result != RESULT_MATRIX || n <= 17)
                    check_masked_form((form_id)id, &m, plain ? LAYOUT_C : any_layout(r), names[kind], r);
            masked_free(&m);
        }
}

static void check_lengths_of_rows(sj_mode mode, const size_t *n, size_t count) {
    random_stream r = {count + (size_t)mode};
    for (int t = 0; t < 2; t++)
        for (size_t i = 0; i < count; i++) check_masks(dtypes[t], n[i], mode, &r);
    finish_checks();
}

static void short_rows(void **state) {
    (void)state;
    const size_t n[] = {1, 2, 3, 5, 8, 13, 16, 17, 33, 64};
    check_lengths_of_rows(SJ_DEFAULT, n, sizeof n / sizeof *n);
}

static void long_rows(void **state) {
    (void)state;
    const size_t n[] = {65, 300, 2049};
    check_lengths_of_rows(SJ_DEFAULT, n, sizeof n / sizeof *n);
}

static void exact_rows(void **state) {
    (void)state;
    const size_t n[] = {1, 2, 5, 16, 65, 2100};
    check_lengths_of_rows(SJ_EXACT, n, sizeof n / sizeof *n);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(short_rows), cmocka_unit_test(long_rows),
                                       cmocka_unit_test(exact_rows)};
    return run_accuracy_tests(tests);
}
