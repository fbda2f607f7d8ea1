/* test_fixtures.c: published output, to the digits printed, and inputs on which users found some library wrong. */
#include "support.h"

#include <math.h>
#include <stdio.h>

#define U64 0x1p-53 /* unit roundoff of float64 */

static void assert_printed(const char *digits, double value) {
    char text[40];
    (void)snprintf(text, sizeof text, "%.8e", value);
    assert_string_equal(text, digits);
}

/* Within 2 ulp, as the accuracy contract has it; `want` is itself within one ulp of the truth it was printed from. */
static void assert_close(double got, double want) {
    const double ulp = nextafter(fabs(want), INFINITY) - fabs(want);
    if (!(fabs(got - want) <= 3 * ulp)) fail_msg("%.17g; expected %.17g", got, want);
}

typedef struct published_row {
    double z[5]; /* less the maximum, which cannot matter */
    const char *softmax[5], *gradient[5];
} published_row;

static void published_rows(void **state) {
    static const published_row rows[] = {
        {{-17.5, -1.5, -2, 0, -27.5},
         {"1.84840853e-08", "1.64251625e-01", "9.96236462e-02", "7.36124711e-01", "8.39176173e-13"},
         {"-1.36065919e-08", "-1.20909680e-01", "-7.33354278e-02", "1.94245121e-01", "-6.17738318e-13"}},
        {{-17.5, -17, -21.5, 0, -9},
         {"2.51068914e-08", "4.13942660e-08", "4.59848757e-10", "9.99876538e-01", "1.23394568e-04"},
         {"-2.51037917e-08", "-4.13891554e-08", "-4.59791984e-10", "1.23446286e-04", "-1.23379333e-04"}}};
    double out[5];
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        form_row(FORM_SOFTMAX, SJ_F64, rows[i].z, NULL, 0, 5, out);
        for (size_t k = 0; k < 5; k++) assert_printed(rows[i].softmax[k], out[k]);
        form_row(FORM_GRADIENT, SJ_F64, rows[i].z, NULL, 3, 5, out);
        for (size_t k = 0; k < 5; k++) assert_printed(rows[i].gradient[k], out[k]);
    }
}

/* The first published row times 100, where the unshifted formula gives NaN. */
static void published_overflow(void **state) {
    static const double z[5] = {-1750, -150, -200, 0, -2750};
    static const char *const softmax[5] = {"0.00000000e+00", "7.17509597e-66", "1.38389653e-87", "1.00000000e+00",
                                           "0.00000000e+00"};
    double out[5];
    (void)state;
    form_row(FORM_SOFTMAX, SJ_F64, z, NULL, 0, 5, out);
    for (size_t k = 0; k < 5; k++) assert_printed(softmax[k], out[k]);
    assert_true(out[3] == 1 && out[0] == 0 && out[4] == 0);
}

/* A vector exponential that flushes early fails these. */
static void published_small_exponentials(void **state) {
    static const double gaps[] = {450, 650, 700};
    static const char *const softmax[] = {"3.69388307e-196", "5.11195195e-283", "9.85967654e-305"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const double z[2] = {0, -gaps[i]};
        double out[2];
        form_row(FORM_SOFTMAX, SJ_F64, z, NULL, 0, 2, out);
        assert_printed(softmax[i], out[1]);
    }
}

/* s rounds to 1 here, and 1 - s to 0. */
static void tail_of_forty_and_zero_survives(void **state) {
    const double tail = 4.248354255291589e-18, z[2] = {40, 0}, below[2] = {0, -40}, first[2] = {1, 0};
    double out[4];
    (void)state;
    form_row(FORM_JACOBIAN, SJ_F64, z, NULL, 0, 2, out);
    assert_close(out[0], tail);
    assert_close(out[1], -tail);
    assert_close(out[2], -tail);
    assert_close(out[3], tail);
    form_row(FORM_VJP, SJ_F64, z, first, 0, 2, out);
    assert_close(out[0], tail);
    assert_close(out[1], -tail);
    form_row(FORM_LOG_SOFTMAX, SJ_F64, z, NULL, 0, 2, out);
    assert_close(out[0], -tail);
    form_row(FORM_LOGSUMEXP, SJ_F64, below, NULL, 0, 2, out);
    assert_close(out[0], tail);
}

static void equal_pair_is_exact(void **state) {
    const double z[2] = {0.5, 0.5};
    double out[4];
    (void)state;
    for (int t = 0; t < 2; t++) {
        form_row(FORM_SOFTMAX, dtypes[t], z, NULL, 0, 2, out);
        assert_true(out[0] == 0.5 && out[1] == 0.5);
        form_row(FORM_JACOBIAN, dtypes[t], z, NULL, 0, 2, out);
        assert_true(out[0] == 0.25 && out[1] == -0.25 && out[2] == -0.25 && out[3] == 0.25);
        form_row(FORM_LOG_GRADIENT, dtypes[t], z, NULL, 1, 2, out);
        assert_true(out[0] == -0.5 && out[1] == 0.5);
    }
}

static void large_gaps_are_exact(void **state) {
    const double thousand[2] = {1000, 1}, googol[3] = {1, 1, 1e100};
    double out[3];
    (void)state;
    form_row(FORM_LOG_SOFTMAX, SJ_F64, thousand, NULL, 0, 2, out);
    assert_true(out[0] == 0 && out[1] == -999);
    form_row(FORM_LOG_SOFTMAX, SJ_F32, thousand, NULL, 0, 2, out);
    assert_true(out[0] == 0 && out[1] == -999);
    form_row(FORM_SOFTMAX, SJ_F64, googol, NULL, 0, 3, out);
    assert_true(out[0] == 0 && out[1] == 0 && out[2] == 1);
}

/* Every entry is within 2 ulp, so at most 4 u of itself: their sum is within 4 u of 1. */
static void rows_of_517_sum_to_one(void **state) {
    enum { n = 517, rows = 20 };
    double *z = new_elements(SJ_F64, n), *out = new_elements(SJ_F64, n);
    (void)state;
    for (uint64_t seed = 0; seed < rows; seed++) {
        double sum = 0, lost = 0; /* Neumaier's sum: its own error is far below u, also where long double is double */
        fill_random(z, SJ_F64, n, seed);
        form_row(FORM_SOFTMAX, SJ_F64, z, NULL, 0, n, out);
        for (size_t k = 0; k < n; k++) {
            const double next = sum + out[k];
            lost += sum >= out[k] ? (sum - next) + out[k] : (out[k] - next) + sum;
            sum = next;
        }
        assert_true(fabs((sum - 1) + lost) <= 4 * U64);
    }
    free(z);
    free(out);
}

/* Every form leaves its inputs alone, and with a strided output writes only the elements of it. */
static void inputs_stay_unchanged(void **state) {
    enum { n = 37, stride = 3 };
    (void)state;
    for (int id = 0; id < FORM_COUNT; id++) {
        double z[n], g[n], z_before[n], g_before[n];
        const size_t entries = form_entries(&forms[id], n);
        double *out = new_elements(SJ_F64, entries * stride);
        size_t shape[2] = {0};
        const int ndim = result_shape((form_id)id, 1, 0, &(size_t){n}, shape);
        fill_random(z, SJ_F64, n, 1);
        fill_random(g, SJ_F64, n, 2);
        memcpy(z_before, z, sizeof z);
        memcpy(g_before, g, sizeof g);
        for (size_t i = 0; i < entries * stride; i++) out[i] = 7;
        form_arguments a = {sj_vector_f64(z, n), sj_vector_f64(g, n), 4, SJ_BLOCKS, sj_array(out, SJ_F64, ndim, shape)};
        for (int d = 0; d < ndim; d++) a.out.strides[d] *= stride;
        assert_int_equal(forms[id].call(&a, NULL), SJ_OK);
        assert_memory_equal(z, z_before, sizeof z);
        assert_memory_equal(g, g_before, sizeof g);
        for (size_t i = 0; i < entries * stride; i++) assert_true((out[i] == 7) == (i % stride != 0));
        free(out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(published_rows),
                                       cmocka_unit_test(published_overflow),
                                       cmocka_unit_test(published_small_exponentials),
                                       cmocka_unit_test(tail_of_forty_and_zero_survives),
                                       cmocka_unit_test(equal_pair_is_exact),
                                       cmocka_unit_test(large_gaps_are_exact),
                                       cmocka_unit_test(rows_of_517_sum_to_one),
                                       cmocka_unit_test(inputs_stay_unchanged)};
    return run_for_set(tests);
}
