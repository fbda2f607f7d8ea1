/* io.h: arrays in and out of files: .npy, .npz members, CSV and TSV. Used by the commands; knows nothing of softmax.
 * Reading trusts no declared size; writing replaces a file whole or leaves it untouched. */
#ifndef SJ_IO_H
#define SJ_IO_H

#include <softjac.h>

#include <stdbool.h>
#include <stdio.h>

#define IO_MAX_NDIM 32

typedef struct io_array {
    sj_dtype dtype; /* as read, SJ_F32 for files of f2 and f4, SJ_F64 for f8, integers, booleans and text */
    int ndim;
    size_t shape[IO_MAX_NDIM];
    void *data;    /* C order, owned; free with io_array_free */
    bool integers; /* the file held integers or booleans, promoted to float64 */
} io_array;

typedef enum io_format { IO_NPY, IO_NPZ, IO_CSV, IO_TSV } io_format;

/* What went wrong, for the user: exit_code is 65 (bad data), 66 (cannot open input), 73 (cannot create), 74 (read or
 * write error), 71 (out of memory); message names the file, the place in it, what was found and what was expected. */
typedef struct io_error {
    int exit_code;
    char message[512];
} io_error;

size_t io_elements(const io_array *array);

/* Element i of real data, exactly: of SJ_F16 too, which results may be. */
double io_element(const void *data, sj_dtype dtype, size_t i);
size_t io_item(sj_dtype dtype); /* bytes; no array here is of SJ_I32 or SJ_BF16 */

void io_array_free(io_array *array);

/* Reads `path`: "-" is standard input; "file.npz:name" is one member ("file.npz" alone when it has exactly one).
 * The format comes from the first bytes, not from the name (.tsv and .csv choose the separator). */
bool io_read(const char *path, io_array *array, io_error *error);

/* Writes to `path` in the format its extension names ("-": CSV on standard output): into a temporary in the same
 * folder, fsync, rename, fsync of the folder. N-D arrays go to .npy and .npz; CSV and TSV take at most 2 dimensions and
 * print the shortest text that reads back to the same value. */
bool io_write(const char *path, const io_array *array, io_error *error);

#endif
