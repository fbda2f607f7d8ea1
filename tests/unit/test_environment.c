/* test_environment.c: in default and in exact mode, calls leave errno, the rounding mode and the floating-point control
 * as they were, raise neither INVALID nor DIVBYZERO on finite logits, and round to nearest whatever the caller does. */
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

/* One call, its arrays ready made: conversions of the test must not raise flags. */
typedef struct ready_call {
    form_id id;
    sj_dtype dtype;
    sj_mode mode;
    size_t n, entries;
    void *z, *g, *out;
    const char *row;
} ready_call;

typedef void row_check(const ready_call *ready);

static const char *mode_name(sj_mode mode) { return mode == SJ_EXACT ? "exact" : "default"; }

static void call(const ready_call *ready, void *out) {
    sj_options options = SJ_OPTIONS_INIT;
    options.mode = ready->mode;
    const size_t n = ready->n;
    size_t shape[2] = {0};
    const int ndim = result_shape(ready->id, 1, 0, &n, shape);
    const form_arguments a = {sj_array(ready->z, ready->dtype, 1, &n), sj_array(ready->g, ready->dtype, 1, &n), n - 1,
                              SJ_BLOCKS, sj_array(out, ready->dtype, ndim, shape)};
    assert_int_equal(forms[ready->id].call(&a, &options), SJ_OK);
}

/* Calls that raised a flag, of each form, dtype and mode. */
static size_t found[FORM_COUNT][2][2];

static void check_call(const ready_call *ready) {
    const unsigned before = control();
    errno = 42;
    (void)feclearexcept(FE_ALL_EXCEPT);
    call(ready, ready->out);
    const int raised = fetestexcept(FE_INVALID | FE_DIVBYZERO);
    if (raised && found[ready->id][ready->dtype == SJ_F64][ready->mode]++ == 0)
        print_error("%s %s, %s mode, row %s, n = %zu raised%s%s\n", forms[ready->id].name, dtype_name(ready->dtype),
                    mode_name(ready->mode), ready->row, ready->n, raised & FE_INVALID ? " INVALID" : "",
                    raised & FE_DIVBYZERO ? " DIVBYZERO" : "");
    if (errno != 42)
        fail_msg("%s %s, %s mode, row %s, n = %zu set errno", forms[ready->id].name, dtype_name(ready->dtype),
                 mode_name(ready->mode), ready->row, ready->n);
    assert_int_equal(control(), before);
}

static void check_modes(row_check *check, form_id id, sj_dtype dtype, const double *z, const double *g, size_t n,
                        const char *row) {
    ready_call ready = {id,   dtype, SJ_DEFAULT, n, form_entries(&forms[id], n), typed(dtype, z, n), typed(dtype, g, n),
                        NULL, row};
    ready.out = new_elements(dtype, ready.entries);
    check(&ready);
    ready.mode = SJ_EXACT;
    check(&ready);
    free(ready.z);
    free(ready.g);
    free(ready.out);
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
                        check_modes(check, (form_id)id, dtypes[t], z, g, lengths[i], name);
                    }
                }
            }
}

static void finite_rows_raise_nothing_and_errno_stays(void **state) {
    (void)state;
    for_every_row(check_call, true);
    for (int id = 0; id < FORM_COUNT; id++)
        for (int t = 0; t < 2; t++) assert_int_equal(found[id][t][SJ_DEFAULT] + found[id][t][SJ_EXACT], 0);
}

/* Whatever direction the caller has set is there afterwards; the result is the one of rounding to nearest, to the last
 * bit, so that what the accuracy tests show holds in every direction. */
static void check_directions(const ready_call *ready) {
    static const int directions[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    static const char *const names[] = {"upward", "downward", "toward zero"};
    void *nearest = new_elements(ready->dtype, ready->entries);
    call(ready, nearest);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(fesetround(directions[i]), 0);
        const unsigned before = control();
        call(ready, ready->out);
        const unsigned after = control();
        const int direction = fegetround();
        assert_int_equal(fesetround(FE_TONEAREST), 0);
        assert_int_equal(direction, directions[i]);
        assert_int_equal(after, before);
        for (size_t k = 0; k < ready->entries; k++)
            if (!same_bits(ready->dtype, ready->out, k, nearest, k))
                fail_msg("%s %s, %s mode, row %s, n = %zu, entry %zu: %a rounding %s, %a to nearest",
                         forms[ready->id].name, dtype_name(ready->dtype), mode_name(ready->mode), ready->row, ready->n,
                         k, element_get(ready->out, ready->dtype, k), names[i], element_get(nearest, ready->dtype, k));
    }
    free(nearest);
}

static void every_rounding_mode_stays_and_gives_the_same_bits(void **state) {
    (void)state;
    for_every_row(check_directions, false);
}

/* Undefined rows, and refused calls, leave errno alone too. */
static void errno_stays_after_undefined_rows_and_errors(void **state) {
    const double rows[3][2] = {{NAN, 1}, {INFINITY, 1}, {-INFINITY, -INFINITY}};
    double out[4], g[2] = {1, 2};
    (void)state;
    sj_error error;
    sj_options options = SJ_OPTIONS_INIT;
    options.error = &error;
    for (int cell = 0; cell < 4; cell++)
        for (int id = 0; id < FORM_COUNT; id++)
            for (size_t i = 0; i < 3; i++) {
                options.mode = cell / 2 ? SJ_EXACT : SJ_DEFAULT;
                errno = 42;
                form_row_with(&options, (form_id)id, dtypes[cell % 2], rows[i], g, 0, 2, out);
                assert_int_equal(errno, 42);
            }
    assert_int_equal(sj_softmax(sj_vector_f64(NULL, 2), sj_vector_f64(out, 2), &options), SJ_BAD_POINTER);
    assert_int_equal(errno, 42);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(finite_rows_raise_nothing_and_errno_stays),
                                       cmocka_unit_test(every_rounding_mode_stays_and_gives_the_same_bits),
                                       cmocka_unit_test(errno_stays_after_undefined_rows_and_errors)};
    return run_for_set(tests);
}
