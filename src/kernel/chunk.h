/* chunk.h: pieces of a strided row of any dtype as contiguous arrays of the kernel's dtype, in place where the row
 * already is one. Called by the row kernels. */
#ifndef SJ_KERNEL_CHUNK_H
#define SJ_KERNEL_CHUNK_H

#include "halves.h"
#include "run.h"

#include <stdbool.h>

/* Entries of a row handled at a time: the scratch arrays of a row, on the stack of the thread, are at most 96 KiB,
 * twice that where threads share a row; a stage of columns.h stands beside them. Fixed, because the sums are grouped by
 * it. */
#define CHUNK ((size_t)2048)

static inline bool chunk_is_direct(const sj_operand *array, ptrdiff_t stride) {
    return array->dtype == REAL_DTYPE && stride == 1;
}

static inline real chunk_load(const char *data, sj_dtype dtype, ptrdiff_t i) {
    if (dtype == REAL_DTYPE) return ((const real *)(const void *)data)[i];
    if (is_half(dtype)) return (real)half_load(data, dtype, i);
    return (real)((const real_other *)(const void *)data)[i];
}

static inline void chunk_store(char *data, sj_dtype dtype, ptrdiff_t i, real value) {
    if (dtype == REAL_DTYPE)
        ((real *)(void *)data)[i] = value;
    else if (is_half(dtype))
        half_store(data, dtype, i, (double)value);
    else
        ((real_other *)(void *)data)[i] = (real_other)value;
}

static inline char *chunk_at(const char *row, const sj_operand *array, ptrdiff_t stride, size_t start) {
    return (char *)row + (ptrdiff_t)sj_dtype_size(array->dtype) * (ptrdiff_t)start * stride;
}

/* Where row `index` of a run begins in each of its arrays; g stays as it is in a run without one. */
static inline void chunk_seek(const sj_run *run, size_t index, const char **z, const char **g, char **out) {
    *z = chunk_at(run->z.data, &run->z, run->z.row_stride, index);
    *out = chunk_at(run->out.data, &run->out, run->out.row_stride, index);
    if (run->g.data) *g = chunk_at(run->g.data, &run->g, run->g.row_stride, index);
}

/* The same of what else it reads. */
static inline const char *chunk_seek_more(const sj_run *run, size_t which, size_t index) {
    return chunk_at(run->more[which].data, &run->more[which], run->more[which].row_stride, index);
}

/* Entries of a row of n from `start` on, `most` at most. */
static inline size_t chunk_piece(size_t n, size_t start, size_t most) { return n - start < most ? n - start : most; }

/* Entries [start, start + count) of a row, through `scratch` where they are not contiguous. */
static inline const real *chunk_read(const char *row, const sj_operand *array, size_t start, size_t count,
                                     real *scratch) {
    const ptrdiff_t stride = array->class_stride;
    const char *from = chunk_at(row, array, stride, start);
    if (chunk_is_direct(array, stride)) return (const real *)(const void *)from;
    if (is_half(array->dtype))
        widen_reals(from, array->dtype, stride, count, scratch);
    else
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
    if (is_half(array->dtype))
        narrow_reals(computed, count, to, array->dtype, stride);
    else
        for (size_t i = 0; i < count; i++) chunk_store(to, array->dtype, (ptrdiff_t)i * stride, computed[i]);
}

#endif
