/* output.h: where results are written: a file that is replaced whole or left untouched, or a stream (standard output,
 * pipe, FIFO, device) that is written as it comes. Called by write.c and csv_print.c. */
#ifndef SJ_IO_OUTPUT_H
#define SJ_IO_OUTPUT_H

#include "io.h"

#include <stdint.h>

typedef struct io_output {
    const char *name; /* for messages */
    int file;
    bool owned;      /* opened here, to be closed here */
    char *target;    /* the file to replace, symbolic links resolved; NULL for a stream */
    char *temporary; /* in the target's folder; NULL once renamed */
    size_t used;
    unsigned char buffer[1 << 16];
} io_output;

/* True if `path` is written as a stream: "-", or what exists and is no regular file, or a file of /dev or /proc that
 * stands for an open descriptor. */
bool output_is_stream(const char *path);

/* Opens the stream, or makes the temporary. On failure nothing is left behind. */
bool output_open(io_output *output, const char *path, io_error *error);

bool output_write(io_output *output, const void *bytes, size_t length, io_error *error);

/* For a replacement of known length, in place of output_write: sets the length. Unless the file is to be sparse, a disk
 * with less room fails here, before anything is computed. Then bytes are placed in any order, from several threads;
 * what is not is zero. */
bool output_extend(const io_output *output, uint64_t length, bool sparse, io_error *error);
bool output_place(const io_output *output, uint64_t offset, const void *bytes, size_t length, io_error *error);

/* The same, for a file that will be mapped: takes the room, for what a full disk refuses then is a signal. Slower to
 * write than what was not reserved. */
bool output_reserve(const io_output *output, uint64_t length, io_error *error);

/* Flushes, syncs and renames. On failure the temporary is removed. */
bool output_commit(io_output *output, io_error *error);

/* Gives up: removes the temporary. */
void output_abandon(io_output *output);

#endif
