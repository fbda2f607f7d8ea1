/* block.h: V_LANES short rows as a block: turned so that entry k of every row is one vector, read from memory that way
 * and written back. Called by short_rows.h; calls turn.h. */
#ifndef SJ_KERNEL_BLOCK_H
#define SJ_KERNEL_BLOCK_H

#include "columns.h"
#include "emit.h"

/* A set for single rows takes one at a time, its entries over the lanes: the same operations on every entry, and sums
 * that take them one after the other, so the same bits. What there is of a row stands in every lane then. */
#if defined(SJ_ACROSS)
#define ACROSS 1
#define BLOCK_ROWS ((size_t)1)
#define BLOCK_INLINE V_INLINE /* for what is a few vectors, passing it through memory takes longer than the work */
#define BLOCK_OUTLINE V_INLINE
#else
#define ACROSS 0
#define BLOCK_ROWS V_LANES
#define BLOCK_INLINE static inline
#define BLOCK_OUTLINE V_OUTLINE
#endif

/* Where rows further on stand, or the results: vector k of theirs at k steps. Turning reads lines out of order and in
 * bursts, and rows side by side are more streams than processors foresee; a store waits where no cache has its line.
 * So loops over the entries of a block ask for a vector of each at a time. */
typedef struct foresight {
    const char *at;
    ptrdiff_t step; /* bytes */
} foresight;

#define AHEAD_BYTES 4096
#define AHEAD_BESIDE 256 /* of each of as many streams as there are entries */

typedef struct block {
    const sj_run *run;
    size_t first, rows; /* rows first .. first + rows of the run; lanes past them hold zeros */
    size_t vectors;     /* that hold the entries */
    turning turn;
    foresight z_ahead, g_ahead, out_ahead;
    vec z[SHORT_ROW], g[SHORT_ROW], w[SHORT_ROW], low[SHORT_ROW];
    vec max, argmax; /* the row state of each lane */
    vpair top, rest;
    vpair inverse; /* 1 / (sum of weights) */
    reference ref;
    real unbias;
    weighing how;
    vmask shallow; /* rows that are, where weights are not given */
    vmask present; /* lanes that hold a row */
    vmask left;    /* rows left to long_rows.h */
    vmask far;     /* of WEIGH_FAR_LANES */
} block;

/* Vector k of those ahead. With a block of g as well the first cache is full. */
V_INLINE void foresee(const block *b, foresight ahead, size_t k) {
    if (ACROSS) return;
    const char *at = ahead.at + (ptrdiff_t)k * ahead.step;
    if (b->run->g.data)
        v_prefetch(at);
    else
        v_prefetch_near(at);
}

/* Vector k of the logits ahead, and of the results. */
V_INLINE void foresee_row(const block *b, foresight z_ahead, foresight out_ahead, size_t k) {
    if (ACROSS) return;
    foresee(b, z_ahead, k);
    v_prefetch_near(out_ahead.at + (ptrdiff_t)k * out_ahead.step);
}

/* Rows of n entries lie one after the other. */
static inline bool rows_follow(const sj_run *run, const sj_operand *array, size_t n) {
    return run->rows == 1 || array->row_stride == (ptrdiff_t)n;
}

/* The results of the first block of a run, where they are rows and do not go past the caches. */
static inline foresight block_results(const block *b) {
    const foresight at_hand = {(const char *)b->z, 0};
    if (ACROSS) return at_hand;
    const sj_operand *out = &b->run->out;
    if (!out->data || out->dtype != REAL_DTYPE) return at_hand;
    if (out->row_stride == 1) return (foresight){out->data, out->class_stride * (ptrdiff_t)sizeof(real)};
    const bool follow = out->class_stride == 1 && rows_follow(b->run, out, b->run->n);
    const real *rows = (const real *)(const void *)out->data;
    return follow && !rows_stream(rows, &b->turn, b->run->stream) ? (foresight){out->data, V_BYTES} : at_hand;
}

/* Bytes from there to the results of the next block. */
static inline ptrdiff_t block_results_apart(const block *b) {
    return b->out_ahead.step == 0 ? 0 : b->run->out.row_stride * (ptrdiff_t)(BLOCK_ROWS * sizeof(real));
}

/* Entries of a row in vector i. */
BLOCK_INLINE size_t block_terms(const block *b, size_t i) {
    return ACROSS ? chunk_piece(b->run->n, i * V_LANES, V_LANES) : 1;
}

/* One of them, of every row. */
V_INLINE vec block_term(vec x, size_t term) { return ACROSS ? v_set1(x[term]) : x; }

/* The number of the entry in each lane of vector i. */
V_INLINE vec block_index(size_t i) {
    const size_t first = ACROSS ? i * V_LANES : i;
    return ACROSS ? v_add(v_set1((real)first), v_numbers()) : v_set1((real)first);
}

/* The largest of a row, and the smallest, from those of its vectors. */
V_INLINE vec block_largest(vec x) {
    for (size_t apart = V_LANES / 2; ACROSS && apart > 0; apart /= 2) x = v_max(v_swap(x, apart), x);
    return x;
}

V_INLINE vec block_smallest(vec x) {
    for (size_t apart = V_LANES / 2; ACROSS && apart > 0; apart /= 2) x = v_min(v_swap(x, apart), x);
    return x;
}

/* The row of a block that has but one; entry 0 stands for those that its last vector lacks. */
BLOCK_INLINE void row_load(const block *b, const sj_operand *array, vec *turned) {
    real scratch[SHORT_ROW];
    const size_t n = b->run->n;
    const real *from = chunk_read(chunk_at(array->data, array, array->row_stride, b->first), array, 0, n, scratch);
    for (size_t k = 0, i = 0; k < b->vectors; k++, i += V_LANES)
        // NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): no row here is empty
        turned[k] = n - i < V_LANES ? v_load_n(from + i, n - i, from[0]) : v_load(from + i);
}

BLOCK_INLINE void row_store(const block *b, const vec *turned) {
    real scratch[SHORT_ROW];
    const sj_operand *out = &b->run->out;
    const size_t n = b->run->n;
    char *base = chunk_at(out->data, out, out->row_stride, b->first);
    real *to = chunk_begin(base, out, out->class_stride, 0, scratch);
    for (size_t k = 0, i = 0; k < b->vectors; k++, i += V_LANES)
        if (n - i < V_LANES)
            v_store_n(to + i, turned[k], n - i);
        else
            v_store(to + i, turned[k]);
    chunk_end(base, out, out->class_stride, 0, n, to);
}

/* Entry k of every row becomes vector k, of rows anywhere and of any dtype. */
V_OUTLINE void block_gather(const block *b, const sj_operand *array, vec *turned) {
    const char *rows[V_LANES];
    for (size_t lane = 0; lane < b->rows; lane++)
        rows[lane] = chunk_at(array->data, array, array->row_stride, b->first + lane);
    for (size_t k = 0; k < b->run->n; k++) {
        real lanes[V_LANES] = {0};
        for (size_t lane = 0; lane < b->rows; lane++)
            lanes[lane] = chunk_load(rows[lane], array->dtype, (ptrdiff_t)k * array->class_stride);
        turned[k] = v_load(lanes);
    }
}

/* The same, and where those ahead stand. */
BLOCK_INLINE foresight block_load(const block *b, const sj_operand *array, vec *turned) {
    const foresight nothing = {(const char *)turned, 0};
    if (ACROSS) {
        row_load(b, array, turned);
        return nothing;
    }
    const size_t n = b->run->n, first = b->first;
    const bool own = array->dtype == REAL_DTYPE;
    const real *base = (const real *)(const void *)array->data;
    if (own && array->row_stride == 1 && b->rows == V_LANES) {
        for (size_t k = 0; k < n; k++) turned[k] = v_load(base + first + (ptrdiff_t)k * array->class_stride);
        if (!b->run->g.data) return nothing; /* half as many streams are foreseen */
        return (foresight){(const char *)(base + first) + AHEAD_BESIDE, array->class_stride * (ptrdiff_t)sizeof(real)};
    }
    if (own && array->class_stride == 1 && rows_follow(b->run, array, n)) {
        rows_load(base + first * n, (b->run->rows - first) * n, &b->turn, turned);
        return (foresight){(const char *)(base + first * n) + AHEAD_BYTES, V_BYTES};
    }
    block_gather(b, array, turned);
    return nothing;
}

/* Vectors k < count to the rows that are not `stored`, `stride` apart, from the element at `offset` of each on. */
static inline void block_store_others(const block *b, vmask stored, const vec *turned, size_t count, ptrdiff_t offset,
                                      ptrdiff_t stride) {
    const sj_operand *out = &b->run->out;
    for (size_t lane = 0; lane < b->rows; lane++) {
        if (v_holds(stored, lane)) continue;
        char *to =
            chunk_at(out->data, out, out->row_stride, b->first + lane) + offset * (ptrdiff_t)sj_dtype_size(out->dtype);
        for (size_t k = 0; k < count; k++)
            chunk_store(to, out->dtype, (ptrdiff_t)k * stride, ((const real *)(const void *)&turned[k])[lane]);
    }
}

/* The same to the rows that were not left. */
static inline void block_store(const block *b, const vec *turned, size_t count, ptrdiff_t offset, ptrdiff_t stride) {
    block_store_others(b, b->left, turned, count, offset, stride);
}

/* Results of n entries, `stride` apart, lie one row after the other, and none was left. */
static inline bool block_rows_follow(const block *b, size_t n, ptrdiff_t stride) {
    const sj_operand *out = &b->run->out;
    return stride == 1 && out->dtype == REAL_DTYPE && rows_follow(b->run, out, n) && !v_any(b->left);
}

/* The same of rows that lie in memory as a block does: contiguous, or their neighbours side by side. False, and nothing
 * stored, where they do not. */
static inline bool block_store_direct(const block *b, const vec *turned, const turning *turn, ptrdiff_t stride) {
    const sj_operand *out = &b->run->out;
    real *base = (real *)(void *)out->data;
    if (out->row_stride == 1 && b->rows == V_LANES && out->dtype == REAL_DTYPE && !v_any(b->left)) {
        for (size_t k = 0; k < turn->n; k++) v_store(base + b->first + (ptrdiff_t)k * stride, turned[k]);
        return true;
    }
    if (!block_rows_follow(b, turn->n, stride)) return false;
    rows_store(base + b->first * turn->n, b->rows * turn->n, turn, turned, b->run->stream);
    return true;
}

BLOCK_INLINE void block_store_row(const block *b, const vec *turned) {
    if (ACROSS) {
        if (!v_any(b->left)) row_store(b, turned);
        return;
    }
    const ptrdiff_t stride = b->run->out.class_stride;
    if (!block_store_direct(b, turned, &b->turn, stride)) block_store(b, turned, b->run->n, 0, stride);
}

#endif
