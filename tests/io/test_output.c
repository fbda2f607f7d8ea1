/* test_output.c: what is around the bytes: files replaced whole, permissions, links, streams, and inputs that are not
 * regular files. */
#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double values[4] = {1, 2, 3, 4};
static const io_array square = {.dtype = SJ_F64, .ndim = 2, .shape = {2, 2}, .data = values};
static const char square_text[] = "1,2\n3,4\n";

static void expect_text(const char *path, const char *text) {
    size_t length;
    unsigned char *found = get_file(path, &length);
    assert_int_equal(length, strlen(text));
    assert_memory_equal(found, text, length);
    free(found);
}

static void expect_not_written(const char *path, int exit_code, const char *message) {
    io_error error = {0};
    const int before = count_files();
    assert_false(io_write(path, &square, &error));
    if (!strstr(error.message, message)) fail_msg("message '%s', expected '%s'", error.message, message);
    assert_int_equal(error.exit_code, exit_code);
    assert_int_equal(count_files(), before);
}

static mode_t mode_of(const char *path) {
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_mode & 0777;
}

static void a_new_file_obeys_the_umask(void **state) {
    io_error error;
    (void)state;
    const mode_t before = umask(027);
    assert_true(io_write(in_folder("new.csv"), &square, &error));
    umask(before);
    assert_int_equal(mode_of(in_folder("new.csv")), 0640);
    assert_int_equal(count_files(), 1);
    expect_text(in_folder("new.csv"), square_text);
}

static void a_replaced_file_keeps_its_mode(void **state) {
    io_error error;
    const char *path = in_folder("kept.csv");
    (void)state;
    put_file(path, "old", 3);
    assert_int_equal(chmod(path, 0604), 0);
    assert_true(io_write(path, &square, &error));
    assert_int_equal(mode_of(path), 0604);
    expect_text(path, square_text);
}

static void a_symbolic_link_stays_one(void **state) {
    io_error error;
    struct stat status;
    (void)state;
    put_file(in_folder("real.csv"), "old", 3);
    assert_int_equal(symlink("real.csv", in_folder("link.csv")), 0);
    assert_true(io_write(in_folder("link.csv"), &square, &error));
    assert_int_equal(lstat(in_folder("link.csv"), &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    expect_text(in_folder("real.csv"), square_text);
    assert_int_equal(symlink("absent.csv", in_folder("dangling.csv")), 0);
    expect_not_written(in_folder("dangling.csv"), 73, "symbolic link to nothing");
}

static void a_reader_keeps_the_old_content(void **state) {
    io_error error;
    (void)state;
    put_file(in_folder("shared.csv"), "old", 3);
    FILE *reader = fopen(in_folder("shared.csv"), "r");
    assert_non_null(reader);
    assert_true(io_write(in_folder("shared.csv"), &square, &error));
    char old[8] = "";
    assert_int_equal(fread(old, 1, sizeof old, reader), 3);
    assert_string_equal(old, "old");
    fclose(reader);
}

static void places_that_cannot_be_written_are_named(void **state) {
    (void)state;
    expect_not_written(in_folder("absent/x.csv"), 73, "absent/x.csv: cannot be created");
    assert_int_equal(mkdir(in_folder("folder.csv"), 0700), 0);
    expect_not_written(in_folder("folder.csv"), 73, "is a folder");
    assert_int_equal(rmdir(in_folder("folder.csv")), 0);
    expect_not_written(in_folder("x.xyz"), 73, "does not end in .npy, .npz, .csv or .tsv");
    expect_not_written("", 73, "does not end in");
    if (geteuid() == 0) return; /* root may write everywhere */
    put_file(in_folder("readonly.csv"), "old", 3);
    assert_int_equal(chmod(in_folder("readonly.csv"), 0444), 0);
    expect_not_written(in_folder("readonly.csv"), 73, "cannot be replaced");
    expect_text(in_folder("readonly.csv"), "old");
}

static void a_full_device_is_a_write_error(void **state) {
    io_error error = {0};
    (void)state;
    if (access("/dev/full", W_OK) != 0) skip();
    assert_false(io_write("/dev/full", &square, &error));
    assert_int_equal(error.exit_code, 74);
    assert_non_null(strstr(error.message, "/dev/full: cannot be written"));
}

/* Runs io_write(path) in a child whose standard output is `file`; returns its success. */
static bool write_in_child(const char *path, int file) {
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        io_error error;
        dup2(file, STDOUT_FILENO);
        _exit(io_write(path, &square, &error) ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void standard_output_is_written_at_its_place(void **state) {
    static const char *const names[] = {"-", "/dev/stdout", "/dev/fd/1"};
    (void)state;
    for (int i = 0; i < 3; i++) {
        const char *path = in_folder("stdout.txt");
        put_file(path, "before\n", 7);
        const int file = open(path, O_WRONLY | O_APPEND);
        assert_true(write_in_child(names[i], file));
        close(file);
        expect_text(path, "before\n1,2\n3,4\n");
    }
}

static void another_descriptor_starts_its_file_over(void **state) {
    char name[32];
    (void)state;
    const char *path = in_folder("descriptor.txt");
    put_file(path, "much longer than the new text\n", 30);
    const int file = open(path, O_WRONLY);
    snprintf(name, sizeof name, "/dev/fd/%d", file);
    assert_true(write_in_child(name, STDERR_FILENO));
    close(file);
    expect_text(path, square_text);
}

static void extensions_may_be_upper_case(void **state) {
    io_error error;
    (void)state;
    assert_true(io_write(in_folder("UPPER.CSV"), &square, &error));
    expect_text(in_folder("UPPER.CSV"), square_text);
}

static void pipes_and_fifos_are_written(void **state) {
    static const char *const names[] = {"-", "/dev/stdout"};
    char text[32];
    int ends[2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pipe(ends), 0);
        assert_true(write_in_child(names[i], ends[1]));
        assert_int_equal(read(ends[0], text, sizeof text), strlen(square_text));
        assert_memory_equal(text, square_text, strlen(square_text));
        close(ends[0]);
        close(ends[1]);
    }
    const char *fifo = in_folder("fifo.npy");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    const int reader = open(fifo, O_RDWR); /* both ends, so that neither open waits */
    assert_true(write_in_child(fifo, STDERR_FILENO));
    assert_int_equal(read(reader, text, 6), 6);
    assert_memory_equal(text, "\x93NUMPY", 6);
    close(reader);
}

static void a_fifo_is_read_as_it_arrives(void **state) {
    const char *fifo = in_folder("slow");
    io_array array;
    io_error error = {0};
    (void)state;
    assert_int_equal(mkfifo(fifo, 0600), 0);
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        const struct timespec pause = {0, 200000};
        const int out = open(fifo, O_WRONLY);
        for (const char *p = square_text; *p; p++) {
            if (write(out, p, 1) != 1) _exit(1);
            nanosleep(&pause, NULL);
        }
        _exit(0);
    }
    assert_true(io_read(fifo, &array, &error));
    assert_memory_equal(array.data, values, sizeof values);
    io_array_free(&array);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void inputs_that_cannot_be_opened_are_named(void **state) {
    io_array array;
    io_error error;
    (void)state;
    assert_false(io_read(in_folder("absent.npy"), &array, &error));
    assert_int_equal(error.exit_code, 66);
    assert_non_null(strstr(error.message, "absent.npy: cannot be opened: No such file"));
    assert_int_equal(mkdir(in_folder("folder"), 0700), 0);
    assert_false(io_read(in_folder("folder"), &array, &error));
    assert_int_equal(rmdir(in_folder("folder")), 0);
    assert_int_equal(error.exit_code, 66);
    assert_non_null(strstr(error.message, "is a folder"));
    assert_null(array.data);
}

/* Endless inputs end after their header, or at once if they have none. */
static void endless_inputs_are_refused_early(void **state) {
    io_array array;
    io_error error;
    int ends[2];
    (void)state;
    assert_false(io_read("/dev/zero", &array, &error));
    assert_non_null(strstr(error.message, "/dev/zero: byte 0 is 0x00"));
    const bytes head = npy_file("{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}", NULL, 0);
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        static const char zeros[4096];
        close(ends[0]);
        if (write(ends[1], head.data, head.length) < 0) _exit(1);
        ssize_t put;
        do {
            put = write(ends[1], zeros, sizeof zeros);
        } while (put > 0);
        _exit(0);
    }
    close(ends[1]);
    char path[32];
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    assert_false(io_read(path, &array, &error));
    assert_non_null(strstr(error.message, "at least 65536 bytes follow the last element"));
    close(ends[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void a_long_path_leaves_room_for_the_message(void **state) {
    char path[3000];
    io_array array;
    io_error error;
    (void)state;
    memset(path, 'x', sizeof path);
    memcpy(path + sizeof path - 9, "/end.npy", 9);
    assert_false(io_read(path, &array, &error));
    assert_non_null(strstr(error.message, "/end.npy: cannot be opened: File name too long"));
    assert_false(io_write(path, &square, &error));
    assert_int_equal(error.exit_code, 73);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_file_obeys_the_umask),
        cmocka_unit_test(a_replaced_file_keeps_its_mode),
        cmocka_unit_test(a_symbolic_link_stays_one),
        cmocka_unit_test(a_reader_keeps_the_old_content),
        cmocka_unit_test(places_that_cannot_be_written_are_named),
        cmocka_unit_test(a_full_device_is_a_write_error),
        cmocka_unit_test(standard_output_is_written_at_its_place),
        cmocka_unit_test(another_descriptor_starts_its_file_over),
        cmocka_unit_test(extensions_may_be_upper_case),
        cmocka_unit_test(pipes_and_fifos_are_written),
        cmocka_unit_test(a_fifo_is_read_as_it_arrives),
        cmocka_unit_test(inputs_that_cannot_be_opened_are_named),
        cmocka_unit_test(endless_inputs_are_refused_early),
        cmocka_unit_test(a_long_path_leaves_room_for_the_message),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
