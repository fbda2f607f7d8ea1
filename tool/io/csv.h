/* csv.h: numbers as text, one row per line, separated by commas or tabs. csv.c reads, csv_print.c prints. Called by
 * read.c and write.c. The decimal point is '.', whatever the locale. */
#ifndef SJ_IO_CSV_H
#define SJ_IO_CSV_H

#include "output.h"

/* Reads `bytes` into a float64 array of shape (rows, columns); one row gives (1, n). Skips a byte order mark, empty
 * lines, what follows '#', and a first line whose fields are all names. `path` is for messages. */
bool csv_parse(const char *path, const unsigned char *bytes, size_t length, char separator, io_array *array,
               io_error *error);

/* The separator of a text whose name does not tell: a tab if the first line of fields has one and no comma. */
char csv_separator(const unsigned char *bytes, size_t length);

/* Prints an array of at most 2 dimensions; 1-D is one row. */
bool csv_print(io_output *output, const io_array *array, char separator, io_error *error);

#define CSV_NUMBER_MAX 32

/* The fewest digits that read back to `value`, as float32 or float64 and also by way of float64. The caller has set
 * the "C" locale. */
void csv_format(double value, sj_dtype dtype, char out[CSV_NUMBER_MAX]);

#endif
