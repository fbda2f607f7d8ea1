/* test_metric.c: mean absolute percentage error and maximum relative error, by hand-made cases. */
#include "support.h"

#include <math.h>

static double mape(const double *pred, const double *truth, size_t count) {
    double out = -1;
    assert_int_equal(sj_mape(sj_vector_f64(pred, count), sj_vector_f64(truth, count), &out, NULL), SJ_OK);
    return out;
}

static double relative(const double *pred, const double *truth, size_t count) {
    double out = -1;
    assert_int_equal(sj_max_relative_error(sj_vector_f64(pred, count), sj_vector_f64(truth, count), &out, NULL), SJ_OK);
    return out;
}

static void equal_arrays_have_no_error(void **state) {
    const double a[4] = {1, -2, 0, 1e300};
    (void)state;
    assert_true(mape(a, a, 4) == 0);
    assert_true(relative(a, a, 4) == 0);
}

/* |1 - 1.5| / 1 = 1/2, |-4 + 3| / 4 = 1/4: a fraction, not a percentage, over the truth, not the prediction. */
static void mape_is_a_fraction_of_the_truth(void **state) {
    const double truth[2] = {1, -4}, pred[2] = {1.5, -3};
    (void)state;
    assert_true(mape(pred, truth, 2) == 0.375);
    assert_true(relative(pred, truth, 2) == 0.5);
    assert_true(mape(truth, pred, 2) == (0.5 / 1.5 + 1.0 / 3) / 2);
}

/* Where the truth is 0 the error counts as it is. */
static void zero_truths_count_their_prediction(void **state) {
    const double truth[4] = {0, 2, 0, -1}, pred[4] = {0.25, 1, -0.5, -1};
    const double zeros[3] = {0, 0, -0.0}, few[3] = {0, 0.75, -0.0};
    (void)state;
    assert_true(mape(pred, truth, 4) == (0.25 + 0.5 + 0.5 + 0) / 4);
    assert_true(isinf(relative(pred, truth, 4)));
    assert_true(mape(few, zeros, 3) == 0.25);
    assert_true(mape(zeros, zeros, 3) == 0);
    assert_true(relative(zeros, zeros, 3) == 0);
}

static void nan_propagates(void **state) {
    const double nan_last[3] = {1, 2, NAN}, nan_first[3] = {NAN, 2, 3}, truth[3] = {1, 2, 3}, zero_last[3] = {1, 2, 0};
    (void)state;
    assert_true(isnan(mape(nan_last, truth, 3)) && isnan(relative(nan_last, truth, 3)));
    assert_true(isnan(mape(nan_first, truth, 3)) && isnan(relative(nan_first, truth, 3)));
    assert_true(isnan(mape(truth, nan_first, 3)) && isnan(relative(truth, nan_first, 3)));
    assert_true(isnan(mape(nan_last, zero_last, 3)) && isnan(relative(nan_last, zero_last, 3)));
}

static void infinities(void **state) {
    const double inf[2] = {INFINITY, 1}, finite[2] = {5, 1}, minus[2] = {-INFINITY, 1};
    (void)state;
    assert_true(isinf(mape(inf, finite, 2)) && isinf(relative(inf, finite, 2)));
    assert_true(relative(inf, inf, 2) == 0);
    assert_false(relative(inf, minus, 2) == 0);
}

/* A plain sum of a million terms of 1/10 is off by 1e-11 of itself; this one by the roundings of a term and the
 * quotient.
 */
static void mape_of_many_entries_keeps_its_digits(void **state) {
    enum { count = 1000000 };
    double *truth = new_elements(SJ_F64, count), *pred = new_elements(SJ_F64, count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        truth[i] = 0;
        pred[i] = 0.1;
    }
    assert_true(fabs(mape(pred, truth, count) - 0.1) <= 2 * 0x1p-53 * 0.1);
    free(truth);
    free(pred);
}

/* Each array in its own layout and dtype: element by element. */
static void layouts_and_dtypes_may_differ(void **state) {
    float pred[2][3] = {{1, 2, 3}, {4, 5, 6}};
    const double truth[3][2] = {{1, 8}, {2, 10}, {3, 12}};
    double out = -1;
    sj_view p = sj_matrix_f32(&pred[0][0], 2, 3), t = sj_matrix_f64(&truth[0][0], 2, 3);
    (void)state;
    t.strides[0] = 1;
    t.strides[1] = 2;
    assert_int_equal(sj_mape(p, t, &out, NULL), SJ_OK);
    assert_true(out == 0.25);
    p.data = &pred[1][2];
    p.strides[0] = -3;
    p.strides[1] = -1;
    assert_int_equal(sj_max_relative_error(p, t, &out, NULL), SJ_OK);
    assert_true(out == 5); /* 6 for 1 */
}

static void scalars(void **state) {
    const double pred = 3, truth = 4;
    double out = -1;
    (void)state;
    assert_int_equal(sj_mape(sj_scalar_f64(&pred), sj_scalar_f64(&truth), &out, NULL), SJ_OK);
    assert_true(out == 0.25);
}

typedef sj_status metric(sj_view pred, sj_view truth, double *out, sj_error *error);

static void expect_refused(sj_view pred, sj_view truth, sj_status status, const char *named) {
    metric *const metrics[] = {sj_mape, sj_max_relative_error};
    for (size_t i = 0; i < 2; i++) {
        double out = 7;
        sj_error error = {SJ_OK, ""};
        assert_int_equal(metrics[i](pred, truth, &out, &error), status);
        assert_true(out == 7);
        assert_int_equal(error.status, status);
        assert_int_equal(strncmp(error.message, named, strlen(named)), 0);
        assert_int_equal(metrics[i](pred, truth, &out, NULL), status);
    }
}

static void wrong_arguments_are_refused(void **state) {
    static const double data[6];
    const sj_view good = sj_matrix_f64(data, 2, 3);
    sj_view bad = good;
    sj_error error;
    (void)state;
    expect_refused(good, sj_matrix_f64(data, 3, 2), SJ_BAD_SHAPE, "pred");
    expect_refused(good, sj_vector_f64(data, 6), SJ_BAD_SHAPE, "pred");
    expect_refused(sj_vector_f64(data, 0), sj_vector_f64(data, 0), SJ_BAD_SHAPE, "pred");
    bad.data = NULL;
    expect_refused(bad, good, SJ_BAD_POINTER, "pred");
    expect_refused(good, bad, SJ_BAD_POINTER, "truth");
    bad.data = good.data;
    bad.dtype = (sj_dtype)9;
    expect_refused(bad, good, SJ_BAD_DTYPE, "pred");
    expect_refused(good, bad, SJ_BAD_DTYPE, "truth");
    assert_int_equal(sj_mape(good, good, NULL, &error), SJ_BAD_POINTER);
    assert_non_null(strstr(error.message, "out"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(equal_arrays_have_no_error),
                                       cmocka_unit_test(mape_is_a_fraction_of_the_truth),
                                       cmocka_unit_test(zero_truths_count_their_prediction),
                                       cmocka_unit_test(nan_propagates),
                                       cmocka_unit_test(infinities),
                                       cmocka_unit_test(mape_of_many_entries_keeps_its_digits),
                                       cmocka_unit_test(layouts_and_dtypes_may_differ),
                                       cmocka_unit_test(scalars),
                                       cmocka_unit_test(wrong_arguments_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
