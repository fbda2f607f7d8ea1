/* test_long.c: rows longer than the piece a kernel handles at a time. They hold float32 values, so that one evaluation
 * of their exponentials in MPFR serves both dtypes. */
#include "check.h"
#include "rows.h"

/* All forms of n entries, from one row and one cotangent. */
static void check_long(size_t family, size_t n) {
    random_stream r = {n};
    double *z = new_elements(SJ_F64, n), *g = new_elements(SJ_F64, n);
    const char *name = row_families[family].name;
    row_families[family].fill(z, n, SJ_F32, &r);
    cotangent_families[0].fill(g, n, z, SJ_F32, &r);
    const size_t classes[] = {largest_of(z, n), n - 1, random_below(&r, n)};
    for (int t = 0; t < 2; t++)
        for (int id = 0; id < FORM_COUNT; id++) {
            if (forms[id].result == RESULT_MATRIX) continue;
            for (size_t i = 0; i < (forms[id].takes_class ? 3 : 1); i++)
                check_form((form_id)id, dtypes[t], z, g, classes[i], n, name);
        }
    free(z);
    free(g);
}

static void thousands(void **state) {
    (void)state;
    for (size_t i = 0; i < row_family_count; i += 2) check_long(i, 1000);
    for (size_t i = 0; i < row_family_count; i++) check_long(i, 4097);
    finish_checks();
}

static void hundred_thousand(void **state) {
    (void)state;
    check_long(2, 100003);
    finish_checks();
}

/* Rows of a Jacobian that crosses the pieces, each against the gradient it is. */
static void jacobian_of_2100(void **state) {
    (void)state;
    const size_t n = 2100, classes[] = {0, 2047, 2048, 2099};
    random_stream r = {n};
    double *z = new_elements(SJ_F64, n), *computed = new_elements(SJ_F64, n * n);
    row_families[1].fill(z, n, SJ_F32, &r);
    const size_t m = largest_of(z, n);
    for (int t = 0; t < 2; t++) {
        form_row(FORM_JACOBIAN, dtypes[t], z, NULL, 0, n, computed);
        check_computed(FORM_GRADIENT, dtypes[t], z, NULL, m, n, "Jacobian", computed + m * n);
        for (size_t i = 0; i < 4; i++) {
            const size_t q = classes[i];
            check_computed(FORM_GRADIENT, dtypes[t], z, NULL, q, n, "Jacobian", computed + q * n);
        }
        form_row(FORM_LOG_JACOBIAN, dtypes[t], z, NULL, 0, n, computed);
        check_computed(FORM_LOG_GRADIENT, dtypes[t], z, NULL, m, n, "Jacobian", computed + m * n);
        check_computed(FORM_LOG_GRADIENT, dtypes[t], z, NULL, 2048, n, "Jacobian", computed + 2048 * n);
    }
    free(z);
    free(computed);
    finish_checks();
}

/* A million entries against the truth: the largest Jacobian checked whole. */
static void jacobian_of_1000(void **state) {
    (void)state;
    const size_t n = 1000;
    random_stream r = {n};
    double *z = new_elements(SJ_F64, n);
    row_families[0].fill(z, n, SJ_F32, &r);
    for (int t = 0; t < 2; t++) check_form(FORM_JACOBIAN, dtypes[t], z, NULL, 0, n, row_families[0].name);
    free(z);
    finish_checks();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(thousands), cmocka_unit_test(hundred_thousand),
                                       cmocka_unit_test(jacobian_of_2100), cmocka_unit_test(jacobian_of_1000)};
    return run_accuracy_tests(tests);
}
