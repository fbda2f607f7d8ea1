/* test_autodiff.c: automatic differentiation against the oracle on tame rows, where the plain formula it
 * differentiates is well conditioned; reuse of its tapes from row to row; no files left behind. */
#include "oracle_test.h"

#include "autodiff.h"
#include "oracle.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#define N 6

#define BOUND AUTODIFF_BOUND(N, 4)

static int make_oracle(void **state) {
    *state = oracle_new();
    return *state ? 0 : -1;
}

static int free_oracle(void **state) {
    oracle_free(*state);
    return 0;
}

static void assert_matches_oracle(oracle *truth, form_id id, const double *z, const double *g, size_t q, size_t n) {
    double out[N * N];
    assert_true(oracle_row(truth, id, z, g, q, n));
    assert_true(autodiff_row(id, z, g, q, n, out));
    for (size_t i = 0; i < oracle_entries(truth); i++) assert_true(fabs(out[i] - oracle_value(truth, i)) <= BOUND);
}

static void every_form_matches_the_oracle(void **state) {
    double z[N], g[N];
    random_row(20, 3, z, N);
    random_row(21, 4, g, N);
    for (int id = 0; id < FORM_COUNT; id++) assert_matches_oracle(*state, (form_id)id, z, g, 2, N);
}

/* Forms and lengths alternate so that tapes are replayed at other points, shared, and replaced. */
static void tapes_are_valid_at_other_rows(void **state) {
    for (size_t row = 0; row < 12; row++) {
        double z[N], g[N];
        const size_t n = row % 3 == 2 ? N - 1 : N;
        random_row(30 + row, 3, z, N);
        random_row(60 + row, 4, g, N);
        for (int id = FORM_GRADIENT; id < FORM_COUNT; id++)
            assert_matches_oracle(*state, (form_id)id, z, g, row % n, n);
    }
}

#define SECOND_BOUND AUTODIFF_SECOND_BOUND(N, 4)

static void assert_hessian_product(oracle *truth, const double *z, const double *g, const double *v, const double *h) {
    double out[N];
    assert_true(autodiff_hessian_product(h ? AUTODIFF_SQUARES : AUTODIFF_LINEAR, z, g, v, N, out));
    assert_true(oracle_second(truth, z, g, v, h, N));
    for (size_t i = 0; i < N; i++) assert_true(fabs(out[i] - oracle_value(truth, i)) <= SECOND_BOUND);
}

/* Of a linear loss, and of the article's sum of s^2: g = 2 s, h = 2 J v. */
static void hessian_products_match_the_oracle(void **state) {
    for (size_t row = 0; row < 6; row++) {
        double z[N], g[N], v[N], h[N];
        random_row(80 + row, 3, z, N);
        random_row(90 + row, 4, g, N);
        random_row(100 + row, 4, v, N);
        assert_hessian_product(*state, z, g, v, NULL);
        assert_true(oracle_row(*state, FORM_SOFTMAX, z, NULL, 0, N));
        for (size_t k = 0; k < N; k++) g[k] = 2 * oracle_value(*state, k);
        assert_true(oracle_row(*state, FORM_JVP, z, v, 0, N));
        for (size_t k = 0; k < N; k++) h[k] = 2 * oracle_value(*state, k);
        assert_hessian_product(*state, z, g, v, h);
    }
}

static void long_rows_leave_no_files(void **state) {
    (void)state;
    const size_t n = 60013; /* 9 n operations exceed the default buffer */
    double *z = malloc(n * sizeof *z), *g = malloc(n * sizeof *g), *out = malloc(n * sizeof *out);
    assert_true(z && g && out);
    random_row(40, 3, z, n);
    random_row(41, 4, g, n);
    assert_true(autodiff_row(FORM_VJP, z, g, 0, n, out));
    assert_true(oracle_row(*state, FORM_VJP, z, g, 0, n));
    for (size_t i = 0; i < n; i += 997) /* s is about 1/n: an error of n u in it is about u */
        assert_true(fabs(out[i] - oracle_value(*state, i)) <= 64 * U);
    const char *const files[3] = {"ADOLC-Operations_0.tap", "ADOLC-Locations_0.tap", "ADOLC-Taylors_0.tap"};
    for (int i = 0; i < 3; i++) assert_int_not_equal(access(files[i], F_OK), 0);
    free(z);
    free(g);
    free(out);
}

static void no_classes_is_refused(void **state) {
    (void)state;
    double z = 0, out = 5;
    assert_false(autodiff_row(FORM_JACOBIAN, &z, NULL, 0, 0, &out));
    assert_true(out == 5);
}

static void names_the_library(void **state) {
    (void)state;
    assert_memory_equal(autodiff_name(), "ADOL-C", 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_matches_the_oracle),
        cmocka_unit_test(tapes_are_valid_at_other_rows),
        cmocka_unit_test(hessian_products_match_the_oracle),
        cmocka_unit_test(long_rows_leave_no_files),
        cmocka_unit_test(no_classes_is_refused),
        cmocka_unit_test(names_the_library),
    };
    return cmocka_run_group_tests_name("autodiff", tests, make_oracle, free_oracle);
}
