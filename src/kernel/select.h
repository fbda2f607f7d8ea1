/* select.h: entries of a row, -inf or 0 where they are masked. Nothing masked becomes a number on the way: entries are
 * selected as bits. Called by row.h and exact/row.h, and through table.c. */
#ifndef SJ_KERNEL_SELECT_H
#define SJ_KERNEL_SELECT_H

#include "chunk.h"
#include "reading.h"

#include <string.h>

V_INLINE void select_floats(const sj_selection *s, ptrdiff_t stride, ptrdiff_t mask_stride, size_t n, char *to) {
    const uint32_t fills[] = {UINT32_C(0xff800000), UINT32_C(0x7f800000), 0}, other = fills[s->fill];
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, s->from + (ptrdiff_t)i * stride * 4, 4);
        bits = s->mask[(ptrdiff_t)i * mask_stride] ? bits : other;
        memcpy(to + i * 4, &bits, 4);
    }
}

V_INLINE void select_doubles(const sj_selection *s, ptrdiff_t stride, ptrdiff_t mask_stride, size_t n, char *to) {
    const uint64_t high = UINT64_C(0x7ff) << 52, fills[] = {high | UINT64_C(1) << 63, high, 0}, other = fills[s->fill];
    for (size_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, s->from + (ptrdiff_t)i * stride * 8, 8);
        bits = s->mask[(ptrdiff_t)i * mask_stride] ? bits : other;
        memcpy(to + i * 8, &bits, 8);
    }
}

V_OUTLINE void select_entries(const sj_selection *s, size_t n, char *to) {
    static const uint8_t all = 1;
    sj_selection own = *s;
    if (!s->mask) own.mask = &all, own.mask_stride = 0;
    const bool beside = own.stride == 1 && own.mask_stride == 1, is_double = sj_dtype_size(s->dtype) == 8;
    if (is_double && beside)
        select_doubles(&own, 1, 1, n, to);
    else if (is_double)
        select_doubles(&own, own.stride, own.mask_stride, n, to);
    else if (beside)
        select_floats(&own, 1, 1, n, to);
    else
        select_floats(&own, own.stride, own.mask_stride, n, to);
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
