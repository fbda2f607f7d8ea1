/* test_environment.c: calls leave errno, the rounding mode and the floating-point control alone, and raise neither
 * INVALID nor DIVBYZERO on finite logits. */
#include "rows.h"

#include <errno.h>
#include <fenv.h>
#include <math.h>
#include <stdio.h>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#define MOST 2100

/* Rounding mode, flush to zero and the like; not the flags, which underflow may raise. */
static unsigned control(void) {
#if defined(__SSE2__)
    return _mm_getcsr() & ~0x3fu;
#else
    return (unsigned)fegetround();
#endif
}

typedef void row_check(form_id id, sj_dtype dtype, const double *z, const double *g, size_t n, const char *row);

/* The call alone, arrays ready made: conversions of the test must not raise flags. */
static void call(form_id id, sj_dtype dtype, void *z, void *g, size_t n, void *out) {
    size_t shape[2] = {0};
    const int ndim = result_shape(id, 1, 0, &n, shape);
    const form_arguments a = {sj_array(z, dtype, 1, &n), sj_array(g, dtype, 1, &n), n - 1, SJ_BLOCKS,
                              sj_array(out, dtype, ndim, shape)};
    assert_int_equal(forms[id].call(&a, NULL), SJ_OK);
}

/* Calls that raised a flag, of each form and dtype. */
static size_t found[FORM_COUNT][2];

static void check_call(form_id id, sj_dtype dtype, const double *z, const double *g, size_t n, const char *row) {
    void *logits = typed(dtype, z, n), *cotangent = typed(dtype, g, n);
    void *out = new_elements(dtype, form_entries(&forms[id], n));
    const unsigned before = control();
    errno = 42;
    (void)feclearexcept(FE_ALL_EXCEPT);
    call(id, dtype, logits, cotangent, n, out);
    const int raised = fetestexcept(FE_INVALID | FE_DIVBYZERO);
    if (raised && found[id][dtype == SJ_F64]++ == 0)
        print_error("%s %s, row %s, n = %zu raised%s%s\n", forms[id].name, dtype_name(dtype), row, n,
                    raised & FE_INVALID ? " INVALID" : "", raised & FE_DIVBYZERO ? " DIVBYZERO" : "");
    if (errno != 42) fail_msg("%s %s, row %s, n = %zu set errno", forms[id].name, dtype_name(dtype), row, n);
    assert_int_equal(control(), before);
    free(logits);
    free(cotangent);
    free(out);
}

static void for_every_row(row_check *check, bool finite_only) {
    static const size_t lengths[] = {1, 2, 5, 16, 33, MOST};
    static double z[MOST], g[MOST];
    random_stream r = {77};
    for (int t = 0; t < 2; t++)
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
            for (size_t f = 0; f < row_family_count; f++) {
                row_families[f].fill(z, lengths[i], dtypes[t], &r);
                const bool finite = strcmp(row_families[f].name, "with -inf") != 0;
                for (size_t c = 0; c < cotangent_family_count && (finite || !finite_only); c++) {
                    char name[40];
                    (void)snprintf(name, sizeof name, "%s x %s", row_families[f].name, cotangent_families[c].name);
                    cotangent_families[c].fill(g, lengths[i], z, dtypes[t], &r);
                    for (int id = 0; id < FORM_COUNT; id++) {
                        if (forms[id].result == RESULT_MATRIX && lengths[i] > 100) continue;
                        if (!forms[id].takes_g && c > 0) continue;
                        check((form_id)id, dtypes[t], z, g, lengths[i], name);
                    }
                }
            }
}

static void finite_rows_raise_nothing_and_errno_stays(void **state) {
    (void)state;
    for_every_row(check_call, true);
    for (int id = 0; id < FORM_COUNT; id++)
        for (int t = 0; t < 2; t++) assert_int_equal(found[id][t], 0);
}

/* Whatever mode the caller has set is there afterwards. */
static void check_mode(form_id id, sj_dtype dtype, const double *z, const double *g, size_t n, const char *row) {
    static const int modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    void *logits = typed(dtype, z, n), *cotangent = typed(dtype, g, n);
    void *out = new_elements(dtype, form_entries(&forms[id], n));
    (void)row;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(fesetround(modes[i]), 0);
        const unsigned before = control();
        call(id, dtype, logits, cotangent, n, out);
        const unsigned after = control();
        const int mode = fegetround();
        assert_int_equal(fesetround(FE_TONEAREST), 0);
        assert_int_equal(mode, modes[i]);
        assert_int_equal(after, before);
    }
    free(logits);
    free(cotangent);
    free(out);
}

static void rounding_mode_stays(void **state) {
    (void)state;
    for_every_row(check_mode, false);
}

/* Undefined rows, and refused calls, leave errno alone too. */
static void errno_stays_after_undefined_rows_and_errors(void **state) {
    const double rows[3][2] = {{NAN, 1}, {INFINITY, 1}, {-INFINITY, -INFINITY}};
    double out[4], g[2] = {1, 2};
    (void)state;
    for (int id = 0; id < FORM_COUNT; id++)
        for (size_t i = 0; i < 3; i++) {
            errno = 42;
            form_row((form_id)id, SJ_F64, rows[i], g, 0, 2, out);
            assert_int_equal(errno, 42);
        }
    sj_error error;
    const sj_options options = {sizeof options, SJ_IEEE, SJ_GIVEN_LOGITS, 0, &error};
    assert_int_equal(sj_softmax(sj_vector_f64(NULL, 2), sj_vector_f64(out, 2), &options), SJ_BAD_POINTER);
    assert_int_equal(errno, 42);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(finite_rows_raise_nothing_and_errno_stays),
                                       cmocka_unit_test(rounding_mode_stays),
                                       cmocka_unit_test(errno_stays_after_undefined_rows_and_errors)};
    return run_for_set(tests);
}
