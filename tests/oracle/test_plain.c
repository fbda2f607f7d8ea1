/* test_plain.c: the textbook forms that verify sets beside the library (tool/commands/check_plain.c) against the
 * oracle, and the data that verify makes for itself. */
#include "oracle_test.h"

#include "check_data.h"
#include "check_plain.h"
#include "oracle.h"

#include <math.h>

#define N 6

/* Sums of n + 2 products of numbers up to max|g| = 4 or |z| <= 3, each with at most n + 8 roundings. */
#define BOUND ((N + 2) * 4 * (N + 8) * U)

static void every_form_matches_the_oracle(void **state) {
    (void)state;
    double z[N], g[N], work[N], out[N * N];
    oracle *truth = oracle_new();
    assert_non_null(truth);
    random_row(50, 3, z, N);
    random_row(51, 4, g, N);
    for (int id = 0; id < FORM_COUNT; id++) {
        assert_true(oracle_row(truth, (form_id)id, z, g, 2, N));
        plain_row((form_id)id, z, g, 2, N, work, out);
        for (size_t i = 0; i < oracle_entries(truth); i++) assert_true(fabs(out[i] - oracle_value(truth, i)) <= BOUND);
    }
    oracle_free(truth);
}

/* 61 values, 305 000 draws: each is expected 5000 times with a standard deviation of 70; 6 of those are allowed. */
static void logits_are_half_integers_equally_likely(void **state) {
    (void)state;
    static double z[305000];
    size_t counts[61] = {0};
    check_logits(z, 305000);
    for (size_t i = 0; i < 305000; i++) {
        const double index = 2 * z[i] + 30;
        assert_true(index == floor(index) && index >= 0 && index <= 60);
        counts[(size_t)index]++;
    }
    for (size_t v = 0; v < 61; v++) assert_true(counts[v] > 4580 && counts[v] < 5420);
}

static void smoothed_label_has_mass_one(void **state) {
    (void)state;
    for (size_t n = 1; n < 12; n++) {
        double sum = 0;
        for (size_t k = 0; k < n; k++) sum += check_log_cotangent(k, n / 2, n);
        assert_true(fabs(sum + 1) <= (double)n * U);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_matches_the_oracle),
        cmocka_unit_test(logits_are_half_integers_equally_likely),
        cmocka_unit_test(smoothed_label_has_mass_one),
    };
    return cmocka_run_group_tests_name("plain", tests, NULL, NULL);
}
