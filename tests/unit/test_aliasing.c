/* test_aliasing.c: output exactly in place of an input gives the bits it gives elsewhere; every other overlap is
 * refused with nothing written. */
#include "layout.h"

static const size_t lengths[] = {1, 2, 7, 16, 33, 100, 2048, 2049, 5000};
#define ROWS 3

typedef enum place { IN_Z, IN_G, IN_BOTH } place; /* IN_BOTH: z, g and out are one array */

static void check_in_place(form_id id, sj_dtype dtype, size_t n, place where) {
    const size_t count = ROWS * n, shape[2] = {ROWS, n};
    void *z = new_elements(dtype, count), *g = new_elements(dtype, count), *want = new_elements(dtype, count);
    fill_random(z, dtype, count, n);
    fill_random(g, dtype, count, n + 1);
    form_arguments a = {sj_array(z, dtype, 2, shape), sj_array(where == IN_BOTH ? z : g, dtype, 2, shape), n - 1,
                        SJ_BLOCKS, sj_array(want, dtype, 2, shape)};
    assert_int_equal(forms[id].call(&a, NULL), SJ_OK);
    a.out = where == IN_G ? a.g : a.z;
    assert_int_equal(forms[id].call(&a, NULL), SJ_OK);
    if (memcmp(a.out.data, want, count * dtype_bytes(dtype)) != 0)
        fail_msg("%s %s, n = %zu, in place of %s: other bits than elsewhere", forms[id].name, dtype_name(dtype), n,
                 where == IN_G ? "g" : "z");
    free(z);
    free(g);
    free(want);
}

static void in_place_is_as_elsewhere(void **state) {
    (void)state;
    for (int id = 0; id < FORM_COUNT; id++)
        for (int t = 0; t < 2; t++)
            for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
                if (forms[id].result != RESULT_ROW) continue;
                check_in_place((form_id)id, dtypes[t], lengths[i], IN_Z);
                if (!forms[id].takes_g) continue;
                check_in_place((form_id)id, dtypes[t], lengths[i], IN_G);
                check_in_place((form_id)id, dtypes[t], lengths[i], IN_BOTH);
            }
}

/* The same in strided memory, the class axis first. */
static void in_place_with_strides(void **state) {
    const size_t shape[2] = {19, 4};
    random_stream r = {1};
    (void)state;
    for (int id = 0; id < FORM_COUNT; id++)
        for (int kind = 0; kind < LAYOUT_ZERO; kind++) {
            if (forms[id].result != RESULT_ROW) continue;
            layout z = layout_new((layout_kind)kind, SJ_F64, 2, shape, &r);
            layout g = layout_new(LAYOUT_C, SJ_F64, 2, shape, &r), want = layout_new(LAYOUT_C, SJ_F64, 2, shape, &r);
            layout_fill(&z, &r);
            layout_fill(&g, &r);
            z.view.axis = 0;
            form_arguments a = {z.view, g.view, 3, SJ_BLOCKS, want.view};
            assert_int_equal(forms[id].call(&a, NULL), SJ_OK);
            a.out = z.view;
            assert_int_equal(forms[id].call(&a, NULL), SJ_OK);
            for (size_t i = 0; i < layout_count(&z.view); i++) {
                const double got = layout_get(&z.view, i), expected = layout_get(&want.view, i);
                assert_true(same_bits(SJ_F64, &got, 0, &expected, 0));
            }
            assert_true(layout_gaps_untouched(&z));
            layout_free(&z);
            layout_free(&g);
            layout_free(&want);
        }
}

/* A call on one piece of memory: `input` and `out` of it may share, the other input lies elsewhere. */
typedef struct shared_memory {
    double memory[600], before[600], elsewhere[600];
} shared_memory;

static void expect_refused(const form *entry, shared_memory *shared, form_arguments a, const char *how) {
    sj_error error = {SJ_OK, ""};
    sj_options options = SJ_OPTIONS_INIT;
    options.error = &error;
    memcpy(shared->before, shared->memory, sizeof shared->memory);
    const sj_status status = entry->call(&a, &options);
    if (status != SJ_BAD_OVERLAP) fail_msg("%s, %s: %s; expected a refusal", entry->name, how, sj_strerror(status));
    assert_int_equal(error.status, SJ_BAD_OVERLAP);
    assert_non_null(strstr(error.message, "out overlaps "));
    assert_memory_equal(shared->memory, shared->before, sizeof shared->memory);
}

/* `input` is a.z or a.g. */
static void refuse_overlaps_with(const form *entry, shared_memory *shared, form_arguments a, sj_view *input) {
    const sj_view in_place = *input, separate = a.out;
    const bool exact = entry->result == RESULT_ROW;
    double *const memory = in_place.data;
    a.out.data = memory;
    if (!exact) expect_refused(entry, shared, a, "at the start of an input");
    a.out.data = memory + 1;
    expect_refused(entry, shared, a, "one element on");
    a.out.data = memory + layout_count(&in_place) - 1;
    expect_refused(entry, shared, a, "on the last element");
    a.out.data = memory - (layout_count(&separate) - 1);
    expect_refused(entry, shared, a, "its last element on the first");
    a.out.data = memory;
    a.out.dtype = SJ_F32;
    expect_refused(entry, shared, a, "of another dtype");
    a.out.data = (char *)memory + 4;
    expect_refused(entry, shared, a, "half an element on");
    if (!exact) return;
    a.out = in_place;
    a.out.strides[0] = -in_place.strides[0];
    a.out.data = memory + 2 * in_place.strides[0];
    expect_refused(entry, shared, a, "rows reversed");
    a.out = in_place;
    a.out.data = memory + in_place.shape[1] - 1;
    a.out.strides[1] = -1;
    expect_refused(entry, shared, a, "classes reversed");
    a.out = in_place;
    a.out.strides[0] = 2 * in_place.strides[0];
    expect_refused(entry, shared, a, "at every second row");
}

static void other_overlaps_are_refused(void **state) {
    const size_t shape[2] = {3, 5};
    static shared_memory shared;
    (void)state;
    fill_random(shared.memory, SJ_F64, 600, 1);
    fill_random(shared.elsewhere, SJ_F64, 600, 2);
    for (int id = 0; id < FORM_COUNT; id++)
        for (int layouts = 0; layouts < (forms[id].result == RESULT_MATRIX ? 2 : 1); layouts++) {
            const size_t dense[4] = {3, 5, 3, 5};
            size_t result[3] = {0};
            const int ndim = result_shape((form_id)id, 2, 1, shape, result);
            form_arguments a = {.layout = layouts ? SJ_DENSE : SJ_BLOCKS, .q = 2};
            a.out = layouts ? sj_array(NULL, SJ_F64, 4, dense) : sj_array(NULL, SJ_F64, ndim, result);
            a.z = sj_array(shared.memory + 300, SJ_F64, 2, shape);
            a.g = sj_array(shared.elsewhere, SJ_F64, 2, shape);
            refuse_overlaps_with(&forms[id], &shared, a, &a.z);
            if (!forms[id].takes_g) continue;
            a.g = sj_array(shared.memory + 300, SJ_F64, 2, shape);
            a.z = sj_array(shared.elsewhere, SJ_F64, 2, shape);
            refuse_overlaps_with(&forms[id], &shared, a, &a.g);
        }
}

/* Both inputs may share as they like. */
static void inputs_may_overlap(void **state) {
    enum { n = 30 };
    double memory[n + 7], out[n], want[n];
    (void)state;
    fill_random(memory, SJ_F64, n + 7, 9);
    for (int id = 0; id < FORM_COUNT; id++) {
        if (!forms[id].takes_g) continue;
        const form_arguments a = {sj_vector_f64(memory, n), sj_vector_f64(memory + 7, n), 0, SJ_BLOCKS,
                                  sj_vector_f64(out, n)};
        assert_int_equal(forms[id].call(&a, NULL), SJ_OK);
        form_row((form_id)id, SJ_F64, memory, memory + 7, 0, n, want);
        assert_memory_equal(out, want, sizeof want);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_place_is_as_elsewhere), cmocka_unit_test(in_place_with_strides),
        cmocka_unit_test(other_overlaps_are_refused), cmocka_unit_test(inputs_may_overlap)};
    return run_for_set(tests);
}
