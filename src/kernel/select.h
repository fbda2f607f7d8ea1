/* select.h: entries of a row, -inf or 0 where they are masked. Nothing masked becomes a number on the way: entries are
 * selected as bits. Called by row.h and exact/row.h, and through table.c. */
#ifndef SJ_KERNEL_SELECT_H
#define SJ_KERNEL_SELECT_H

#include "chunk.h"
#include "reading.h"

#include <string.h>

/* Entries of so many bits. */
#define DEFINE_SELECT(name, word)                                                                                      \
    V_INLINE void name(const sj_selection *s, ptrdiff_t stride, ptrdiff_t mask_stride, word other, size_t n,           \
                       char *to) {                                                                                     \
        for (size_t i = 0; i < n; i++) {                                                                               \
            word bits;                                                                                                 \
            memcpy(&bits, s->from + (ptrdiff_t)i * stride * (ptrdiff_t)sizeof bits, sizeof bits);                      \
            bits = s->mask[(ptrdiff_t)i * mask_stride] ? bits : other;                                                 \
            memcpy(to + i * sizeof bits, &bits, sizeof bits);                                                          \
        }                                                                                                              \
    }

DEFINE_SELECT(select_halves, uint16_t)
DEFINE_SELECT(select_floats, uint32_t)
DEFINE_SELECT(select_doubles, uint64_t)

/* Bits of what a masked entry becomes. */
static inline uint64_t fill_bits(sj_dtype dtype, sj_fill fill) {
    const unsigned size = 8 * (unsigned)sj_dtype_size(dtype);
    const uint64_t high = dtype == SJ_F64   ? UINT64_C(0x7ff) << 52
                          : dtype == SJ_F32 ? UINT64_C(0x7f800000)
                          : dtype == SJ_F16 ? UINT64_C(0x7c00)
                                            : UINT64_C(0x7f80);
    return fill == SJ_FILL_ZERO ? 0 : fill == SJ_FILL_HIGH ? high : high | UINT64_C(1) << (size - 1);
}

V_INLINE void select_strided(const sj_selection *s, ptrdiff_t stride, ptrdiff_t mask_stride, size_t n, char *to) {
    const uint64_t other = fill_bits(s->dtype, s->fill);
    if (s->dtype == SJ_F64)
        select_doubles(s, stride, mask_stride, other, n, to);
    else if (s->dtype == SJ_F32)
        select_floats(s, stride, mask_stride, (uint32_t)other, n, to);
    else
        select_halves(s, stride, mask_stride, (uint16_t)other, n, to);
}

V_OUTLINE void select_entries(const sj_selection *s, size_t n, char *to) {
    static const uint8_t all = 1;
    sj_selection own = *s;
    if (!s->mask) own.mask = &all, own.mask_stride = 0;
    if (own.stride == 1 && own.mask_stride == 1)
        select_strided(&own, 1, 1, n, to);
    else
        select_strided(&own, own.stride, own.mask_stride, n, to);
}

#define SELECTED ((size_t)256)

/* Entries [start, start + count) of a row; those that are masked as `fill` says. */
V_OUTLINE const real *read_entries(const sj_run *run, size_t index, const char *row, const sj_operand *array,
                                   size_t start, size_t count, sj_fill fill, real *scratch) {
    if (!mask_row(run, index, 0)) return chunk_read(row, array, start, count, scratch);
    if (array->dtype == REAL_DTYPE) {
        const sj_selection s = selection_of(run, index, array, row, start, fill);
        select_entries(&s, count, (char *)scratch);
        return scratch;
    }
    for (size_t i = 0; i < count; i += SELECTED) {
        _Alignas(8) char bits[SELECTED * 8];
        const size_t piece = chunk_piece(count, i, SELECTED);
        const sj_selection s = selection_of(run, index, array, row, start + i, fill);
        select_entries(&s, piece, bits);
        for (size_t k = 0; k < piece; k++) scratch[i + k] = chunk_load(bits, array->dtype, (ptrdiff_t)k);
    }
    return scratch;
}

#endif
