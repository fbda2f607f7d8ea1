/* output.h: where a command's result goes: a file, text for a person, CSV text for a pipe, or JSON. */
#ifndef TOOL_OUTPUT_H
#define TOOL_OUTPUT_H

#include "command.h"
#include "io/output.h"

/* Before anything is computed: can a result of `ndim` dimensions go where the command line says? */
int check_output(const arguments *args, int ndim);

/* The result of a command: in memory, or in the .npy file that will be the output, whole or not at all. */
typedef struct result {
    io_array array;  /* dtype and shape; data is NULL where `file` is not */
    io_output *file; /* the output while it is written; NULL where the result is in memory */
    size_t data;     /* where its elements begin */
    bool sparse;     /* most of it is never written */
} result;

/* Makes room for the dtype and shape already in result->array, in the .npy file that args->output names, or else in
 * memory. A sparse result takes no room on the disk for what is never written. `advice`: as of allocate_array.
 * EXIT_DONE or the exit code; to be dropped in any case. */
int result_open(const arguments *args, result *into, const char *advice, bool sparse);

/* Finishes the file, or writes or prints what is in memory. EXIT_DONE or the exit code, with its message printed. */
int result_emit(const arguments *args, result *from);

/* Frees it; a file that was not finished is as if it had never been begun. */
void result_drop(result *from);

/* Flushes standard output; EXIT_CANNOT_WRITE with a message when something printed did not arrive. */
int finish_stdout(const arguments *args);

#endif
