/* layout.h: arrays in memory of any layout, with a fill pattern between and around their elements. For the tests of
 * strides and aliasing. */
#ifndef SJ_TEST_LAYOUT_H
#define SJ_TEST_LAYOUT_H

#include "support.h"

typedef enum layout_kind {
    LAYOUT_C,
    LAYOUT_FORTRAN,
    LAYOUT_NEGATIVE, /* every stride negative */
    LAYOUT_STEP_2,   /* every second element of a larger array */
    LAYOUT_MIXED,    /* dimensions in any order, steps 1 to 3, either direction */
    LAYOUT_ZERO,     /* stride 0 in some dimensions: inputs only */
    LAYOUT_KINDS
} layout_kind;

typedef struct layout {
    sj_view view;
    unsigned char *memory;
    size_t bytes;
} layout;

/* Memory for an array of this shape; every byte of it the fill pattern. */
layout layout_new(layout_kind kind, sj_dtype dtype, int ndim, const size_t *shape, random_stream *r);
void layout_free(layout *array);

/* Normal numbers into every element. */
void layout_fill(layout *array, random_stream *r);

size_t layout_count(const sj_view *view);

/* Distance in elements from view.data to element `index`, counted in C order. */
ptrdiff_t layout_offset(const sj_view *view, size_t index);
double layout_get(const sj_view *view, size_t index);

/* Every byte that is not part of an element is the fill pattern still. */
bool layout_gaps_untouched(const layout *array);

/* All of it is. */
bool layout_untouched(const layout *array);

#endif
