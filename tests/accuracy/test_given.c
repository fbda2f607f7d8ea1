/* test_given.c: derivatives of rows given as softmax. s is an exact input here; the truth is evaluated from it. */
#include "check.h"
#include "given_truth.h"
#include "rows.h"

#include <stdio.h>

#define MOST 40

static sj_options given_softmax(void) {
    sj_options options = SJ_OPTIONS_INIT;
    options.given = SJ_GIVEN_SOFTMAX;
    return options;
}

static void check_given(form_id id, sj_dtype dtype, const double *s, const double *g, size_t q, size_t n,
                        const char *row) {
    const sj_options given = given_softmax();
    double computed[MOST * MOST], want = 0;
    form_row_with(&given, id, dtype, s, g, q, n, computed);
    for (size_t i = 0; i < form_entries(&forms[id], n); i++) {
        const double error = given_error(id, dtype, s, g, q, n, i, computed[i], &want);
        record_error(id, dtype, error, row, n, i, computed[i], want);
    }
}

static void check_every_form(sj_dtype dtype, const double *s, size_t n, const char *row, random_stream *r) {
    const size_t classes[] = {largest_of(s, n), 0, n - 1, random_below(r, n)};
    double g[MOST];
    for (int id = FORM_GRADIENT; id < FORM_COUNT; id++) {
        if (forms[id].takes_g) continue;
        if (forms[id].result == RESULT_MATRIX && n > 20) continue;
        for (size_t i = 0; i < (forms[id].takes_class ? 4 : 1); i++)
            check_given((form_id)id, dtype, s, NULL, classes[i], n, row);
    }
    for (size_t kind = 0; kind < cotangent_family_count; kind++) {
        char name[32];
        (void)snprintf(name, sizeof name, "%.12s x %.12s", row, cotangent_families[kind].name);
        cotangent_families[kind].fill(g, n, s, dtype, r);
        for (int id = 0; id < FORM_COUNT; id++)
            if (forms[id].takes_g) check_given((form_id)id, dtype, s, g, 0, n, name);
    }
}

/* What a forward pass left. */
static void softmax_of_every_family(void **state) {
    static const size_t lengths[] = {1, 2, 3, 4, 5, 8, 15, 16, 17, 33, MOST};
    random_stream r = {13};
    double z[MOST], s[MOST];
    (void)state;
    for (int t = 0; t < 2; t++)
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
            for (size_t f = 0; f < row_family_count; f++) {
                row_families[f].fill(z, lengths[i], dtypes[t], &r);
                form_row(FORM_SOFTMAX, dtypes[t], z, NULL, 0, lengths[i], s);
                check_every_form(dtypes[t], s, lengths[i], row_families[f].name, &r);
            }
    finish_checks();
}

/* Of [gap, 0]: s_m rounds to 1 and the other entry is all that is left of 1 - s_m. */
static void argmax_complement_is_the_sum_of_the_others(void **state) {
    random_stream r = {14};
    (void)state;
    for (int t = 0; t < 2; t++)
        for (double gap = 0; gap <= (dtypes[t] == SJ_F32 ? 104 : 745); gap += t == 0 ? 1 : 5) {
            const double z[3] = {0, gap, -1.5};
            double s[3];
            form_row(FORM_SOFTMAX, dtypes[t], z, NULL, 0, 3, s);
            check_every_form(dtypes[t], s, 3, "gap", &r);
        }
    finish_checks();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(softmax_of_every_family),
                                       cmocka_unit_test(argmax_complement_is_the_sum_of_the_others)};
    return run_accuracy_tests(tests);
}
