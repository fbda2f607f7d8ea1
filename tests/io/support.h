/* support.h: what the tests of tool/io share: a folder of their own, files made of bytes, and expectations on
 * io_read. */
#ifndef SJ_TEST_IO_SUPPORT_H
#define SJ_TEST_IO_SUPPORT_H

#include "io/io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A new empty folder for a group of tests; removed with what it holds. For cmocka_run_group_tests. */
int make_folder(void **state);
int remove_folder(void **state);

/* `name` inside that folder; the last four results stay valid. */
const char *in_folder(const char *name);

/* How many entries the folder has. */
int count_files(void);

void put_file(const char *path, const void *data, size_t length);

/* The whole file; the caller frees. */
unsigned char *get_file(const char *path, size_t *length);

typedef struct bytes {
    unsigned char data[4096];
    size_t length;
} bytes;

void add_bytes(bytes *b, const void *data, size_t length);
void add_little(bytes *b, uint64_t value, int width);

/* A version 1.0 .npy file of this header text and these elements. */
bytes npy_file(const char *header, const void *elements, size_t length);

/* Puts the bytes in a file of this name, reads it, and expects failure with this code and text, and nothing made. */
void expect_rejected(const char *name, const void *data, size_t length, int exit_code, const char *message);

/* Reads a file made of these bytes, expecting success; the caller frees the array. */
io_array expect_read(const char *name, const void *data, size_t length);

double value_at(const io_array *array, size_t i);

/* Equal dtype, shape and bits. */
bool same_array(const io_array *a, const io_array *b);

#endif
