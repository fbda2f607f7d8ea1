/* slice.h: where the rows of a slice stand in an array that is (outer, n, inner) around its class axis, and in what
 * comes of it. A place is a view without data: of an array in memory it makes a view, of a file the runs to read or
 * write. */
#ifndef TOOL_SLICE_H
#define TOOL_SLICE_H

#include "command.h"

/* What a row of n logits becomes, and so how the result is indexed. */
typedef enum result_kind { RESULT_ROWS, RESULT_REDUCED, RESULT_BLOCKS, RESULT_DENSE } result_kind;

/* A range of outer, and of inner: first and count. */
typedef struct row_slice {
    size_t outer, outers, inner, inners;
} row_slice;

enum { PLACE_NDIM = 6 };

typedef struct placement {
    size_t first; /* element */
    int ndim;
    size_t shape[PLACE_NDIM], strides[PLACE_NDIM];
} placement;

/* Of entries [k, k + length) of the rows. */
placement place_entries(const grid *around, const row_slice *slice, size_t k, size_t length);
placement place_rows(const grid *around, const row_slice *slice);
placement place_row_numbers(const grid *around, const row_slice *slice);
placement place_result(result_kind kind, const grid *around, const row_slice *slice);

size_t placement_elements(const placement *place);

/* The place in the whole array at `data`; and the same elements alone, in C order. The class axis is the second. */
sj_view placed_view(const void *data, sj_dtype dtype, const placement *place);
sj_view packed_view(const void *data, sj_dtype dtype, const placement *place);

/* Elements [first, first + count) of the whole are [at, at + count) of the packed ones. */
typedef bool (*run_visit)(void *context, size_t first, size_t count, size_t at);

/* Visits the longest runs there are, in C order, until a visit returns false. */
bool each_run(const placement *place, run_visit visit, void *context);

#endif
