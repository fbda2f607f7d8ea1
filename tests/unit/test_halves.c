/* test_halves.c: half precision is a matter of reading and writing: whatever the layout and the length of the rows, a
 * call gives the bits of the same call in the dtype it is computed in, rounded once; exact mode those of a row alone.
 */
#include "layout.h"

#include <fenv.h>
#include <math.h>

static const size_t lengths[] = {1, 2, 5, 16, 17, 64, 65, 300, 2048, 2049, 5000};
static const layout_kind kinds[] = {LAYOUT_C, LAYOUT_FORTRAN, LAYOUT_NEGATIVE, LAYOUT_STEP_2};

#define COUNT(array) (sizeof(array) / sizeof *(array))

typedef struct problem {
    form_id id;
    size_t rows, n;
    sj_options options;
    layout z, g, out;
} problem;

static size_t result_entries(const problem *p) { return form_entries(&forms[p->id], p->n); }

static sj_dtype computed_in(const problem *p) {
    const bool wide =
        p->z.view.dtype == SJ_F64 || p->out.view.dtype == SJ_F64 || (forms[p->id].takes_g && p->g.view.dtype == SJ_F64);
    return wide ? SJ_F64 : SJ_F32;
}

/* Row `row` by itself, in the dtypes of the call in exact mode, else in the one it is computed in. */
static void row_alone(const problem *p, size_t row, double *result) {
    double *z = new_elements(SJ_F64, p->n), *g = new_elements(SJ_F64, p->n);
    for (size_t k = 0; k < p->n; k++) {
        z[k] = layout_get(&p->z.view, row * p->n + k);
        g[k] = layout_get(&p->g.view, row * p->n + k);
    }
    const sj_dtype dtype = p->options.mode == SJ_EXACT ? p->out.view.dtype : computed_in(p);
    form_row_with(&p->options, p->id, dtype, z, g, p->n / 2, p->n, result);
    free(z), free(g);
}

static void check_result(const problem *p, layout_kind kind) {
    const size_t entries = result_entries(p);
    double *want = new_elements(SJ_F64, entries);
    for (size_t row = 0; row < p->rows; row++) {
        row_alone(p, row, want);
        for (size_t i = 0; i < entries; i++) {
            const double got = layout_get(&p->out.view, row * entries + i),
                         rounded = round_to(p->out.view.dtype, want[i]);
            if (!same_bits(SJ_F64, &got, 0, &rounded, 0))
                fail_msg("%s, mode %d, layout %d, %s %s -> %s, n = %zu, row %zu, entry %zu: %a; expected %a",
                         forms[p->id].name, (int)p->options.mode, (int)kind, dtype_name(p->z.view.dtype),
                         dtype_name(p->g.view.dtype), dtype_name(p->out.view.dtype), p->n, row, i, got, rounded);
        }
    }
    assert_true(layout_gaps_untouched(&p->out));
    free(want);
}

static void call(const problem *p) {
    const form_arguments a = {p->z.view, p->g.view, p->n / 2, SJ_BLOCKS, p->out.view};
    assert_int_equal(forms[p->id].call(&a, &p->options), SJ_OK);
}

static void check(form_id id, sj_mode mode, layout_kind kind, size_t rows, size_t n, random_stream *r) {
    const size_t shape[] = {rows, n};
    size_t result[3];
    const int ndim = result_shape(id, 2, 1, shape, result);
    problem p = {.id = id, .rows = rows, .n = n, .options = SJ_OPTIONS_INIT};
    p.options.mode = mode;
    const sj_dtype half = half_dtypes[random_below(r, 2)], other = mode == SJ_EXACT ? half : any_dtype(r);
    const bool half_out = random_below(r, 2);
    p.z = layout_new(kind, half_out ? other : half, 2, shape, r);
    p.g = layout_new(kind, mode == SJ_EXACT ? half : any_dtype(r), 2, shape, r);
    p.out = layout_new(kind, half_out ? half : other, ndim, result, r);
    layout_fill(&p.z, r), layout_fill(&p.g, r);
    call(&p);
    check_result(&p, kind);
    layout_free(&p.z), layout_free(&p.g), layout_free(&p.out);
}

static void check_forms(size_t rows, sj_mode mode) {
    random_stream r = {rows};
    for (int id = 0; id < FORM_COUNT; id++)
        for (size_t i = 0; i < COUNT(lengths); i++)
            for (size_t k = 0; k < COUNT(kinds); k++) {
                if (forms[id].result == RESULT_MATRIX && lengths[i] > 65) continue;
                if (mode == SJ_EXACT && lengths[i] > 300) continue; /* long ones are not staged */
                check((form_id)id, mode, kinds[k], rows, lengths[i], &r);
            }
}

static void bits_are_those_of_floats_rounded(void **state) {
    (void)state;
    check_forms(1, SJ_DEFAULT);
    check_forms(3, SJ_DEFAULT);
    check_forms(70, SJ_DEFAULT);
}

static void exact_bits_are_those_of_a_row_alone(void **state) {
    (void)state;
    check_forms(1, SJ_EXACT);
    check_forms(40, SJ_EXACT);
}

/* In place over the logits, and over the cotangent. */
static void check_in_place(form_id id, sj_dtype dtype, sj_mode mode, size_t rows, size_t n, bool over_g) {
    random_stream r = {n};
    const size_t shape[] = {rows, n}, count = rows * n;
    problem p = {.id = id, .rows = rows, .n = n, .options = SJ_OPTIONS_INIT};
    p.options.mode = mode;
    p.z = layout_new(LAYOUT_C, dtype, 2, shape, &r);
    p.g = layout_new(LAYOUT_C, dtype, 2, shape, &r);
    p.out = layout_new(LAYOUT_C, dtype, 2, shape, &r);
    layout_fill(&p.z, &r), layout_fill(&p.g, &r);
    call(&p);
    problem in_place = p;
    in_place.out = over_g ? p.g : p.z;
    call(&in_place);
    assert_memory_equal(in_place.out.view.data, p.out.view.data, count * dtype_bytes(dtype));
    layout_free(&p.z), layout_free(&p.g), layout_free(&p.out);
}

static void in_place(void **state) {
    (void)state;
    for (int id = 0; id < FORM_COUNT; id++)
        for (int cell = 0; cell < 4 && forms[id].result == RESULT_ROW; cell++)
            for (size_t i = 0; i < COUNT(lengths); i++) {
                const sj_mode mode = cell / 2 ? SJ_EXACT : SJ_DEFAULT;
                check_in_place((form_id)id, half_dtypes[cell % 2], mode, 20, lengths[i], false);
                if (forms[id].takes_g) check_in_place((form_id)id, half_dtypes[cell % 2], mode, 20, lengths[i], true);
            }
}

/* Infinities are a format's own; NaN stays NaN; what is beyond the largest number is infinite, as by any rounding. */
static void ends_of_the_range(void **state) {
    (void)state;
    for (int t = 0; t < 2; t++) {
        const double low[] = {65504, -65504}, infinite[] = {0, INFINITY}, nan[] = {NAN, 1}, masked[] = {-INFINITY, 0};
        double out[2];
        form_row(FORM_LOG_SOFTMAX, half_dtypes[t], low, NULL, 0, 2, out);
        assert_true(out[0] == 0 && out[1] == round_to(half_dtypes[t], -2 * round_to(half_dtypes[t], 65504)));
        form_row(FORM_SOFTMAX, half_dtypes[t], infinite, NULL, 0, 2, out);
        assert_true(isnan(out[0]) && isnan(out[1]));
        form_row(FORM_SOFTMAX, half_dtypes[t], nan, NULL, 0, 2, out);
        assert_true(isnan(out[0]) && isnan(out[1]));
        form_row(FORM_SOFTMAX, half_dtypes[t], masked, NULL, 0, 2, out);
        assert_true(out[0] == 0 && out[1] == 1);
    }
}

/* A signalling NaN that a mask leaves out is never widened. */
static void masked_signals_are_not_read(void **state) {
    (void)state;
    static const size_t n[] = {2, 40, 3000};
    for (int t = 0; t < 2; t++)
        for (size_t i = 0; i < COUNT(n); i++) {
            const uint16_t signal = half_dtypes[t] == SJ_F16 ? 0x7d00 : 0x7fa0;
            uint16_t *z = new_elements(half_dtypes[t], n[i]);
            unsigned char *takes_part = malloc(n[i]);
            assert_non_null(takes_part);
            for (size_t k = 0; k < n[i]; k++) z[k] = k % 2 ? signal : 0, takes_part[k] = k % 2 == 0;
            sj_options options = SJ_OPTIONS_INIT;
            const sj_view mask = sj_array(takes_part, SJ_BOOL, 1, &n[i]), row = sj_array(z, half_dtypes[t], 1, &n[i]);
            options.mask = &mask;
            feclearexcept(FE_ALL_EXCEPT);
            assert_int_equal(sj_softmax(row, row, &options), SJ_OK);
            assert_false(fetestexcept(FE_INVALID));
            const size_t taking_part = (n[i] + 1) / 2;
            const double each = round_to(half_dtypes[t], 1 / (double)taking_part);
            for (size_t k = 0; k < n[i]; k++) assert_true(element_get(z, half_dtypes[t], k) == (k % 2 ? 0 : each));
            free(z), free(takes_part);
        }
}

#define ROWS 20

/* A matrix of half precision beside the same numbers in the dtype that is computed in. */
typedef struct twin {
    sj_dtype half, wide;
    size_t n;
    void *halves, *wides;
    bool exact; /* results of exact mode */
} twin;

static twin twin_new(sj_dtype half, sj_dtype wide, size_t n, uint64_t seed) {
    twin t = {half, wide, n, new_elements(half, ROWS * n), new_elements(wide, ROWS * n), false};
    fill_random(t.halves, half, ROWS * n, seed);
    for (size_t i = 0; i < ROWS * n; i++) element_set(t.wides, wide, i, element_get(t.halves, half, i));
    return t;
}

static void twin_free(twin *t) { free(t->halves), free(t->wides); }

static sj_view matrix_of(const void *data, sj_dtype dtype, size_t n) {
    const size_t shape[] = {ROWS, n};
    return sj_array(data, dtype, 2, shape);
}

static sj_view half_of(const twin *t) { return matrix_of(t->halves, t->half, t->n); }
static sj_view wide_of(const twin *t) { return matrix_of(t->wides, t->wide, t->n); }

/* The half result is the wide one, rounded once. */
static void check_twin(const twin *t, size_t count, const char *what) {
    for (size_t i = 0; i < count; i++) {
        const double got = element_get(t->halves, t->half, i),
                     rounded = round_to(t->half, element_get(t->wides, t->wide, i)),
                     want = t->exact ? rounded + 0.0 : rounded; /* exact mode has no -0 */
        if (!same_bits(SJ_F64, &got, 0, &want, 0))
            fail_msg("%s %s, n = %zu, entry %zu: %a; expected %a", what, dtype_name(t->half), t->n, i, got, want);
    }
}

static const size_t some_lengths[] = {5, 64, 300, 3000};

/* Labels, and probabilities in half precision; the loss of every row, and its gradient. */
static void check_losses(sj_dtype half, size_t n, bool soft, double smoothing, sj_mode mode) {
    const sj_dtype wide = mode == SJ_EXACT ? SJ_F64 : SJ_F32; /* which exact mode does not compute in */
    twin z = twin_new(half, wide, n, 1), p = twin_new(half, wide, n, 2), grad = twin_new(half, wide, n, 3);
    twin loss = twin_new(half, wide, 1, 4);
    grad.exact = mode == SJ_EXACT;
    int32_t labels[ROWS];
    for (size_t i = 0; i < ROWS; i++) labels[i] = (int32_t)(i % n);
    const size_t rows = ROWS;
    const sj_view label_view = sj_array(labels, SJ_I32, 1, &rows);
    const sj_view half_loss = sj_array(loss.halves, half, 1, &rows), wide_loss = sj_array(loss.wides, wide, 1, &rows);
    const sj_view half_grad = half_of(&grad), wide_grad = wide_of(&grad);
    const sj_view half_target = soft ? half_of(&p) : label_view, wide_target = soft ? wide_of(&p) : label_view;
    sj_loss_options how = SJ_LOSS_OPTIONS_INIT;
    sj_options options = SJ_OPTIONS_INIT;
    how.label_smoothing = smoothing;
    options.mode = mode;
    assert_int_equal(sj_cross_entropy(half_of(&z), half_target, &half_loss, &half_grad, &how, &options), SJ_OK);
    assert_int_equal(sj_cross_entropy(wide_of(&z), wide_target, &wide_loss, &wide_grad, &how, &options), SJ_OK);
    check_twin(&loss, ROWS, "loss");
    check_twin(&grad, ROWS * n, "gradient of a loss");
    twin_free(&z), twin_free(&p), twin_free(&grad), twin_free(&loss);
}

static void losses(void **state) {
    (void)state;
    for (int t = 0; t < 2; t++)
        for (size_t i = 0; i < COUNT(some_lengths); i++)
            for (int mode = 0; mode < 2; mode++) {
                check_losses(half_dtypes[t], some_lengths[i], false, 0, (sj_mode)mode);
                check_losses(half_dtypes[t], some_lengths[i], false, 0.125, (sj_mode)mode);
                check_losses(half_dtypes[t], some_lengths[i], true, 0, (sj_mode)mode);
            }
}

/* The states are the same bytes, and what is emitted from them is rounded once. */
static void check_states(sj_dtype half, size_t n) {
    twin z = twin_new(half, SJ_F32, n, 5), g = twin_new(half, SJ_F32, n, 6), out = twin_new(half, SJ_F32, n, 7);
    sj_state of_half[ROWS], of_wide[ROWS];
    sj_product half_product[ROWS], wide_product[ROWS];
    memset(of_half, 0, sizeof of_half), memset(of_wide, 0, sizeof of_wide);
    assert_int_equal(sj_state_update(half_of(&z), of_half, NULL), SJ_OK);
    assert_int_equal(sj_state_update(wide_of(&z), of_wide, NULL), SJ_OK);
    assert_memory_equal(of_half, of_wide, sizeof of_half);
    assert_int_equal(sj_state_softmax(half_of(&z), of_half, 0, half_of(&out), NULL), SJ_OK);
    assert_int_equal(sj_state_softmax(wide_of(&z), of_wide, 0, wide_of(&out), NULL), SJ_OK);
    check_twin(&out, ROWS * n, "softmax of a state");
    for (size_t i = 0; i < ROWS; i++) {
        const double at_max = element_get(g.wides, SJ_F32, i * n + (size_t)of_half[i].argmax);
        half_product[i] = wide_product[i] = (sj_product){of_half[i], at_max, {0, 0}};
    }
    assert_int_equal(sj_state_dot(half_of(&z), half_of(&g), half_product, NULL), SJ_OK);
    assert_int_equal(sj_state_dot(wide_of(&z), wide_of(&g), wide_product, NULL), SJ_OK);
    assert_memory_equal(half_product, wide_product, sizeof half_product);
    assert_int_equal(sj_state_vjp(half_of(&z), half_of(&g), half_product, half_of(&out), NULL), SJ_OK);
    assert_int_equal(sj_state_vjp(wide_of(&z), wide_of(&g), wide_product, wide_of(&out), NULL), SJ_OK);
    check_twin(&out, ROWS * n, "VJP of a state");
    twin_free(&z), twin_free(&g), twin_free(&out);
}

static void states(void **state) {
    (void)state;
    for (int t = 0; t < 2; t++)
        for (size_t i = 0; i < COUNT(some_lengths); i++) check_states(half_dtypes[t], some_lengths[i]);
}

/* Second derivatives are computed in doubles. */
static void second_derivatives(void **state) {
    (void)state;
    for (int t = 0; t < 2; t++)
        for (size_t i = 0; i < COUNT(some_lengths); i++) {
            twin of[5];
            for (size_t k = 0; k < 5; k++) of[k] = twin_new(half_dtypes[t], SJ_F64, some_lengths[i], 10 + k);
            const sj_view half_h = half_of(&of[3]), wide_h = wide_of(&of[3]);
            assert_int_equal(
                sj_softmax_hvp(half_of(&of[0]), half_of(&of[1]), half_of(&of[2]), &half_h, half_of(&of[4]), NULL),
                SJ_OK);
            assert_int_equal(
                sj_softmax_hvp(wide_of(&of[0]), wide_of(&of[1]), wide_of(&of[2]), &wide_h, wide_of(&of[4]), NULL),
                SJ_OK);
            check_twin(&of[4], ROWS * some_lengths[i], "HVP");
            for (size_t k = 0; k < 5; k++) twin_free(&of[k]);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(bits_are_those_of_floats_rounded),
                                       cmocka_unit_test(exact_bits_are_those_of_a_row_alone),
                                       cmocka_unit_test(in_place),
                                       cmocka_unit_test(ends_of_the_range),
                                       cmocka_unit_test(masked_signals_are_not_read),
                                       cmocka_unit_test(losses),
                                       cmocka_unit_test(states),
                                       cmocka_unit_test(second_derivatives)};
    return run_for_set(tests);
}
