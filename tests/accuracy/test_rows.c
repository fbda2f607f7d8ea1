/* test_rows.c: every form and dtype on every family of rows, for short rows of every length and some longer ones. */
#include "check.h"
#include "rows.h"

static void check_families(size_t n, sj_dtype dtype, jacobians matrices) {
    random_stream r = {1000 * n + (size_t)dtype};
    double *z = new_elements(SJ_F64, n);
    for (size_t i = 0; i < row_family_count; i++) {
        row_families[i].fill(z, n, dtype, &r);
        check_row(dtype, z, n, row_families[i].name, matrices, &r);
    }
    free(z);
}

static void short_rows(sj_dtype dtype) {
    for (size_t n = 1; n <= 67; n++) check_families(n, dtype, WITH_JACOBIANS);
}

static void short_rows_f32(void **state) {
    (void)state;
    short_rows(SJ_F32);
    finish_checks();
}

static void short_rows_f64(void **state) {
    (void)state;
    short_rows(SJ_F64);
    finish_checks();
}

static void longer_rows(void **state) {
    (void)state;
    for (int t = 0; t < 2; t++) {
        check_families(100, dtypes[t], WITHOUT_JACOBIANS);
        check_families(517, dtypes[t], WITHOUT_JACOBIANS);
    }
    finish_checks();
}

/* Rows of float32 values serve both dtypes, so that MPFR evaluates them once. */
static void jacobian_of(size_t n, const row_family *family) {
    random_stream r = {n};
    double *z = new_elements(SJ_F64, n);
    family->fill(z, n, SJ_F32, &r);
    for (int t = 0; t < 2; t++) {
        check_form(FORM_JACOBIAN, dtypes[t], z, NULL, 0, n, family->name);
        check_form(FORM_LOG_JACOBIAN, dtypes[t], z, NULL, 0, n, family->name);
    }
    free(z);
}

static void longer_jacobians(void **state) {
    (void)state;
    for (size_t i = 0; i < row_family_count; i += 4) jacobian_of(100, &row_families[i]);
    jacobian_of(517, &row_families[0]);
    finish_checks();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(short_rows_f32), cmocka_unit_test(short_rows_f64),
                                       cmocka_unit_test(longer_rows), cmocka_unit_test(longer_jacobians)};
    return run_accuracy_tests(tests);
}
