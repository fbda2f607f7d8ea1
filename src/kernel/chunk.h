/* chunk.h: pieces of a strided row of any dtype as contiguous arrays of the kernel's dtype, in place where the row
 * already is one. Called by the row kernels. */
#ifndef SJ_KERNEL_CHUNK_H
#define SJ_KERNEL_CHUNK_H

#include "run.h"
#include "simd/real.h"

#include <stdbool.h>

/* Entries of a row handled at a time: the scratch arrays of a row, on the stack of the thread, are at most 96 KiB,
 * twice that where threads share a row; a stage of columns.h stands beside them. Fixed, because the sums are grouped by
 * it. */
#define CHUNK ((size_t)2048)

static inline bool chunk_is_direct(const sj_operand *array, ptrdiff_t stride) {
    return array->dtype == REAL_DTYPE && stride == 1;
}

static inline real chunk_load(const char *data, sj_dtype dtype, ptrdiff_t i) {
    return dtype == SJ_F32 ? (real)((const float *)(const void *)data)[i]
                           : (real)((const double *)(const void *)data)[i];
}

static inline void chunk_store(char *data, sj_dtype dtype, ptrdiff_t i, real value) {
    if (dtype == SJ_F32)
        ((float *)(void *)data)[i] = (float)value;
    else
        ((double *)(void *)data)[i] = (double)value;
}

static inline char *chunk_at(const char *row, const sj_operand *array, ptrdiff_t stride, size_t start) {
    return (char *)row + (ptrdiff_t)sj_dtype_size(array->dtype) * (ptrdiff_t)start * stride;
}

/* Entries [start, start + count) of a row, through `scratch` where they are not contiguous. */
static inline const real *chunk_read(const char *row, const sj_operand *array, size_t start, size_t count,
                                     real *scratch) {
    const ptrdiff_t stride = array->class_stride;
    const char *from = chunk_at(row, array, stride, start);
    if (chunk_is_direct(array, stride)) return (const real *)(const void *)from;
    for (size_t i = 0; i < count; i++) scratch[i] = chunk_load(from, array->dtype, (ptrdiff_t)i * stride);
    return scratch;
}

/* Where entries from `start` on are to be computed, and their way to the output when that was `scratch`. */
static inline real *chunk_begin(char *row, const sj_operand *array, ptrdiff_t stride, size_t start, real *scratch) {
    return chunk_is_direct(array, stride) ? (real *)(void *)chunk_at(row, array, stride, start) : scratch;
}

static inline void chunk_end(char *row, const sj_operand *array, ptrdiff_t stride, size_t start, size_t count,
                             const real *computed) {
    char *to = chunk_at(row, array, stride, start);
    if (computed == (const real *)(const void *)to && chunk_is_direct(array, stride)) return;
    for (size_t i = 0; i < count; i++) chunk_store(to, array->dtype, (ptrdiff_t)i * stride, computed[i]);
}

#endif
