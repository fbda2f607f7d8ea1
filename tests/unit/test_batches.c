/* test_batches.c: a row gives the same bits at every position in a batch, in batches of every size, at every alignment,
 * and where it is longer than the pieces a kernel handles at a time, contiguous or not. */
#include "support.h"

static const size_t lengths[] = {1, 2, 3, 5, 8, 9, 10, 15, 16, 17, 31, 33, 64, 67, 100};
#define LENGTHS (sizeof lengths / sizeof *lengths)

typedef enum distance { ALL_NEAR, SOME_FAR } distance;

/* Some rows to where their maxima are not near. */
static void move_rows(char *z, sj_dtype dtype, size_t rows, size_t n) {
    for (size_t i = 0; i < rows * n; i++) {
        const size_t row = i / n;
        const double shift = row % 3 == 1 ? -2000 : row % 7 == 3 ? 5000 : 0;
        element_set(z, dtype, i, element_get(z, dtype, i) + shift);
    }
}

/* `rows` rows at `offset` elements from an aligned address, against each row alone at offset 0. */
static void check_batch(form_id id, sj_dtype dtype, size_t rows, size_t n, size_t offset, distance from_0) {
    const size_t entries = form_entries(&forms[id], n), shape[2] = {rows, n}, item = dtype_bytes(dtype);
    size_t result[3] = {0};
    const int ndim = result_shape(id, 2, 1, shape, result);
    char *z = new_elements(dtype, rows * n + offset), *g = new_elements(dtype, rows * n + offset);
    char *out = new_elements(dtype, rows * entries + offset), *alone = new_elements(dtype, entries);
    fill_random(z, dtype, rows * n + offset, n);
    fill_random(g, dtype, rows * n + offset, n + 1);
    if (from_0 == SOME_FAR) move_rows(z + offset * item, dtype, rows, n);
    form_arguments a = {sj_array(z + offset * item, dtype, 2, shape), sj_array(g + offset * item, dtype, 2, shape),
                        n / 2, SJ_BLOCKS, sj_array(out + offset * item, dtype, ndim, result)};
    assert_int_equal(forms[id].call(&a, NULL), SJ_OK);
    for (size_t row = 0; row < rows; row++) {
        char *copies[2] = {new_elements(dtype, n), new_elements(dtype, n)};
        memcpy(copies[0], z + (offset + row * n) * item, n * item);
        memcpy(copies[1], g + (offset + row * n) * item, n * item);
        const form_arguments one = {sj_array(copies[0], dtype, 1, &n), sj_array(copies[1], dtype, 1, &n), n / 2,
                                    SJ_BLOCKS, sj_array(alone, dtype, ndim - 1, result + 1)};
        assert_int_equal(forms[id].call(&one, NULL), SJ_OK);
        if (memcmp(out + (offset + row * entries) * item, alone, entries * item) != 0)
            fail_msg("%s %s, n = %zu: row %zu of %zu at offset %zu differs from the row alone", forms[id].name,
                     dtype_name(dtype), n, row, rows, offset);
        free(copies[0]);
        free(copies[1]);
    }
    free(z);
    free(g);
    free(out);
    free(alone);
}

static void every_batch_size_and_position(void **state) {
    (void)state;
    for (int id = 0; id < FORM_COUNT; id++)
        for (int t = 0; t < 2; t++)
            for (size_t i = 0; i < LENGTHS; i++)
                for (size_t rows = 1; rows <= 40; rows += forms[id].result == RESULT_MATRIX && rows > 3 ? 7 : 1)
                    check_batch((form_id)id, dtypes[t], rows, lengths[i], 0, ALL_NEAR);
}

static void near_and_far_rows_beside_each_other(void **state) {
    (void)state;
    for (int id = 0; id < FORM_COUNT; id++)
        for (int t = 0; t < 2; t++)
            for (size_t i = 0; i < LENGTHS; i++) check_batch((form_id)id, dtypes[t], 19, lengths[i], 0, SOME_FAR);
}

static void every_alignment(void **state) {
    (void)state;
    for (int id = 0; id < FORM_COUNT; id++)
        for (int t = 0; t < 2; t++)
            for (size_t i = 0; i < LENGTHS; i++)
                for (size_t offset = 1; offset < 16; offset++)
                    check_batch((form_id)id, dtypes[t], 17, lengths[i], offset, ALL_NEAR);
}

static void rows_around_the_pieces(void **state) {
    static const size_t around[] = {2047, 2048, 2049, 2111, 4095, 4096, 4097, 6151};
    (void)state;
    for (int id = 0; id < FORM_COUNT; id++)
        for (int t = 0; t < 2; t++)
            for (size_t i = 0; i < sizeof around / sizeof *around; i++) {
                if (forms[id].result == RESULT_MATRIX) continue;
                check_batch((form_id)id, dtypes[t], 3, around[i], 0, ALL_NEAR);
                check_batch((form_id)id, dtypes[t], 2, around[i], 5, ALL_NEAR);
            }
}

/* Through the scratch of a kernel: every second element, backwards. `ties` puts the maximum in each piece. */
static void check_strided(form_id id, sj_dtype dtype, size_t n, bool ties) {
    const size_t entries = form_entries(&forms[id], n), item = dtype_bytes(dtype);
    double *z = new_elements(SJ_F64, n), *g = new_elements(SJ_F64, n), *want = new_elements(SJ_F64, entries);
    fill_random(z, SJ_F64, n, n);
    fill_random(g, SJ_F64, n, n + 1);
    for (size_t k = 2045; k < n && ties; k += 1024) z[k] = 20;
    form_row(id, dtype, z, g, n - 1, n, want);
    char *wide[2] = {new_elements(dtype, 2 * n), new_elements(dtype, 2 * n)}, *out = new_elements(dtype, 2 * entries);
    for (size_t k = 0; k < n; k++) {
        element_set(wide[0], dtype, 2 * (n - 1 - k), z[k]);
        element_set(wide[1], dtype, 2 * k, g[k]);
    }
    size_t shape[2] = {0};
    const int ndim = result_shape(id, 1, 0, &n, shape);
    form_arguments a = {sj_array(wide[0] + 2 * (n - 1) * item, dtype, 1, &n), sj_array(wide[1], dtype, 1, &n), n - 1,
                        SJ_BLOCKS, sj_array(out, dtype, ndim, shape)};
    a.z.strides[0] = -2;
    a.g.strides[0] = 2;
    for (int d = 0; d < ndim; d++) a.out.strides[d] *= 2;
    assert_int_equal(forms[id].call(&a, NULL), SJ_OK);
    for (size_t i = 0; i < entries; i++) {
        double got = element_get(out, dtype, 2 * i);
        if (!same_bits(SJ_F64, &got, 0, want, i))
            fail_msg("%s %s, n = %zu, entry %zu: %a; expected %a", forms[id].name, dtype_name(dtype), n, i, got,
                     want[i]);
    }
    free(z);
    free(g);
    free(want);
    free(wide[0]);
    free(wide[1]);
    free(out);
}

static void strided_rows_around_the_pieces(void **state) {
    static const size_t around[] = {2047, 2048, 2049, 4096, 4097, 6151};
    (void)state;
    for (int id = 0; id < FORM_COUNT; id++)
        for (int t = 0; t < 2; t++)
            for (size_t i = 0; i < sizeof around / sizeof *around; i++) {
                if (forms[id].result == RESULT_MATRIX && around[i] != 2049) continue;
                check_strided((form_id)id, dtypes[t], around[i], false);
                check_strided((form_id)id, dtypes[t], around[i], true);
            }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_batch_size_and_position),
                                       cmocka_unit_test(near_and_far_rows_beside_each_other),
                                       cmocka_unit_test(every_alignment), cmocka_unit_test(rows_around_the_pieces),
                                       cmocka_unit_test(strided_rows_around_the_pieces)};
    return run_for_set(tests);
}
