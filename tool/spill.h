/* spill.h: inputs that cannot be read as they are, made into files without a name: elements in C order, as the machine
 * has them. Used by map.c, and by input.c for arrays in Fortran order. */
#ifndef TOOL_SPILL_H
#define TOOL_SPILL_H

#include "io/npy_input.h"
#include "io/output.h"

#include "command.h"

typedef struct spill_file {
    char name[4096]; /* for messages: nothing bears it any more */
    io_output output;
} spill_file;

/* A file of `bytes` in $TMPDIR or /var/tmp that is gone when it is closed. EXIT_DONE or the exit code. */
int spill_open(const arguments *args, spill_file *file, size_t bytes);

/* Makes *in, in Fortran order, an input in C order, its elements in such a file. EXIT_DONE or the exit code. */
int spill_transposed(const arguments *args, npy_input *in);

#endif
