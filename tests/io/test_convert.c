/* test_convert.c: every dtype, byte order and array order against arithmetic done here from the format's definition. */
#include "support.h"

#include <math.h>
#include <stdio.h>

/* IEEE 754 binary16 by its definition, in double arithmetic, where all of its values are exact. */
static double half_value(unsigned half) {
    const unsigned exponent = half >> 10 & 31, fraction = half & 1023;
    const double sign = half & 0x8000 ? -1 : 1;
    if (exponent == 31) return fraction ? NAN : sign * INFINITY;
    return sign * (exponent ? ldexp(1024 + fraction, (int)exponent - 25) : ldexp(fraction, -24));
}

static void all_halves_are_exact(void **state) {
    static unsigned char file[128 + 131072];
    (void)state;
    for (int big = 0; big < 2; big++) {
        const bytes head = npy_file(big ? "{'descr': '>f2', 'fortran_order': False, 'shape': (65536,)}"
                                        : "{'descr': '<f2', 'fortran_order': False, 'shape': (65536,)}",
                                    NULL, 0);
        memcpy(file, head.data, head.length);
        for (size_t h = 0; h < 65536; h++) {
            file[head.length + 2 * h + (big ? 1 : 0)] = (unsigned char)h;
            file[head.length + 2 * h + (big ? 0 : 1)] = (unsigned char)(h >> 8);
        }
        io_array array = expect_read("half.npy", file, head.length + 131072);
        assert_int_equal(array.dtype, SJ_F32);
        for (unsigned h = 0; h < 65536; h++) {
            const double expected = half_value(h), got = value_at(&array, h);
            if (isnan(expected)) {
                assert_true(isnan(got));
            } else {
                assert_true(got == expected && signbit(got) == signbit(expected));
            }
        }
        io_array_free(&array);
    }
}

typedef struct integer_case {
    const char *dtype;
    int width;
    uint64_t bits;
    double expected;
} integer_case;

/* Beyond 2^53 an integer rounds to nearest, ties to even, as NumPy promotes. */
static void integers_promote_to_nearest(void **state) {
    static const integer_case cases[] = {
        {"i1", 1, 0x80, -128},
        {"i1", 1, 0x7f, 127},
        {"i1", 1, 0xff, -1},
        {"u1", 1, 0xff, 255},
        {"i2", 2, 0x8000, -32768},
        {"u2", 2, 0x8001, 32769},
        {"i4", 4, 0x80000000, -2147483648.0},
        {"i4", 4, 0xfffffffe, -2},
        {"u4", 4, 0xffffffff, 4294967295.0},
        {"i8", 8, 0x8000000000000000, -0x1p63},
        {"i8", 8, 0xffffffffffffffff, -1},
        {"i8", 8, (1ull << 53) + 1, 0x1p53},
        {"i8", 8, (1ull << 53) + 3, 0x1p53 + 4},
        {"i8", 8, 0x7fffffffffffffff, 0x1p63},
        {"u8", 8, 0xffffffffffffffff, 0x1p64},
        {"u8", 8, 0x8000000000000400, 0x1p63},
        {"u8", 8, 0x8000000000000401, 0x1p63 + 2048},
        {"b1", 1, 0, 0},
        {"b1", 1, 1, 1},
        {"b1", 1, 2, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const integer_case *c = &cases[i];
        for (int big = 0; big < 2; big++) {
            char header[96];
            snprintf(header, sizeof header, "{'descr': '%c%s', 'fortran_order': False, 'shape': ()}", big ? '>' : '<',
                     c->dtype);
            bytes file = npy_file(header, NULL, 0);
            for (int b = 0; b < c->width; b++) add_little(&file, c->bits >> 8 * (big ? c->width - 1 - b : b), 1);
            io_array array = expect_read("integer.npy", file.data, file.length);
            assert_int_equal(array.dtype, SJ_F64);
            assert_true(array.integers);
            assert_true(value_at(&array, 0) == c->expected);
            io_array_free(&array);
        }
    }
}

static void fortran_order_is_transposed(void **state) {
    const char *header = "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 4)}";
    unsigned char elements[24];
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < 3; j++) {
            for (size_t k = 0; k < 4; k++) elements[i + 2 * (j + 3 * k)] = (unsigned char)(100 * i + 10 * j + k);
        }
    }
    const bytes file = npy_file(header, elements, sizeof elements);
    io_array array = expect_read("fortran.npy", file.data, file.length);
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < 3; j++) {
            for (size_t k = 0; k < 4; k++) {
                assert_true(value_at(&array, (i * 3 + j) * 4 + k) == (double)(100 * i + 10 * j + k));
            }
        }
    }
    io_array_free(&array);
}

static void nan_payloads_survive(void **state) {
    static const unsigned char signalling[4] = {0x01, 0x02, 0xa0, 0x7f};
    (void)state;
    const bytes file =
        npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", signalling, sizeof signalling);
    io_array array = expect_read("nan.npy", file.data, file.length);
    uint32_t bits;
    memcpy(&bits, array.data, sizeof bits);
    assert_int_equal(bits, 0x7fa00201);
    io_array_free(&array);
}

static void empty_arrays_have_shape_and_no_elements(void **state) {
    (void)state;
    for (int fortran = 0; fortran < 2; fortran++) {
        const bytes file = npy_file(fortran ? "{'descr': '<f4', 'fortran_order': True, 'shape': (3, 0, 5)}"
                                            : "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 0, 5)}",
                                    NULL, 0);
        io_array array = expect_read("empty.npy", file.data, file.length);
        assert_int_equal(array.ndim, 3);
        assert_int_equal(io_elements(&array), 0);
        io_array_free(&array);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_halves_are_exact),
        cmocka_unit_test(integers_promote_to_nearest),
        cmocka_unit_test(fortran_order_is_transposed),
        cmocka_unit_test(nan_payloads_survive),
        cmocka_unit_test(empty_arrays_have_shape_and_no_elements),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
