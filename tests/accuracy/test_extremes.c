/* test_extremes.c: products whose factors are at the ends of the range: a scale that keeps one of them finite must not
 * cost the others their digits. */
#include "check.h"
#include "rows.h"

#include <math.h>

static void check_products(sj_dtype dtype, const double *z, const double *g, size_t n, const char *row) {
    for (int id = 0; id < FORM_COUNT; id++)
        if (forms[id].takes_g) check_form((form_id)id, dtype, z, g, 0, n, row);
}

/* The huge entry has s = 0 and so no part in the result. */
static void huge_cotangent_of_no_weight_leaves_the_others_exact(void **state) {
    const double logits[2][3] = {{0, 0, -200}, {0, 0, -2000}}, sizes[2][2] = {{1e30, 3e38}, {1e300, 1e308}};
    (void)state;
    for (int t = 0; t < 2; t++)
        for (size_t i = 0; i < 2; i++) {
            const double g[3] = {0, round_to(dtypes[t], 1.0 / 3), round_to(dtypes[t], sizes[t][i])};
            check_products(dtypes[t], logits[t], g, 3, "no weight");
        }
    finish_checks();
}

/* s is near the smallest subnormal and g near the largest number: their product is ordinary. */
static void smallest_weight_times_huge_cotangent_is_kept(void **state) {
    const double gaps[2] = {101.75, 742.5}, sizes[2] = {1e30, 1e300};
    (void)state;
    for (int t = 0; t < 2; t++) {
        const double z[3] = {0, 0, -gaps[t]}, g[3] = {1, 1, round_to(dtypes[t], sizes[t])};
        const double negative[3] = {round_to(dtypes[t], sizes[t]), round_to(dtypes[t], sizes[t]), -1};
        check_products(dtypes[t], z, g, 3, "one huge");
        check_products(dtypes[t], z, negative, 3, "two huge");
    }
    finish_checks();
}

/* c_m is below the smallest normal number, but c_m g_m is the result for log-softmax. */
static void smallest_complement_times_huge_cotangent_is_kept(void **state) {
    const double gaps[2] = {101.75, 742.5}, sizes[2] = {1e30, 1e300};
    (void)state;
    for (int t = 0; t < 2; t++) {
        const double z[2] = {0, -gaps[t]}, g[2] = {round_to(dtypes[t], sizes[t]), 0};
        check_products(dtypes[t], z, g, 2, "huge at the argmax");
    }
    finish_checks();
}

/* Products near the largest finite number do not overflow on the way. */
static void largest_cotangents_stay_finite(void **state) {
    const double sizes[2] = {1.5e38, 8e307};
    (void)state;
    for (int t = 0; t < 2; t++) {
        const double size = round_to(dtypes[t], sizes[t]), z[4] = {0.5, 0, -1, 0.25}, g[4] = {size, -size, 0, size};
        check_products(dtypes[t], z, g, 4, "largest");
    }
    finish_checks();
}

/* Every size a number of the dtype can have but for the last few bits of exponent, mixed in one cotangent. */
static void sizes_over_the_whole_range(void **state) {
    enum { n = 9, rows = 100 };
    random_stream r = {21};
    double z[n], g[n];
    (void)state;
    for (int t = 0; t < 2; t++)
        for (int i = 0; i < rows; i++) {
            const int reach = dtypes[t] == SJ_F32 ? 201 : 1801;
            row_families[1].fill(z, n, dtypes[t], &r);
            for (size_t k = 0; k < n; k++) {
                const double size = ldexp(random_normal(&r), (int)random_below(&r, (size_t)reach) - reach / 2);
                g[k] = round_to(dtypes[t], size);
            }
            check_products(dtypes[t], z, g, n, "every size");
        }
    finish_checks();
}

/* Cotangents that call for a scale of their own, beside results that a single scale would lose or overflow. */
static void small_results_beside_huge_cotangents_keep_their_digits(void **state) {
    const double deep[2][3] = {{0, -90, -100}, {0, -700, -740}}, largest[2] = {3.4e38, 1.7e308};
    (void)state;
    for (int t = 0; t < 2; t++) {
        const double huge = round_to(dtypes[t], largest[t]), ties[3] = {0, 0, -20}, far_below[2] = {-60, 0};
        check_products(dtypes[t], far_below, (const double[2]){300, 0}, 2, "above the usual");
        check_products(dtypes[t], far_below, (const double[2]){1e4, 0}, 2, "far above the usual");
        check_products(dtypes[t], ties, (const double[3]){huge, huge, huge}, 3, "sum overflows");
        check_products(dtypes[t], deep[t], (const double[3]){0, huge, 0}, 3, "huge where s is small");
    }
    finish_checks();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(huge_cotangent_of_no_weight_leaves_the_others_exact),
                                       cmocka_unit_test(smallest_weight_times_huge_cotangent_is_kept),
                                       cmocka_unit_test(smallest_complement_times_huge_cotangent_is_kept),
                                       cmocka_unit_test(largest_cotangents_stay_finite),
                                       cmocka_unit_test(sizes_over_the_whole_range),
                                       cmocka_unit_test(small_results_beside_huge_cotangents_keep_their_digits)};
    return run_accuracy_tests(tests);
}
