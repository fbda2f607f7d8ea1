/* test_cotangents.c: cotangents and tangents near the ends of the range, each with the exact result: found by review,
 * where an intermediate overflowed although the result does not. */
#include "support.h"

#include <fenv.h>
#include <math.h>

typedef struct extreme {
    const char *claim;
    form_id id;
    sj_dtype dtype;
    sj_given given;
    double z[2], g[2], want[2];
} extreme;

/* With equal logits s = 1/2 exactly and J = [[1/4, -1/4], [-1/4, 1/4]]; J of log-softmax is [[1/2, -1/2], [-1/2, 1/2]].
 */
static const extreme extremes[] = {
    {"the sum of g overflows", FORM_LOG_VJP, SJ_F64, SJ_GIVEN_LOGITS, {0, 0}, {1e308, 0.9e308}, {5e306, -5e306}},
    {"the sum of g overflows", FORM_LOG_VJP, SJ_F32, SJ_GIVEN_LOGITS, {0, 0}, {3e38, 2e38}, {5e37, -5e37}},
    {"g - g_m overflows", FORM_LOG_JVP, SJ_F64, SJ_GIVEN_LOGITS, {0, 0}, {-1e308, 1e308}, {-1e308, 1e308}},
    {"g - g_m overflows", FORM_LOG_JVP, SJ_F32, SJ_GIVEN_LOGITS, {0, 0}, {-2e38, 2e38}, {-2e38, 2e38}},
    {"g - g_m overflows", FORM_VJP, SJ_F64, SJ_GIVEN_LOGITS, {0, 0}, {-1e308, 1e308}, {-5e307, 5e307}},
    {"g - g_m overflows", FORM_VJP, SJ_F32, SJ_GIVEN_SOFTMAX, {0.5, 0.5}, {-2e38, 2e38}, {-1e38, 1e38}},
    {"g - g_m overflows", FORM_VJP, SJ_F64, SJ_GIVEN_SOFTMAX, {0.5, 0.5}, {-1e308, 1e308}, {-5e307, 5e307}},
    {"a huge g without weight", FORM_VJP, SJ_F32, SJ_GIVEN_LOGITS, {0, -1e30}, {1e-20, 1e30}, {0, 0}},
    {"a huge g without weight", FORM_VJP, SJ_F64, SJ_GIVEN_LOGITS, {0, -1e290}, {0x1p-140, 1e290}, {0, 0}},
    {"a huge g without weight", FORM_VJP, SJ_F32, SJ_GIVEN_SOFTMAX, {1, 0}, {-3e38, 3e38}, {0, 0}},
    {"a huge g without weight", FORM_VJP, SJ_F32, SJ_GIVEN_LOGITS, {0, -300}, {1, 3e38}, {0, 0}},
    {"a huge g without weight", FORM_VJP, SJ_F64, SJ_GIVEN_LOGITS, {0, -2000}, {1, 1e308}, {0, 0}},
};

/* 4u times the condition of the entry: for the VJP of log-softmax, a difference by nature, sum of |J_ki| |g_k| with J =
 * 1/2 in every entry; for the others at least |want|. The wants are rounded to the dtype, half an ulp more at most. */
static bool agrees(const extreme *e, double got, double want) {
    const double u = e->dtype == SJ_F32 ? 0x1p-24 : 0x1p-53;
    const double condition = e->id == FORM_LOG_VJP ? fabs(e->g[0]) / 2 + fabs(e->g[1]) / 2 : fabs(want);
    return fabs(got - want) <= 5 * u * condition;
}

static void extremes_of_short_rows(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof extremes / sizeof *extremes; i++) {
        const extreme *e = &extremes[i];
        sj_options options = SJ_OPTIONS_INIT;
        double out[2];
        options.given = e->given;
        (void)feclearexcept(FE_ALL_EXCEPT);
        form_row_with(&options, e->id, e->dtype, e->z, e->g, 0, 2, out);
        if (fetestexcept(FE_INVALID | FE_DIVBYZERO)) fail_msg("row %zu, %s: raised INVALID or DIVBYZERO", i, e->claim);
        for (size_t k = 0; k < 2; k++)
            if (!agrees(e, out[k], e->want[k]))
                fail_msg("row %zu, %s: entry %zu is %g; expected %g", i, e->claim, k, out[k], e->want[k]);
    }
}

/* The same in rows of several chunks: entries without weight around the two that have it leave the result as it is. */
static void extremes_of_long_rows(void **state) {
    enum { n = 5000, first = 7, second = 4100 };
    double *z = new_elements(SJ_F64, n), *g = new_elements(SJ_F64, n), *out = new_elements(SJ_F64, n);
    (void)state;
    for (size_t i = 0; i < sizeof extremes / sizeof *extremes; i++) {
        const extreme *e = &extremes[i];
        sj_options options = SJ_OPTIONS_INIT;
        options.given = e->given;
        for (size_t k = 0; k < n; k++) {
            z[k] = e->given == SJ_GIVEN_SOFTMAX ? 0 : -(double)INFINITY;
            g[k] = 0;
        }
        z[first] = e->z[0], z[second] = e->z[1];
        g[first] = e->g[0], g[second] = e->g[1];
        form_row_with(&options, e->id, e->dtype, z, g, 0, n, out);
        if (!agrees(e, out[first], e->want[0]) || !agrees(e, out[second], e->want[1]))
            fail_msg("row %zu, %s: %g and %g; expected %g and %g", i, e->claim, out[first], out[second], e->want[0],
                     e->want[1]);
    }
    free(z);
    free(g);
    free(out);
}

/* A row whose cotangent is NaN where the softmax has weight is NaN, also beside one whose cotangent is large enough to
 * be looked at more closely. */
static void a_nan_cotangent_has_one_result_whatever_the_neighbour(void **state) {
    static const size_t shape[2] = {2, 2};
    const double z[4] = {0, -300, 0, 1};
    const double neighbours[] = {2, 1000, 3e38};
    (void)state;
    for (int t = 0; t < 2; t++)
        for (size_t i = 0; i < sizeof neighbours / sizeof *neighbours; i++) {
            const double g[4] = {NAN, 1, neighbours[i], 2};
            void *typed_z = typed(dtypes[t], z, 4), *typed_g = typed(dtypes[t], g, 4);
            void *out = new_elements(dtypes[t], 4);
            const form_arguments a = {sj_array(typed_z, dtypes[t], 2, shape), sj_array(typed_g, dtypes[t], 2, shape), 0,
                                      SJ_BLOCKS, sj_array(out, dtypes[t], 2, shape)};
            assert_int_equal(forms[FORM_VJP].call(&a, NULL), SJ_OK);
            for (size_t k = 0; k < 4; k++) {
                const double got = element_get(out, dtypes[t], k);
                if (k < 2 ? !isnan(got) : !isfinite(got))
                    fail_msg("%s, beside %g: entry %zu is %g", dtype_name(dtypes[t]), neighbours[i], k, got);
            }
            free(typed_z);
            free(typed_g);
            free(out);
        }
}

/* The VJP of one row of a given softmax. */
static void given_vjp(sj_dtype dtype, const double *s, const double *g, size_t n, double *out) {
    sj_options options = SJ_OPTIONS_INIT;
    options.given = SJ_GIVEN_SOFTMAX;
    form_row_with(&options, FORM_VJP, dtype, s, g, 0, n, out);
}

/* s of the order 1, 2^-127, 2^-140 and a huge g where s is small make G = 1; the entry of the smallest s is then
 * exactly 3/8 of it, a subnormal number, and its condition below an ulp of that. */
static void a_huge_cotangent_leaves_tiny_entries_their_digits(void **state) {
    const double s[2][3] = {{1, 0x1p-127, 0x1p-140}, {1, 0x1p-1020, 0x1p-1050}};
    const double g[2][3] = {{0, 0x1p127, 1.375}, {0, 0x1p1020, 1.375}};
    (void)state;
    for (int t = 0; t < 2; t++) {
        double out[3];
        given_vjp(dtypes[t], s[t], g[t], 3, out);
        if (out[2] != 0.375 * s[t][2]) fail_msg("%s: %a; expected %a", dtype_name(dtypes[t]), out[2], 0.375 * s[t][2]);
    }
}

/* A difference of cotangents beyond the largest number times a small softmax is within range. */
static void a_difference_beyond_range_makes_finite_entries(void **state) {
    const double s[2][2] = {{1, 0x1.8p-61}, {1, 0x1.8p-401}};
    const double g[2][2] = {{-0x1p127, 0x1p127}, {-0x1p1023, 0x1p1023}};
    const double want[2] = {0x1.8p67, 0x1.8p623}; /* s_1 (g_1 - g_0), D rounds away beside it */
    (void)state;
    for (int t = 0; t < 2; t++) {
        double out[2];
        given_vjp(dtypes[t], s[t], g[t], 2, out);
        if (out[0] != -want[t] || out[1] != want[t])
            fail_msg("%s: %a, %a; expected -, +%a", dtype_name(dtypes[t]), out[0], out[1], want[t]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_difference_beyond_range_makes_finite_entries),
                                       cmocka_unit_test(a_huge_cotangent_leaves_tiny_entries_their_digits),
                                       cmocka_unit_test(a_nan_cotangent_has_one_result_whatever_the_neighbour),
                                       cmocka_unit_test(extremes_of_short_rows),
                                       cmocka_unit_test(extremes_of_long_rows)};
    return run_for_set(tests);
}
