/* test_settle.c: rows of float32 in exact mode with entries that plain double leaves undecided. The same row as float64
 * logits is never tried in plain double: it must have been decided as that one is, wherever the result goes. */
#include "rows.h"

#include <math.h>
#include <stdio.h>

static const float nowhere = NAN;

/* A row both ways. */
typedef struct twin {
    size_t n;
    double *z;
    float *narrow, *g, *got, *want;
} twin;

static twin new_twin(size_t n) {
    return (twin){n,
                  new_elements(SJ_F64, n),
                  new_elements(SJ_F32, n),
                  new_elements(SJ_F32, n),
                  new_elements(SJ_F32, n),
                  new_elements(SJ_F32, n)};
}

static void free_twin(twin *t) {
    void *const used[] = {t->z, t->narrow, t->g, t->got, t->want};
    for (size_t i = 0; i < sizeof used / sizeof *used; i++) free(used[i]);
}

static void check_same(const twin *t, form_id id, size_t count, const float *got, const char *place) {
    for (size_t k = 0; k < count; k++)
        if (!same_bits(SJ_F32, got, k, t->want, k))
            fail_msg("%s, n = %zu, %s, entry %zu: %a; pairs give %a", forms[id].name, t->n, place, k, (double)got[k],
                     (double)t->want[k]);
}

/* The form elsewhere, and in place of a copy of either input. */
static void check_form(twin *t, form_id id, const sj_options *options) {
    const size_t n = t->n, count = forms[id].result == RESULT_SCALAR ? 1 : n;
    form_arguments a = {.z = sj_vector_f64(t->z, n), .g = sj_vector_f32(t->g, n), .q = n / 3};
    a.out = count == 1 ? sj_scalar_f32(t->want) : sj_vector_f32(t->want, count);
    assert_int_equal(forms[id].call(&a, options), SJ_OK);
    a.z = sj_vector_f32(t->narrow, n);
    for (size_t k = 0; k < n; k++) t->got[k] = nowhere;
    a.out.data = t->got;
    assert_int_equal(forms[id].call(&a, options), SJ_OK);
    check_same(t, id, count, t->got, "elsewhere");
    if (forms[id].result != RESULT_ROW) return;
    memcpy(t->got, t->narrow, n * sizeof *t->got);
    a.z.data = t->got;
    assert_int_equal(forms[id].call(&a, options), SJ_OK);
    check_same(t, id, count, t->got, "in place of z");
    if (!forms[id].takes_g) return;
    memcpy(t->got, t->g, n * sizeof *t->got);
    a.z.data = t->narrow;
    a.g.data = t->got;
    assert_int_equal(forms[id].call(&a, options), SJ_OK);
    check_same(t, id, count, t->got, "in place of g");
}

static void check_forms(twin *t, const sj_options *options) {
    const bool given = options->given == SJ_GIVEN_SOFTMAX;
    for (size_t k = 0; k < t->n; k++) t->narrow[k] = (float)t->z[k];
    for (int id = given ? FORM_GRADIENT : 0; id < FORM_COUNT; id++)
        if (forms[id].result != RESULT_MATRIX) check_form(t, (form_id)id, options);
}

static sj_view rows_of(void *data, sj_dtype dtype, size_t rows, size_t n) {
    const size_t shape[2] = {rows, n};
    return sj_array(data, dtype, 2, shape);
}

static sj_options exactly(sj_given given) {
    sj_options options = SJ_OPTIONS_INIT;
    options.mode = SJ_EXACT;
    options.given = given;
    return options;
}

/* All g but the one at the argmax are nearly equal and s is flat: d_q - D is about s_m of either, and of a row's bounds
 * of plain double several hold a midpoint. */
static void fill_cancelling(twin *t, bool given, random_stream *r) {
    const double share = 1 / (double)t->n;
    for (size_t k = 0; k < t->n; k++) {
        t->z[k] = round_to(SJ_F32, given ? share * random_uniform(r, 0.5, 1.25) : random_uniform(r, -1, 1));
        t->g[k] = (float)random_uniform(r, 0.5, 0.5 + 0x1p-12);
    }
    t->g[largest_of(t->z, t->n)] = 0;
}

static void cancelling_rows(sj_given kind) {
    static const size_t lengths[] = {33, 700, 2048, 3001, 100000};
    const sj_options options = exactly(kind);
    random_stream r = {41};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (int times = 0; times < (lengths[i] > 10000 ? 1 : 20); times++) {
            twin t = new_twin(lengths[i]);
            fill_cancelling(&t, kind == SJ_GIVEN_SOFTMAX, &r);
            check_forms(&t, &options);
            free_twin(&t);
        }
}

static void undecided_entries_of_logits_are_those_of_pairs(void **state) {
    (void)state;
    cancelling_rows(SJ_GIVEN_LOGITS);
}

static void undecided_entries_of_a_softmax_are_those_of_pairs(void **state) {
    (void)state;
    cancelling_rows(SJ_GIVEN_SOFTMAX);
}

/* So many entries that some lie within the bounds of plain double whatever the quantity. */
static void long_rows_are_those_of_pairs(void **state) {
    const sj_options options = exactly(SJ_GIVEN_LOGITS);
    random_stream r = {42};
    twin t = new_twin((size_t)3 << 20);
    (void)state;
    for (size_t k = 0; k < t.n; k++) {
        t.z[k] = round_to(SJ_F32, 3 * random_normal(&r));
        t.g[k] = (float)random_uniform(&r, -1, 1);
    }
    check_forms(&t, &options);
    free_twin(&t);
}

/* Logits no deeper than either dtype gives weight to: beyond, twins are not the same rows. */
static void raise_deep(double *z, size_t n) {
    const double floor = z[largest_of(z, n)] - 100;
    for (size_t k = 0; k < n; k++) z[k] = z[k] < floor ? round_to(SJ_F32, floor) : z[k];
}

/* Blocks of rows, the last one not whole; some rows have no place in a block, and some entries are undecided. */
static void check_short_rows(size_t n, sj_given given, random_stream *r) {
    enum { rows = 4003 };
    const sj_options options = exactly(given);
    twin t = new_twin(rows * n);
    for (size_t i = 0; i < rows; i++) {
        double *z = t.z + i * n;
        row_families[i % row_family_count].fill(z, n, SJ_F32, r);
        raise_deep(z, n);
        for (size_t k = 0; k < n && given == SJ_GIVEN_SOFTMAX; k++)
            z[k] = round_to(SJ_F32, z[k] > 0 ? random_uniform(r, 0, 1) : random_uniform(r, 0, 0x1p-30));
        for (size_t k = 0; k < n; k++) t.g[i * n + k] = (float)(i % 3 ? random_normal(r) : random_uniform(r, 1, 1.001));
    }
    for (size_t k = 0; k < t.n; k++) t.narrow[k] = (float)t.z[k];
    for (int id = given == SJ_GIVEN_SOFTMAX ? FORM_GRADIENT : 0; id < FORM_COUNT; id++) {
        if (forms[id].result != RESULT_ROW) continue;
        form_arguments a = {.z = rows_of(t.z, SJ_F64, rows, n), .g = rows_of(t.g, SJ_F32, rows, n)};
        a.out = rows_of(t.want, SJ_F32, rows, n);
        assert_int_equal(forms[id].call(&a, &options), SJ_OK);
        memcpy(t.got, t.narrow, t.n * sizeof *t.got);
        a.z = a.out = rows_of(t.got, SJ_F32, rows, n);
        assert_int_equal(forms[id].call(&a, &options), SJ_OK);
        check_same(&t, (form_id)id, t.n, t.got, "short rows in place");
    }
    free_twin(&t);
}

static void short_rows_are_those_of_pairs(void **state) {
    random_stream r = {43};
    (void)state;
    for (size_t n = 1; n <= 18; n++) {
        check_short_rows(n, SJ_GIVEN_LOGITS, &r);
        check_short_rows(n, SJ_GIVEN_SOFTMAX, &r);
    }
}

/* s = (3/4, 1/4), g = (0, d): v_1 = 3 d / 16, a midpoint between floats for d = 2^23 + 1 and to even for every bound;
 * the other entries have s = 0. The rest of the row does not change it. */
static void midpoints_of_products_go_to_even(void **state) {
    static const size_t lengths[] = {2, 16, 2048, 5000};
    const sj_options options = exactly(SJ_GIVEN_SOFTMAX);
    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        twin t = new_twin(lengths[i]);
        for (size_t k = 0; k < t.n; k++) t.z[k] = 0, t.g[k] = (float)k;
        t.z[0] = 0.75, t.z[t.n - 1] = 0.25;
        t.g[0] = 0, t.g[t.n - 1] = 8388609.0f;
        check_forms(&t, &options);
        check_form(&t, FORM_VJP, &options);
        assert_true(t.want[t.n - 1] == 25165828.0f / 16 && t.want[0] == -25165828.0f / 16);
        free_twin(&t);
    }
}

/* s = (1/2, 1/2) of equal logits: d_1 - D = d_1 / 2 is a midpoint, and which way pairs take it their last bits say. */
static void midpoints_of_logits_go_where_pairs_take_them(void **state) {
    const sj_options options = exactly(SJ_GIVEN_LOGITS);
    (void)state;
    for (int i = -40; i <= 40; i++) {
        twin t = new_twin(2);
        t.z[0] = t.z[1] = round_to(SJ_F32, 0.3125 * i);
        t.g[0] = 0x1.868dbcp+4F, t.g[1] = -0x1.8c0ec4p+3F;
        check_forms(&t, &options);
        free_twin(&t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(undecided_entries_of_logits_are_those_of_pairs),
                                       cmocka_unit_test(undecided_entries_of_a_softmax_are_those_of_pairs),
                                       cmocka_unit_test(long_rows_are_those_of_pairs),
                                       cmocka_unit_test(short_rows_are_those_of_pairs),
                                       cmocka_unit_test(midpoints_of_products_go_to_even),
                                       cmocka_unit_test(midpoints_of_logits_go_where_pairs_take_them)};
    return run_for_set(tests);
}
