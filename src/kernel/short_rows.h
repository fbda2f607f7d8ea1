/* short_rows.h: rows of at most SHORT_ROW entries, one lane a row: a block of V_LANES rows is turned so that entry k of
 * every row is one vector, and all that follows is vertical. The same state and emit functions as long_rows.h. Called
 * by forward.h and derivatives.h.
 *
 * A row whose maximum is not near, or that a block cannot serve for another reason, is left to long_rows.h; the choice
 * depends on the row alone, so its bits do not depend on its neighbours. */
#ifndef SJ_KERNEL_SHORT_ROWS_H
#define SJ_KERNEL_SHORT_ROWS_H

#include "columns.h"
#include "emit.h"

/* A set for single rows takes one at a time, its entries over the lanes: the same operations on every entry, and sums
 * that take them one after the other, so the same bits. What there is of a row stands in every lane then. */
#if defined(SJ_ACROSS)
#define ACROSS 1
#define BLOCK_ROWS ((size_t)1)
#define BLOCK_INLINE V_INLINE /* for what is a few vectors, passing it through memory takes longer than the work */
#else
#define ACROSS 0
#define BLOCK_ROWS V_LANES
#define BLOCK_INLINE static inline
#endif

/* Vectors of rows further on stand here, each V_BYTES past the one before. Turning reads lines out of order and in
 * bursts, which processors do not foresee: loops over the entries of a block ask for a vector at a time. */
typedef const char *foresight;
#define AHEAD_BYTES 4096

typedef struct block {
    const sj_run *run;
    size_t first, rows; /* rows first .. first + rows of the run; lanes past them hold zeros */
    size_t vectors;     /* that hold the entries */
    turning turn;
    foresight z_ahead, g_ahead;
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
} block;

/* Vector k of those ahead. With a block of g as well the first cache is full. */
V_INLINE void foresee(const block *b, foresight ahead, size_t k) {
    if (ACROSS) return;
    if (b->run->g.data)
        v_prefetch(ahead + k * V_BYTES);
    else
        v_prefetch_near(ahead + k * V_BYTES);
}

/* Rows of n entries lie one after the other. */
static inline bool rows_follow(const sj_run *run, const sj_operand *array, size_t n) {
    return run->rows == 1 || array->row_stride == (ptrdiff_t)n;
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

/* Entry k of every row becomes vector k. */
BLOCK_INLINE foresight block_load(const block *b, const sj_operand *array, vec *turned) {
    if (ACROSS) {
        row_load(b, array, turned);
        return (foresight)turned;
    }
    const size_t n = b->run->n, first = b->first;
    const bool own = array->dtype == REAL_DTYPE;
    const real *base = (const real *)(const void *)array->data;
    if (own && array->row_stride == 1 && b->rows == V_LANES) {
        for (size_t k = 0; k < n; k++) turned[k] = v_load(base + first + (ptrdiff_t)k * array->class_stride);
        return (foresight)turned;
    }
    if (own && array->class_stride == 1 && rows_follow(b->run, array, n)) {
        rows_load(base + first * n, (b->run->rows - first) * n, &b->turn, turned);
        return (foresight)(base + first * n) + AHEAD_BYTES;
    }
    const char *rows[V_LANES];
    for (size_t lane = 0; lane < b->rows; lane++)
        rows[lane] = chunk_at(array->data, array, array->row_stride, first + lane);
    for (size_t k = 0; k < n; k++) {
        real lanes[V_LANES] = {0};
        for (size_t lane = 0; lane < b->rows; lane++)
            lanes[lane] = chunk_load(rows[lane], array->dtype, (ptrdiff_t)k * array->class_stride);
        turned[k] = v_load(lanes);
    }
    return (foresight)turned;
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

/* Leaves to long_rows.h the rows in whose lane `x` is not within [low, high]; whether there are any. */
BLOCK_INLINE bool block_leave_outside(block *b, vec x, real low, real high) {
    const vmask inside = v_and(v_ge(x, v_set1(low)), v_ge(v_set1(high), x));
    const vmask outside = v_and(b->present, v_not(inside));
    if (!v_any(outside)) return false;
    b->left = v_or(b->left, outside);
    return true;
}

/* Zeros in the lanes of rows that were left, so that they raise no floating-point flag. */
BLOCK_INLINE void block_silence(const block *b, vec *turned, size_t count) {
    for (size_t k = 0; k < count; k++) turned[k] = v_select(b->left, v_zero(), turned[k]);
}

static inline bool block_is_given(const block *b) { return b->run->given == SJ_GIVEN_SOFTMAX; }

/* The rows, their maxima, and what their weights are relative to. Rows that hold NaN show it in their sum. */
BLOCK_INLINE void block_begin(block *b) {
    const size_t n = b->vectors;
    const bool given = block_is_given(b);
    b->z_ahead = block_load(b, &b->run->z, b->z);
    vec max = b->z[0], min = max;
    for (size_t k = 1; k < n; k++) max = v_max(b->z[k], max), min = v_min(b->z[k], min);
    max = block_largest(max), min = block_smallest(min);
    b->max = max;
    b->left = v_none();
    b->present = v_lanes_below(ACROSS ? V_LANES : b->rows);
    const real lowest = given ? REAL(1) / REAL_LARGEST : REAL(NEAR_LOW);
    const real highest = given ? REAL_LARGEST : REAL(NEAR_HIGH);
    if (block_leave_outside(b, max, lowest, highest)) {
        block_silence(b, b->z, n);
        block_silence(b, &b->max, 1);
    }
    const vec depth = v_sub(b->max, v_set1(REAL(SHALLOW_DEPTH)));
    b->shallow = given ? v_none() : v_ge(v_select(b->left, v_zero(), min), depth);
    b->how = given ? WEIGH_GIVEN : v_any(v_not(b->shallow)) ? WEIGH_LANES : WEIGH_SHALLOW_LANES;
    b->ref = reference_near(given ? v_zero() : b->max, WEIGH_LANES);
    if (given) b->ref.least = v_zero();
    b->unbias = given ? 1 : (real)power_of_two(-WEIGHT_BIAS);
}

/* The lowest index of the maximum. */
BLOCK_INLINE void block_find(block *b) {
    b->argmax = v_set1(ACROSS ? SHORT_ROW : 0);
    for (size_t k = b->vectors; k-- > 0;) b->argmax = v_select(v_eq(b->z[k], b->max), block_index(k), b->argmax);
    b->argmax = block_smallest(b->argmax);
}

/* The weight of one entry of each lane, to twice the digits. */
BLOCK_INLINE vpair block_weight(const block *b, vec z) {
    return block_is_given(b) ? (vpair){z, v_zero()} : weight_pair(z, &b->ref, WEIGH_LANES);
}

/* The entries of a vector join a sum, each with what it lost. */
V_INLINE void block_add(vsum *sum, vec x, vec lost, size_t terms) {
    for (size_t term = 0; term < terms; term++) vsum_join(sum, block_term(x, term), block_term(lost, term));
}

/* Weights as pairs, and the sum of those that count but for the argmax. */
V_INLINE vsum block_weigh(block *b, weighing how) {
    vsum rest = vsum_zero();
    for (size_t k = 0; k < b->vectors; k++) {
        foresee(b, b->z_ahead, k);
        const weight_parts e = weigh(b->z[k], &b->ref, how);
        const vec w = parts_weight(e), low = counted_low(e, w, how);
        vmask no = v_eq(b->argmax, block_index(k));
        if (!is_shallow(how)) no = v_or(no, v_ge(b->ref.least, w));
        b->w[k] = w;
        b->low[k] = low;
        block_add(&rest, v_select(no, v_zero(), w), v_select(no, v_zero(), low), block_terms(b, k));
    }
    return rest;
}

/* Rows whose sum is NaN hold a NaN. */
BLOCK_INLINE void block_leave_nan(block *b, vec sum) {
    const vmask nan = v_is_nan(sum);
    if (v_any(nan)) b->left = v_or(b->left, nan);
}

/* reduce -> state -> scalars for every lane. */
BLOCK_INLINE void block_reduce(block *b) {
    block_begin(b);
    block_find(b);
    const bool given = block_is_given(b);
    const vsum rest = given                           ? block_weigh(b, WEIGH_GIVEN)
                      : b->how == WEIGH_SHALLOW_LANES ? block_weigh(b, WEIGH_SHALLOW_LANES)
                                                      : block_weigh(b, WEIGH_LANES);
    block_leave_nan(b, rest.sum);
    b->top = block_weight(b, b->max);
    b->rest = vpair_fast_sum(rest.sum, rest.error);
    const vpair sum = vpair_sum(b->top.hi, b->rest.hi);
    const vpair whole = vpair_fast_sum(sum.hi, v_add(sum.lo, v_add(b->top.lo, b->rest.lo)));
    b->inverse = given ? (vpair){v_set1(1), v_zero()} : vpair_inverse(whole);
}

/* Weights, and the sum of all of them. It begins as large as any weight. */
V_INLINE vpair block_sum(block *b, weighing how) {
    const vec begun = weight_bound(b->max, &b->ref, false);
    vsum sum = {begun, v_zero()};
    for (size_t k = 0; k < b->vectors; k++) {
        foresee(b, b->z_ahead, k);
        const weight_parts e = weigh(b->z[k], &b->ref, how);
        const vec w = b->w[k] = parts_weight(e);
        for (size_t term = 0; term < block_terms(b, k); term++)
            sum_weight(&sum, block_term(w, term), (weight_parts){block_term(e.scaled, term), block_term(e.t, term)});
    }
    return vpair_fast_sum(v_sub(sum.sum, begun), sum.error);
}

/* What softmax itself needs: weights, that of the maximum as a pair, and the inverse of their sum. */
BLOCK_INLINE void block_reduce_whole(block *b) {
    block_begin(b);
    const vpair sum = b->how == WEIGH_SHALLOW_LANES ? block_sum(b, WEIGH_SHALLOW_LANES) : block_sum(b, WEIGH_LANES);
    block_leave_nan(b, sum.hi);
    b->top = block_weight(b, b->max);
    b->inverse = vpair_inverse(sum);
}

/* log(1 + T) of each lane. */
static inline vpair block_log1p(const block *b) { return vpair_log1p(vpair_div(b->rest, b->top)); }

/* Weights up to this have a softmax of 0. */
static inline vec block_lost(const block *b) { return v_set1(block_is_given(b) ? 0 : WEIGHT_ZERO); }

/* Entry of the argmax of each lane. */
BLOCK_INLINE vec block_at_argmax(const block *b, const vec *turned) {
    if (ACROSS)
        return v_set1(((const real *)(const void *)turned)[(size_t)v_lane(b->argmax) % SHORT_ROW]); /* NaN: none */
    vec entry = v_zero();
    for (size_t k = 0; k < b->run->n; k++) entry = v_select(v_eq(b->argmax, v_set1((real)k)), turned[k], entry);
    return entry;
}

/* s_q and c_q of each lane; at the argmax, where 1 - s would cancel, c is `complement`, the block's own. */
typedef struct block_entry {
    vpair s; /* times the bias of the weights */
    vpair c;
    vec unbias; /* c_q = c unbias: at the argmax c carries the bias too */
} block_entry;

/* 1 / (sum of weights without bias) */
BLOCK_INLINE vpair block_inverse(const block *b) { return vpair_scale(b->inverse, v_set1(1 / b->unbias)); }

/* c_m = T / (1 + T) of each lane, times the bias. */
static inline vpair block_complement(const block *b) { return vpair_mul(b->rest, block_inverse(b)); }

static inline block_entry block_softmax(const block *b, size_t q, vpair complement) {
    const vmask at_max = v_eq(b->argmax, v_set1((real)q));
    block_entry e;
    const vpair w = block_weight(b, b->z[q]);
    const vmask counts = v_gt(w.hi, block_lost(b));
    e.s = vpair_mul((vpair){v_keep(counts, w.hi), v_keep(counts, w.lo)}, block_inverse(b));
    const vpair others = vpair_complement(vpair_scale(e.s, v_set1(b->unbias)));
    e.c.hi = v_select(at_max, complement.hi, others.hi);
    e.c.lo = v_select(at_max, complement.lo, others.lo);
    e.unbias = v_select(at_max, v_set1(b->unbias), v_set1(1));
    return e;
}

/* A result computed for a whole block. */
typedef void block_function(block *b);

V_INLINE void block_rows(const sj_run *run, size_t vectors, block_function *reduce, block_function *whole,
                         row_function *single) {
    block b;
    row r;
    b.run = r.run = run;
    r.room = NULL;
    b.vectors = vectors;
    if (!ACROSS) b.turn = turning_of(run->n);
    for (b.first = 0; b.first < run->rows; b.first += BLOCK_ROWS) {
        b.rows = run->rows - b.first < BLOCK_ROWS ? run->rows - b.first : BLOCK_ROWS;
        reduce(&b);
        whole(&b);
        if (!v_any(b.left)) continue;
        for (size_t lane = 0; lane < b.rows; lane++) {
            if (!ACROSS && !v_holds(b.left, lane)) continue;
            row_seek(&r, b.first + lane);
            single(&r);
        }
    }
}

/* Rows whose weights may need more room than their scratch. */
V_OUTLINE void rows_with_room(const sj_run *run, row_function *single) {
    row_room room;
    row r;
    r.run = run;
    r.room = &room;
    long_rows(&r, single);
}

/* Every row of a run: short ones in blocks, long ones one after the other by `single`, or as `many` does it where that
 * is not NULL. run_rows: the function of the run, for parts of it. */
V_INLINE void serve_rows(const sj_run *run, run_function *run_rows, block_function *reduce, block_function *whole,
                         row_function *single, row_function *many) {
    if (ACROSS && run->n <= V_LANES && run->n > 0) { /* known to be one vector, it stays in registers */
        block_rows(run, 1, reduce, whole, single);
    } else if (!ACROSS && columns_serve(run)) {
        column_rows(run, run_rows);
    } else if (run->n <= SHORT_ROW && run->n > 0) {
        block_rows(run, ACROSS ? (run->n - 1) / V_LANES + 1 : run->n, reduce, whole, single);
    } else if (run->n > CHUNK && !run->staged) {
        rows_with_room(run, single);
    } else {
        row r;
        r.run = run;
        r.room = NULL;
        if (many)
            many(&r);
        else
            long_rows(&r, single);
    }
    if (run->stream) v_stream_end();
    v_end();
}

V_INLINE void serve(const sj_run *run, run_function *run_rows, block_function *reduce, block_function *whole,
                    row_function *single) {
    serve_rows(run, run_rows, reduce, whole, single, NULL);
}

#endif
