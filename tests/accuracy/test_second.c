/* test_second.c: second derivatives of softmax: double backward and Hessian-vector products, every entry against the
 * truth. The bound is 4u times what an entry is made of (oracle.h); docs/numerics.md derives it. */
#include "check.h"
#include "given_truth.h"
#include "rows.h"

#include <math.h>
#include <stdio.h>

#define RESULTS 3 /* of one row: the first products below */
#define ALLOWED 4.0

typedef enum product { GRAD_G, GRAD_Z, HVP, GIVEN, PRODUCTS } product;
static const char *const product_names[PRODUCTS] = {"J u", "H(g, u)", "J h + H(g, v)", "H from s"};

static worst worsts[PRODUCTS][2];

/* One row, its three cotangents, and a name to print. */
typedef struct sample {
    sj_dtype dtype;
    const double *z, *g, *u, *h;
    size_t n;
    const char *row;
} sample;

static int close_all(void **state) {
    const int status = close_truth(state);
    for (int p = 0; p < PRODUCTS; p++)
        for (int t = 0; t < 2; t++) worst_print(&worsts[p][t], product_names[p], dtypes[t], ALLOWED);
    return status;
}

static double largest_size(const double *x, size_t n) {
    double largest = 0;
    for (size_t k = 0; k < n; k++) largest = fmax(largest, fabs(x[k]));
    return largest;
}

/* What huge cotangents do (softjac.h, second order): what they are scaled by is lost below the smallest numbers, and a
 * difference of terms whose rounding errors are out of range is so itself. */
static bool is_out_of_range(product which, const sample *of, double got, double want) {
    const double g = largest_size(of->g, of->n), u = largest_size(of->u, of->n);
    const double h = which == HVP ? largest_size(of->h, of->n) : 0;
    if (isinf(got))
        return fmin(g, u) >= (of->dtype == SJ_F32 ? 0x1p76 : 0x1p538); /* u of their product is as large as that */
    return fabs(got - want) <= fmax((0x1p-770 * g) * (0x1p-770 * u), 0x1p-1000 * (0x1p-540 * h));
}

static void record(product which, const sample *of, size_t i, double got, double error, double want) {
    if (which != GRAD_G && !(error <= ALLOWED) && is_out_of_range(which, of, got, want)) return;
    worst_record(&worsts[which][of->dtype == SJ_F64],
                 &(measured){product_names[which], of->dtype, of->row, of->n, i, got, want, error, ALLOWED});
}

/* Results [GRAD_G][n], [GRAD_Z][n], [HVP][n] of the row, from logits or from its softmax. */
static void compute(const sj_options *options, const sample *of, double *results) {
    const double *const inputs[4] = {of->z, of->g, of->u, of->h};
    sj_view views[4 + RESULTS];
    void *data[4 + RESULTS];
    for (int i = 0; i < 4 + RESULTS; i++) {
        data[i] = i < 4 ? typed(of->dtype, inputs[i], of->n) : new_elements(of->dtype, of->n);
        views[i] = sj_array(data[i], of->dtype, 1, &of->n);
    }
    const sj_view *out = views + 4;
    assert_int_equal(sj_softmax_double_backward(views[0], views[1], views[2], &out[GRAD_G], &out[GRAD_Z], options),
                     SJ_OK);
    assert_int_equal(sj_softmax_hvp(views[0], views[1], views[2], &views[3], out[HVP], options), SJ_OK);
    for (int p = 0; p < RESULTS; p++) untype(of->dtype, data[4 + p], results + (size_t)p * of->n, of->n);
    for (int i = 0; i < 4 + RESULTS; i++) free(data[i]);
}

/* read: the row as the library reads it for each result. */
static void check_results(const sample *of, const double *const *read, const double *results) {
    const size_t n = of->n;
    for (int p = 0; p < RESULTS; p++) {
        if (p == GRAD_G)
            assert_true(oracle_row(truth, FORM_VJP, read[p], of->u, 0, n));
        else
            assert_true(oracle_second(truth, read[p], of->g, of->u, p == HVP ? of->h : NULL, n));
        for (size_t i = 0; i < n; i++) {
            const double got = results[(size_t)p * n + i];
            record((product)p, of, i, got, oracle_componentwise(truth, i, got, of->dtype), oracle_value(truth, i));
        }
    }
}

/* Whether a deep entry without weight would have a result if it had (softjac.h, depth). */
static bool shows_depth(const sample *of) {
    const double g = fmax(largest_size(of->g, of->n), 1), u = fmax(largest_size(of->u, of->n), 1);
    return g >= 0x1p32 / u || largest_size(of->h, of->n) >= 0x1p32;
}

/* Second derivatives are computed in doubles, and are as deep as these are. */
static void check_sample(const sample *of) {
    double *results = new_elements(SJ_F64, RESULTS * of->n), *read = new_elements(SJ_F64, of->n);
    double *given = new_elements(SJ_F64, of->n), *deeper = new_elements(SJ_F64, of->n);
    double *read_in_doubles = new_elements(SJ_F64, of->n);
    sample as_given = *of;
    const double *reads[RESULTS] = {of->z, of->z, of->z};
    if (shows_depth(of)) {
        split_depths(of->dtype, of->z, of->n, given, read);
        split_depths(SJ_F64, given, of->n, deeper, read_in_doubles);
        as_given.z = deeper;
        reads[GRAD_G] = read;
        reads[GRAD_Z] = reads[HVP] = read_in_doubles;
    }
    compute(NULL, &as_given, results);
    check_results(&as_given, reads, results);
    free(results);
    free(read);
    free(given);
    free(deeper);
    free(read_in_doubles);
}

/* Every kind of g, each with `partners` kinds of u and h. */
static void check_row_of(sj_dtype dtype, const double *z, size_t n, const char *row, size_t partners,
                         random_stream *r) {
    double *g = new_elements(SJ_F64, n), *u = new_elements(SJ_F64, n), *h = new_elements(SJ_F64, n);
    for (size_t i = 0; i < cotangent_family_count * partners; i++) {
        const cotangent_family *of_g = &cotangent_families[i % cotangent_family_count];
        const cotangent_family *of_u = &cotangent_families[random_below(r, cotangent_family_count)];
        const cotangent_family *of_h = &cotangent_families[random_below(r, cotangent_family_count)];
        char name[64];
        (void)snprintf(name, sizeof name, "%.16s, g %.8s, u %.8s, h %.8s", row, of_g->name, of_u->name, of_h->name);
        of_g->fill(g, n, z, dtype, r);
        of_u->fill(u, n, z, dtype, r);
        of_h->fill(h, n, z, dtype, r);
        check_sample(&(sample){dtype, z, g, u, h, n, name});
    }
    free(g);
    free(u);
    free(h);
}

static void rows_of_every_family(const size_t *lengths, size_t count, size_t partners, uint64_t seed) {
    random_stream r = {seed};
    for (int t = 0; t < 2; t++)
        for (size_t i = 0; i < count; i++) {
            double *z = new_elements(SJ_F64, lengths[i]);
            for (size_t f = 0; f < row_family_count; f++) {
                row_families[f].fill(z, lengths[i], dtypes[t], &r);
                check_row_of(dtypes[t], z, lengths[i], row_families[f].name, partners, &r);
            }
            free(z);
        }
    finish_checks();
}

static void short_rows(void **state) {
    static const size_t lengths[] = {1, 2, 3, 4, 5, 8, 15, 16, 17, 33, 64, 65};
    (void)state;
    rows_of_every_family(lengths, sizeof lengths / sizeof *lengths, 4, 21);
}

static void longer_rows(void **state) {
    static const size_t lengths[] = {300, 1000};
    (void)state;
    rows_of_every_family(lengths, sizeof lengths / sizeof *lengths, 1, 22);
}

/* Several chunks. */
static void long_rows(void **state) {
    static const size_t lengths[] = {2048, 2049, 5000};
    random_stream r = {23};
    double z[5000], g[5000], u[5000], h[5000];
    (void)state;
    for (int t = 0; t < 2; t++)
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
            for (size_t f = 0; f < 3; f++) {
                row_families[f].fill(z, lengths[i], dtypes[t], &r);
                cotangent_families[0].fill(g, lengths[i], z, dtypes[t], &r);
                cotangent_families[f].fill(u, lengths[i], z, dtypes[t], &r);
                cotangent_families[7].fill(h, lengths[i], z, dtypes[t], &r);
                check_sample(&(sample){dtypes[t], z, g, u, h, lengths[i], row_families[f].name});
            }
    finish_checks();
}

/* s_m rounds to 1, later T is subnormal: what is left of 1 - s_m is all there is to the result. */
static void confident_rows_keep_every_digit(void **state) {
    random_stream r = {24};
    (void)state;
    for (int t = 0; t < 2; t++)
        for (double gap = 0; gap <= (dtypes[t] == SJ_F32 ? 104 : 745); gap += t == 0 ? 1 : 5) {
            const double z[3] = {0, gap, -1.5};
            check_row_of(dtypes[t], z, 3, "gap", 1, &r);
        }
    finish_checks();
}

/* Two cotangents that differ from constants in one other entry each: the argmax entry is s_m c_m D E and two terms of
 * the size of D E, with D E as small as the product of two softmaxes. */
static void cotangents_of_one_entry_each(void **state) {
    (void)state;
    for (int t = 0; t < 2; t++)
        for (double gap = 0; gap <= (dtypes[t] == SJ_F32 ? 50 : 360); gap += 2.25) {
            const double z[4] = {0, gap, -1, -gap}, g[4] = {3, 1, 1, 1}, u[4] = {-5, -5, 7, -5}, h[4] = {1, 1, 1, 1};
            check_sample(&(sample){dtypes[t], z, g, u, h, 4, "one entry each"});
        }
    finish_checks();
}

/* moduli_k = sum over j of |delta_kj - s_j| |x_j - x_m|, what x_k less its mean is made of (oracle.h). */
static void moduli_of(const double *s, const double *x, size_t n, double *moduli) {
    const size_t m = largest_of(s, n);
    double mean = 0;
    for (size_t k = 0; k < n; k++) mean += s[k] * fabs(x[k] - x[m]);
    for (size_t k = 0; k < n; k++) moduli[k] = (1 - 2 * s[k]) * fabs(x[k] - x[m]) + mean;
}

/* The sum over r of the conditions: sum over k of s_k (2 c_k) e_k d_k. */
static double sum_of_conditions(sj_dtype dtype, const double *z, const double *g, const double *u, size_t n) {
    double s[64], d[64], e[64], sum = 0;
    form_row(FORM_SOFTMAX, dtype, z, NULL, 0, n, s);
    moduli_of(s, g, n, d);
    moduli_of(s, u, n, e);
    for (size_t k = 0; k < n; k++) sum += s[k] * 2 * (1 - s[k]) * e[k] * d[k];
    return sum;
}

/* Constants are orthogonal to what J maps to, so a row sums to 0: to what its entries' bounds add up to. */
static void rows_sum_to_zero(void **state) {
    enum { n = 40 };
    random_stream r = {25};
    double z[n], g[n], u[n], results[RESULTS * n];
    (void)state;
    for (int t = 0; t < 2; t++)
        for (size_t f = 0; f < row_family_count; f++) {
            const double unit = dtypes[t] == SJ_F32 ? 0x1p-24 : 0x1p-53;
            double sum = 0;
            row_families[f].fill(z, n, dtypes[t], &r);
            cotangent_families[0].fill(g, n, z, dtypes[t], &r);
            cotangent_families[0].fill(u, n, z, dtypes[t], &r);
            compute(NULL, &(sample){dtypes[t], z, g, u, g, n, ""}, results);
            for (size_t i = 0; i < n; i++) sum += results[GRAD_Z * n + i];
            const double allowed = ALLOWED * unit * sum_of_conditions(dtypes[t], z, g, u, n);
            if (!(fabs(sum) <= allowed + n * 0x1p-149 * (dtypes[t] == SJ_F32)))
                fail_msg("%s, row %s sums to %a; %a allowed", dtype_name(dtypes[t]), row_families[f].name, sum,
                         allowed);
        }
}

/* From the softmax that a forward pass left, which is exact here: 1 - s_m is the sum of the others. */
static void rows_given_as_softmax(void **state) {
    static const size_t lengths[] = {1, 2, 3, 5, 17};
    random_stream r = {26};
    sj_options given = SJ_OPTIONS_INIT;
    double z[17], s[17], g[17], u[17], results[RESULTS * 17], want = 0;
    (void)state;
    given.given = SJ_GIVEN_SOFTMAX;
    for (int t = 0; t < 2; t++)
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
            for (size_t f = 0; f < row_family_count * cotangent_family_count; f++) {
                const size_t n = lengths[i];
                const row_family *family = &row_families[f % row_family_count];
                family->fill(z, n, dtypes[t], &r);
                form_row(FORM_SOFTMAX, dtypes[t], z, NULL, 0, n, s);
                cotangent_families[f / row_family_count].fill(g, n, s, dtypes[t], &r);
                cotangent_families[random_below(&r, 4)].fill(u, n, s, dtypes[t], &r);
                const sample of = {dtypes[t], s, g, u, g, n, family->name};
                compute(&given, &of, results);
                for (size_t k = 0; k < n; k++) {
                    const double got = results[GRAD_Z * n + k];
                    const double error = given_second_error(dtypes[t], s, g, u, n, k, got, &want);
                    record(GIVEN, &of, k, got, error, want);
                }
            }
    finish_checks();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_rows),
        cmocka_unit_test(longer_rows),
        cmocka_unit_test(long_rows),
        cmocka_unit_test(confident_rows_keep_every_digit),
        cmocka_unit_test(cotangents_of_one_entry_each),
        cmocka_unit_test(rows_given_as_softmax),
        cmocka_unit_test(rows_sum_to_zero),
    };
    return require_kernel_set() ? require_kernel_set() : cmocka_run_group_tests(tests, open_truth, close_all);
}
