/* print.h: an array as text for a person: whole when small, its corners when large. Used by output.c. */
#ifndef TOOL_PRINT_H
#define TOOL_PRINT_H

#include "io/io.h"

#include <stdio.h>

/* More elements than this and only the corners show. */
#define PRINT_MOST 1000

/* `width` is where rows wrap; 0 for never. */
void print_array(FILE *out, const io_array *array, int width);

#endif
