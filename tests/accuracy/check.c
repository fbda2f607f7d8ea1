/* check.c: see check.h. */
#include "check.h"

#include "rows.h"

#include <math.h>
#include <stdio.h>

#define PRINTED_FAILURES 4 /* of each line of a table */

oracle *truth;

static size_t failures;
static worst worsts[FORM_COUNT][2];

void worst_record(worst *w, const measured *m) {
    if (w->entries++ == 0 || !(m->error <= w->error)) {
        w->error = m->error;
        w->n = m->n;
        (void)snprintf(w->row, sizeof w->row, "%s", m->row);
    }
    if (m->error <= m->allowed) return;
    failures++;
    if (w->beyond++ < PRINTED_FAILURES)
        print_error("%s %s, row %s, n = %zu, entry %zu: %a; expected %a, %g of %g allowed\n", m->what,
                    dtype_name(m->dtype), m->row, m->n, m->entry, m->got, m->want, m->error, m->allowed);
}

void worst_print(const worst *w, const char *what, sj_dtype dtype, double allowed) {
    if (w->entries == 0) return;
    printf("%s %s: %.5g of %.5g allowed, %zu of %zu entries beyond, worst: %s, n = %zu\n", what, dtype_name(dtype),
           w->error, allowed, w->beyond, w->entries, w->row, w->n);
}

int open_truth(void **state) {
    (void)state;
    truth = oracle_new();
    return truth ? 0 : -1;
}

int close_truth(void **state) {
    (void)state;
    oracle_free(truth);
    if (failures) return -1; /* a test forgot finish_checks */
    printf("worst errors of kernel set %s against %s (ulp; products: u times the condition)\n", sj_kernel_set(),
           oracle_name());
    for (int id = 0; id < FORM_COUNT; id++)
        for (int t = 0; t < 2; t++) worst_print(&worsts[id][t], forms[id].name, dtypes[t], allowed_error((form_id)id));
    return 0;
}

/* The accuracy contract: 2 ulp, for products 4u. docs/numerics.md derives what each form may be off at worst. */
double allowed_error(form_id id) { return forms[id].takes_g ? 4 : 2; }

void record_error(form_id id, sj_dtype dtype, double error, const char *row, size_t n, size_t i, double got,
                  double want) {
    worst_record(&worsts[id][dtype == SJ_F64],
                 &(measured){forms[id].name, dtype, row, n, i, got, want, error, allowed_error(id)});
}

void finish_checks(void) {
    const size_t found = failures;
    failures = 0;
    if (found) fail_msg("%zu entries beyond their bounds", found);
}

/* logsumexp: near 0 it is a difference of its maximum and log1p(T), and the bound is 2 u of the larger. */
static double error_of(form_id id, sj_dtype dtype, size_t i, double got) {
    if (forms[id].takes_g) return oracle_componentwise(truth, i, got, dtype);
    const double ulps = oracle_ulps(truth, i, got, dtype);
    return id == FORM_LOGSUMEXP ? fmin(ulps, oracle_componentwise(truth, i, got, dtype)) : ulps;
}

void check_computed(form_id id, sj_dtype dtype, const double *z, const double *g, size_t q, size_t n, const char *row,
                    const double *computed) {
    assert_true(oracle_row(truth, id, z, g, q, n));
    for (size_t i = 0; i < oracle_entries(truth); i++)
        record_error(id, dtype, error_of(id, dtype, i, computed[i]), row, n, i, computed[i], oracle_value(truth, i));
}

void check_form(form_id id, sj_dtype dtype, const double *z, const double *g, size_t q, size_t n, const char *row) {
    double *computed = new_elements(SJ_F64, form_entries(&forms[id], n));
    form_row(id, dtype, z, g, q, n, computed);
    check_computed(id, dtype, z, g, q, n, row, computed);
    free(computed);
}

/* Entries more than this below the maximum have no weight (softjac.h, depth): their s is under 2^-34 of the smallest
 * subnormal, and their product with a huge cotangent, which would be a number, is 0. Some that are less than 2 deeper
 * may yet have it: they go deeper. */
static double depth(sj_dtype dtype) { return dtype == SJ_F32 ? 128 : 1024; }

static bool is_huge(const double *g, size_t n) {
    double largest = 0;
    for (size_t k = 0; k < n; k++) largest = fmax(largest, fabs(g[k]));
    return largest >= 0x1p32;
}

void split_depths(sj_dtype dtype, const double *z, size_t n, double *given, double *read) {
    const double top = z[largest_of(z, n)];
    for (size_t k = 0; k < n; k++) {
        const bool edge = z[k] < top - depth(dtype) && z[k] > top - depth(dtype) - 2;
        given[k] = edge ? round_to(dtype, z[k] - 4) : z[k];
        read[k] = given[k] < top - depth(dtype) ? -INFINITY : given[k];
    }
}

static void check_products(sj_dtype dtype, const double *z, size_t n, const char *row, random_stream *r) {
    double *g = new_elements(SJ_F64, n), *computed = new_elements(SJ_F64, n);
    double *given = new_elements(SJ_F64, n), *read = new_elements(SJ_F64, n);
    split_depths(dtype, z, n, given, read);
    for (size_t kind = 0; kind < cotangent_family_count; kind++) {
        char name[32];
        (void)snprintf(name, sizeof name, "%.12s x %.12s", row, cotangent_families[kind].name);
        cotangent_families[kind].fill(g, n, z, dtype, r);
        const bool huge = is_huge(g, n);
        for (int id = 0; id < FORM_COUNT; id++) {
            if (!forms[id].takes_g) continue;
            form_row((form_id)id, dtype, huge ? given : z, g, 0, n, computed);
            check_computed((form_id)id, dtype, huge ? read : z, g, 0, n, name, computed);
        }
    }
    free(g);
    free(given);
    free(read);
    free(computed);
}

void check_row(sj_dtype dtype, const double *z, size_t n, const char *row, jacobians matrices, random_stream *r) {
    const size_t classes[] = {largest_of(z, n), 0, n - 1, random_below(r, n)};
    for (int id = 0; id < FORM_COUNT; id++) {
        if (forms[id].takes_g || (forms[id].result == RESULT_MATRIX && matrices == WITHOUT_JACOBIANS)) continue;
        for (size_t i = 0; i < (forms[id].takes_class ? sizeof classes / sizeof *classes : 1); i++)
            check_form((form_id)id, dtype, z, NULL, classes[i], n, row);
    }
    check_products(dtype, z, n, row, r);
}
