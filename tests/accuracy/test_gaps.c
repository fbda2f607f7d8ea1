/* test_gaps.c: the distance from the largest logit to the next, from a tie to where its softmax underflows. */
#include "check.h"
#include "rows.h"

#include <math.h>
#include <stdio.h>

/* The last gap whose softmax is not 0. */
static double last_gap(sj_dtype dtype) { return dtype == SJ_F32 ? 104 : 745; }

static void check_gap(sj_dtype dtype, double top, double gap, random_stream *r) {
    const double below = round_to(dtype, top - gap);
    const double pair[] = {top, below}, reversed[] = {below, top};
    double five[5];
    char name[24];
    (void)snprintf(name, sizeof name, "gap %g", gap);
    check_row(dtype, pair, 2, name, WITH_JACOBIANS, r);
    check_row(dtype, reversed, 2, name, WITH_JACOBIANS, r);
    for (size_t k = 0; k < 5; k++) five[k] = round_to(dtype, below - random_uniform(r, 0, 3));
    five[random_below(r, 5)] = top;
    check_row(dtype, five, 5, name, WITH_JACOBIANS, r);
}

static void sweep(sj_dtype dtype, double top) {
    random_stream r = {(uint64_t)top + 7};
    const double step = dtype == SJ_F32 ? 0.25 : 1;
    for (double gap = 0; gap <= last_gap(dtype); gap += step) check_gap(dtype, top, gap, &r);
    for (int e = -30; e < 0; e++) check_gap(dtype, top, ldexp(1, e), &r);
}

static void gaps_below_zero(void **state) {
    (void)state;
    sweep(SJ_F32, 0);
    sweep(SJ_F64, 0);
    finish_checks();
}

static void gaps_below_an_ordinary_maximum(void **state) {
    (void)state;
    sweep(SJ_F32, 17.3125);
    sweep(SJ_F64, 701.3125);
    finish_checks();
}

/* Beyond the range in which the kernels reduce each logit by itself. */
static void gaps_below_a_far_maximum(void **state) {
    (void)state;
    sweep(SJ_F32, 1000.5);
    sweep(SJ_F64, 3000000.5);
    finish_checks();
}

/* z = [40, 0]: the example of the users' reports, and the article's input. */
static void reported_rows(void **state) {
    (void)state;
    random_stream r = {3};
    const double forty[] = {40, 0};
    double article[5];
    for (int t = 0; t < 2; t++) {
        check_row(dtypes[t], forty, 2, "[40, 0]", WITH_JACOBIANS, &r);
        for (int i = 0; i < 1000; i++) {
            for (size_t k = 0; k < 5; k++) article[k] = (double)random_below(&r, 61) / 2 - 15;
            check_form(FORM_SOFTMAX, dtypes[t], article, NULL, 0, 5, "article");
            check_form(FORM_JACOBIAN, dtypes[t], article, NULL, 0, 5, "article");
            check_form(FORM_LOG_JACOBIAN, dtypes[t], article, NULL, 0, 5, "article");
        }
    }
    finish_checks();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(gaps_below_zero),
                                       cmocka_unit_test(gaps_below_an_ordinary_maximum),
                                       cmocka_unit_test(gaps_below_a_far_maximum), cmocka_unit_test(reported_rows)};
    return run_accuracy_tests(tests);
}
