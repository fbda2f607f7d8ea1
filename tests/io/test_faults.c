/* test_faults.c: the k-th allocation, open, read, write, fsync, close or rename fails, for all k, once and for ever:
 * right exit code, a message that names the file, the old file whole, no temporary, no leak. */
#include "archive.h"
#include "faults.h"

#include "io/npy_input.h"
#include "io/output.h"

#include <errno.h>
#include <stdio.h>

#define MANY 20000 /* elements: enough for several buffers and growths */

static double values[MANY];

static const char *const names[] = {"out.npy", "out.npz", "out.csv", "out.tsv"};

static io_array big(void) {
    for (int i = 0; i < MANY; i++) values[i] = i / 8.0;
    return (io_array){.dtype = SJ_F64, .ndim = 2, .shape = {MANY / 4, 4}, .data = values};
}

static bool is_one_of(int code, const int *allowed) {
    for (; *allowed; allowed++) {
        if (code == *allowed) return true;
    }
    return false;
}

static void check_failure(const io_error *error, const char *name, const int *codes) {
    if (!codes) {
        fail_msg("should have been survived: %s", error->message);
        return;
    }
    if (!is_one_of(error->exit_code, codes)) fail_msg("exit code %d: %s", error->exit_code, error->message);
    if (!strstr(error->message, name)) fail_msg("'%s' does not name %s", error->message, name);
}

/* Reads with the k-th call failing, until no call is left to fail. */
static int each_read_fault(const char *name, unsigned kinds, bool for_ever, int reason, const int *codes) {
    int k = 1;
    for (;; k++) {
        io_array array;
        io_error error = {0};
        const char *path = in_folder(name);
        const long live = faults_live_allocations();
        faults_arm(kinds, k, for_ever, reason);
        const bool read = io_read(path, &array, &error);
        const int failed = faults_disarm();
        if (failed && codes && read) fail_msg("fault %d of %s had no effect", k, name);
        if (!read) {
            check_failure(&error, name, codes);
            assert_null(array.data);
        } else {
            assert_memory_equal(array.data, values, sizeof values);
            io_array_free(&array);
        }
        assert_true(faults_live_allocations() == live);
        if (!failed) return k - 1;
    }
}

static int each_write_fault(const char *name, unsigned kinds, bool for_ever, int reason, const int *codes) {
    const io_array array = big();
    int k = 1;
    for (;; k++) {
        io_error error = {0};
        const char *path = in_folder(name);
        put_file(path, "old", 3);
        const int files = count_files();
        const long live = faults_live_allocations();
        faults_arm(kinds, k, for_ever, reason);
        const bool written = io_write(path, &array, &error);
        const int failed = faults_disarm();
        if (failed && codes && written) fail_msg("fault %d of %s had no effect", k, name);
        if (!written) check_failure(&error, name, codes);
        size_t length;
        unsigned char *now = get_file(path, &length);
        /* Once the file is renamed only the folder's sync can fail, and it says so. */
        const bool in_place = strstr(error.message, "is written, but") != NULL;
        if (!written && !in_place) assert_true(length == 3 && memcmp(now, "old", 3) == 0);
        if (written || in_place) assert_true(length > MANY);
        free(now);
        assert_int_equal(count_files(), files);
        assert_true(faults_live_allocations() == live);
        if (!failed) return k - 1;
    }
}

static void write_all_formats(void) {
    const io_array array = big();
    io_error error;
    for (int i = 0; i < 4; i++) assert_true(io_write(in_folder(names[i]), &array, &error));
}

static void allocations_fail(void **state) {
    static const int codes[] = {71, 0};
    (void)state;
    write_all_formats();
    for (int i = 0; i < 4; i++) {
        for (int for_ever = 0; for_ever < 2; for_ever++) {
            assert_true(each_read_fault(names[i], FAULT_MEMORY, for_ever, 0, codes) >= 3);
        }
    }
    for (int i = 0; i < 4; i++) {
        for (int for_ever = 0; for_ever < 2; for_ever++) {
            assert_true(each_write_fault(names[i], FAULT_MEMORY, for_ever, 0, codes) >= 4);
        }
    }
}

static void system_calls_fail(void **state) {
    static const int reasons[] = {EIO, ENOSPC, EACCES};
    static const int open_codes[] = {66, 0}, read_codes[] = {74, 0}, write_codes[] = {73, 74, 0};
    (void)state;
    for (int r = 0; r < 3; r++) {
        for (int for_ever = 0; for_ever < 2; for_ever++) {
            write_all_formats();
            for (int i = 0; i < 4; i++) {
                assert_int_equal(each_read_fault(names[i], FAULT_OPEN, for_ever, reasons[r], open_codes), 1);
                assert_true(each_read_fault(names[i], FAULT_READ, for_ever, reasons[r], read_codes) >= 2);
            }
            for (int i = 0; i < 4; i++) {
                const unsigned kinds = FAULT_WRITE | FAULT_SYNC | FAULT_RENAME;
                assert_true(each_write_fault(names[i], kinds, for_ever, reasons[r], write_codes) >= 5);
            }
        }
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(each_write_fault(names[i], FAULT_OPEN, false, EIO, write_codes), 2);
        assert_int_equal(each_write_fault(names[i], FAULT_OPEN, true, EIO, write_codes), 2);
    }
}

/* The file's close may report a lost write; the folder's has nothing to report. */
static void a_close_that_fails_loses_no_old_file(void **state) {
    const io_array array = big();
    io_error error;
    (void)state;
    put_file(in_folder("out.npy"), "old", 3);
    faults_arm(FAULT_CLOSE, 1, false, EIO);
    assert_false(io_write(in_folder("out.npy"), &array, &error));
    assert_int_equal(faults_disarm(), 1);
    assert_int_equal(error.exit_code, 74);
    size_t length;
    unsigned char *now = get_file(in_folder("out.npy"), &length);
    assert_int_equal(length, 3);
    free(now);
}

static void interruptions_and_short_transfers_are_survived(void **state) {
    static const int reasons[] = {EINTR, 0};
    (void)state;
    write_all_formats();
    for (int i = 0; i < 4; i++) {
        for (int r = 0; r < 2; r++) {
            assert_true(each_read_fault(names[i], FAULT_READ, false, reasons[r], NULL) >= 2);
            assert_true(each_write_fault(names[i], FAULT_WRITE, false, reasons[r], NULL) >= 2);
            write_all_formats();
        }
        assert_int_equal(each_read_fault(names[i], FAULT_OPEN, false, EINTR, NULL), 1);
        assert_int_equal(each_write_fault(names[i], FAULT_OPEN | FAULT_SYNC, false, EINTR, NULL), 4);
        write_all_formats();
    }
}

/* File systems that cannot sync say EINVAL; the file is written all the same. */
static void a_file_system_without_sync_is_no_error(void **state) {
    (void)state;
    assert_int_equal(each_write_fault("out.npy", FAULT_SYNC, false, EINVAL, NULL), 2);
}

/* Copies out.npy to placed.npy in pieces, the last first. */
static bool copy_in_pieces(io_output *output, io_error *error) {
    static double piece[MANY / 4];
    npy_input input;
    bool copied = npy_open(&input, in_folder("out.npy"), error);
    if (!copied) return false;
    copied = output_open(output, in_folder("placed.npy"), error);
    if (copied) {
        copied = output_extend(output, sizeof values, false, error);
        for (size_t i = 4; copied && i-- > 0;)
            copied = npy_read(&input, i * MANY / 4, MANY / 4, piece, error) &&
                     output_place(output, i * sizeof piece, piece, sizeof piece, error);
        if (!copied) output_abandon(output);
    }
    npy_close(&input);
    return copied && output_commit(output, error);
}

static int each_piece_fault(unsigned kinds, bool for_ever, int reason, const int *codes) {
    static io_output output;
    for (int k = 1;; k++) {
        io_error error = {0};
        size_t length;
        const char *path = in_folder("placed.npy");
        put_file(path, "old", 3);
        const int files = count_files();
        const long live = faults_live_allocations();
        faults_arm(kinds, k, for_ever, reason);
        const bool copied = copy_in_pieces(&output, &error);
        const int failed = faults_disarm();
        if (failed && codes && copied) fail_msg("fault %d had no effect", k);
        if (!copied) check_failure(&error, ".npy", codes);
        unsigned char *now = get_file(path, &length);
        const bool in_place = copied || strstr(error.message, "is written, but") != NULL;
        assert_int_equal(length, in_place ? sizeof values : 3);
        if (in_place) assert_memory_equal(now, values, sizeof values);
        free(now);
        assert_int_equal(count_files(), files);
        assert_true(faults_live_allocations() == live);
        if (!failed) return k - 1;
    }
}

static void pieces_fail_and_are_survived_as_the_whole_is(void **state) {
    static const int codes[] = {66, 71, 73, 74, 0};
    (void)state;
    write_all_formats();
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        assert_true(each_piece_fault(FAULT_READ, for_ever, EIO, codes) >= 5);
        assert_true(each_piece_fault(FAULT_WRITE | FAULT_SYNC | FAULT_RENAME, for_ever, ENOSPC, codes) >= 7);
        assert_true(each_piece_fault(FAULT_MEMORY, for_ever, 0, codes) >= 3);
    }
    assert_true(each_piece_fault(FAULT_READ | FAULT_WRITE, false, EINTR, NULL) >= 9);
    assert_true(each_piece_fault(FAULT_READ | FAULT_WRITE, false, 0, NULL) >= 9);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_fail),
        cmocka_unit_test(system_calls_fail),
        cmocka_unit_test(a_close_that_fails_loses_no_old_file),
        cmocka_unit_test(interruptions_and_short_transfers_are_survived),
        cmocka_unit_test(a_file_system_without_sync_is_no_error),
        cmocka_unit_test(pieces_fail_and_are_survived_as_the_whole_is),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
