/* convert.h: elements as a .npy file stores them to a C-ordered native array. Called by read.c once the file is known
 * to hold every element. */
#ifndef SJ_IO_CONVERT_H
#define SJ_IO_CONVERT_H

#include "npy.h"

/* Allocates and fills *array from header->data_bytes bytes at `data`. False when out of memory. */
bool convert_elements(const npy_header *header, const unsigned char *data, io_array *array);

#endif
