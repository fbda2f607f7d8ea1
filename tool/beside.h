/* beside.h: the arrays that --mask, --bias, --lengths, --causal and --sink put beside the logits, each in full: one
 * number an entry, or one a row. compute.c reads them with the inputs and views them slice by slice. */
#ifndef TOOL_BESIDE_H
#define TOOL_BESIDE_H

#include "command.h"

/* data is NULL where an option was not given. */
typedef struct beside_arrays {
    io_array mask, bias;    /* in the shape of the logits; SJ_BOOL, and the dtype of the file */
    io_array lengths, sink; /* in that shape without the class axis; SJ_I64, and the dtype of the file */
} beside_arrays;

/* Reads, checks and broadcasts what was asked for. EXIT_DONE or the exit code; to be freed in any case. */
int beside_read(beside_arrays *beside, const arguments *args, const io_array *z, const grid *around);

/* Cuts every array to one row of the logits, counted from 0 over all rows. */
void beside_keep_row(beside_arrays *beside, const grid *around, size_t row);

void beside_free(beside_arrays *beside);

#endif
