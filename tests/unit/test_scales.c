/* test_scales.c: scale, bias and sink where finite arithmetic does not define them, broadcast over rows, and given
 * wrongly. */
#include "support.h"

#include <math.h>

#define LN2 0.69314718055994530942

static sj_options scaled_by(double scale) {
    sj_options options = SJ_OPTIONS_INIT;
    options.scale = scale;
    return options;
}

static void check_row(const sj_options *options, form_id id, sj_dtype dtype, const double *z, const double *g,
                      const double want[3]) {
    double out[3];
    form_row_with(options, id, dtype, z, g, 0, 3, out);
    for (size_t k = 0; k < (id == FORM_LOGSUMEXP ? 1 : 3); k++)
        if (!(isnan(want[k]) ? isnan(out[k]) : out[k] == want[k]))
            fail_msg("%s %s, scale %g, entry %zu: %g; expected %g", forms[id].name, dtype_name(dtype), options->scale,
                     k, out[k], want[k]);
}

/* Temperature 0: the mass is at the extremum, equal ones share it, as their biases say. */
static void infinite_scale_is_the_argmax(void **state) {
    (void)state;
    const double z[3] = {7, -3, 7}, largest[3] = {.5, 0, .5}, smallest[3] = {0, 1, 0}, low[3] = {7, -INFINITY, 7};
    const double logs[3] = {round_to(SJ_F32, -LN2), -INFINITY, round_to(SJ_F32, -LN2)};
    const double bias[3] = {-INFINITY, 9, 0}, masked[3] = {0, 0, 1};
    const size_t n = 3;
    const sj_view view = sj_array(bias, SJ_F64, 1, &n);
    for (int t = 0; t < 2; t++) {
        double out[3];
        sj_options options = scaled_by(INFINITY);
        assert_int_equal(sj_softmax(sj_vector_f64(z, 3), sj_vector_f64(out, 3), &options), SJ_BAD_OPTION);
        options.nonfinite = SJ_LIMIT;
        assert_int_equal(sj_softmax_vjp(sj_vector_f64(z, 3), sj_vector_f64(z, 3), sj_vector_f64(out, 3), &options),
                         SJ_BAD_OPTION);
        check_row(&options, FORM_SOFTMAX, dtypes[t], z, NULL, largest);
        check_row(&options, FORM_SOFTMAX, dtypes[t], low, NULL, largest);
        if (dtypes[t] == SJ_F32) check_row(&options, FORM_LOG_SOFTMAX, SJ_F32, z, NULL, logs);
        options.bias = &view;
        check_row(&options, FORM_SOFTMAX, dtypes[t], z, NULL, masked);
        options.bias = NULL;
        options.scale = -INFINITY;
        check_row(&options, FORM_SOFTMAX, dtypes[t], z, NULL, smallest);
    }
}

/* What undefined logits become, for scales of both signs. */
static void undefined_logits(void **state) {
    (void)state;
    const double nans[3] = {NAN, NAN, NAN}, halves[3] = {.5, 0, .5}, zeros[3] = {0}, top[3] = {0, 1, 0};
    const double infinity[3] = {INFINITY, 0, 0};
    for (int t = 0; t < 2; t++)
        for (int sign = -1; sign <= 1; sign += 2) {
            const double inf = sign * (double)INFINITY;
            const double high[3] = {1, inf, 1}, low[3] = {1, -inf, 1}, all[3] = {-inf, -inf, -inf},
                         nan[3] = {1, NAN, 0};
            sj_options options = scaled_by(sign * 2.0);
            check_row(&options, FORM_SOFTMAX, dtypes[t], high, NULL, nans);
            check_row(&options, FORM_LOGSUMEXP, dtypes[t], high, NULL, infinity);
            check_row(&options, FORM_VJP, dtypes[t], high, low, nans);
            check_row(&options, FORM_SOFTMAX, dtypes[t], nan, NULL, nans);
            check_row(&options, FORM_SOFTMAX, dtypes[t], low, NULL, halves);
            check_row(&options, FORM_SOFTMAX, dtypes[t], all, NULL, nans);
            options.nonfinite = SJ_ZERO;
            check_row(&options, FORM_SOFTMAX, dtypes[t], all, NULL, zeros);
            options.nonfinite = SJ_LIMIT;
            check_row(&options, FORM_SOFTMAX, dtypes[t], high, NULL, top);
        }
}

/* A bias of -inf masks whatever is there, NaN is a NaN logit, and a sink takes its part of the mass. */
static void biases_and_sinks(void **state) {
    (void)state;
    const double z[3] = {2, NAN, 2}, g[3] = {1, NAN, 3}, mask[3] = {0, -INFINITY, 0}, nan[3] = {0, NAN, 0};
    const double none[3] = {-INFINITY, -INFINITY, -INFINITY}, finite[3] = {1, 2, 3};
    const double halves[3] = {.5, 0, .5}, thirds[3] = {1.0 / 3, 0, 1.0 / 3}, product[3] = {-.5, 0, .5};
    const double nans[3] = {NAN, NAN, NAN}, zeros[3] = {0}, sink[3] = {2, 0, 0};
    const size_t n = 3;
    sj_view view = sj_array(mask, SJ_F64, 1, &n);
    const sj_view sink_view = sj_array(sink, SJ_F64, 0, NULL);
    sj_options options = SJ_OPTIONS_INIT;
    options.bias = &view;
    check_row(&options, FORM_SOFTMAX, SJ_F64, z, NULL, halves);
    check_row(&options, FORM_VJP, SJ_F64, z, g, product);
    options.sink = &sink_view;
    check_row(&options, FORM_SOFTMAX, SJ_F64, z, NULL, thirds);
    view.data = (void *)none;
    check_row(&options, FORM_SOFTMAX, SJ_F64, z, NULL, zeros);
    check_row(&options, FORM_VJP, SJ_F64, z, g, zeros);
    check_row(&options, FORM_LOGSUMEXP, SJ_F64, z, NULL, sink);
    view.data = (void *)nan;
    check_row(&options, FORM_SOFTMAX, SJ_F64, finite, NULL, nans);
}

/* Of a given softmax the scale is a factor. */
static void given_softmax(void **state) {
    (void)state;
    const double s[3] = {.5, .25, .25}, g[3] = {1, 2, 4};
    double plain[3], want[3];
    sj_options options = SJ_OPTIONS_INIT;
    options.given = SJ_GIVEN_SOFTMAX;
    for (int id = 0; id < FORM_COUNT; id++) {
        if (forms[id].result != RESULT_ROW || id <= FORM_LOGSUMEXP) continue;
        options.scale = 1;
        form_row_with(&options, (form_id)id, SJ_F64, s, g, 0, 3, plain);
        for (size_t k = 0; k < 3; k++) want[k] = -2 * plain[k] + 0;
        options.scale = -2;
        check_row(&options, (form_id)id, SJ_F64, s, g, want);
    }
}

/* Where a bias of -inf masks, neither a given softmax nor a cotangent is read: the results are those of a softmax and a
 * cotangent of 0 there. */
static void masked_by_bias(void **state) {
    (void)state;
    const double s[3] = {.5, 0, .5}, g[3] = {1, 0, 4}, unread_s[3] = {.5, NAN, .5}, unread_g[3] = {1, NAN, 4};
    const double mask[3] = {3, -INFINITY, 1};
    double want[3];
    const size_t n = 3;
    const sj_view view = sj_array(mask, SJ_F64, 1, &n);
    for (int id = 0; id < FORM_COUNT; id++) {
        if (forms[id].result != RESULT_ROW || id <= FORM_LOGSUMEXP) continue;
        sj_options options = SJ_OPTIONS_INIT;
        options.given = SJ_GIVEN_SOFTMAX;
        form_row_with(&options, (form_id)id, SJ_F64, s, g, 0, 3, want);
        want[1] = 0;
        options.bias = &view;
        check_row(&options, (form_id)id, SJ_F64, unread_s, unread_g, want);
    }
}

#define ROWS 4
#define N 70

/* Of every row of a batch the same bits as of that row alone, with its own sink. */
static void broadcast_over_rows(void **state) {
    (void)state;
    const size_t shape[2] = {ROWS, N}, rows = ROWS, n = N;
    for (int t = 0; t < 2; t++) {
        const sj_dtype dtype = dtypes[t];
        const size_t bytes = dtype_bytes(dtype);
        char *z = new_elements(dtype, ROWS * N), *g = new_elements(dtype, ROWS * N);
        char *out = new_elements(dtype, ROWS * N), *alone = new_elements(dtype, N);
        char *bias = new_elements(dtype, N), *sink = new_elements(dtype, ROWS);
        fill_random(z, dtype, ROWS * N, 1), fill_random(g, dtype, ROWS * N, 2);
        fill_random(bias, dtype, N, 3), fill_random(sink, dtype, ROWS, 4);
        const sj_view bias_view = sj_array(bias, dtype, 1, &n), sinks = sj_array(sink, dtype, 1, &rows);
        for (int id = 0; id < FORM_COUNT; id++) {
            if (forms[id].result != RESULT_ROW) continue;
            sj_options options = scaled_by(-0.3);
            options.bias = &bias_view, options.sink = &sinks;
            form_arguments a = {.z = sj_array(z, dtype, 2, shape),
                                .g = sj_array(g, dtype, 2, shape),
                                .q = 1,
                                .out = sj_array(out, dtype, 2, shape)};
            assert_int_equal(forms[id].call(&a, &options), SJ_OK);
            for (size_t row = 0; row < ROWS; row++) {
                const sj_view own = sj_array(sink + row * bytes, dtype, 0, NULL);
                const char *from = z + row * N * bytes, *beside = g + row * N * bytes;
                options.sink = &own;
                a = (form_arguments){.z = sj_array(from, dtype, 1, &n),
                                     .g = sj_array(beside, dtype, 1, &n),
                                     .q = 1,
                                     .out = sj_array(alone, dtype, 1, &n)};
                assert_int_equal(forms[id].call(&a, &options), SJ_OK);
                assert_memory_equal(out + row * N * bytes, alone, N * bytes);
            }
        }
        free(z), free(g), free(out), free(alone), free(bias), free(sink);
    }
}

/* Rows of all kinds beside each other: what their scale leaves near, far, deep, infinite, and NaN. */
static void fill_kinds(void *z, sj_dtype dtype, size_t rows, size_t n) {
    fill_random(z, dtype, rows * n, 5);
    for (size_t row = 0; row < rows; row++)
        for (size_t k = 0; k < n; k++) {
            const double x = element_get(z, dtype, row * n + k);
            const double kinds[] = {x, x, 1000 * x, 300 + x, k % 5 == 0 ? -INFINITY : x, k == 1 ? NAN : x, x};
            element_set(z, dtype, row * n + k, kinds[row % 7]);
        }
}

/* Row `row` of results of a matrix whose rows or columns they are, and of that row alone. */
static void check_row_alone(form_id id, const sj_options *options, const form_arguments *all, size_t row) {
    const int axis = all->z.axis;
    const size_t n = all->z.shape[axis], bytes = dtype_bytes(all->z.dtype);
    const bool one = id == FORM_LOGSUMEXP;
    form_arguments a = *all;
    char *alone = new_elements(all->z.dtype, n);
    const ptrdiff_t start = (ptrdiff_t)row * all->z.strides[1 - axis], step = all->z.strides[axis];
    a.z = sj_array((char *)all->z.data + start * (ptrdiff_t)bytes, all->z.dtype, 1, &n);
    a.z.strides[0] = step;
    a.g = a.z; /* as of the whole */
    a.out = sj_array(alone, all->z.dtype, one ? 0 : 1, &n);
    assert_int_equal(forms[id].call(&a, options), SJ_OK);
    const ptrdiff_t from = one ? (ptrdiff_t)row : start;
    for (size_t k = 0; k < (one ? 1 : n); k++)
        if (!same_bits(all->z.dtype, all->out.data, (size_t)(from + (ptrdiff_t)k * step), alone, k))
            fail_msg("%s %s: n %zu, axis %d, row %zu, entry %zu", forms[id].name, dtype_name(all->z.dtype), n, axis,
                     row, k);
    free(alone);
}

static void check_rows_alone(sj_dtype dtype, size_t n, int axis, double scale, int threads) {
    const size_t rows = 45, shape[2] = {axis == 0 ? n : rows, axis == 0 ? rows : n};
    void *z = new_elements(dtype, rows * n), *turned = new_elements(dtype, rows * n);
    void *out = new_elements(dtype, rows * n);
    fill_kinds(turned, dtype, rows, n);
    for (size_t row = 0; row < rows; row++)
        for (size_t k = 0; k < n; k++)
            element_set(z, dtype, axis == 0 ? k * rows + row : row * n + k, element_get(turned, dtype, row * n + k));
    sj_options options = scaled_by(scale);
    options.threads = threads;
    for (int id = 0; id < FORM_COUNT; id++) {
        if (forms[id].result == RESULT_MATRIX) continue;
        form_arguments all = {.z = sj_array(z, dtype, 2, shape), .q = n / 2};
        all.z.axis = axis;
        all.g = all.z;
        all.out = sj_array(out, dtype, id == FORM_LOGSUMEXP ? 1 : 2, id == FORM_LOGSUMEXP ? &rows : shape);
        assert_int_equal(forms[id].call(&all, &options), SJ_OK);
        for (size_t row = 0; row < rows; row++) check_row_alone((form_id)id, &options, &all, row);
    }
    free(z), free(turned), free(out);
}

/* Bits of a row depend on that row: not on its neighbours, where it stands, or the threads. */
static void rows_are_their_own(void **state) {
    (void)state;
    const size_t lengths[] = {2, 5, 33, 64, 65, 300};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (int t = 0; t < 2; t++)
            for (int axis = 0; axis < 2; axis++) {
                check_rows_alone(dtypes[t], lengths[i], axis, 1 / 0.7, 1);
                check_rows_alone(dtypes[t], lengths[i], axis, -0.5, 3);
            }
}

typedef struct mistake {
    const char *named;
    sj_status status;
    double scale;
    sj_mode mode;
    bool bias_of_bool, sink_of_n, given_sink;
} mistake;

static void mistakes_are_told(void **state) {
    (void)state;
    const mistake mistakes[] = {
        {"options.scale: 0; expected a number other than 0", SJ_BAD_OPTION, 0, SJ_DEFAULT, false, false, false},
        {"options.scale: ", SJ_BAD_OPTION, NAN, SJ_DEFAULT, false, false, false},
        {"options.scale: inf; expected a finite number", SJ_BAD_OPTION, INFINITY, SJ_DEFAULT, false, false, false},
        {"options.scale: not in exact mode", SJ_BAD_OPTION, 2, SJ_EXACT, false, false, false},
        {"options.bias: dtype 5; expected SJ_F32, SJ_F64, SJ_F16 or SJ_BF16", SJ_BAD_DTYPE, 1, SJ_DEFAULT, true, false,
         false},
        {"options.sink: 1 dimensions; expected at most 0", SJ_BAD_SHAPE, 1, SJ_DEFAULT, false, true, false},
        {"options.sink: beside SJ_GIVEN_SOFTMAX", SJ_BAD_OPTION, 1, SJ_DEFAULT, false, false, true},
    };
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        const mistake *m = &mistakes[i];
        double z[3] = {1, 2, 3}, out[3] = {7, 7, 7}, one = 1;
        const size_t n = 3;
        const sj_view bias = sj_array(z, SJ_BOOL, 1, &n),
                      sink = sj_array(m->sink_of_n ? z : &one, SJ_F64, m->sink_of_n, &n);
        sj_error error = {SJ_OK, ""};
        sj_options options = scaled_by(m->scale);
        options.mode = m->mode, options.error = &error;
        options.bias = m->bias_of_bool ? &bias : NULL;
        options.sink = m->sink_of_n || m->given_sink ? &sink : NULL;
        options.given = m->given_sink ? SJ_GIVEN_SOFTMAX : SJ_GIVEN_LOGITS;
        const sj_view row = sj_vector_f64(z, 3), result = sj_vector_f64(out, 3);
        const sj_status status =
            m->given_sink ? sj_softmax_vjp(row, row, result, &options) : sj_softmax(row, result, &options);
        if (status != m->status || strncmp(error.message, m->named, strlen(m->named)) != 0)
            fail_msg("status %d, %s; expected %d, %s", (int)status, error.message, (int)m->status, m->named);
        assert_true(out[0] == 7 && out[1] == 7 && out[2] == 7);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(infinite_scale_is_the_argmax),
                                       cmocka_unit_test(undefined_logits),
                                       cmocka_unit_test(biases_and_sinks),
                                       cmocka_unit_test(given_softmax),
                                       cmocka_unit_test(masked_by_bias),
                                       cmocka_unit_test(broadcast_over_rows),
                                       cmocka_unit_test(rows_are_their_own),
                                       cmocka_unit_test(mistakes_are_told)};
    return run_for_set(tests);
}
