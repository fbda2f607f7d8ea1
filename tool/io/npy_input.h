/* npy_input.h: an open .npy file whose elements are read in pieces, in any order and from several threads, so that it
 * may exceed memory. Called by read.c for the checks they share, and by commands that stream. */
#ifndef SJ_IO_NPY_INPUT_H
#define SJ_IO_NPY_INPUT_H

#include "npy.h"

#include <stdint.h>

typedef struct npy_input {
    const char *name; /* for messages; the caller's string */
    int file;
    npy_header header;
    sj_dtype dtype; /* of elements as read: SJ_F32 of f2 and f4, else SJ_F64, as io_read has it */
    uint64_t bytes; /* of the file when it was opened */
} npy_input;

/* Whether `path` is a regular file that begins as .npy: what npy_open takes. */
bool npy_is_file(const char *path);

/* Opens `path` and reads its header, with the checks and the messages of io_read. On failure nothing stays open. */
bool npy_open(npy_input *input, const char *path, io_error *error);

/* Converts elements [first, first + count), in the order of the file, to `out`, of input->dtype. */
bool npy_read(const npy_input *input, size_t first, size_t count, void *out, io_error *error);

/* False, with a message, where the file's size is no longer what it was. */
bool npy_unchanged(const npy_input *input, io_error *error);

void npy_close(npy_input *input);

/* Parses the header at the start of a file of which `bytes` holds `length` bytes. `path` is for messages. */
bool npy_check_header(const char *path, const unsigned char *bytes, size_t length, npy_header *header, io_error *error);

/* Compares what the header asks for with what there is; `more` if there may be bytes beyond `length`. */
bool npy_check_length(const char *path, const npy_header *header, size_t length, bool more, io_error *error);

/* Looked at past the last element only to say how much more there is. */
#define NPY_SURPLUS_MAX ((size_t)64 << 10)

#endif
