/* inputs.h: rows for the manifest: integers scaled by powers of two, so that every machine makes the same bits without
 * a libm. Values are elements of the dtype, held in doubles. Called by cases.c. */
#ifndef SJ_TEST_INPUTS_H
#define SJ_TEST_INPUTS_H

#include <softjac.h>

#include <stdint.h>

/* SplitMix64 */
typedef struct bit_stream {
    uint64_t state;
} bit_stream;

typedef void row_fill(double *z, size_t n, sj_dtype dtype, bit_stream *bits);

typedef struct input_family {
    const char *name;
    row_fill *fill;
} input_family;

/* Of finite logits, and -inf beside them. */
extern const input_family input_families[];
extern const size_t input_family_count;

/* Rows with NaN, +inf, or only -inf, in turn. */
row_fill fill_undefined;

/* Nonnegative numbers with the sum 1 exactly: the softmax itself. */
row_fill fill_softmax;

/* Cotangents of both signs, sizes 2^-8 to 2^8. */
row_fill fill_cotangent;

#endif
