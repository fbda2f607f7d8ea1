/* test_prefix.c: every byte-prefix of valid files, and every single byte changed: refused or a whole array, never a
 * crash (the sanitizers judge that), never a message without a place. */
#include "archive.h"

static void expect_prefixes_refused(const char *name, const bytes *file) {
    io_array whole = expect_read(name, file->data, file->length);
    io_array_free(&whole);
    for (size_t length = 0; length < file->length; length++) {
        /* A copy of the exact size lets AddressSanitizer see the first byte beyond. */
        unsigned char *prefix = malloc(length + 1);
        assert_non_null(prefix);
        memcpy(prefix, file->data, length);
        expect_rejected(name, prefix, length, 65, ": ");
        free(prefix);
    }
}

static void no_prefix_of_npy_is_accepted(void **state) {
    static const double values[4] = {1, 2, 3, 4};
    (void)state;
    bytes file = npy_file("{'descr': '<f8', 'fortran_order': True, 'shape': (2, 2), }   \n", values, sizeof values);
    expect_prefixes_refused("prefix.npy", &file);
    file = npy_file("{'descr': '|b1', 'fortran_order': False, 'shape': (), }\n", "\x01", 1);
    expect_prefixes_refused("prefix.npy", &file);
}

static bytes small_archive(bool zip64) {
    const bytes a = npy_file("{'descr': '<i2', 'fortran_order': False, 'shape': (1,), }\n", "\x01\x02", 2);
    const bytes packed = deflate_by_copying(&a);
#ifdef IO_HAVE_ZLIB
    const part parts[] = {deflated("a.npy", &a, &packed), stored("b.txt", &packed)};
#else
    const part parts[] = {stored("a.npy", &a), stored("b.txt", &packed)};
#endif
    return archive_of(parts, 2, zip64);
}

static void no_prefix_of_npz_is_accepted(void **state) {
    (void)state;
    for (int zip64 = 0; zip64 < 2; zip64++) {
        const bytes file = small_archive(zip64);
        expect_prefixes_refused("prefix.npz", &file);
    }
}

/* Text has no end mark: a prefix may be a shorter table. Its whole lines must be the table's own. */
static void prefixes_of_text_hold_the_same_lines(void **state) {
    static const char text[] = "\xef\xbb\xbf"
                               "a,b\r\n1.5,-2e1\r\n# note\r\n\"3\",inf\r\n5,nan\r\n";
    static const double expected[4] = {1.5, -20, 3, 0};
    (void)state;
    for (size_t length = 0; length < sizeof text - 1; length++) {
        const char *path = in_folder("prefix.csv");
        io_array array;
        io_error error;
        put_file(path, text, length);
        if (!io_read(path, &array, &error)) {
            assert_int_equal(error.exit_code, 65);
            assert_null(array.data);
            continue;
        }
        assert_int_equal(array.shape[1], 2);
        for (size_t row = 0; row + 1 < array.shape[0] && row < 2; row++) {
            assert_true(value_at(&array, 2 * row) == expected[2 * row]);
        }
        io_array_free(&array);
    }
}

static void expect_mutations_survived(const char *name, const bytes *file) {
    static const unsigned char masks[] = {0x01, 0x80, 0xff, 0x20};
    for (size_t i = 0; i < file->length; i++) {
        for (size_t m = 0; m < sizeof masks; m++) {
            bytes changed = *file;
            io_array array;
            io_error error;
            changed.data[i] ^= masks[m];
            put_file(in_folder(name), changed.data, changed.length);
            if (io_read(in_folder(name), &array, &error)) {
                assert_in_range(io_elements(&array), 0, file->length);
                io_array_free(&array);
            } else {
                assert_int_equal(error.exit_code, 65);
                assert_non_null(strstr(error.message, name));
            }
        }
    }
}

static void one_changed_byte_does_no_harm(void **state) {
    (void)state;
    bytes file = npy_file("{'descr': '<i2', 'fortran_order': True, 'shape': (1, 2), }\n", "\x01\x02\x03\x04", 4);
    expect_mutations_survived("changed.npy", &file);
    file = small_archive(false);
    expect_mutations_survived("changed.npz", &file);
    file = small_archive(true);
    expect_mutations_survived("changed.npz", &file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_prefix_of_npy_is_accepted),
        cmocka_unit_test(no_prefix_of_npz_is_accepted),
        cmocka_unit_test(prefixes_of_text_hold_the_same_lines),
        cmocka_unit_test(one_changed_byte_does_no_harm),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
