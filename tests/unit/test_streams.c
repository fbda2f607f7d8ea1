/* test_streams.c: calls that move so much that their results go past the caches: the bits of the same rows in small
 * calls, and nothing written beside them, wherever the result begins. */
#include "support.h"

#define BYTES ((size_t)17 << 20) /* of the logits, and of the result: with them a call moves more than 32 MiB */
#define PART ((size_t)1 << 18)   /* of a small call, about */
#define GUARD 3                  /* entries before the result and after */
#define LINE 64

static const size_t all_n[] = {5, 33, 64, 1027, 40000};
static const form_id all_forms[] = {FORM_SOFTMAX, FORM_VJP};

static void call(form_id id, sj_dtype dtype, size_t rows, size_t n, void *z, void *g, void *out,
                 const sj_options *options) {
    const size_t shape[] = {rows, n};
    form_arguments a = {sj_array(z, dtype, 2, shape), sj_array(g, dtype, 2, shape), n / 2, SJ_BLOCKS,
                        sj_array(out, dtype, 2, shape)};
    assert_int_equal(forms[id].call(&a, options), SJ_OK);
}

/* The result begins GUARD entries past the start of a cache line, or `aligned` at one. */
static void check_at(form_id id, sj_dtype dtype, size_t n, char *z, char *g, sj_given given, bool aligned) {
    sj_options options = SJ_OPTIONS_INIT;
    options.given = given;
    const size_t size = dtype == SJ_F32 ? sizeof(float) : sizeof(double);
    const size_t rows = BYTES / size / n, count = rows * n;
    char *memory = new_elements(dtype, count + 2 * GUARD + 2 * LINE / size), *part = new_elements(dtype, PART + n);
    char *out = memory + LINE - (uintptr_t)memory % LINE;
    if (aligned) out += LINE - GUARD * size;
    for (size_t i = 0; i < count + 2 * GUARD; i++) element_set(out, dtype, i, 7);
    call(id, dtype, rows, n, z, g, out + GUARD * size, &options);
    for (size_t i = 0; i < GUARD; i++)
        assert_true(element_get(out, dtype, i) == 7 && element_get(out, dtype, GUARD + count + i) == 7);
    const size_t few = PART / n + 1;
    for (size_t first = 0; first < rows; first += few) {
        const size_t taken = rows - first < few ? rows - first : few, at = first * n * size;
        call(id, dtype, taken, n, z + at, g + at, part, &options);
        if (memcmp(out + GUARD * size + at, part, taken * n * size) != 0)
            fail_msg("%s %s, rows of %zu, from row %zu on: other bits", forms[id].name, dtype_name(dtype), n, first);
    }
    free(memory), free(part);
}

static void check(form_id id, sj_dtype dtype, size_t n, char *z, char *g, sj_given given) {
    check_at(id, dtype, n, z, g, given, false);
    check_at(id, dtype, n, z, g, given, true);
}

static void bits_are_those_of_small_calls(void **state) {
    (void)state;
    for (int t = 0; t < 2; t++) {
        const size_t logits = BYTES / (dtypes[t] == SJ_F32 ? sizeof(float) : sizeof(double));
        char *z = new_elements(dtypes[t], logits), *g = new_elements(dtypes[t], logits);
        fill_random(z, dtypes[t], logits, 1);
        fill_random(g, dtypes[t], logits, 2);
        for (size_t j = 0; j < sizeof all_n / sizeof *all_n; j++)
            for (size_t i = 0; i < sizeof all_forms / sizeof *all_forms; i++)
                check(all_forms[i], dtypes[t], all_n[j], z, g, SJ_GIVEN_LOGITS);
        for (size_t i = 0; i < logits; i++) element_set(z, dtypes[t], i, element_get(z, dtypes[t], i) > 0 ? 0x1p-9 : 0);
        for (size_t j = 0; j < sizeof all_n / sizeof *all_n; j++)
            check(FORM_VJP, dtypes[t], all_n[j], z, g, SJ_GIVEN_SOFTMAX);
        free(z), free(g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(bits_are_those_of_small_calls)};
    return run_for_set(tests);
}
