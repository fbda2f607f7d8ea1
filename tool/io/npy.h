/* npy.h: the .npy header, read from bytes and written to bytes. Pure: no files, no allocation, no trust.
 * Called by read.c, write.c and npz members; the fuzz target calls npy_parse directly. */
#ifndef SJ_IO_NPY_H
#define SJ_IO_NPY_H

#include "io.h"

#define NPY_MAGIC "\x93NUMPY"
#define NPY_MAGIC_LENGTH 6
#define NPY_HEADER_MAX 65536 /* bytes of header text; NumPy writes about 120 */
#define NPY_HEAD_MAX (12 + NPY_HEADER_MAX)
#define NPY_WRITTEN_MAX 1024 /* 32 dimensions of 20 digits, padded to 64 bytes, fit */

typedef struct npy_header {
    char kind;   /* 'f', 'i', 'u', or 'b' for booleans */
    size_t item; /* bytes of one element */
    bool big_endian;
    bool fortran_order;
    int ndim;
    size_t shape[IO_MAX_NDIM];
    size_t elements;    /* product of the shape; 8 * elements is at most PTRDIFF_MAX */
    size_t data_offset; /* where the elements begin */
    size_t data_bytes;  /* elements * item */
} npy_header;

typedef struct npy_fault {
    size_t offset; /* the byte of the file that is wrong */
    char message[240];
} npy_fault;

/* Reads the header at the start of `bytes`; `length` may be any part of the file, NPY_HEAD_MAX bytes always suffice.
 * Does not look at the elements: the caller compares data_offset + data_bytes with what the file holds. */
bool npy_parse(const unsigned char *bytes, size_t length, npy_header *header, npy_fault *fault);

/* Writes the version 1.0 header of a C-ordered little-endian array; returns its length, a multiple of 64. */
size_t npy_format(const io_array *array, unsigned char out[NPY_WRITTEN_MAX]);

#endif
