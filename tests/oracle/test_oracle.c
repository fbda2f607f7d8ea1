/* test_oracle.c: the oracle's truths against published digits, exact identities and limits.
 * Compares entries after rounding to double: what the oracle keeps beyond that is tested through its ulp counts. */
#include "oracle_test.h"

#include "oracle.h"

#include <math.h>
#include <string.h>

#define ROW 8

static int make_oracle(void **state) {
    *state = oracle_new();
    return *state ? 0 : -1;
}

static int free_oracle(void **state) {
    oracle_free(*state);
    return 0;
}

static void values(oracle *truth, form_id id, const double *z, const double *g, size_t q, size_t n, double *out) {
    assert_true(oracle_row(truth, id, z, g, q, n));
    assert_int_equal(oracle_entries(truth), form_entries(&forms[id], n));
    for (size_t i = 0; i < oracle_entries(truth); i++) out[i] = oracle_value(truth, i);
}

static void forms_table_is_indexed_by_id(void **state) {
    (void)state;
    for (int id = 0; id < FORM_COUNT; id++) {
        assert_int_equal(forms[id].id, id);
        for (int other = 0; other < id; other++) assert_string_not_equal(forms[id].name, forms[other].name);
    }
}

static void published_rows_to_the_printed_digits(void **state) {
    double out[PUBLISHED_N];
    for (int run = 0; run < 2; run++) {
        values(*state, FORM_SOFTMAX, published_z[run], NULL, 0, PUBLISHED_N, out);
        for (int k = 0; k < PUBLISHED_N; k++) assert_printed(out[k], published_softmax[run][k]);
        values(*state, FORM_GRADIENT, published_z[run], NULL, 3, PUBLISHED_N, out);
        for (int k = 0; k < PUBLISHED_N; k++) assert_printed(out[k], published_gradient[run][k]);
    }
}

static void overflow_section_to_the_printed_digits(void **state) {
    double z[PUBLISHED_N], out[PUBLISHED_N];
    for (int k = 0; k < PUBLISHED_N; k++) z[k] = 100 * published_z[0][k];
    values(*state, FORM_SOFTMAX, z, NULL, 0, PUBLISHED_N, out);
    assert_true(out[0] == 0 && out[3] == 1 && out[4] == 0);
    assert_printed(out[1], "7.17509597e-66");
    assert_printed(out[2], "1.38389653e-87");
    const double gaps[3] = {-450, -650, -700};
    const char *const printed[3] = {"3.69388307e-196", "5.11195195e-283", "9.85967654e-305"};
    for (int i = 0; i < 3; i++) {
        values(*state, FORM_SOFTMAX, (double[]){gaps[i], 0}, NULL, 0, 2, out);
        assert_printed(out[0], printed[i]);
    }
}

/* The reported regression: every one of these is 4.248354255291589e-18 = e^-40 / (1 + e^-40)^2, or its log form. */
static void confident_row_keeps_its_tail(void **state) {
    const double z[2] = {40, 0}, g[2] = {1, 0}, tail = 4.248354255291589e-18;
    double out[4] = {0};
    values(*state, FORM_JACOBIAN, z, NULL, 0, 2, out);
    assert_true(out[0] == tail && out[1] == -tail && out[2] == -tail && out[3] == tail);
    values(*state, FORM_VJP, z, g, 0, 2, out);
    assert_true(out[0] == tail && out[1] == -tail);
    values(*state, FORM_LOG_SOFTMAX, z, NULL, 0, 2, out);
    assert_true(out[0] == -tail && out[1] == -40);
    values(*state, FORM_LOGSUMEXP, (double[]){0, -40}, NULL, 0, 2, out);
    assert_true(out[0] == tail);
}

/* Both sides are the same real number computed in two ways, and a rounding of one real number is one double. */
static void forms_agree_where_they_are_equal(void **state) {
    double z[ROW], g[ROW], matrix[ROW * ROW], log_matrix[ROW * ROW], a[ROW], b[ROW], unit[ROW];
    random_row(1, 30, z, ROW);
    random_row(2, 5, g, ROW);
    values(*state, FORM_JACOBIAN, z, NULL, 0, ROW, matrix);
    values(*state, FORM_LOG_JACOBIAN, z, NULL, 0, ROW, log_matrix);
    for (size_t q = 0; q < ROW; q++) {
        memset(unit, 0, sizeof unit);
        unit[q] = 1;
        values(*state, FORM_GRADIENT, z, NULL, q, ROW, a);
        assert_memory_equal(a, matrix + q * ROW, sizeof a);
        values(*state, FORM_VJP, z, unit, 0, ROW, b);
        assert_memory_equal(a, b, sizeof a);
        values(*state, FORM_LOG_GRADIENT, z, NULL, q, ROW, a);
        assert_memory_equal(a, log_matrix + q * ROW, sizeof a);
        values(*state, FORM_LOG_VJP, z, unit, 0, ROW, b);
        assert_memory_equal(a, b, sizeof a);
        values(*state, FORM_LOG_JVP, z, unit, 0, ROW, b);
        for (size_t i = 0; i < ROW; i++) assert_true(b[i] == log_matrix[i * ROW + q]);
        for (size_t r = 0; r < ROW; r++) assert_true(matrix[q * ROW + r] == matrix[r * ROW + q]);
    }
    values(*state, FORM_VJP, z, g, 0, ROW, a);
    values(*state, FORM_JVP, z, g, 0, ROW, b);
    assert_memory_equal(a, b, sizeof a);
}

/* Sums of n entries of size at most 1, each rounded once and added with one rounding: 2 n u. */
static void softmax_sums_to_one_and_jacobian_rows_to_zero(void **state) {
    double z[ROW], s[ROW], matrix[ROW * ROW];
    random_row(3, 8, z, ROW);
    values(*state, FORM_SOFTMAX, z, NULL, 0, ROW, s);
    values(*state, FORM_JACOBIAN, z, NULL, 0, ROW, matrix);
    double sum = 0;
    for (size_t q = 0; q < ROW; q++) {
        double row = 0;
        for (size_t r = 0; r < ROW; r++) row += matrix[q * ROW + r];
        assert_true(fabs(row) < 2 * ROW * U);
        sum += s[q];
    }
    assert_true(fabs(sum - 1) < 2 * ROW * U);
}

/* log of a rounded s: u from s, and an ulp of the logarithm, at most 2u relative. */
static void log_softmax_is_the_logarithm_and_logsumexp_its_normaliser(void **state) {
    double z[ROW], s[ROW], log_s[ROW], sum;
    random_row(4, 8, z, ROW);
    values(*state, FORM_SOFTMAX, z, NULL, 0, ROW, s);
    values(*state, FORM_LOG_SOFTMAX, z, NULL, 0, ROW, log_s);
    values(*state, FORM_LOGSUMEXP, z, NULL, 0, ROW, &sum);
    for (size_t k = 0; k < ROW; k++) {
        assert_true(fabs(log(s[k]) - log_s[k]) <= U + 2 * U * fabs(log_s[k]));
        assert_true(fabs((z[k] - log_s[k]) - sum) <= 2 * U * (fabs(z[k]) + fabs(log_s[k]) + fabs(sum)));
    }
}

static void constant_cotangent_gives_exactly_zero(void **state) {
    double z[ROW], g[ROW], out[ROW];
    random_row(5, 30, z, ROW);
    for (size_t k = 0; k < ROW; k++) g[k] = 1e300;
    const form_id annihilating[3] = {FORM_VJP, FORM_JVP, FORM_LOG_JVP};
    for (int i = 0; i < 3; i++) {
        values(*state, annihilating[i], z, g, 0, ROW, out);
        for (size_t k = 0; k < ROW; k++) assert_true(out[k] == 0 && oracle_ulps(*state, k, 0, SJ_F64) == 0);
    }
}

/* z = (0, 0): J g = (g_0 - g_1, g_1 - g_0) / 4, here a single unit in the last place of 1e300, over 4. */
static void huge_cotangents_cancel_exactly(void **state) {
    const double above = nextafter(1e300, INFINITY), g[2] = {1e300, above}, exact = (above - 1e300) / 4;
    double out[2];
    values(*state, FORM_VJP, (double[]){0, 0}, g, 0, 2, out);
    assert_true(out[0] == -exact && out[1] == exact);
    assert_true(oracle_ulps(*state, 1, exact, SJ_F64) < 1e-30);
}

/* Past 2^20 the oracle subtracts the maximum first; before, it does not. The results must be one. */
static void shifted_and_plain_evaluation_agree(void **state) {
    double plain[ROW], shifted[ROW], a[ROW], b[ROW], lse_plain, lse_shifted;
    random_row(6, 8, plain, ROW);
    for (size_t k = 0; k < ROW; k++) shifted[k] = plain[k] + 0x1p21;
    for (int id = 0; id < FORM_JACOBIAN; id++) {
        if (id == FORM_LOGSUMEXP) continue;
        values(*state, (form_id)id, plain, NULL, 2, ROW, a);
        values(*state, (form_id)id, shifted, NULL, 2, ROW, b);
        assert_memory_equal(a, b, sizeof a);
    }
    values(*state, FORM_LOGSUMEXP, plain, NULL, 0, ROW, &lse_plain);
    values(*state, FORM_LOGSUMEXP, shifted, NULL, 0, ROW, &lse_shifted);
    assert_true(fabs(lse_shifted - (lse_plain + 0x1p21)) <= 0x1p-31); /* one spacing of doubles at 2^21 */
}

static void largest_finite_logits(void **state) {
    double out[4] = {0};
    values(*state, FORM_SOFTMAX, (double[]){1e308, 1e308}, NULL, 0, 2, out);
    assert_true(out[0] == 0.5 && out[1] == 0.5);
    values(*state, FORM_LOG_SOFTMAX, (double[]){0.8e308, -0.8e308}, NULL, 0, 2, out);
    assert_true(out[0] == 0 && out[1] == -1.6e308);
    values(*state, FORM_LOG_SOFTMAX, (double[]){1e308, -1e308}, NULL, 0, 2, out);
    assert_true(out[0] == 0 && out[1] == -INFINITY);
    assert_true(oracle_ulps(*state, 1, -INFINITY, SJ_F64) == 0);
    values(*state, FORM_LOGSUMEXP, (double[]){1e308, 1e308}, NULL, 0, 2, out);
    assert_true(out[0] == 1e308);
    values(*state, FORM_JACOBIAN, (double[]){1e100, 1}, NULL, 0, 2, out);
    for (int i = 0; i < 4; i++) assert_true(out[i] == 0);
}

static void minus_infinity_is_an_absent_class(void **state) {
    const double with[3] = {1, -INFINITY, 0.25}, without[2] = {1, 0.25}, g3[3] = {2, 9, -1}, g2[2] = {2, -1};
    double a[9] = {0}, b[4] = {0};
    values(*state, FORM_JACOBIAN, with, NULL, 0, 3, a);
    values(*state, FORM_JACOBIAN, without, NULL, 0, 2, b);
    assert_true(a[0] == b[0] && a[2] == b[1] && a[6] == b[2] && a[8] == b[3]);
    assert_true(a[1] == 0 && a[3] == 0 && a[4] == 0 && a[5] == 0 && a[7] == 0);
    values(*state, FORM_LOG_SOFTMAX, with, NULL, 0, 3, a);
    values(*state, FORM_LOG_SOFTMAX, without, NULL, 0, 2, b);
    assert_true(a[0] == b[0] && a[1] == -INFINITY && a[2] == b[1]);
    values(*state, FORM_VJP, with, g3, 0, 3, a);
    values(*state, FORM_VJP, without, g2, 0, 2, b);
    assert_true(a[0] == b[0] && a[1] == 0 && a[2] == b[1]);
}

static void one_class_is_exact(void **state) {
    const double z = 0.3, g = 7;
    const double expected[FORM_COUNT] = {[FORM_SOFTMAX] = 1, [FORM_LOGSUMEXP] = 0.3};
    for (int id = 0; id < FORM_COUNT; id++) {
        double out = NAN;
        values(*state, (form_id)id, &z, &g, 0, 1, &out);
        assert_true(out == expected[id]);
        assert_true(oracle_relative(*state, 0, expected[id]) == 0);
    }
}

static void no_classes_is_refused(void **state) {
    const double z = 0;
    assert_false(oracle_row(*state, FORM_SOFTMAX, &z, NULL, 0, 0));
    assert_int_equal(oracle_entries(*state), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_table_is_indexed_by_id),
        cmocka_unit_test(published_rows_to_the_printed_digits),
        cmocka_unit_test(overflow_section_to_the_printed_digits),
        cmocka_unit_test(confident_row_keeps_its_tail),
        cmocka_unit_test(forms_agree_where_they_are_equal),
        cmocka_unit_test(softmax_sums_to_one_and_jacobian_rows_to_zero),
        cmocka_unit_test(log_softmax_is_the_logarithm_and_logsumexp_its_normaliser),
        cmocka_unit_test(constant_cotangent_gives_exactly_zero),
        cmocka_unit_test(huge_cotangents_cancel_exactly),
        cmocka_unit_test(shifted_and_plain_evaluation_agree),
        cmocka_unit_test(largest_finite_logits),
        cmocka_unit_test(minus_infinity_is_an_absent_class),
        cmocka_unit_test(one_class_is_exact),
        cmocka_unit_test(no_classes_is_refused),
    };
    return cmocka_run_group_tests_name("oracle", tests, make_oracle, free_oracle);
}
