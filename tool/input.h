/* input.h: what a command reads. An input is an array in memory, or elements that are made when a slice asks for them:
 * read from a .npy file, or stretched from a smaller array as NumPy broadcasts. compute.c sees no difference. */
#ifndef TOOL_INPUT_H
#define TOOL_INPUT_H

#include "command.h"
#include "io/npy_input.h"

/* What the elements of an option's file must be. */
typedef struct input_rule {
    const char *name; /* of the file */
    bool whole;       /* whole numbers, from `least` to `most` */
    double least, most;
    const char *advice; /* at the end of the message where they are not */
} input_rule;

typedef struct input {
    bool given;
    io_array array;  /* dtype and shape as the library sees them; data is NULL where elements are made on demand */
    bool mapped;     /* data is the part of a mapping (map.h), and no business of input_close */
    npy_input file;  /* where in_file */
    bool in_file;    /* elements come from `file`, in its order */
    io_array from;   /* where from.data: elements are those of `from`, broadcast to the shape of `array` */
    input_rule rule; /* for elements of a file */
    size_t cycle;    /* causal lengths: row i of every `cycle` rows keeps i + 1 entries, or fewer; 0: all */
} input;

/* Opens `path` to be read on demand if it is a .npy file in C order; else reads it. Prints its own message: EXIT_DONE
 * or the exit code. */
int input_open(const arguments *args, const char *path, input *in);

/* Elements [first, first + count) of in->array in C order. Safe from several threads. */
bool input_fill(const input *in, size_t first, size_t count, void *out, io_error *error);

/* False, with a message, where a file is no longer as long as it was. */
bool input_unchanged(const input *in, io_error *error);

/* Makes of it an array in memory, as a command needs that takes all of it at once. EXIT_DONE or the exit code. */
int input_load(const arguments *args, input *in);

/* Cuts it to the one row, a vector in memory. EXIT_DONE or the exit code. */
int input_keep_row(const arguments *args, input *in, const grid *around, size_t row);

/* Refuses the elements of an array in memory that break the rule. EXIT_DONE or the exit code. */
int input_check(const arguments *args, const input_rule *rule, const io_array *array);

void input_close(input *in);

#endif
