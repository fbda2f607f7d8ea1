/* support.c: folders, files and expectations for the tests of tool/io. Linked into each of them. */
#include "support.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

int make_folder(void **state) {
    (void)state;
    /* In memory where that exists: thousands of small files are made here, and the output tests sync them. */
    snprintf(folder, sizeof folder, "%s/softjac-io-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    return mkdtemp(folder) ? 0 : -1;
}

static int for_each_entry(bool removing) {
    DIR *listing = opendir(folder);
    int count = 0;
    assert_non_null(listing);
    for (struct dirent *entry = readdir(listing); entry; entry = readdir(listing)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        count++;
        if (!removing) continue;
        char path[400];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        remove(path);
    }
    closedir(listing);
    return count;
}

int remove_folder(void **state) {
    (void)state;
    for_each_entry(true);
    return rmdir(folder);
}

int count_files(void) { return for_each_entry(false); }

const char *in_folder(const char *name) {
    static char paths[4][400];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof *paths, "%s/%s", folder, name);
    return path;
}

void put_file(const char *path, const void *data, size_t length) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

unsigned char *get_file(const char *path, size_t *length) {
    struct stat status;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(stat(path, &status), 0);
    *length = (size_t)status.st_size;
    unsigned char *data = malloc(*length + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, *length, file), *length);
    fclose(file);
    return data;
}

void add_bytes(bytes *b, const void *data, size_t length) {
    assert_true(length <= sizeof b->data - b->length);
    if (length > 0) memcpy(b->data + b->length, data, length);
    b->length += length;
}

void add_little(bytes *b, uint64_t value, int width) {
    for (int i = 0; i < width; i++) {
        const unsigned char byte = (unsigned char)(value >> (8 * i));
        add_bytes(b, &byte, 1);
    }
}

bytes npy_file(const char *header, const void *elements, size_t length) {
    bytes b = {.length = 0};
    add_bytes(&b, "\x93NUMPY\x01\x00", 8);
    add_little(&b, strlen(header), 2);
    add_bytes(&b, header, strlen(header));
    add_bytes(&b, elements, length);
    return b;
}

void expect_rejected(const char *name, const void *data, size_t length, int exit_code, const char *message) {
    const char *path = in_folder(name);
    io_array array;
    io_error error = {0};
    put_file(path, data, length);
    const bool read = io_read(path, &array, &error);
    if (read) fail_msg("accepted, expected: %s", message);
    assert_null(array.data);
    if (!strstr(error.message, message)) fail_msg("message '%s', expected '%s'", error.message, message);
    if (!strstr(error.message, name)) fail_msg("message '%s' does not name the file", error.message);
    assert_int_equal(error.exit_code, exit_code);
}

io_array expect_read(const char *name, const void *data, size_t length) {
    const char *path = in_folder(name);
    io_array array;
    io_error error = {0};
    put_file(path, data, length);
    if (!io_read(path, &array, &error)) fail_msg("rejected: %s", error.message);
    assert_non_null(array.data);
    return array;
}

double value_at(const io_array *array, size_t i) {
    return array->dtype == SJ_F32 ? (double)((const float *)array->data)[i] : ((const double *)array->data)[i];
}

bool same_array(const io_array *a, const io_array *b) {
    if (a->dtype != b->dtype || a->ndim != b->ndim) return false;
    for (int d = 0; d < a->ndim; d++) {
        if (a->shape[d] != b->shape[d]) return false;
    }
    return memcmp(a->data, b->data, io_elements(a) * (a->dtype == SJ_F32 ? 4 : 8)) == 0;
}
