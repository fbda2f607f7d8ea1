/* source.h: the bytes of an input file or of standard input, read on demand. Called by read.c.
 * Memory grows with what was really read, never with a size that a file or its header declares. */
#ifndef SJ_IO_SOURCE_H
#define SJ_IO_SOURCE_H

#include "io.h"

typedef struct io_source {
    const char *name; /* for messages */
    unsigned char *bytes;
    size_t length, room;
    int file;
    bool owned; /* opened here, to be closed here */
    bool ended;
} io_source;

/* "-" is standard input. Call source_close in every case. */
bool source_open(io_source *source, const char *path, io_error *error);

/* Reads on until `length` bytes are held or the input ends. */
bool source_fill(io_source *source, size_t length, io_error *error);

void source_close(io_source *source);

#endif
