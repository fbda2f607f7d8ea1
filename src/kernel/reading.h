/* reading.h: which entries of a run are masked, and what is to be selected where they are. Used by plan/reading.c,
 * which stages short rows, and by the kernels. */
#ifndef SJ_KERNEL_READING_H
#define SJ_KERNEL_READING_H

#include "half.h"
#include "run.h"

#include <math.h>
#include <stdint.h>

static inline const char *beside_row(const sj_run *run, sj_beside which, size_t index) {
    const sj_operand *array = &run->reading->beside[which];
    const ptrdiff_t size = (ptrdiff_t)sj_dtype_size(array->dtype);
    return array->data + size * (ptrdiff_t)(run->read_from + index) * array->row_stride;
}

/* The mask of a row from entry `start` on; NULL where there is none. */
static inline const uint8_t *mask_row(const sj_run *run, size_t index, size_t start) {
    const sj_operand *mask = &run->reading->beside[SJ_BESIDE_MASK];
    if (!mask->data) return NULL;
    return (const uint8_t *)beside_row(run, SJ_BESIDE_MASK, index) + (ptrdiff_t)start * mask->class_stride;
}

static inline bool reading_ends_rows(const sj_reading *of) { return of->causal || of->beside[SJ_BESIDE_LENGTHS].data; }

static inline ptrdiff_t row_length(const sj_run *run, size_t index) {
    const sj_dtype dtype = run->reading->beside[SJ_BESIDE_LENGTHS].dtype;
    return (ptrdiff_t)sj_integer(beside_row(run, SJ_BESIDE_LENGTHS, index), dtype, 0);
}

/* How many entries of a row, from its first on, lengths and a causal mask leave. */
static inline size_t row_count(const sj_run *run, size_t index) {
    const sj_reading *of = run->reading;
    ptrdiff_t count = (ptrdiff_t)run->n;
    if (of->causal) {
        const ptrdiff_t step = of->beside[SJ_BESIDE_REACH].row_stride;
        const ptrdiff_t reach = of->reach + (ptrdiff_t)(run->read_from + index) * step;
        count = reach < count ? reach : count;
    }
    if (of->beside[SJ_BESIDE_LENGTHS].data) {
        const ptrdiff_t length = row_length(run, index);
        count = length < count ? length : count;
    }
    return count < 0 ? 0 : (size_t)count;
}

/* The bias of an entry masks it. */
static inline bool bias_masks(const sj_run *run, size_t index, size_t k) {
    const sj_operand *bias = &run->reading->beside[SJ_BESIDE_BIAS];
    if (!bias->data) return false;
    const char *row = beside_row(run, SJ_BESIDE_BIAS, index);
    const ptrdiff_t at = (ptrdiff_t)k * bias->class_stride;
    return element_load(row, bias->dtype, at) == -(double)INFINITY;
}

static inline bool row_masks(const sj_run *run, size_t index, size_t k) {
    if (!run->reading) return false;
    const uint8_t *mask = mask_row(run, index, k);
    return (mask && !*mask) || k >= row_count(run, index) || bias_masks(run, index, k);
}

/* Every entry is masked. */
static inline bool row_is_blank(const sj_run *run, size_t index) {
    if (!run->reading) return false;
    for (size_t k = 0; k < run->n - run->sunk; k++)
        if (!row_masks(run, index, k)) return false;
    return true;
}

/* What is selected where an entry is masked. */
typedef enum sj_fill { SJ_FILL_LOW, SJ_FILL_HIGH, SJ_FILL_ZERO } sj_fill; /* -inf, +inf, 0 */

/* Entries of a row as bits, `fill` where the mask (NULL: none) leaves one out. */
typedef struct sj_selection {
    const char *from;
    sj_dtype dtype;
    ptrdiff_t stride;
    const uint8_t *mask;
    ptrdiff_t mask_stride;
    sj_fill fill;
} sj_selection;

/* Of row `index` of a run, from entry `start` on. */
static inline sj_selection selection_of(const sj_run *run, size_t index, const sj_operand *array, const char *row,
                                        size_t start, sj_fill fill) {
    const ptrdiff_t stride = array->class_stride;
    return (sj_selection){row + (ptrdiff_t)sj_dtype_size(array->dtype) * (ptrdiff_t)start * stride,
                          array->dtype,
                          stride,
                          mask_row(run, index, start),
                          run->reading->beside[SJ_BESIDE_MASK].class_stride,
                          fill};
}

#endif
