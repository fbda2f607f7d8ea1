/* test_ragged.c: packed rows of different lengths: the same bits as of the rows passed one by one, in every form,
 * dtype, mode and layout, on any number of threads and in place. */
#include "layout.h"
#include "processors.h"

#include <math.h>

#define Q 2       /* the output of a gradient */
#define THREADS 4 /* a team of more takes longer to wait for where processors are few */
_Static_assert(THREADS <= PROCESSORS, "the library uses no more threads than processors");

/* How many entries rows have. */
typedef struct packing {
    const char *name;
    size_t rows, least, most; /* each between these */
    size_t some[3];           /* every seventh is one of these instead */
} packing;

static const packing packings[] = {
    {"edges of nodes", 1200, 3, 10, {3, 4, 5}},
    {"empty rows", 100, 3, 3, {0, 0, 0}},
    {"about a block's most", 40, 62, 67, {0, 64, 3}},
    {"short and long", 30, 5, 40, {700, 2049, 2500}},
    {"one row", 1, 77, 77, {77, 77, 77}},
    {"one long row", 1, 9000, 9000, {9000, 9000, 9000}},
};
#define PACKINGS (sizeof packings / sizeof *packings)

/* Logits and a cotangent, of more dimensions than one. */
typedef struct arrangement {
    layout_kind kind;
    int ndim, axis;
    size_t around[2]; /* the other dimensions */
    sj_dtype in, out, offsets;
} arrangement;

static const arrangement arrangements[] = {
    {LAYOUT_C, 1, 0, {1, 1}, SJ_F32, SJ_F32, SJ_I32},        {LAYOUT_C, 1, 0, {1, 1}, SJ_F64, SJ_F64, SJ_I64},
    {LAYOUT_C, 2, 0, {9, 1}, SJ_F32, SJ_F32, SJ_I32},        {LAYOUT_C, 2, 0, {3, 1}, SJ_F64, SJ_F64, SJ_I32},
    {LAYOUT_C, 2, 1, {4, 1}, SJ_F32, SJ_F64, SJ_I64},        {LAYOUT_FORTRAN, 2, 1, {4, 1}, SJ_F64, SJ_F32, SJ_I32},
    {LAYOUT_NEGATIVE, 3, 1, {2, 3}, SJ_F32, SJ_F32, SJ_I64}, {LAYOUT_MIXED, 3, 0, {3, 2}, SJ_F64, SJ_F64, SJ_I32},
    {LAYOUT_STEP_2, 3, 2, {2, 2}, SJ_F32, SJ_F32, SJ_I32},
};
#define ARRANGEMENTS (sizeof arrangements / sizeof *arrangements)

typedef struct ragged {
    const arrangement *how;
    size_t rows, n;
    size_t *starts; /* rows + 1 */
    layout z, g;
    void *offsets;
    sj_view view; /* of them */
    uint8_t *mask;
    double *bias;
    sj_view mask_view, bias_view;
    sj_options options;
} ragged;

static void shape_of(const arrangement *how, size_t size, size_t *shape) {
    for (int d = 0, batch = 0; d < how->ndim; d++) shape[d] = d == how->axis ? size : how->around[batch++];
}

/* Every second element of an array, so that none is read that is not theirs. */
static void offsets_new(ragged *c) {
    const size_t count = c->rows + 1, item = c->how->offsets == SJ_I32 ? 4 : 8;
    c->offsets = malloc((2 * count - 1) * item);
    assert_non_null(c->offsets);
    memset(c->offsets, 0x5a, (2 * count - 1) * item);
    c->view = sj_array(c->offsets, c->how->offsets, 1, &count);
    c->view.strides[0] = 2;
    for (size_t i = 0; i < count; i++) {
        if (item == 4)
            ((int32_t *)c->offsets)[2 * i] = (int32_t)c->starts[i];
        else
            ((int64_t *)c->offsets)[2 * i] = (int64_t)c->starts[i];
    }
}

static void ragged_new(ragged *c, const packing *p, const arrangement *how, uint64_t seed) {
    random_stream r = {seed};
    size_t shape[SJ_MAX_NDIM] = {0};
    *c = (ragged){.how = how, .rows = p->rows, .options = SJ_OPTIONS_INIT};
    c->starts = calloc(p->rows + 1, sizeof *c->starts);
    assert_non_null(c->starts);
    for (size_t i = 0; i < p->rows; i++) {
        const size_t length = i % 7 == 3 ? p->some[i / 7 % 3] : p->least + random_below(&r, p->most - p->least + 1);
        c->starts[i + 1] = c->starts[i] + length;
    }
    c->n = c->starts[p->rows];
    shape_of(how, c->n, shape);
    c->z = layout_new(how->kind, how->in, how->ndim, shape, &r);
    c->g = layout_new(how->kind, how->in, how->ndim, shape, &r);
    c->z.view.axis = how->axis;
    layout_fill(&c->z, &r);
    layout_fill(&c->g, &r);
    offsets_new(c);
    c->options.offsets = &c->view;
}

/* A mask of every entry, and a bias that all rows beside each other share. */
static void ragged_mask(ragged *c) {
    random_stream r = {4};
    size_t shape[SJ_MAX_NDIM] = {0}, shared[SJ_MAX_NDIM];
    shape_of(c->how, c->n, shape);
    for (int d = 0; d < c->how->ndim; d++) shared[d] = d == c->how->axis ? c->n : 1;
    const size_t entries = layout_count(&c->z.view);
    c->mask = malloc(entries);
    assert_non_null(c->mask);
    c->bias = new_elements(SJ_F64, c->n);
    for (size_t k = 0; k < entries; k++) c->mask[k] = random_below(&r, 3) > 0;
    for (size_t k = 0; k < c->n; k++) c->bias[k] = random_below(&r, 9) > 0 ? random_normal(&r) : -(double)INFINITY;
    c->mask_view = sj_array(c->mask, SJ_BOOL, c->how->ndim, shape);
    c->bias_view = sj_array(c->bias, SJ_F64, c->how->ndim, shared);
    c->options.mask = &c->mask_view;
}

static void ragged_free(ragged *c) {
    free(c->mask);
    free(c->bias);
    free(c->starts);
    free(c->offsets);
    layout_free(&c->z);
    layout_free(&c->g);
}

/* Fresh memory for the result, the same at every call. */
static layout result_new(const ragged *c, form_id id) {
    random_stream r = {9};
    size_t shape[SJ_MAX_NDIM] = {0};
    shape_of(c->how, forms[id].result == RESULT_SCALAR ? c->rows : c->n, shape);
    return layout_new(c->how->kind, c->how->out, c->how->ndim, shape, &r);
}

/* Entries [start, end) along the class axis. */
static sj_view part(const ragged *c, sj_view view, size_t start, size_t end) {
    const size_t bytes = view.dtype == SJ_BOOL ? 1 : dtype_bytes(view.dtype);
    view.data = (char *)view.data + (ptrdiff_t)start * view.strides[c->how->axis] * (ptrdiff_t)bytes;
    view.shape[c->how->axis] = end - start;
    return view;
}

/* Without the class axis, whose size is 1. */
static sj_view without_axis(const ragged *c, sj_view view) {
    view.ndim--;
    for (int d = c->how->axis; d < view.ndim; d++) {
        view.shape[d] = view.shape[d + 1];
        view.strides[d] = view.strides[d + 1];
    }
    return view;
}

static void call_packed(const ragged *c, form_id id, sj_view out) {
    const form_arguments a = {.z = c->z.view, .g = c->g.view, .q = Q, .out = out};
    assert_int_equal(forms[id].call(&a, &c->options), SJ_OK);
}

static void call_one_by_one(const ragged *c, form_id id, sj_view out) {
    sj_options options = c->options;
    options.offsets = NULL;
    for (size_t i = 0; i < c->rows; i++) {
        const size_t start = c->starts[i], end = c->starts[i + 1];
        const sj_view mask = part(c, c->mask_view, start, end), bias = part(c, c->bias_view, start, end);
        if (options.mask) options.mask = &mask;
        if (options.bias) options.bias = &bias;
        form_arguments a = {.z = part(c, c->z.view, start, end), .g = part(c, c->g.view, start, end), .q = Q};
        a.out = forms[id].result == RESULT_SCALAR ? without_axis(c, part(c, out, i, i + 1)) : part(c, out, start, end);
        assert_int_equal(forms[id].call(&a, &options), SJ_OK);
    }
}

/* Every byte, those between elements too. */
static void check_same(const layout *got, const layout *want, const ragged *c, form_id id, const packing *p) {
    if (memcmp(got->memory, want->memory, want->bytes) == 0) return;
    for (size_t i = 0; i < layout_count(&want->view); i++) {
        const double x = layout_get(&got->view, i), y = layout_get(&want->view, i);
        if (x != y)
            fail_msg("%s of %s, arrangement %td, mode %d, given %d, scale %g, threads %d: entry %zu: %a; expected %a",
                     forms[id].name, p->name, c->how - arrangements, (int)c->options.mode, (int)c->options.given,
                     c->options.scale, c->options.threads, i, x, y);
    }
    fail_msg("%s of %s, arrangement %td: not the same bytes", forms[id].name, p->name, c->how - arrangements);
}

static void check_form(ragged *c, form_id id, const packing *p) {
    const int threads[] = {1, THREADS};
    layout want = result_new(c, id);
    c->options.threads = 1;
    call_one_by_one(c, id, want.view);
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        layout got = result_new(c, id);
        c->options.threads = threads[t];
        call_packed(c, id, got.view);
        check_same(&got, &want, c, id, p);
        layout_free(&got);
    }
    layout_free(&want);
}

/* What rows are read with. */
typedef enum beside { PLAIN, MASKED, BIASED } beside;

/* Everything with these options; beside a mask no row is brought together with others, and a few are enough. */
static void check_all(sj_mode mode, sj_given given, double scale, beside with) {
    for (size_t p = with == PLAIN ? 0 : 1; p < PACKINGS; p++)
        for (size_t a = 0; a < ARRANGEMENTS; a++) {
            ragged c;
            ragged_new(&c, &packings[p], &arrangements[a], p);
            c.options.mode = mode, c.options.given = given, c.options.scale = scale;
            if (with != PLAIN) ragged_mask(&c);
            if (with == BIASED) c.options.bias = &c.bias_view;
            for (int id = 0; id < FORM_COUNT; id++) {
                const bool forward = id <= FORM_LOGSUMEXP;
                if (forms[id].result == RESULT_MATRIX || (forward && given == SJ_GIVEN_SOFTMAX)) continue;
                check_form(&c, (form_id)id, &packings[p]);
            }
            ragged_free(&c);
        }
}

static void rows_are_rows_alone(void **state) {
    (void)state;
    check_all(SJ_DEFAULT, SJ_GIVEN_LOGITS, 1, PLAIN);
}

static void rows_are_rows_alone_in_exact_mode(void **state) {
    (void)state;
    check_all(SJ_EXACT, SJ_GIVEN_LOGITS, 1, PLAIN);
}

static void rows_are_rows_alone_of_given_softmax(void **state) {
    (void)state;
    check_all(SJ_DEFAULT, SJ_GIVEN_SOFTMAX, 1, PLAIN);
    check_all(SJ_EXACT, SJ_GIVEN_SOFTMAX, 1, PLAIN);
}

static void rows_are_rows_alone_of_scaled_logits(void **state) {
    (void)state;
    check_all(SJ_DEFAULT, SJ_GIVEN_LOGITS, -0.37, PLAIN);
}

static void rows_are_rows_alone_beside_a_mask(void **state) {
    (void)state;
    check_all(SJ_DEFAULT, SJ_GIVEN_LOGITS, 1, MASKED);
    check_all(SJ_EXACT, SJ_GIVEN_LOGITS, 1, MASKED);
    check_all(SJ_DEFAULT, SJ_GIVEN_LOGITS, 0.37, BIASED);
}

/* The results in place of the logits, or of the cotangent. */
static void in_place(void **state) {
    (void)state;
    for (size_t p = 0; p < PACKINGS; p++)
        for (size_t a = 0; a < ARRANGEMENTS; a++)
            for (int id = 0; id < FORM_COUNT; id++) {
                if (forms[id].result != RESULT_ROW || arrangements[a].in != arrangements[a].out) continue;
                ragged c;
                ragged_new(&c, &packings[p], &arrangements[a], p);
                c.options.threads = THREADS;
                layout want = result_new(&c, (form_id)id), *in = forms[id].takes_g ? &c.g : &c.z;
                call_packed(&c, (form_id)id, want.view);
                call_packed(&c, (form_id)id, in->view);
                for (size_t i = 0; i < layout_count(&want.view); i++)
                    if (layout_get(&in->view, i) != layout_get(&want.view, i))
                        fail_msg("%s of %s in place, arrangement %zu: entry %zu", forms[id].name, packings[p].name, a,
                                 i);
                assert_true(layout_gaps_untouched(in));
                layout_free(&want);
                ragged_free(&c);
            }
}

/* What is not finite stays in its row. */
static void edge_cases(void **state) {
    (void)state;
    const double odd[] = {NAN, INFINITY, -INFINITY, 1e30, -1e30};
    for (int policy = SJ_IEEE; policy <= SJ_ZERO; policy++)
        for (int mode = SJ_DEFAULT; mode <= SJ_EXACT; mode++)
            for (int id = 0; id < FORM_COUNT; id++)
                for (size_t a = 0; a < 2; a++) {
                    if (forms[id].result == RESULT_MATRIX) continue;
                    ragged c;
                    random_stream r = {(uint64_t)id};
                    ragged_new(&c, &packings[0], &arrangements[a], 5);
                    c.options.nonfinite = (sj_nonfinite)policy, c.options.mode = (sj_mode)mode;
                    for (size_t i = 0; i < c.n / 3; i++)
                        element_set(c.z.view.data, c.how->in, random_below(&r, c.n), odd[random_below(&r, 5)]);
                    for (size_t k = c.starts[17]; k < c.starts[20]; k++)
                        element_set(c.z.view.data, c.how->in, k, -INFINITY);
                    layout want = result_new(&c, (form_id)id), got = result_new(&c, (form_id)id);
                    call_one_by_one(&c, (form_id)id, want.view);
                    call_packed(&c, (form_id)id, got.view);
                    for (size_t i = 0; i < layout_count(&want.view); i++)
                        if (!same_bits(c.how->out, got.view.data, i, want.view.data, i))
                            fail_msg("%s, policy %d, mode %d: entry %zu: %a; expected %a", forms[id].name, policy, mode,
                                     i, layout_get(&got.view, i), layout_get(&want.view, i));
                    layout_free(&want);
                    layout_free(&got);
                    ragged_free(&c);
                }
}

/* Written down. */
static void known_rows(void **state) {
    (void)state;
    const double z[3] = {4, 4, 3};
    const int64_t starts[5] = {0, 0, 2, 2, 3};
    double s[3], sums[4];
    const size_t count = 5, none = 1;
    sj_view offsets = sj_array(starts, SJ_I64, 1, &count);
    sj_options options = SJ_OPTIONS_INIT;
    options.offsets = &offsets;
    assert_int_equal(sj_softmax(sj_vector_f64(z, 3), sj_vector_f64(s, 3), &options), SJ_OK);
    assert_true(s[0] == 0.5 && s[1] == 0.5 && s[2] == 1);
    assert_int_equal(sj_logsumexp(sj_vector_f64(z, 3), sj_vector_f64(sums, 4), &options), SJ_OK);
    assert_true(sums[0] == -(double)INFINITY && sums[1] == 4 + log(2) && sums[2] == -(double)INFINITY && sums[3] == 3);
    /* no entries: of three rows, and of none */
    const int64_t zeros[4] = {0};
    options.scale = 2;
    offsets = sj_array(zeros, SJ_I64, 1, (const size_t[]){4});
    assert_int_equal(sj_softmax(sj_vector_f64(NULL, 0), sj_vector_f64(NULL, 0), &options), SJ_OK);
    for (size_t i = 0; i < 4; i++) sums[i] = 7;
    assert_int_equal(sj_logsumexp(sj_vector_f64(NULL, 0), sj_vector_f64(sums, 3), &options), SJ_OK);
    for (size_t i = 0; i < 3; i++) assert_true(sums[i] == -(double)INFINITY);
    offsets = sj_array(zeros, SJ_I64, 1, &none);
    assert_int_equal(sj_logsumexp(sj_vector_f64(NULL, 0), sj_vector_f64(NULL, 0), &options), SJ_OK);
    assert_int_equal(sj_softmax(sj_vector_f64(NULL, 0), sj_vector_f64(NULL, 0), &options), SJ_OK);
    assert_true(sums[3] == 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_are_rows_alone),
                                       cmocka_unit_test(rows_are_rows_alone_in_exact_mode),
                                       cmocka_unit_test(rows_are_rows_alone_of_given_softmax),
                                       cmocka_unit_test(rows_are_rows_alone_of_scaled_logits),
                                       cmocka_unit_test(rows_are_rows_alone_beside_a_mask),
                                       cmocka_unit_test(in_place),
                                       cmocka_unit_test(edge_cases),
                                       cmocka_unit_test(known_rows)};
    return run_for_set(tests);
}
