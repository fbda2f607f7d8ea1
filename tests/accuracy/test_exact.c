/* test_exact.c: exact mode. f32 is correctly rounded, f64 within 0.51 ulp, products within 1u of their condition,
 * against MPFR; rows that arithmetic in double cannot decide; and the same bits wherever a row stands. */
#include "given_truth.h"
#include "rows.h"
#include "truth.h"

#include <math.h>
#include <stdio.h>

static oracle *truth;
static sj_options exact = SJ_OPTIONS_INIT;
static size_t entries_checked, failures;
static double worst_f64, worst_product;

static int open_exact(void **state) {
    (void)state;
    exact.mode = SJ_EXACT;
    truth = oracle_new();
    return truth ? 0 : -1;
}

static int close_exact(void **state) {
    (void)state;
    oracle_free(truth);
    printf("exact mode, kernel set %s: %zu entries; f64 %.4f ulp at most, products %.4f u of their condition\n",
           sj_kernel_set(), entries_checked, worst_f64, worst_product);
    return failures ? -1 : 0; /* a test forgot finish */
}

static void finish(void) {
    const size_t found = failures;
    failures = 0;
    if (found) fail_msg("%zu entries are wrong", found);
}

/* Log-softmax is z_q - z_m less log1p(T). Where that difference is a midpoint between floats and T is too small for the
 * 192 bits of the truth, the truth lies just below it. */
static bool is_just_below(form_id id, size_t i) {
    if (id != FORM_LOG_SOFTMAX || mpfr_min_prec(truth->entries.at[i]) != 25) return false;
    for (size_t k = 0; k < truth->n; k++)
        if (k != truth->largest && truth->row[k] >= truth->row[truth->largest] - 1024) return true;
    return false;
}

/* The truth rounded once: entries may lie within 2^-100 of a midpoint, where no distance in ulps tells the sides apart.
 */
static bool is_nearest(form_id id, size_t i, double got) {
    return (float)got == mpfr_get_flt(truth->entries.at[i], is_just_below(id, i) ? MPFR_RNDD : MPFR_RNDN);
}

static bool is_right(form_id id, sj_dtype dtype, size_t i, double got) {
    if (got == 0 && signbit(got)) return false; /* a result that rounds to 0 is +0 */
    if (forms[id].takes_g) {
        const double error = oracle_componentwise(truth, i, got, dtype);
        worst_product = fmax(worst_product, error);
        return error <= 1;
    }
    if (dtype == SJ_F32) return is_nearest(id, i, got);
    const double error = oracle_ulps(truth, i, got, dtype);
    worst_f64 = fmax(worst_f64, error);
    return error <= 0.51;
}

static void check_computed(form_id id, sj_dtype dtype, const double *z, const double *g, size_t q, size_t n,
                           const char *row, const double *got) {
    assert_true(oracle_row(truth, id, z, g, q, n));
    for (size_t i = 0; i < oracle_entries(truth); i++) {
        entries_checked++;
        if (is_right(id, dtype, i, got[i])) continue;
        if (failures++ < 20)
            print_error("%s %s, row %s, n = %zu, entry %zu: %a; truth near %a, %g ulp\n", forms[id].name,
                        dtype_name(dtype), row, n, i, got[i], oracle_value(truth, i),
                        oracle_ulps(truth, i, got[i], dtype));
    }
}

static void check_form(form_id id, sj_dtype dtype, const double *z, const double *g, size_t q, size_t n,
                       const char *row) {
    double *got = new_elements(SJ_F64, form_entries(&forms[id], n));
    form_row_with(&exact, id, dtype, z, g, q, n, got);
    check_computed(id, dtype, z, g, q, n, row, got);
    free(got);
}

/* A row as the library reads it: a logit deeper than softjac.h says has s = 0, which shows where g is huge. */
static void cut_depths(sj_dtype dtype, const double *z, size_t n, double *cut) {
    const double floor = z[largest_of(z, n)] - (dtype == SJ_F32 ? 128 : 1024);
    for (size_t k = 0; k < n; k++) cut[k] = z[k] < floor ? -(double)INFINITY : z[k];
}

static void check_products(sj_dtype dtype, const double *z, const double *g, size_t n, const char *row) {
    double *cut = new_elements(SJ_F64, n), *got = new_elements(SJ_F64, n), largest = 0;
    for (size_t k = 0; k < n; k++) largest = fmax(largest, fabs(g[k]));
    cut_depths(dtype, z, n, cut);
    for (int id = 0; id < FORM_COUNT; id++) {
        if (!forms[id].takes_g) continue;
        form_row_with(&exact, (form_id)id, dtype, z, g, 0, n, got);
        check_computed((form_id)id, dtype, largest < 0x1p32 ? z : cut, g, 0, n, row, got);
    }
    free(cut);
    free(got);
}

static void check_row(sj_dtype dtype, const double *z, size_t n, const char *row, random_stream *r) {
    const size_t classes[] = {largest_of(z, n), 0, n - 1, random_below(r, n)};
    double *g = new_elements(SJ_F64, n);
    for (int id = 0; id < FORM_COUNT; id++) {
        if (forms[id].takes_g || (forms[id].result == RESULT_MATRIX && n > 40)) continue;
        for (size_t i = 0; i < (forms[id].takes_class ? 4 : 1); i++)
            check_form((form_id)id, dtype, z, NULL, classes[i], n, row);
    }
    for (size_t kind = 0; kind < cotangent_family_count; kind++) {
        cotangent_families[kind].fill(g, n, z, dtype, r);
        check_products(dtype, z, g, n, row);
    }
    free(g);
}

static void every_family(void **state) {
    static const size_t lengths[] = {1, 2, 3, 5, 8, 13, 16, 17, 31, 33, 64, 100, 517};
    double z[517];
    random_stream r = {31};
    (void)state;
    for (int t = 0; t < 2; t++)
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
            for (size_t f = 0; f < row_family_count; f++) {
                row_families[f].fill(z, lengths[i], dtypes[t], &r);
                check_row(dtypes[t], z, lengths[i], row_families[f].name, &r);
            }
    finish();
}

static void every_gap(void **state) {
    static const double tops[2][3] = {{0, 17.3125, 1000.5}, {0, 701.3125, 3000000.5}};
    random_stream r = {32};
    (void)state;
    for (int t = 0; t < 2; t++)
        for (size_t i = 0; i < 3; i++)
            for (double gap = 0; gap <= (t == 0 ? 104 : 745); gap += t == 0 ? 0.5 : 4) {
                const double below = round_to(dtypes[t], tops[t][i] - gap);
                const double z[3] = {below, tops[t][i], round_to(dtypes[t], below - random_uniform(&r, 0, 3))};
                check_row(dtypes[t], z, 2, "gap", &r);
                check_row(dtypes[t], z, 3, "gap of three", &r);
            }
    finish();
}

/* Rows of several pieces. They hold float32 values, so that MPFR evaluates them once. */
static void long_rows(void **state) {
    static const size_t n = 4097;
    double *z = new_elements(SJ_F64, n), *g = new_elements(SJ_F64, n);
    random_stream r = {33};
    (void)state;
    for (size_t f = 0; f < row_family_count; f++) {
        row_families[f].fill(z, n, SJ_F32, &r);
        cotangent_families[f % cotangent_family_count].fill(g, n, z, SJ_F32, &r);
        for (int t = 0; t < 2; t++) {
            for (int id = 0; id < FORM_COUNT; id++)
                if (!forms[id].takes_g && forms[id].result != RESULT_MATRIX)
                    check_form((form_id)id, dtypes[t], z, NULL, random_below(&r, n), n, row_families[f].name);
            check_products(dtypes[t], z, g, n, row_families[f].name);
        }
    }
    free(z);
    free(g);
    finish();
}

/* Rows [x, 0, y] whose first softmax lies within 2^-29 ulp of a midpoint between floats, less than the last place of a
 * double: the nearest of 2^31 rows, found in extended precision. */
static const double near_midpoints[][2] = {
    {-0x1.e6afc6p+1, -0x1.48p+0}, {-0x1.a7b5b8p+0, -0x1.2ap+2}, {-0x1.97967ap+1, -0x1.fcp+1},
    {-0x1.28f154p+0, -0x1.3cp+1}, {-0x1.efe4ecp+1, -0x1.c8p+0}, {-0x1.e619a4p+1, -0x1.86p+2},
};

static void rows_near_midpoints(void **state) {
    static const size_t lengths[] = {3, 16, 40, 1024, 5000};
    double *z = new_elements(SJ_F64, 5000);
    (void)state;
    for (size_t i = 0; i < sizeof near_midpoints / sizeof *near_midpoints; i++)
        for (size_t j = 0; j < sizeof lengths / sizeof *lengths; j++) {
            const size_t n = lengths[j], first = i % (n - 2);
            for (size_t k = 0; k < n; k++) z[k] = -(double)INFINITY;
            z[first] = near_midpoints[i][0];
            z[first + 1] = near_midpoints[i][1];
            z[n - 1] = 0;
            check_form(FORM_SOFTMAX, SJ_F32, z, NULL, 0, n, "near a midpoint");
            check_form(FORM_LOG_GRADIENT, SJ_F32, z, NULL, n - 1, n, "near a midpoint");
        }
    free(z);
    finish();
}

/* z_q - z_m is the midpoint 2^24 + 1 itself: to even alone, and away from it by what a logit 100 below adds. */
static void midpoints_are_decided_by_what_lies_below(void **state) {
    const double tie[2] = {1, -0x1p24}, more[3] = {1, -0x1p24, -99}, sum[2] = {0x1p24, 0x1p24 - 100};
    double out[3];
    (void)state;
    form_row_with(&exact, FORM_LOG_SOFTMAX, SJ_F32, tie, NULL, 0, 2, out);
    assert_true(out[0] == 0 && out[1] == -0x1p24);
    form_row_with(&exact, FORM_LOG_SOFTMAX, SJ_F32, more, NULL, 0, 3, out);
    assert_true(out[1] == -0x1p24 - 2);
    form_row_with(&exact, FORM_LOGSUMEXP, SJ_F32, sum, NULL, 0, 2, out);
    assert_true(out[0] == 0x1p24);
}

/* Factors at the ends of the range. */
static void extreme_cotangents(void **state) {
    enum { n = 9 };
    random_stream r = {34};
    double z[n], g[n];
    (void)state;
    for (int t = 0; t < 2; t++)
        for (int i = 0; i < 200; i++) {
            const int reach = dtypes[t] == SJ_F32 ? 201 : 1801;
            row_families[i % 2 ? 1 : 3].fill(z, n, dtypes[t], &r);
            for (size_t k = 0; k < n; k++) {
                const double size = ldexp(random_normal(&r), (int)random_below(&r, (size_t)reach) - reach / 2);
                g[k] = round_to(dtypes[t], size);
            }
            check_products(dtypes[t], z, g, n, "every size");
        }
    for (int t = 0; t < 2; t++) {
        const double size = round_to(dtypes[t], t == 0 ? 3.4e38 : 1.79e308);
        const double row[4] = {0.5, 0, -1, 0.5}, largest[4] = {size, -size, 0, -size};
        check_products(dtypes[t], row, largest, 4, "largest");
    }
    finish();
}

/* Rows of float32 as float64 logits are the same rows, but plain double is not tried on them: it must have decided as
 * pairs do. More rows than MPFR could check. */
static void plain_double_decides_as_pairs_do(void **state) {
    enum { n = 700, rows = 400 };
    double *z = new_elements(SJ_F64, n), *g = new_elements(SJ_F64, n);
    float *narrow = new_elements(SJ_F32, n), *cotangent = new_elements(SJ_F32, n);
    float *got = new_elements(SJ_F32, n), *want = new_elements(SJ_F32, n);
    const size_t count = n;
    random_stream r = {36};
    (void)state;
    for (size_t i = 0; i < rows; i++) {
        row_families[i % 8].fill(z, n, SJ_F32, &r);
        cotangent_families[i % cotangent_family_count].fill(g, n, z, SJ_F32, &r);
        for (size_t k = 0; k < n; k++) narrow[k] = (float)z[k], cotangent[k] = (float)g[k];
        for (int id = 0; id < FORM_COUNT; id++) {
            if (forms[id].result == RESULT_MATRIX) continue;
            form_arguments a = {.z = sj_vector_f32(narrow, count), .g = sj_vector_f32(cotangent, count), .q = i};
            a.out = forms[id].result == RESULT_SCALAR ? sj_scalar_f32(got) : sj_vector_f32(got, count);
            assert_int_equal(forms[id].call(&a, &exact), SJ_OK);
            a.z = sj_vector_f64(z, count);
            a.out.data = want;
            assert_int_equal(forms[id].call(&a, &exact), SJ_OK);
            for (size_t k = 0; k < (forms[id].result == RESULT_SCALAR ? 1 : n); k++)
                if (!same_bits(SJ_F32, got, k, want, k))
                    fail_msg("%s, row %zu, entry %zu: %a; pairs give %a", forms[id].name, i, k, (double)got[k],
                             (double)want[k]);
        }
    }
    void *const used[] = {z, g, narrow, cotangent, got, want};
    for (size_t i = 0; i < sizeof used / sizeof *used; i++) free(used[i]);
}

/* Derivatives from what a forward pass left. */
static void given_softmax(void **state) {
    enum { n = 33 };
    double z[n], s[n], g[n], got[n], want;
    sj_options given = exact;
    random_stream r = {37};
    (void)state;
    given.given = SJ_GIVEN_SOFTMAX;
    for (int t = 0; t < 2; t++)
        for (size_t f = 0; f < row_family_count; f++) {
            row_families[f].fill(z, n, dtypes[t], &r);
            form_row_with(&exact, FORM_SOFTMAX, dtypes[t], z, NULL, 0, n, s);
            cotangent_families[f % cotangent_family_count].fill(g, n, s, dtypes[t], &r);
            for (int id = FORM_GRADIENT; id < FORM_COUNT; id++) {
                if (forms[id].result == RESULT_MATRIX) continue;
                const size_t q = random_below(&r, n);
                const double allowed = forms[id].takes_g ? 1 : t == 0 ? 0.5 : 0.51;
                form_row_with(&given, (form_id)id, dtypes[t], s, g, q, n, got);
                for (size_t k = 0; k < n; k++) {
                    const double error = given_error((form_id)id, dtypes[t], s, g, q, n, k, got[k], &want);
                    if (!(error <= allowed))
                        fail_msg("%s %s, row %s, entry %zu: %a; expected %a, off by %g", forms[id].name,
                                 dtype_name(dtypes[t]), row_families[f].name, k, got[k], want, error);
                }
            }
        }
}

static sj_view rows_at(void *data, sj_dtype dtype, size_t rows, size_t n, ptrdiff_t row, ptrdiff_t column) {
    const size_t shape[2] = {rows, n};
    sj_view view = sj_array(data, dtype, 2, shape);
    view.strides[0] = row;
    view.strides[1] = column;
    return view;
}

/* Row i of a batch laid out either way, and in place, has the bits it has alone. */
static void check_places(form_id id, sj_dtype dtype, size_t n, random_stream *r) {
    enum { rows = 3 };
    double *z = new_elements(SJ_F64, rows * n), *g = new_elements(SJ_F64, rows * n);
    void *alone = new_elements(dtype, rows * n), *turned_z = new_elements(dtype, rows * n);
    void *turned_g = new_elements(dtype, rows * n), *out = new_elements(dtype, rows * n);
    for (size_t i = 0; i < rows; i++) {
        double *one = new_elements(SJ_F64, n);
        row_families[2 * i].fill(z + i * n, n, dtype, r);
        cotangent_families[0].fill(g + i * n, n, z + i * n, dtype, r);
        form_row_with(&exact, id, dtype, z + i * n, g + i * n, n / 2, n, one);
        for (size_t k = 0; k < n; k++) {
            element_set(alone, dtype, i * n + k, one[k]);
            element_set(turned_z, dtype, k * rows + i, z[i * n + k]);
            element_set(turned_g, dtype, k * rows + i, g[i * n + k]);
        }
        free(one);
    }
    form_arguments a = {.z = rows_at(turned_z, dtype, rows, n, 1, rows),
                        .g = rows_at(turned_g, dtype, rows, n, 1, rows),
                        .q = n / 2,
                        .out = rows_at(out, dtype, rows, n, (ptrdiff_t)n, 1)};
    assert_int_equal(forms[id].call(&a, &exact), SJ_OK);
    for (size_t i = 0; i < rows * n; i++) assert_true(same_bits(dtype, out, i, alone, i));
    void *packed = typed(dtype, z, rows * n);
    a.z = a.out = rows_at(packed, dtype, rows, n, (ptrdiff_t)n, 1);
    assert_int_equal(forms[id].call(&a, &exact), SJ_OK);
    for (size_t i = 0; i < rows * n; i++) assert_true(same_bits(dtype, packed, i, alone, i));
    void *const used[] = {z, g, alone, turned_z, turned_g, out, packed};
    for (size_t i = 0; i < sizeof used / sizeof *used; i++) free(used[i]);
}

static void bits_do_not_depend_on_the_place(void **state) {
    static const size_t lengths[] = {1, 5, 16, 17, 300, 2048, 5000};
    random_stream r = {35};
    (void)state;
    for (int t = 0; t < 2; t++)
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
            for (int id = 0; id < FORM_COUNT; id++)
                if (forms[id].result == RESULT_ROW) check_places((form_id)id, dtypes[t], lengths[i], &r);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_family),
                                       cmocka_unit_test(every_gap),
                                       cmocka_unit_test(long_rows),
                                       cmocka_unit_test(rows_near_midpoints),
                                       cmocka_unit_test(midpoints_are_decided_by_what_lies_below),
                                       cmocka_unit_test(extreme_cotangents),
                                       cmocka_unit_test(plain_double_decides_as_pairs_do),
                                       cmocka_unit_test(given_softmax),
                                       cmocka_unit_test(bits_do_not_depend_on_the_place)};
    return require_kernel_set() ? require_kernel_set() : cmocka_run_group_tests(tests, open_exact, close_exact);
}
