/* masked.h: a call with masks of any kind on arrays of any layout, and which of its entries take part, worked out index
 * by index. For test_masks.c; calls unit/layout.h. */
#ifndef SJ_TEST_MASKED_H
#define SJ_TEST_MASKED_H

#include "layout.h"

typedef enum mask_kind {
    MASK_ALL,     /* a boolean mask of the shape of z */
    MASK_STRETCH, /* one of fewer or shorter dimensions */
    MASK_LENGTHS,
    MASK_CAUSAL,
    MASK_EVERY, /* all of these */
    MASK_KINDS
} mask_kind;

#define MASKED_NDIM 3

typedef struct masked {
    sj_dtype dtype;
    size_t shape[MASKED_NDIM], n, rows;
    int axis;
    layout z, g;
    bool *takes; /* in C order */
    sj_options options;
    sj_view mask, lengths; /* of the options, if they are */
    void *mask_data, *length_data;
} masked;

/* Dimensions outer, n, inner with the class axis at `axis` (the last where the kind is causal), z and g of these
 * layouts. What is masked holds what no arithmetic may see. `m` stays where it is. */
void masked_new(masked *m, mask_kind kind, sj_dtype dtype, size_t n, int axis, layout_kind z, layout_kind g,
                random_stream *r);
void masked_free(masked *m);

/* The index in C order of entry k of a row. */
size_t masked_index(const masked *m, size_t row, size_t k);

/* The entries of a row that take part, one after the other; returns how many. */
size_t masked_pack(const masked *m, size_t row, double *z, double *g);

/* Result of `form` at a row: entry k, or (k, l) of a Jacobian, as an index of the output in C order. */
size_t masked_result(const masked *m, form_id id, size_t row, size_t k, size_t l);

#endif
