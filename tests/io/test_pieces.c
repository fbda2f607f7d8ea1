/* test_pieces.c: files read and written in pieces: the same elements and messages as whole, files that change
 * meanwhile, results placed in any order, and what a signal leaves of them. */
#include "support.h"

#include "io/guard.h"
#include "io/npy_input.h"
#include "io/output.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ELEMENTS = 20000 };

/* Bytes of no pattern; of floats they make every kind of number, NaN too. */
static void fill_noise(unsigned char *to, size_t length) {
    uint64_t x = 88172645463325252u;
    for (size_t i = 0; i < length; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        to[i] = (unsigned char)(x >> 32);
    }
}

static void put_noise(const char *path, const char *dtype, size_t item) {
    static unsigned char file[256 + ELEMENTS * 8];
    char header[120];
    snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (%d, 8)}", dtype, ELEMENTS / 8);
    const bytes head = npy_file(header, NULL, 0);
    memcpy(file, head.data, head.length);
    fill_noise(file + head.length, ELEMENTS * item);
    put_file(path, file, head.length + ELEMENTS * item);
}

static void expect_range(const npy_input *input, const io_array *whole, size_t first, size_t count) {
    static double piece[ELEMENTS];
    io_error error = {0};
    const size_t item = io_item(whole->dtype);
    assert_true(npy_read(input, first, count, piece, &error));
    assert_memory_equal(piece, (const char *)whole->data + first * item, count * item);
}

static void any_range_of_any_dtype_is_as_in_the_whole(void **state) {
    static const char *const dtypes[] = {"<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "<i2", ">i8", "<u4", "|b1"};
    (void)state;
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        const char *path = in_folder("noise.npy");
        io_array whole;
        npy_input input;
        io_error error = {0};
        put_noise(path, dtypes[i], (size_t)(dtypes[i][2] - '0'));
        assert_true(io_read(path, &whole, &error));
        assert_true(npy_is_file(path));
        assert_true(npy_open(&input, path, &error));
        assert_int_equal(input.dtype, whole.dtype);
        assert_int_equal(input.header.elements, ELEMENTS);
        expect_range(&input, &whole, 0, ELEMENTS);
        expect_range(&input, &whole, 1, 1);
        expect_range(&input, &whole, 777, 15000);
        expect_range(&input, &whole, ELEMENTS - 1, 1);
        expect_range(&input, &whole, ELEMENTS, 0);
        assert_true(npy_unchanged(&input, &error));
        npy_close(&input);
        io_array_free(&whole);
    }
}

/* The messages are io_read's own, but for files so long that io_read stops looking. */
static void what_is_refused_is_refused_in_the_same_words(void **state) {
    static const char *const headers[] = {"{'descr': '<f8', 'fortran_order': False, 'shape': (3, 3)}",
                                          "{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}",
                                          "{'descr': '<c8', 'fortran_order': False, 'shape': (4,)}",
                                          "{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
                                          "{'descr': '<f8', 'fortran_order': False}"};
    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        const double elements[4] = {1, 2, 3, 4};
        const bytes file = npy_file(headers[i], elements, sizeof elements);
        const char *path = in_folder("refused.npy");
        io_array whole;
        npy_input input;
        io_error read = {0}, opened = {0};
        put_file(path, file.data, file.length);
        assert_false(io_read(path, &whole, &read));
        assert_false(npy_open(&input, path, &opened));
        assert_int_equal(opened.exit_code, read.exit_code);
        assert_string_equal(opened.message, read.message);
    }
}

static void only_regular_files_that_begin_as_npy_are_read_in_pieces(void **state) {
    (void)state;
    put_file(in_folder("text.npy"), "1,2\n", 4);
    put_file(in_folder("short.npy"), "\x93NUM", 4);
    put_file(in_folder("empty.npy"), "", 0);
    assert_int_equal(mkfifo(in_folder("pipe.npy"), 0600), 0);
    assert_false(npy_is_file(in_folder("text.npy")));
    assert_false(npy_is_file(in_folder("short.npy")));
    assert_false(npy_is_file(in_folder("empty.npy")));
    assert_false(npy_is_file(in_folder("pipe.npy")));
    assert_false(npy_is_file(in_folder("absent.npy")));
    assert_false(npy_is_file("/dev/zero"));
    assert_false(npy_is_file("-"));
    assert_int_equal(unlink(in_folder("pipe.npy")), 0);
}

static void a_file_that_changes_size_is_bad_data(void **state) {
    const char *path = in_folder("changing.npy");
    double piece[8];
    npy_input input;
    io_error error = {0};
    (void)state;
    put_noise(path, "<f8", 8);
    assert_true(npy_open(&input, path, &error));
    assert_int_equal(truncate(path, (off_t)input.bytes + 1), 0);
    assert_false(npy_unchanged(&input, &error));
    assert_int_equal(error.exit_code, 65);
    assert_int_equal(truncate(path, (off_t)input.bytes - 4), 0);
    assert_false(npy_unchanged(&input, &error));
    assert_true(npy_read(&input, 0, 8, piece, &error));
    assert_false(npy_read(&input, ELEMENTS - 8, 8, piece, &error));
    assert_int_equal(error.exit_code, 65);
    assert_non_null(strstr(error.message, "changing.npy"));
    npy_close(&input);
}

static io_output *begin(const char *path, uint64_t length) {
    io_error error = {0};
    io_output *output = malloc(sizeof *output);
    assert_non_null(output);
    assert_true(output_open(output, path, &error));
    assert_true(output_extend(output, length, false, &error));
    return output;
}

static void places_are_filled_in_any_order_and_the_rest_is_zero(void **state) {
    const char *path = in_folder("placed.npy");
    static const char expected[] = "\0\0beginning\0\0end";
    size_t length;
    io_error error = {0};
    (void)state;
    put_file(path, "old", 3);
    io_output *output = begin(path, 16);
    assert_true(output_place(output, 13, "end", 3, &error));
    assert_true(output_place(output, 2, "beginning", 9, &error));
    unsigned char *before = get_file(path, &length);
    assert_int_equal(length, 3);
    assert_true(output_commit(output, &error));
    unsigned char *after = get_file(path, &length);
    assert_int_equal(length, 16);
    assert_memory_equal(after, expected, 16);
    free(before);
    free(after);
    free(output);
}

static void more_than_the_disk_has_is_refused_at_once(void **state) {
    const char *path = in_folder("full.npy");
    io_error error = {0};
    (void)state;
    put_file(path, "old", 3);
    const int files = count_files();
    io_output *output = begin(path, 16);
    assert_false(output_extend(output, (uint64_t)1 << 60, false, &error));
    assert_int_equal(error.exit_code, 74);
    assert_non_null(strstr(error.message, "full.npy"));
    output_abandon(output);
    assert_int_equal(count_files(), files);
    free(output);
}

static void a_signal_removes_what_is_unfinished(void **state) {
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
    (void)state;
    put_file(in_folder("old.npy"), "old", 3);
    const int files = count_files();
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++) {
        int status;
        const pid_t child = fork();
        if (child == 0) {
            guard_signals();
            const io_output *const unfinished[] = {begin(in_folder("old.npy"), 100), begin(in_folder("new.npy"), 100)};
            raise(ending[i]);
            _exit(unfinished[0]->file);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == ending[i]);
        assert_int_equal(count_files(), files);
    }
}

static void what_nohup_silences_stays_silent(void **state) {
    int status;
    (void)state;
    const pid_t child = fork();
    if (child == 0) {
        signal(SIGHUP, SIG_IGN);
        guard_signals();
        raise(SIGHUP);
        _exit(42);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 42);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_range_of_any_dtype_is_as_in_the_whole),
        cmocka_unit_test(what_is_refused_is_refused_in_the_same_words),
        cmocka_unit_test(only_regular_files_that_begin_as_npy_are_read_in_pieces),
        cmocka_unit_test(a_file_that_changes_size_is_bad_data),
        cmocka_unit_test(places_are_filled_in_any_order_and_the_rest_is_zero),
        cmocka_unit_test(more_than_the_disk_has_is_refused_at_once),
        cmocka_unit_test(a_signal_removes_what_is_unfinished),
        cmocka_unit_test(what_nohup_silences_stays_silent),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
