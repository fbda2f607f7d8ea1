/* test_columns.c: rows that lie side by side, along the first axis of a matrix: the bits that each has alone, in
 * place too, and nothing written beside them. */
#include "support.h"

#include <math.h>

#define GAP 3 /* columns past the rows, which a call must leave alone */

typedef struct batch {
    size_t rows, n;
} batch;

/* Below a line of neighbours and above. */
static const size_t all_rows[] = {2, 7, 8, 16, 17, 45}, all_n[] = {65, 100, 1023, 1024, 1025, 2048, 2049};

/* Whole groups of lines and not; as short as is turned in registers, as fits the stage, and longer. */
static const batch others[] = {{130, 100}, {135, 17},  {300, 64}, {126, 40},  {40, 4097}, {20, 8191},
                               {3, 20000}, {260, 257}, {129, 16}, {35, 8300}, {19, 20000}};

typedef struct matrix {
    form_id id;
    sj_dtype dtype;
    size_t rows, n;
    bool in_place;
    void *z, *g, *out;
} matrix;

static sj_view view_of(const matrix *m, void *data) {
    const size_t shape[] = {m->n, m->rows + GAP};
    sj_view view = sj_array(data, m->dtype, 2, shape);
    view.shape[1] = m->rows;
    view.axis = 0;
    return view;
}

static void call(const matrix *m) {
    form_arguments a = {view_of(m, m->in_place ? m->out : m->z), view_of(m, m->g), m->n / 2, SJ_BLOCKS,
                        view_of(m, m->out)};
    if (forms[m->id].result == RESULT_SCALAR) {
        a.out = sj_array(m->out, m->dtype, 1, &m->rows);
    }
    assert_int_equal(forms[m->id].call(&a, NULL), SJ_OK);
}

static void check_row(const matrix *m, size_t row, double *z, double *g, double *want) {
    const size_t step = m->rows + GAP, entries = form_entries(&forms[m->id], m->n);
    for (size_t k = 0; k < m->n; k++) {
        z[k] = element_get(m->z, m->dtype, k * step + row);
        g[k] = element_get(m->g, m->dtype, k * step + row);
    }
    form_row(m->id, m->dtype, z, g, m->n / 2, m->n, want);
    for (size_t i = 0; i < entries; i++) {
        const double got = element_get(m->out, m->dtype, i * step + row);
        if (!same_bits(SJ_F64, &got, 0, &want[i], 0))
            fail_msg("%s %s, %zu rows of %zu, in place %d: row %zu, entry %zu: %a; expected %a", forms[m->id].name,
                     dtype_name(m->dtype), m->rows, m->n, (int)m->in_place, row, i, got, want[i]);
    }
}

static void check(matrix m) {
    const size_t step = m.rows + GAP, count = m.n * step;
    m.z = new_elements(m.dtype, count), m.g = new_elements(m.dtype, count), m.out = new_elements(m.dtype, count);
    double *z = new_elements(SJ_F64, m.n), *g = new_elements(SJ_F64, m.n), *want = new_elements(SJ_F64, m.n);
    fill_random(m.z, m.dtype, count, 5);
    fill_random(m.g, m.dtype, count, 6);
    element_set(m.z, m.dtype, 1, 1e30);        /* a row whose maximum is far */
    element_set(m.z, m.dtype, 3 * step, -300); /* and a deep one */
    if (m.rows > 5) {
        element_set(m.z, m.dtype, (m.n - 5) * step + 4, 40); /* one that is sure of a class */
        element_set(m.z, m.dtype, (m.n - 7) * step + 5, (double)NAN);
    }
    for (size_t k = 2048; k < m.n; k++) { /* pieces of long rows, each with a maximum of its own */
        const size_t at = k * step + m.rows - 1;
        element_set(m.z, m.dtype, at, element_get(m.z, m.dtype, at) + (k / 2048 % 3 ? 9 : -2));
    }
    for (size_t i = 0; i < count; i++) element_set(m.out, m.dtype, i, m.in_place ? element_get(m.z, m.dtype, i) : 7);
    call(&m);
    for (size_t row = 0; row < m.rows; row++) check_row(&m, row, z, g, want);
    for (size_t i = 0; i < count && forms[m.id].result == RESULT_ROW; i++) {
        const double before = m.in_place ? element_get(m.z, m.dtype, i) : 7;
        if (i % step >= m.rows) assert_true(element_get(m.out, m.dtype, i) == before);
    }
    free(m.z), free(m.g), free(m.out), free(z), free(g), free(want);
}

static void check_forms(batch shape_of) {
    for (int id = 0; id < FORM_COUNT; id++)
        for (int t = 0; t < 2; t++) {
            if (forms[id].result == RESULT_MATRIX) continue;
            matrix m = {.id = (form_id)id, .dtype = dtypes[t], .rows = shape_of.rows, .n = shape_of.n};
            check(m);
            m.in_place = forms[id].result == RESULT_ROW;
            if (m.in_place) check(m);
        }
}

static void rows_have_the_bits_they_have_alone(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof all_rows / sizeof *all_rows; i++)
        for (size_t j = 0; j < sizeof all_n / sizeof *all_n; j++) check_forms((batch){all_rows[i], all_n[j]});
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) check_forms(others[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_have_the_bits_they_have_alone)};
    return run_for_set(tests);
}
