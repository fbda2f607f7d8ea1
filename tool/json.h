/* json.h: strings, numbers and arrays as JSON text. Used by output.c and report_json.c. */
#ifndef TOOL_JSON_H
#define TOOL_JSON_H

#include "io/io.h"

#include <stdio.h>

/* Quoted and escaped; bytes that are not UTF-8 (file names may hold any) become U+FFFD. */
void json_string(FILE *out, const char *text);

/* The shortest text that reads back to the same value; the strings "nan", "inf", "-inf" for what JSON lacks. */
void json_number(FILE *out, sj_dtype dtype, double value);

/* [2, 3] */
void json_shape(FILE *out, int ndim, const size_t *shape);

/* Nested lists, one per dimension; a bare number for no dimension. */
void json_array(FILE *out, const io_array *array);

#endif
