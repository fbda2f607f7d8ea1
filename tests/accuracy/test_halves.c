/* test_halves.c: every form in float16 and bfloat16 against MPFR: in default mode what float32 may be off, rounded once
 * more; in exact mode the nearest number. Mixed with float32, and rows of every way that kernels take them. */
#include "check.h"
#include "rows.h"

#include <math.h>
#include <stdio.h>

static worst worsts[2][FORM_COUNT][2]; /* default or exact; float16 or bfloat16 */

/* Half a unit of the last rounding, and in default mode the 2 ulp of float32 (products: 4u, logsumexp 2u of its
 * condition), which are 2^-13 of those of float16 and less of bfloat16's. A product is rounded by u of itself at most,
 * and is no larger than its condition. */
static double allowed(form_id id, sj_mode mode) {
    const double before = mode == SJ_EXACT ? 0 : 2 * 0x1p-13;
    return forms[id].takes_g ? 1 + 2 * before + (mode == SJ_EXACT ? 0x1p-12 : 0) : 0.5 + before;
}

static void name_form(form_id id, sj_mode mode, char name[48]) {
    (void)snprintf(name, 48, "%s%s", mode == SJ_EXACT ? "exact " : "", forms[id].name);
}

static int close_halves(void **state) {
    const int status = close_truth(state);
    char name[48];
    for (int mode = 0; mode < 2; mode++)
        for (int id = 0; id < FORM_COUNT; id++)
            for (int t = 0; t < 2; t++) {
                name_form((form_id)id, (sj_mode)mode, name);
                worst_print(&worsts[mode][id][t], name, half_dtypes[t], allowed((form_id)id, (sj_mode)mode));
            }
    return status;
}

static double error_of(form_id id, sj_dtype dtype, size_t i, double got) {
    if (forms[id].takes_g) return oracle_componentwise(truth, i, got, dtype);
    const double ulps = oracle_ulps(truth, i, got, dtype);
    if (id != FORM_LOGSUMEXP) return ulps;
    const double off = 0.5 + (oracle_componentwise(truth, i, got, dtype) <= 1 + 2 * 0x1p-13 ? 0 : 1);
    return fmin(ulps, off);
}

static void check(form_id id, sj_dtype dtype, sj_mode mode, const double *z, const double *g, size_t q, size_t n,
                  const char *row) {
    const size_t entries = form_entries(&forms[id], n);
    double *computed = new_elements(SJ_F64, entries);
    sj_options options = SJ_OPTIONS_INIT;
    char name[48];
    options.mode = mode;
    form_row_with(&options, id, dtype, z, g, q, n, computed);
    name_form(id, mode, name);
    for (size_t i = 0; i < entries; i++)
        worst_record(&worsts[mode][id][dtype == SJ_BF16],
                     &(measured){name, dtype, row, n, i, computed[i], oracle_value(truth, i),
                                 error_of(id, dtype, i, computed[i]), allowed(id, mode)});
    free(computed);
}

/* Float32's families, as far as the dtype goes. */
static void to_halves(sj_dtype dtype, double *x, size_t n) {
    const double largest = dtype == SJ_F16 ? 65504 : 0x1.fep127;
    for (size_t k = 0; k < n; k++) {
        const double near = round_to(dtype, x[k]);
        x[k] = isinf(near) && isfinite(x[k]) ? copysign(largest, x[k]) : near;
    }
}

static void check_forms(sj_dtype dtype, const double *z, const double *g, size_t q, size_t n, const char *row) {
    for (int id = 0; id < FORM_COUNT; id++) {
        if (forms[id].result == RESULT_MATRIX && n > 70) continue;
        if ((g != NULL) != forms[id].takes_g) continue;
        assert_true(oracle_row(truth, (form_id)id, z, g, q, n));
        check((form_id)id, dtype, SJ_DEFAULT, z, g, q, n, row);
        check((form_id)id, dtype, SJ_EXACT, z, g, q, n, row);
    }
}

static void check_halves_row(sj_dtype dtype, double *z, size_t n, const char *row, random_stream *r) {
    double *g = new_elements(SJ_F64, n);
    to_halves(dtype, z, n);
    check_forms(dtype, z, NULL, random_below(r, n), n, row);
    for (size_t kind = 0; kind < cotangent_family_count; kind++) {
        cotangent_families[kind].fill(g, n, z, SJ_F32, r);
        to_halves(dtype, g, n);
        double largest = 0;
        for (size_t k = 0; k < n; k++) largest = fmax(largest, fabs(g[k]));
        if (largest < 0x1p32) check_forms(dtype, z, g, 0, n, row); /* beyond, depth shows: see check.c */
    }
    free(g);
}

static void families_of(size_t n) {
    random_stream r = {n};
    double *z = new_elements(SJ_F64, n);
    for (int t = 0; t < 2; t++)
        for (size_t i = 0; i < row_family_count; i++) {
            row_families[i].fill(z, n, SJ_F32, &r);
            check_halves_row(half_dtypes[t], z, n, row_families[i].name, &r);
        }
    free(z);
}

static void short_rows(void **state) {
    (void)state;
    for (size_t n = 1; n <= 40; n += 1 + n / 8) families_of(n);
    families_of(64);
    families_of(65);
    finish_checks();
}

static void longer_rows(void **state) {
    (void)state;
    families_of(300);
    families_of(2049);
    finish_checks();
}

/* Every gap between two logits down to where nothing is left. */
static void gaps(void **state) {
    (void)state;
    random_stream r = {5};
    for (int t = 0; t < 2; t++)
        for (double gap = 0; gap < 120; gap += 0.0625) {
            double z[] = {3, 3 - gap};
            check_halves_row(half_dtypes[t], z, 2, "gap", &r);
        }
    finish_checks();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(short_rows), cmocka_unit_test(longer_rows),
                                       cmocka_unit_test(gaps)};
    return require_kernel_set() ? require_kernel_set() : cmocka_run_group_tests(tests, open_truth, close_halves);
}
