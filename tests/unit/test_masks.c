/* test_masks.c: masks, lengths and causal masks: the edge cases, the same bits as of rows without what is masked or
 * with -inf in its place, on any number of threads and in place, and every way to give them wrongly. */
#include "support.h"

#include <math.h>
#include <stdio.h>

/* An array of `rows` rows of n, and a mask of it. */
typedef struct batch {
    sj_dtype dtype;
    size_t rows, n;
    void *z, *g;
    uint8_t *mask;
    sj_view mask_view;
    sj_options options;
} batch;

static void batch_new(batch *b, sj_dtype dtype, size_t rows, size_t n, uint64_t seed) {
    random_stream r = {seed};
    const size_t shape[2] = {rows, n};
    *b = (batch){.dtype = dtype, .rows = rows, .n = n, .options = SJ_OPTIONS_INIT};
    b->z = new_elements(dtype, rows * n);
    b->g = new_elements(dtype, rows * n);
    b->mask = malloc(rows * n);
    assert_non_null(b->mask);
    fill_random(b->z, dtype, rows * n, seed);
    fill_random(b->g, dtype, rows * n, seed + 1);
    for (size_t i = 0; i < rows * n; i++) b->mask[i] = random_below(&r, 3) > 0;
    b->mask_view = sj_array(b->mask, SJ_BOOL, 2, shape);
    b->options.mask = &b->mask_view;
}

static void batch_free(batch *b) {
    free(b->z);
    free(b->g);
    free(b->mask);
}

/* Rows [row, row + rows) of n entries through a form, n from each row's first on. */
static void call_rows(const batch *b, form_id id, const sj_options *options, size_t row, size_t rows, size_t n,
                      void *out) {
    const size_t shape[2] = {rows, n}, first = row * b->n * dtype_bytes(b->dtype);
    size_t result[3] = {0};
    const int ndim = result_shape(id, 2, 1, shape, result);
    form_arguments a = {.z = sj_array((char *)b->z + first, b->dtype, 2, shape),
                        .g = sj_array((char *)b->g + first, b->dtype, 2, shape),
                        .out = sj_array(out, b->dtype, ndim, result)};
    a.z.strides[0] = a.g.strides[0] = (ptrdiff_t)b->n;
    if (forms[id].result == RESULT_ROW) a.out.strides[0] = (ptrdiff_t)b->n;
    assert_int_equal(forms[id].call(&a, options), SJ_OK);
}

static void check_bits(const batch *b, form_id id, const void *got, size_t i, const void *want, size_t j,
                       const char *what) {
    if (!same_bits(b->dtype, got, i, want, j))
        fail_msg("%s %s, n = %zu, %s, entry %zu: %a; expected %a", forms[id].name, dtype_name(b->dtype), b->n, what, i,
                 element_get(got, b->dtype, i), element_get(want, b->dtype, j));
}

static const size_t row_lengths[] = {1, 2, 7, 16, 33, 64, 65, 500, 2049, 20000};

/* What a mask leaves out is -inf, and counts in no cotangent. */
static void same_bits_as_minus_infinity(void **state) {
    (void)state;
    const form_id ids[] = {FORM_SOFTMAX, FORM_LOG_SOFTMAX, FORM_LOGSUMEXP, FORM_GRADIENT, FORM_VJP, FORM_LOG_VJP};
    for (int t = 0; t < 2; t++)
        for (size_t l = 0; l < sizeof row_lengths / sizeof *row_lengths; l++) {
            batch b;
            batch_new(&b, dtypes[t], 5, row_lengths[l], l);
            const size_t entries = b.rows * b.n;
            for (size_t row = 0; row < b.rows; row++) b.mask[row * b.n] = 1; /* of every row something is left */
            void *masked = new_elements(b.dtype, entries), *placed = new_elements(b.dtype, entries);
            for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
                const size_t count = ids[i] == FORM_LOGSUMEXP ? b.rows : entries;
                call_rows(&b, ids[i], &b.options, 0, b.rows, b.n, masked);
                for (size_t k = 0; k < entries; k++)
                    if (!b.mask[k]) element_set(b.z, b.dtype, k, -INFINITY), element_set(b.g, b.dtype, k, 0);
                call_rows(&b, ids[i], NULL, 0, b.rows, b.n, placed);
                for (size_t k = 0; k < count; k++) check_bits(&b, ids[i], masked, k, placed, k, "masked");
            }
            free(masked);
            free(placed);
            batch_free(&b);
        }
}

/* Rows that end early are rows of fewer entries; rest: what is past their end. */
static void check_ended(const batch *b, form_id id, const sj_options *options, const size_t *ends) {
    const bool scalar = forms[id].result == RESULT_SCALAR;
    void *whole = new_elements(b->dtype, b->rows * b->n), *alone = new_elements(b->dtype, b->n);
    call_rows(b, id, options, 0, b->rows, b->n, whole);
    for (size_t row = 0; row < b->rows; row++) {
        const size_t end = ends[row];
        for (size_t k = 0; k < b->n; k++) element_set(alone, b->dtype, k, id == FORM_LOG_SOFTMAX ? -INFINITY : 0);
        if (scalar) element_set(alone, b->dtype, 0, -INFINITY);
        if (end > 0) call_rows(b, id, NULL, row, 1, end, alone);
        for (size_t k = 0; k < (scalar ? 1 : b->n); k++)
            check_bits(b, id, whole, scalar ? row : row * b->n + k, alone, k, "ended");
    }
    free(whole);
    free(alone);
}

static void rows_that_end_are_rows_alone(void **state) {
    (void)state;
    for (int t = 0; t < 2; t++)
        for (size_t l = 0; l < sizeof row_lengths / sizeof *row_lengths; l++) {
            enum { ROWS = 9 };
            batch b;
            batch_new(&b, dtypes[t], ROWS, row_lengths[l], l);
            random_stream r = {l};
            int32_t lengths[ROWS];
            size_t ends[ROWS], reaches[ROWS];
            const size_t rows = ROWS;
            const sj_view view = sj_array(lengths, SJ_I32, 1, &rows);
            sj_options ended = SJ_OPTIONS_INIT, causal = SJ_OPTIONS_INIT;
            ended.lengths = &view;
            causal.causal = true;
            causal.causal_offset = (ptrdiff_t)random_below(&r, b.n) - 2;
            for (size_t row = 0; row < ROWS; row++) {
                ends[row] = random_below(&r, b.n + 1);
                lengths[row] = (int32_t)ends[row];
                const ptrdiff_t reach = (ptrdiff_t)row + causal.causal_offset + 1;
                reaches[row] = reach < 0 ? 0 : reach < (ptrdiff_t)b.n ? (size_t)reach : b.n;
            }
            for (int id = 0; id < FORM_COUNT; id++)
                if (forms[id].result != RESULT_MATRIX && !forms[id].takes_class) {
                    check_ended(&b, (form_id)id, &ended, ends);
                    check_ended(&b, (form_id)id, &causal, reaches);
                }
            batch_free(&b);
        }
}

/* On one thread, on several, and in place of the logits or of the cotangent. */
static void same_bits_from_threads_and_in_place(void **state) {
    (void)state;
    const size_t shapes[][2] = {{20000, 16}, {900, 300}, {3, 120000}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int id = 0; id < FORM_COUNT; id++) {
            if (forms[id].result == RESULT_MATRIX) continue;
            batch b;
            batch_new(&b, SJ_F32, shapes[s][0], shapes[s][1], s);
            b.options.causal = true;
            b.options.causal_offset = 5;
            const size_t entries = b.rows * b.n, bytes = entries * sizeof(float);
            void *one = calloc(entries, sizeof(float)), *many = calloc(entries, sizeof(float));
            assert_true(one && many);
            b.options.threads = 1;
            call_rows(&b, (form_id)id, &b.options, 0, b.rows, b.n, one);
            b.options.threads = 0;
            call_rows(&b, (form_id)id, &b.options, 0, b.rows, b.n, many);
            assert_memory_equal(one, many, bytes);
            if (forms[id].result == RESULT_ROW) {
                void *in = forms[id].takes_g ? b.g : b.z;
                call_rows(&b, (form_id)id, &b.options, 0, b.rows, b.n, in);
                assert_memory_equal(in, one, bytes);
            }
            free(one);
            free(many);
            batch_free(&b);
        }
}

/* ------------------------------------------------------------ edge cases, one row of four */

typedef struct masked_edge {
    const char *name;
    sj_nonfinite policy;
    double z[4];
    uint8_t mask[4];
    double s[4], log_s[4], logsumexp;
    double derivative; /* of entries that take part: 0, NaN, or 7 where they are checked elsewhere */
} masked_edge;

#define INF INFINITY
#define LN2 0.69314718055994530942
#define NAN_SNAN                                                                                                       \
    { NAN, INF, -INF, 1e30 }
#define OF_ZERO                                                                                                        \
    { 0, 0, 0, 0 }
#define OF_MINUS                                                                                                       \
    { -INF, -INF, -INF, -INF }

static const masked_edge edges[] = {
    {"fully masked", SJ_IEEE, NAN_SNAN, OF_ZERO, OF_ZERO, OF_MINUS, -INF, 0},
    {"fully masked", SJ_LIMIT, NAN_SNAN, OF_ZERO, OF_ZERO, OF_MINUS, -INF, 0},
    {"fully masked", SJ_ZERO, NAN_SNAN, OF_ZERO, OF_ZERO, OF_MINUS, -INF, 0},
    {"the rest -inf", SJ_IEEE, {NAN, -INF, -INF, 5}, {0, 1, 1, 0}, {0, NAN, NAN, 0}, {-INF, NAN, NAN, -INF}, -INF, NAN},
    {"the rest -inf",
     SJ_LIMIT,
     {NAN, -INF, -INF, 5},
     {0, 1, 1, 0},
     {0, NAN, NAN, 0},
     {-INF, NAN, NAN, -INF},
     -INF,
     NAN},
    {"the rest -inf", SJ_ZERO, {NAN, -INF, -INF, 5}, {0, 1, 1, 0}, OF_ZERO, OF_MINUS, -INF, 0},
    {"the rest NaN", SJ_ZERO, {3, NAN, 2, 1}, {0, 1, 1, 0}, {0, NAN, NAN, 0}, {-INF, NAN, NAN, -INF}, NAN, NAN},
    {"+inf beside", SJ_IEEE, {NAN, 1, INF, 1}, {0, 1, 1, 1}, {0, NAN, NAN, NAN}, {-INF, NAN, NAN, NAN}, INF, NAN},
    {"+inf beside", SJ_LIMIT, {INF, 1, INF, INF}, {0, 1, 1, 1}, {0, 0, .5, .5}, {-INF, -INF, -LN2, -LN2}, INF, 7},
    {"one left", SJ_IEEE, {INF, NAN, 3, INF}, {0, 0, 255, 0}, {0, 0, 1, 0}, {-INF, -INF, 0, -INF}, 3, 0},
    {"two left", SJ_IEEE, {1, NAN, 3, 1}, {1, 0, 0, 2}, {.5, 0, 0, .5}, {-LN2, -INF, -INF, -LN2}, 1 + LN2, 7},
};

static void check_number(double got, double want, const masked_edge *e, const char *what) {
    if (isnan(want) ? !isnan(got) : !(got == want || fabs(got - want) < 1e-6))
        fail_msg("%s (policy %d), %s: %g; expected %g", e->name, (int)e->policy, what, got, want);
}

/* The row with masked entries of NaN appended up to n, so that every kind of row is one. */
static void check_edge(const masked_edge *e, sj_dtype dtype, size_t n, sj_mode mode) {
    double *z = new_elements(SJ_F64, n), *g = new_elements(SJ_F64, n), *out = new_elements(SJ_F64, n);
    uint8_t *mask = calloc(n, 1);
    assert_non_null(mask);
    for (size_t k = 0; k < n; k++) z[k] = k < 4 ? e->z[k] : NAN, g[k] = k < 4 ? (double)k + 1 : NAN;
    memcpy(mask, e->mask, 4);
    const sj_view view = sj_array(mask, SJ_BOOL, 1, &n);
    sj_options options = SJ_OPTIONS_INIT;
    options.mask = &view, options.nonfinite = e->policy, options.mode = mode;
    for (int id = 0; id < FORM_COUNT; id++) {
        if (forms[id].result == RESULT_MATRIX) continue;
        form_row_with(&options, (form_id)id, dtype, z, g, 2, n, out);
        if (id == FORM_LOGSUMEXP) check_number(out[0], e->logsumexp, e, forms[id].name);
        for (size_t k = 0; k < (id == FORM_LOGSUMEXP ? 0 : n); k++) {
            const bool derivative = id > FORM_LOGSUMEXP, takes = k < 4 && e->mask[k];
            const bool selected = !forms[id].takes_class || e->mask[2];
            if (!takes)
                check_number(out[k], id == FORM_LOG_SOFTMAX ? -INF : 0, e, forms[id].name);
            else if (!derivative)
                check_number(out[k], id == FORM_SOFTMAX ? e->s[k] : e->log_s[k], e, forms[id].name);
            else if (e->derivative != 7 && selected)
                check_number(out[k], e->derivative, e, forms[id].name);
        }
    }
    free(z), free(g), free(out), free(mask);
}

static void edge_cases(void **state) {
    (void)state;
    const size_t n[] = {4, 16, 65, 3000};
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++)
        for (int t = 0; t < 2; t++)
            for (size_t l = 0; l < sizeof n / sizeof *n; l++)
                for (int mode = SJ_DEFAULT; mode <= SJ_EXACT; mode++)
                    check_edge(&edges[i], dtypes[t], n[l], (sj_mode)mode);
}

/* A masked s that is given reads as 0, and so does its cotangent. */
static void given_softmax(void **state) {
    (void)state;
    const double s[4] = {.25, NAN, .5, .25}, g[4] = {1, NAN, 2, 4};
    const double without[3] = {.25, .5, .25}, beside[3] = {1, 2, 4};
    const uint8_t mask[4] = {1, 0, 1, 1};
    const size_t n = 4;
    const sj_view view = sj_array(mask, SJ_BOOL, 1, &n);
    sj_options options = SJ_OPTIONS_INIT, plain = SJ_OPTIONS_INIT;
    options.given = plain.given = SJ_GIVEN_SOFTMAX;
    options.mask = &view;
    for (int id = FORM_VJP; id < FORM_COUNT; id++) {
        if (!forms[id].takes_g) continue;
        double out[4], expected[3];
        form_row_with(&options, (form_id)id, SJ_F64, s, g, 0, 4, out);
        form_row_with(&plain, (form_id)id, SJ_F64, without, beside, 0, 3, expected);
        assert_true(out[0] == expected[0] && out[2] == expected[1] && out[3] == expected[2] && out[1] == 0);
    }
}

/* ------------------------------------------------------------ mistakes */

typedef struct trial {
    uint8_t mask[12];
    int32_t lengths[3];
    sj_view mask_view, length_view, z, out;
    sj_options options;
    float data[12], result[12];
} trial;

static void mask_dtype(trial *t) { t->mask_view.dtype = SJ_F32; }
static void mask_null(trial *t) { t->mask_view.data = NULL; }
static void mask_shape(trial *t) { t->mask_view.shape[1] = 3; }
static void mask_ndim(trial *t) { t->mask_view.ndim = 3, t->mask_view.shape[2] = 4, t->mask_view.strides[2] = 1; }
static void mask_overlap(trial *t) { t->mask_view.data = t->result; }
static void length_dtype(trial *t) { t->length_view.dtype = SJ_BOOL; }
static void length_shape(trial *t) { t->length_view.shape[0] = 2; }
static void length_negative(trial *t) { t->lengths[1] = -1; }
static void length_large(trial *t) { t->lengths[2] = 5; }
static void causal_axis(trial *t) { t->options.causal = true, t->options.lengths = NULL, t->z.axis = 0; }
static void causal_ndim(trial *t) {
    t->options.causal = true, t->options.mask = t->options.lengths = NULL;
    t->z.ndim = t->out.ndim = 1;
}

static const struct {
    const char *what;
    void (*make)(trial *t);
    sj_status status;
    const char *named;
} mistakes[] = {
    {"mask of floats", mask_dtype, SJ_BAD_DTYPE, "options.mask: dtype 1; expected SJ_BOOL"},
    {"no data", mask_null, SJ_BAD_POINTER, "options.mask"},
    {"shape of the mask", mask_shape, SJ_BAD_SHAPE, "options.mask: size 3 in dimension 1; expected 1 or 4"},
    {"dimensions of the mask", mask_ndim, SJ_BAD_SHAPE, "options.mask: 3 dimensions"},
    {"mask in the output", mask_overlap, SJ_BAD_OVERLAP, "out overlaps options.mask"},
    {"lengths of bool", length_dtype, SJ_BAD_DTYPE, "options.lengths: dtype 5; expected SJ_I32 or SJ_I64"},
    {"shape of the lengths", length_shape, SJ_BAD_SHAPE, "options.lengths: size 2 in dimension 0; expected 1 or 3"},
    {"length below 0", length_negative, SJ_BAD_OPTION, "options.lengths: -1 "},
    {"length above n", length_large, SJ_BAD_OPTION, "options.lengths: 5 "},
    {"causal along the first axis", causal_axis, SJ_BAD_OPTION, "options.causal: class axis 0"},
    {"causal of one dimension", causal_ndim, SJ_BAD_OPTION, "options.causal: 1 dimension"},
};

static void mistakes_are_told(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        const size_t shape[2] = {3, 4};
        trial t = {.lengths = {1, 2, 3}, .options = SJ_OPTIONS_INIT};
        sj_error error = {SJ_OK, ""};
        t.z = sj_matrix_f32(t.data, 3, 4), t.out = sj_matrix_f32(t.result, 3, 4);
        t.mask_view = sj_array(t.mask, SJ_BOOL, 2, shape), t.length_view = sj_array(t.lengths, SJ_I32, 1, shape);
        t.options.mask = &t.mask_view, t.options.lengths = &t.length_view, t.options.error = &error;
        for (size_t k = 0; k < 12; k++) t.result[k] = 7;
        mistakes[i].make(&t);
        const sj_status status = sj_softmax(t.z, t.out, &t.options);
        if (status != mistakes[i].status || error.status != status || strstr(error.message, mistakes[i].named) == NULL)
            fail_msg("%s: status %d, %s; expected %d, %s", mistakes[i].what, (int)status, error.message,
                     (int)mistakes[i].status, mistakes[i].named);
        for (size_t k = 0; k < 12; k++) assert_true(t.result[k] == 7);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_bits_as_minus_infinity),
                                       cmocka_unit_test(rows_that_end_are_rows_alone),
                                       cmocka_unit_test(same_bits_from_threads_and_in_place),
                                       cmocka_unit_test(edge_cases),
                                       cmocka_unit_test(given_softmax),
                                       cmocka_unit_test(mistakes_are_told)};
    return run_for_set(tests);
}
