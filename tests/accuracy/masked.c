/* masked.c: see masked.h. */
#include "masked.h"

#include <math.h>

/* Signalling and quiet NaN, infinities, and numbers that would be the maximum. */
static void spoil(char *at, sj_dtype dtype, random_stream *r) {
    static const uint32_t floats[] = {0x7fa00001, 0x7fc00000, 0x7f800000, 0xff800000, 0x7f7fffff, 0xffa12345};
    const uint32_t bits = floats[random_below(r, sizeof floats / sizeof *floats)];
    const uint64_t wide =
        (uint64_t)(bits & 0x80000000) << 32 | (uint64_t)0x7ff << 52 | (uint64_t)(bits & 0x7fffff) << 29;
    if (dtype == SJ_F32)
        memcpy(at, &bits, sizeof bits);
    else
        memcpy(at, &wide, sizeof wide);
}

static size_t index_in(const masked *m, int d, size_t index) {
    for (int e = MASKED_NDIM - 1; e > d; e--) index /= m->shape[e];
    return index % m->shape[d];
}

size_t masked_index(const masked *m, size_t row, size_t k) {
    size_t at[MASKED_NDIM], index = 0;
    for (int d = MASKED_NDIM - 1; d >= 0; d--) {
        if (d == m->axis) continue;
        at[d] = row % m->shape[d];
        row /= m->shape[d];
    }
    at[m->axis] = k;
    for (int d = 0; d < MASKED_NDIM; d++) index = index * m->shape[d] + at[d];
    return index;
}

size_t masked_result(const masked *m, form_id id, size_t row, size_t k, size_t l) {
    if (forms[id].result == RESULT_SCALAR) return row;
    if (forms[id].result == RESULT_MATRIX) return (row * m->n + k) * m->n + l;
    return masked_index(m, row, k);
}

/* A mask that is true at about `most` of eight, of which some dimensions are 1, and leading ones of these may be left
 * out. */
static void set_mask(masked *m, bool stretch, size_t most, random_stream *r) {
    size_t shape[MASKED_NDIM], count = 1;
    const ptrdiff_t step = (ptrdiff_t)(1 + random_below(r, 2));
    for (int d = 0; d < MASKED_NDIM; d++) {
        shape[d] = stretch && random_below(r, 2) ? 1 : m->shape[d];
        count *= shape[d];
    }
    uint8_t *mask = malloc(count * (size_t)step);
    assert_non_null(mask);
    for (size_t i = 0; i < count; i++)
        mask[i * (size_t)step] = random_below(r, 8) < most ? (uint8_t)(1 + random_below(r, 255)) : 0;
    const int dropped = stretch && shape[0] == 1 ? 1 + (shape[1] == 1) : 0;
    m->mask = sj_array(mask, SJ_BOOL, MASKED_NDIM - dropped, shape + dropped);
    for (int d = 0; d < m->mask.ndim; d++) m->mask.strides[d] *= step;
    m->mask_data = mask;
    m->options.mask = &m->mask;
    size_t strides[MASKED_NDIM] = {shape[1] * shape[2], shape[2], 1};
    for (size_t i = 0; i < m->rows * m->n; i++) {
        size_t at = 0;
        for (int d = 0; d < MASKED_NDIM; d++)
            if (shape[d] > 1) at += index_in(m, d, i) * strides[d];
        if (!mask[at * (size_t)step]) m->takes[i] = false;
    }
}

static void set_lengths(masked *m, random_stream *r) {
    size_t shape[2];
    const sj_dtype dtype = random_below(r, 2) ? SJ_I32 : SJ_I64;
    for (int d = 0, e = 0; d < MASKED_NDIM; d++)
        if (d != m->axis) shape[e++] = m->shape[d];
    if (random_below(r, 2)) shape[1] = 1;
    const size_t count = shape[0] * shape[1];
    int64_t *data = malloc(count * sizeof *data);
    assert_non_null(data);
    m->length_data = data;
    for (size_t row = 0; row < m->rows; row++) {
        const size_t at = shape[1] == 1 ? row / (m->rows / count) : row;
        if (row % (m->rows / count) == 0) {
            const size_t length = random_below(r, m->n + 1);
            if (dtype == SJ_I64)
                data[at] = (int64_t)length;
            else
                ((int32_t *)(void *)data)[at] = (int32_t)length;
        }
        const size_t length = dtype == SJ_I64 ? (size_t)data[at] : (size_t)((const int32_t *)(const void *)data)[at];
        for (size_t k = length; k < m->n; k++) m->takes[masked_index(m, row, k)] = false;
    }
    m->lengths = sj_array(data, dtype, 2, shape);
    m->options.lengths = &m->lengths;
}

static void set_causal(masked *m, random_stream *r) {
    m->options.causal = true;
    m->options.causal_offset = (ptrdiff_t)random_below(r, m->n + 2) - 2;
    for (size_t i = 0; i < m->rows * m->n; i++)
        if ((ptrdiff_t)index_in(m, 2, i) > (ptrdiff_t)index_in(m, 1, i) + m->options.causal_offset) m->takes[i] = false;
}

void masked_new(masked *m, mask_kind kind, sj_dtype dtype, size_t n, int axis, layout_kind z, layout_kind g,
                random_stream *r) {
    const size_t others[MASKED_NDIM] = {2, 3, 1};
    const bool causal = kind == MASK_CAUSAL || kind == MASK_EVERY;
    *m = (masked){.dtype = dtype, .n = n, .axis = causal ? 2 : axis, .options = SJ_OPTIONS_INIT};
    for (int d = 0, e = 0; d < MASKED_NDIM; d++) m->shape[d] = d == m->axis ? n : others[e++];
    m->rows = others[0] * others[1];
    m->z = layout_new(z, dtype, MASKED_NDIM, m->shape, r);
    m->g = layout_new(g, dtype, MASKED_NDIM, m->shape, r);
    m->z.view.axis = m->axis;
    layout_fill(&m->z, r);
    layout_fill(&m->g, r);
    m->takes = malloc(m->rows * n * sizeof *m->takes);
    assert_non_null(m->takes);
    for (size_t i = 0; i < m->rows * n; i++) m->takes[i] = true;
    if (kind == MASK_ALL || kind == MASK_STRETCH) set_mask(m, kind == MASK_STRETCH, 1 + random_below(r, 7), r);
    if (kind == MASK_EVERY) set_mask(m, random_below(r, 2), 7, r);
    if (kind == MASK_LENGTHS || kind == MASK_EVERY) set_lengths(m, r);
    if (causal) set_causal(m, r);
    for (size_t i = 0; i < m->rows * n; i++) {
        if (m->takes[i]) continue;
        const ptrdiff_t bytes = (ptrdiff_t)dtype_bytes(dtype);
        spoil((char *)m->z.view.data + layout_offset(&m->z.view, i) * bytes, dtype, r);
        spoil((char *)m->g.view.data + layout_offset(&m->g.view, i) * bytes, dtype, r);
    }
}

void masked_free(masked *m) {
    layout_free(&m->z);
    layout_free(&m->g);
    free(m->takes);
    free(m->mask_data);
    free(m->length_data);
}

size_t masked_pack(const masked *m, size_t row, double *z, double *g) {
    size_t count = 0;
    for (size_t k = 0; k < m->n; k++) {
        const size_t i = masked_index(m, row, k);
        if (!m->takes[i]) continue;
        z[count] = layout_get(&m->z.view, i);
        g[count++] = layout_get(&m->g.view, i);
    }
    return count;
}
