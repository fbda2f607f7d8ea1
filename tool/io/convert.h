/* convert.h: elements as a .npy file stores them to a C-ordered native array. Called by read.c once the file is known
 * to hold every element. */
#ifndef SJ_IO_CONVERT_H
#define SJ_IO_CONVERT_H

#include "npy.h"

/* The dtype that elements become: SJ_F32 from f2 and f4, SJ_F64 from all others. */
sj_dtype convert_dtype(const npy_header *header);

/* Whether elements are stored as the machine has them, so that they need no conversion. */
bool convert_is_copy(const npy_header *header);

/* `count` elements in the order of the file. */
void convert_run(const npy_header *header, const unsigned char *data, size_t count, void *out);

/* Makes native elements of `item` bytes little-endian, in place, or the reverse. */
void convert_little(void *elements, size_t item, size_t count);

/* Allocates and fills *array from header->data_bytes bytes at `data`. False when out of memory. */
bool convert_elements(const npy_header *header, const unsigned char *data, io_array *array);

#endif
