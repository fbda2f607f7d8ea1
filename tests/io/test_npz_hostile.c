/* test_npz_hostile.c: archives that lie: each test falsifies one field of a good one and expects its own message. */
#include "archive.h"

enum { CENTRAL_CRC = 16, CENTRAL_PACKED = 20, CENTRAL_SIZE = 24, CENTRAL_NAME_LENGTH = 28, CENTRAL_LOCAL = 42 };

static bytes content_of(int count) {
    static const char *const headers[] = {"{'descr': '|u1', 'fortran_order': False, 'shape': (0,), }\n",
                                          "{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }\n",
                                          "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }\n"};
    return npy_file(headers[count], "\x01\x02", (size_t)count);
}

static void set_little(unsigned char *p, uint64_t value, int width) {
    for (int i = 0; i < width; i++) p[i] = (unsigned char)(value >> (8 * i));
}

static size_t central_at(const bytes *file) {
    for (size_t i = 0; i + 4 <= file->length; i++) {
        if (memcmp(file->data + i, "PK\x01\x02", 4) == 0) return i;
    }
    fail();
    return 0;
}

/* A good archive of one stored member, with one field of its central entry replaced. */
static void refuse_entry(size_t field, uint64_t value, int width, const char *message) {
    const bytes content = content_of(2);
    const part only = stored("arr_0.npy", &content);
    bytes file = archive_of(&only, 1, false);
    set_little(file.data + central_at(&file) + field, value, width);
    expect_rejected("entry.npz", file.data, file.length, 65, message);
}

static void refuses_false_entries(void **state) {
    (void)state;
    refuse_entry(CENTRAL_CRC, 1, 4, "CRC-32 does not match");
    refuse_entry(CENTRAL_PACKED, 5, 4, "two different sizes");
    refuse_entry(CENTRAL_PACKED, 0xfffffffe, 4, "longer than the archive");
    refuse_entry(CENTRAL_PACKED, 0xffffffff, 4, "ZIP64 field is damaged");
    refuse_entry(CENTRAL_SIZE, 5, 4, "two different sizes");
    refuse_entry(CENTRAL_NAME_LENGTH, 0xffff, 2, "longer than the central directory");
    refuse_entry(CENTRAL_NAME_LENGTH + 2, 1, 2, "longer than the central directory");
    refuse_entry(CENTRAL_NAME_LENGTH, 8, 2, "no entry of the central directory begins here");
    refuse_entry(CENTRAL_LOCAL, 0xfffffffe, 4, "begins outside the archive");
    refuse_entry(CENTRAL_LOCAL, 1, 4, "local header does not match");
    refuse_entry(46, 'b', 1, "local header does not match");
    refuse_entry(8, 1, 2, "encrypted");
    refuse_entry(10, 12, 2, "unknown compression method 12");
    refuse_entry(0, 0, 4, "no entry of the central directory begins here");
}

/* The end record's fields, by their offset from it. */
static void refuse_end(size_t field, uint64_t value, int width, const char *message) {
    const bytes content = content_of(2);
    const part only = stored("arr_0.npy", &content);
    bytes file = archive_of(&only, 1, false);
    set_little(file.data + file.length - 22 + field, value, width);
    expect_rejected("end.npz", file.data, file.length, 65, message);
}

static void refuses_false_end_records(void **state) {
    (void)state;
    refuse_end(0, 0, 4, "end record is missing");
    refuse_end(20, 1, 2, "end record is missing");
    refuse_end(4, 1, 2, "split over several files");
    refuse_end(6, 1, 2, "split over several files");
    refuse_end(12, 0xfffffffe, 4, "not where the end record says");
    refuse_end(16, 0xfffffffe, 4, "not where the end record says");
    refuse_end(16, 0, 4, "not where the end record says");
    refuse_end(16, 0xffffffff, 4, "ZIP64 end record is missing");
    refuse_end(10, 0xffff, 2, "ZIP64 end record is missing");
}

static void refuses_false_zip64_records(void **state) {
    const bytes content = content_of(2);
    const part only = stored("arr_0.npy", &content);
    (void)state;
    bytes file = archive_of(&only, 1, true);
    const size_t locator = file.length - 22 - 20, end = locator - 56, entry = central_at(&file) + 46 + 9;
    static const uint64_t values[] = {UINT64_MAX, UINT64_MAX - 60, (uint64_t)1 << 63, 3};
    for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
        bytes bad = file;
        set_little(bad.data + locator + 8, values[v], 8);
        expect_rejected("zip64.npz", bad.data, bad.length, 65, "not where its locator says");
        bad = file;
        set_little(bad.data + end + 40, values[v], 8);
        expect_rejected("zip64.npz", bad.data, bad.length, 65, "not where the end record says");
        bad = file;
        set_little(bad.data + end + 48, values[v], 8);
        expect_rejected("zip64.npz", bad.data, bad.length, 65, "not where the end record says");
        bad = file;
        set_little(bad.data + entry + 10 + 16, values[v], 8);
        expect_rejected("zip64.npz", bad.data, bad.length, 65,
                        values[v] == 3 ? "local header does not match" : "begins outside the archive");
        bad = file;
        set_little(bad.data + entry + 10 + 8, values[v], 8);
        expect_rejected("zip64.npz", bad.data, bad.length, 65,
                        values[v] == 3 ? "two different sizes" : "longer than the archive");
    }
    bytes bad = file;
    set_little(bad.data + entry + 2, 0xfff0, 2);
    expect_rejected("zip64.npz", bad.data, bad.length, 65, "ZIP64 field is damaged");
    bad = file;
    set_little(bad.data + entry + 8, 23, 2);
    expect_rejected("zip64.npz", bad.data, bad.length, 65, "ZIP64 field is damaged");
    bad = file; /* a size that is right only if the subtraction wraps */
    set_little(bad.data + end + 48, end + 60, 8);
    set_little(bad.data + end + 40, UINT64_MAX - 59, 8);
    expect_rejected("zip64.npz", bad.data, bad.length, 65, "not where the end record says");
}

static void refuses_the_same_name_twice(void **state) {
    (void)state;
    const bytes content = content_of(2);
    const part twice[] = {stored("a.npy", &content), stored("a.npy", &content)};
    const bytes file = archive_of(twice, 2, false);
    io_array array;
    io_error error;
    put_file(in_folder("twice.npz"), file.data, file.length);
    assert_false(io_read(in_folder("twice.npz:a"), &array, &error));
    assert_non_null(strstr(error.message, "several members have this name"));
}

/* Overlapping members are how a small archive unpacks to a huge one. */
static void refuses_members_that_overlap(void **state) {
    (void)state;
    const bytes content = content_of(2), other = content_of(1);
    const part parts[] = {stored("a.npy", &content), stored("other.txt", &other)};
    const part turned[] = {parts[1], parts[0]};
    static const uint64_t lengths[] = {0xfffffff0, 500};
    for (int i = 0; i < 2; i++) {
        bytes file = archive_of(turned, 2, false);
        set_little(file.data + central_at(&file) + CENTRAL_PACKED, lengths[i], 4);
        expect_rejected("overlap.npz", file.data, file.length, 65, "overlaps another");
    }
    bytes wrapping = archive_of(turned, 2, true);
    const size_t extra = central_at(&wrapping) + 46 + strlen("other.txt");
    set_little(wrapping.data + extra + 10 + 8, UINT64_MAX - 20, 8);
    expect_rejected("overlap.npz", wrapping.data, wrapping.length, 65, "overlaps another");
    bytes file = archive_of(parts, 2, false);
    const size_t second = central_at(&file) + 46 + strlen("a.npy");
    set_little(file.data + second + CENTRAL_LOCAL, 40, 4);
    expect_rejected("overlap.npz", file.data, file.length, 65, "overlaps another");
    set_little(file.data + second + CENTRAL_LOCAL, 0, 4);
    expect_rejected("overlap.npz", file.data, file.length, 65, "overlaps another");
}

static void refuse_deflated(part *only, const char *message) {
    const bytes file = archive_of(only, 1, false);
    expect_rejected("deflated.npz", file.data, file.length, 65, message);
}

static void refuses_false_deflated_members(void **state) {
    (void)state;
    const bytes content = content_of(2);
    bytes packed = deflate_by_copying(&content);
    part only = deflated("arr_0.npy", &content, &packed);
    only.size = 2000 * packed.length;
    refuse_deflated(&only, "more bytes than its data can expand to");
#ifdef IO_HAVE_ZLIB
    only.size = content.length + 1;
    refuse_deflated(&only, "expands to less than the 71 bytes declared");
    only.size = content.length - 1;
    refuse_deflated(&only, "expands to more than the 69 bytes declared");
    only.size = content.length;
    only.crc ^= 1;
    refuse_deflated(&only, "CRC-32 does not match");
    only.crc ^= 1;
    only.length -= 1;
    refuse_deflated(&only, "compressed data is damaged");
    only.length += 1;
    packed.data[0] = 7;
    refuse_deflated(&only, "compressed data is damaged");
#endif
}

static void refuses_members_that_are_no_arrays(void **state) {
    (void)state;
    const bytes text = {.data = "1,2,3", .length = 5};
    bytes shorter = content_of(2);
    shorter.length--;
    bytes longer = content_of(2);
    add_bytes(&longer, "!", 1);
    part only = stored("arr_0.npy", &text);
    refuse_deflated(&only, "not a .npy file");
    only = stored("arr_0.npy", &shorter);
    refuse_deflated(&only, "needs 2 bytes of elements, the file holds 1");
    only = stored("arr_0.npy", &longer);
    refuse_deflated(&only, "1 bytes follow the last element");
    only = stored("readme.txt", &text);
    refuse_deflated(&only, "no member ends in .npy; members: 'readme.txt'");
    const bytes empty = archive_of(&only, 0, false);
    expect_rejected("empty.npz", empty.data, empty.length, 65, "members: none");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_false_entries),
        cmocka_unit_test(refuses_false_end_records),
        cmocka_unit_test(refuses_false_zip64_records),
        cmocka_unit_test(refuses_the_same_name_twice),
        cmocka_unit_test(refuses_members_that_overlap),
        cmocka_unit_test(refuses_false_deflated_members),
        cmocka_unit_test(refuses_members_that_are_no_arrays),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
