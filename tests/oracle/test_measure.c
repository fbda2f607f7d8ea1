/* test_measure.c: the oracle's own rulers, on truths that are known without it: 1, 1/2, 0, subnormals, infinities.
 * If these fail, no accuracy figure of the project means anything. */
#include "oracle_test.h"

#include "oracle.h"

#include <float.h>
#include <math.h>

static int make_oracle(void **state) {
    *state = oracle_new();
    return *state ? 0 : -1;
}

static int free_oracle(void **state) {
    oracle_free(*state);
    return 0;
}

/* softmax of one class is exactly 1; of two equal ones exactly 1/2; logsumexp of one logit is that logit. */
static oracle *truth_of_one(void **state) {
    assert_true(oracle_row(*state, FORM_SOFTMAX, (double[]){3}, NULL, 0, 1));
    return *state;
}

static oracle *truth_equal_to(void **state, double value) {
    assert_true(oracle_row(*state, FORM_LOGSUMEXP, &value, NULL, 0, 1));
    return *state;
}

static void ulp_at_a_power_of_two_is_the_spacing_above_it(void **state) {
    const oracle *one = truth_of_one(state);
    assert_true(oracle_ulps(one, 0, 1, SJ_F64) == 0);
    assert_true(oracle_ulps(one, 0, 1 + 0x1p-52, SJ_F64) == 1);
    assert_true(oracle_ulps(one, 0, 1 - 0x1p-53, SJ_F64) == 0.5);
    assert_true(oracle_ulps(one, 0, 1 + 0x1p-23, SJ_F32) == 1);
    assert_true(oracle_ulps(one, 0, 1 - 0x1p-24, SJ_F32) == 0.5);
    assert_true(oracle_row(*state, FORM_SOFTMAX, (double[]){-7, -7}, NULL, 0, 2));
    assert_true(oracle_ulps(*state, 1, 0.5 + 0x1p-53, SJ_F64) == 1);
    assert_true(oracle_ulps(*state, 1, 0.5 - 0x1p-53, SJ_F64) == 1);
    assert_true(oracle_ulps(*state, 1, 0.5 - 0x1p-54, SJ_F64) == 0.5);
}

static void ulp_below_a_power_of_two_is_the_spacing_of_its_binade(void **state) {
    const oracle *below_one = truth_equal_to(state, 1 - 0x1p-53);
    assert_true(oracle_ulps(below_one, 0, 1, SJ_F64) == 1);
    assert_true(oracle_ulps(below_one, 0, 1, SJ_F32) == 0x1p-29);
    assert_true(oracle_ulps(truth_equal_to(state, -6), 0, -6 - 3 * 0x1p-50, SJ_F64) == 3);
}

static void ulp_at_zero_is_the_smallest_subnormal(void **state) {
    assert_true(oracle_row(*state, FORM_GRADIENT, (double[]){3}, NULL, 0, 1));
    assert_true(oracle_ulps(*state, 0, 0, SJ_F64) == 0);
    assert_true(oracle_ulps(*state, 0, -0.0, SJ_F64) == 0);
    assert_true(oracle_ulps(*state, 0, -0x1p-1074, SJ_F64) == 1);
    assert_true(oracle_ulps(*state, 0, 3 * 0x1p-149, SJ_F32) == 3);
}

/* e^-744 = 1.55.. 2^-1074, e^-100 = 26.5.. 2^-149. The expected counts are good to 744 * 2^-53 relative. */
static void ulp_of_a_subnormal_is_the_smallest_subnormal(void **state) {
    const double ln2 = 0.693147180559945309417;
    const double count_f64 = exp(1074 * ln2 - 744), count_f32 = exp(149 * ln2 - 100);
    assert_true(oracle_row(*state, FORM_SOFTMAX, (double[]){0, -744}, NULL, 0, 2));
    assert_true(fabs(oracle_ulps(*state, 1, 0, SJ_F64) - count_f64) < 1e-12 * count_f64);
    assert_true(fabs(oracle_ulps(*state, 1, 2 * 0x1p-1074, SJ_F64) - (2 - count_f64)) < 1e-12);
    assert_true(oracle_row(*state, FORM_SOFTMAX, (double[]){0, -100}, NULL, 0, 2));
    assert_true(fabs(oracle_ulps(*state, 1, 27 * 0x1p-149, SJ_F32) - (27 - count_f32)) < 1e-12 * count_f32);
}

static void ulp_of_infinite_and_nan_results(void **state) {
    const oracle *one = truth_of_one(state);
    assert_true(oracle_ulps(one, 0, INFINITY, SJ_F64) == INFINITY);
    assert_true(oracle_ulps(one, 0, NAN, SJ_F32) == INFINITY);
    assert_true(oracle_row(*state, FORM_LOG_SOFTMAX, (double[]){0, -INFINITY}, NULL, 0, 2));
    assert_true(oracle_ulps(*state, 0, 0, SJ_F64) == 0);
    assert_true(oracle_ulps(*state, 1, -INFINITY, SJ_F64) == 0);
    assert_true(oracle_ulps(*state, 1, INFINITY, SJ_F64) == INFINITY);
    assert_true(oracle_ulps(*state, 1, -DBL_MAX, SJ_F64) == INFINITY);
    assert_true(oracle_ulps(*state, 1, NAN, SJ_F64) == INFINITY);
}

static void ulp_of_a_truth_beyond_the_largest_number(void **state) {
    const oracle *huge = truth_equal_to(state, 0x1p128);
    assert_true(oracle_ulps(huge, 0, INFINITY, SJ_F32) == 0);
    assert_true(oracle_ulps(huge, 0, -INFINITY, SJ_F32) == INFINITY);
    assert_true(oracle_ulps(huge, 0, (double)FLT_MAX, SJ_F32) == 1);
    assert_true(oracle_ulps(huge, 0, 0x1p128, SJ_F64) == 0);
}

static void relative_error_of_known_values(void **state) {
    assert_true(oracle_relative(truth_equal_to(state, -3), 0, -3.75) == 0.25);
    assert_true(oracle_relative(*state, 0, -3) == 0);
    assert_true(oracle_relative(*state, 0, NAN) == INFINITY);
    assert_true(oracle_relative(truth_equal_to(state, 0), 0, 0) == 0);
    assert_true(oracle_relative(*state, 0, -0x1p-1074) == INFINITY);
}

/* z = (0, 0): J = (1, -1; -1, 1) / 4, m = 0. With g = (1, 0): J g = (1, -1) / 4 and both conditions are 1/4. */
static void product_error_is_counted_against_its_condition(void **state) {
    const double z[2] = {0, 0}, g[2] = {1, 0}, constant[2] = {1e10, 1e10};
    assert_true(oracle_row(*state, FORM_VJP, z, g, 0, 2));
    assert_true(oracle_componentwise(*state, 0, 0.25, SJ_F64) == 0);
    assert_true(oracle_componentwise(*state, 0, 0.25 + 0x1p-54, SJ_F64) == 2);
    assert_true(oracle_componentwise(*state, 1, -0.25 - 0x1p-25, SJ_F32) == 2);
    assert_true(oracle_componentwise(*state, 1, INFINITY, SJ_F32) == INFINITY);
    assert_true(oracle_row(*state, FORM_JVP, z, constant, 0, 2));
    assert_true(oracle_componentwise(*state, 0, 0, SJ_F64) == 0);
    assert_true(oracle_componentwise(*state, 0, 0x1p-1074, SJ_F64) == INFINITY);
}

/* Log-softmax at z = (0, 0): J = (1, -1; -1, 1) / 2. J g = (1, -1) / 2 with conditions 1/2; J^T g the same. */
static void log_product_error_is_counted_against_its_condition(void **state) {
    const double z[2] = {0, 0}, g[2] = {1, 0};
    const form_id products[2] = {FORM_LOG_VJP, FORM_LOG_JVP};
    for (int i = 0; i < 2; i++) {
        assert_true(oracle_row(*state, products[i], z, g, 0, 2));
        assert_true(oracle_componentwise(*state, 0, 0.5 + 0x1p-52, SJ_F64) == 4);
        assert_true(oracle_componentwise(*state, 1, -0.5 + 0x1p-53, SJ_F64) == 2);
    }
}

/* Three classes: s = (1/4, 1/4, 1/2) exactly when z = (0, 0, log 2), which no double is; within 2^-50 it will do.
 * g = (8, 0, 4), m = 2, |g_k - g_m| = (4, 4, 0): condition of entry 0 is (3/16) 4 + (1/16) 4 = 1, of entry 2 is 1. */
static void product_condition_of_three_classes(void **state) {
    const double z[3] = {0, 0, 0.693147180559945309417}, g[3] = {8, 0, 4};
    assert_true(oracle_row(*state, FORM_VJP, z, g, 0, 3));
    const double value = oracle_value(*state, 0), far = value + 0x1p-20;
    assert_true(fabs(value - 1) < 0x1p-49);
    assert_true(fabs(oracle_componentwise(*state, 0, far, SJ_F32) - 16) < 0x1p-20);
    assert_true(oracle_row(*state, FORM_LOG_VJP, z, g, 0, 3)); /* 3/4 * 8 + 1/4 * 4 = 7 */
    assert_true(fabs(oracle_componentwise(*state, 0, oracle_value(*state, 0) + 7 * 0x1p-20, SJ_F32) - 16) < 0x1p-18);
}

static void logsumexp_condition_is_absolute_near_zero(void **state) {
    const double z[2] = {-0.693147180559945309417, -0.693147180559945309417}; /* logsumexp = 0 but for rounding */
    assert_true(oracle_row(*state, FORM_LOGSUMEXP, z, NULL, 0, 2));
    assert_true(fabs(oracle_value(*state, 0)) < 0x1p-52);
    const double got = oracle_value(*state, 0) + 0x1p-40;
    assert_true(fabs(oracle_componentwise(*state, 0, got, SJ_F64) - 0x1p13 / -z[0]) < 1e-9);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ulp_at_a_power_of_two_is_the_spacing_above_it),
        cmocka_unit_test(ulp_below_a_power_of_two_is_the_spacing_of_its_binade),
        cmocka_unit_test(ulp_at_zero_is_the_smallest_subnormal),
        cmocka_unit_test(ulp_of_a_subnormal_is_the_smallest_subnormal),
        cmocka_unit_test(ulp_of_infinite_and_nan_results),
        cmocka_unit_test(ulp_of_a_truth_beyond_the_largest_number),
        cmocka_unit_test(relative_error_of_known_values),
        cmocka_unit_test(product_error_is_counted_against_its_condition),
        cmocka_unit_test(log_product_error_is_counted_against_its_condition),
        cmocka_unit_test(product_condition_of_three_classes),
        cmocka_unit_test(logsumexp_condition_is_absolute_near_zero),
    };
    return cmocka_run_group_tests_name("oracle_measure", tests, make_oracle, free_oracle);
}
