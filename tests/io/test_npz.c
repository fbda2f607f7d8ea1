/* test_npz.c: .npz archives that must be read, and the ones io_write makes, byte for byte against the ZIP format. */
#include "archive.h"

#include "io/npz.h"

#include <stdio.h>

static bytes numbers(double first) {
    double values[2] = {first, -first};
    bytes elements = {.length = 0};
    for (int i = 0; i < 2; i++) {
        uint64_t bits;
        memcpy(&bits, &values[i], 8);
        add_little(&elements, bits, 8);
    }
    return npy_file("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }\n", elements.data, elements.length);
}

static void expect_first(const char *path, double first) {
    io_array array;
    io_error error = {0};
    if (!io_read(path, &array, &error)) fail_msg("rejected: %s", error.message);
    assert_int_equal(array.shape[0], 2);
    assert_true(value_at(&array, 0) == first);
    io_array_free(&array);
}

static void the_only_member_needs_no_name(void **state) {
    (void)state;
    const bytes content = numbers(3);
    for (int zip64 = 0; zip64 < 2; zip64++) {
        const part only = stored("arr_0.npy", &content);
        const bytes file = archive_of(&only, 1, zip64);
        put_file(in_folder("one.npz"), file.data, file.length);
        expect_first(in_folder("one.npz"), 3);
        expect_first(in_folder("one.npz:arr_0"), 3);
        expect_first(in_folder("one.npz:arr_0.npy"), 3);
    }
}

static void a_member_is_chosen_by_name(void **state) {
    (void)state;
    const bytes a = numbers(1), b = numbers(2), note = {.data = "hello", .length = 5};
    const part parts[] = {stored("note.txt", &note), stored("z.npy", &a), stored("dir/weights.npy", &b)};
    for (int zip64 = 0; zip64 < 2; zip64++) {
        const bytes file = archive_of(parts, 3, zip64);
        put_file(in_folder("many.npz"), file.data, file.length);
        expect_first(in_folder("many.npz:z"), 1);
        expect_first(in_folder("many.npz:dir/weights"), 2);
        expect_rejected("many.npz", file.data, file.length, 65,
                        "choose a member by 'file.npz:name'; members: 'note.txt', 'z.npy', 'dir/weights.npy'");
    }
}

static void a_name_that_is_not_there_lists_the_members(void **state) {
    io_array array;
    io_error error;
    (void)state;
    const bytes content = numbers(1);
    const part only = stored("arr_0.npy", &content);
    const bytes file = archive_of(&only, 1, false);
    put_file(in_folder("one.npz"), file.data, file.length);
    assert_false(io_read(in_folder("one.npz:absent"), &array, &error));
    assert_non_null(strstr(error.message, "no such member; members: 'arr_0.npy'"));
    assert_non_null(strstr(error.message, "one.npz:absent"));
    put_file(in_folder("plain.npz"), content.data, content.length);
    assert_false(io_read(in_folder("plain.npz:x"), &array, &error));
    assert_non_null(strstr(error.message, "is no .npz archive"));
}

static void a_comment_may_follow_the_archive(void **state) {
    (void)state;
    const bytes content = numbers(4);
    const part only = stored("arr_0.npy", &content);
    bytes file = archive_of(&only, 1, false);
    file.data[file.length - 2] = 9;
    add_bytes(&file, "PK\x05\x06 note", 9);
    put_file(in_folder("comment.npz"), file.data, file.length);
    expect_first(in_folder("comment.npz"), 4);
}

static void deflated_members_are_read_or_refused_by_name(void **state) {
    (void)state;
    const bytes content = numbers(5), packed = deflate_by_copying(&content);
    const part only = deflated("arr_0.npy", &content, &packed);
    const bytes file = archive_of(&only, 1, false);
#ifdef IO_HAVE_ZLIB
    put_file(in_folder("deflated.npz"), file.data, file.length);
    expect_first(in_folder("deflated.npz"), 5);
#else
    expect_rejected("deflated.npz", file.data, file.length, 65, "this build has no zlib");
#endif
}

static void check_written(const io_array *array, const char *path) {
    io_array back;
    io_error error = {0};
    if (!io_write(path, array, &error)) fail_msg("not written: %s", error.message);
    if (!io_read(path, &back, &error)) fail_msg("not read back: %s", error.message);
    assert_true(same_array(array, &back));
    io_array_free(&back);
}

static void written_archives_read_back(void **state) {
    static float singles[3000];
    static double doubles[9000];
    (void)state;
    for (int i = 0; i < 3000; i++) singles[i] = (float)i / 7;
    for (int i = 0; i < 9000; i++) doubles[i] = i / 7.0;
    const io_array cases[] = {
        {.dtype = SJ_F32, .ndim = 0, .data = singles},
        {.dtype = SJ_F32, .ndim = 2, .shape = {1000, 3}, .data = singles},
        {.dtype = SJ_F64, .ndim = 3, .shape = {30, 1, 300}, .data = doubles},
        {.dtype = SJ_F64, .ndim = 2, .shape = {0, 3}, .data = doubles},
        {.dtype = SJ_F64, .ndim = 1, .shape = {4097}, .data = doubles},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_written(&cases[i], in_folder("written.npy"));
        check_written(&cases[i], in_folder("written.npz"));
        check_written(&cases[i], in_folder("written.npz:some/name"));
        check_written(&cases[i], in_folder("WRITTEN.NPZ:x.npy"));
    }
}

static void the_member_gets_the_name_asked_for(void **state) {
    double value = 1;
    io_error error;
    size_t length;
    const io_array array = {.dtype = SJ_F64, .ndim = 0, .data = &value};
    (void)state;
    assert_true(io_write(in_folder("named.npz:loss"), &array, &error));
    unsigned char *file = get_file(in_folder("named.npz"), &length);
    assert_int_equal(file[26], strlen("loss.npy"));
    assert_memory_equal(file + 30, "loss.npy", 8);
    free(file);
    assert_false(io_write(in_folder("named.npz:"), &array, &error));
    assert_int_equal(error.exit_code, 73);
}

static uint64_t little(const unsigned char *p, int width) {
    uint64_t value = 0;
    while (width-- > 0) value = value << 8 | p[width];
    return value;
}

/* Members of 4 GiB and more cannot be written in a test; their records can be looked at. */
static void records_of_huge_members_use_zip64(void **state) {
    unsigned char out[NPZ_FRAME_MAX(5)];
    const uint64_t size = ((uint64_t)5 << 30) + 3;
    (void)state;
    const npz_frame frame = npz_format("a.npy", size, 0x12345678, out);
    assert_int_equal(frame.before, 30 + 5 + 20);
    assert_int_equal(frame.after, 46 + 5 + 20 + 56 + 20 + 22);
    assert_int_equal(little(out + 18, 4), 0xffffffff);
    assert_int_equal(little(out + 14, 4), 0x12345678);
    assert_true(little(out + 39, 8) == size && little(out + 47, 8) == size);
    const unsigned char *central = out + frame.before;
    assert_memory_equal(central, "PK\x01\x02", 4);
    assert_true(little(central + 46 + 5 + 4, 8) == size);
    const unsigned char *end = central + 46 + 5 + 20;
    assert_memory_equal(end, "PK\x06\x06", 4);
    assert_true(little(end + 48, 8) == frame.before + size);
    assert_int_equal(little(end + 40, 8), 46 + 5 + 20);
    assert_memory_equal(end + 56, "PK\x06\x07", 4);
    assert_true(little(end + 64, 8) == frame.before + size + 46 + 5 + 20);
    assert_int_equal(little(end + 76 + 16, 4), 0xffffffff);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_only_member_needs_no_name),
        cmocka_unit_test(a_member_is_chosen_by_name),
        cmocka_unit_test(a_name_that_is_not_there_lists_the_members),
        cmocka_unit_test(a_comment_may_follow_the_archive),
        cmocka_unit_test(deflated_members_are_read_or_refused_by_name),
        cmocka_unit_test(written_archives_read_back),
        cmocka_unit_test(the_member_gets_the_name_asked_for),
        cmocka_unit_test(records_of_huge_members_use_zip64),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
