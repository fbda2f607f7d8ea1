/* beside.h: the inputs that --mask, --bias, --lengths, --causal and --sink put beside the logits, each in full: one
 * number an entry, or one a row. compute.c takes them with the logits, slice by slice. */
#ifndef TOOL_BESIDE_H
#define TOOL_BESIDE_H

#include "input.h"

/* Where an option was not given, neither is its input. */
typedef struct beside_inputs {
    input mask, bias;    /* in the shape of the logits; SJ_BOOL, and the dtype of the file */
    input lengths, sink; /* in that shape without the class axis; SJ_I64, and the dtype of the file */
} beside_inputs;

/* Opens, checks and broadcasts what was asked for. EXIT_DONE or the exit code; to be freed in any case. */
int beside_read(beside_inputs *beside, const arguments *args, const io_array *z, const grid *around);

/* Cuts every input to one row of the logits, counted from 0 over all rows. EXIT_DONE or the exit code. */
int beside_keep_row(const arguments *args, beside_inputs *beside, const grid *around, size_t row);

void beside_free(beside_inputs *beside);

#endif
