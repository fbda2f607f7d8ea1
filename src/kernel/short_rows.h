/* short_rows.h: rows of at most SHORT_ROW entries, one lane a row: a block of V_LANES rows is turned so that entry k of
 * every row is one vector, and all that follows is vertical. The same state and emit functions as long_rows.h. Called
 * by forward.h and derivatives.h.
 *
 * A row whose maximum is not near, or that a block cannot serve for another reason, is left to long_rows.h; the choice
 * depends on the row alone, so its bits do not depend on its neighbours. */
#ifndef SJ_KERNEL_SHORT_ROWS_H
#define SJ_KERNEL_SHORT_ROWS_H

#include "emit.h"
#include "long_rows.h"

#define SHORT_ROW 16

typedef struct block {
    const sj_run *run;
    size_t first, rows; /* rows first .. first + rows of the run; lanes past them repeat the last */
    vec z[SHORT_ROW], g[SHORT_ROW], w[SHORT_ROW], low[SHORT_ROW];
    vec max, argmax; /* the row state of each lane */
    vpair top, rest;
    vpair inverse; /* 1 / (sum of weights) */
    reference ref;
    real unbias;
    bool left[V_LANES]; /* rows left to long_rows.h */
} block;

/* Entry k of every row becomes vector k. */
static inline void block_load(const block *b, const sj_operand *array, vec *turned) {
    const char *rows[V_LANES];
    const ptrdiff_t stride = array->class_stride;
    for (size_t lane = 0; lane < V_LANES; lane++)
        rows[lane] = chunk_at(array->data, array, array->row_stride, b->first + (lane < b->rows ? lane : b->rows - 1));
    const bool direct = chunk_is_direct(array, stride);
    for (size_t k = 0; k < b->run->n; k++) {
        real lanes[V_LANES];
        if (direct)
            for (size_t lane = 0; lane < V_LANES; lane++) lanes[lane] = ((const real *)(const void *)rows[lane])[k];
        else
            for (size_t lane = 0; lane < V_LANES; lane++)
                lanes[lane] = chunk_load(rows[lane], array->dtype, (ptrdiff_t)k * stride);
        turned[k] = v_load(lanes);
    }
}

/* Vectors k < count to the rows that were not left, `stride` apart, from the element at `offset` of each on. */
static inline void block_store(const block *b, const vec *turned, size_t count, ptrdiff_t offset, ptrdiff_t stride) {
    const sj_operand *out = &b->run->out;
    char *rows[V_LANES];
    size_t used = 0, lane_of[V_LANES];
    for (size_t lane = 0; lane < b->rows; lane++) {
        if (b->left[lane]) continue;
        rows[used] =
            chunk_at(out->data, out, out->row_stride, b->first + lane) + offset * (ptrdiff_t)sj_dtype_size(out->dtype);
        lane_of[used++] = lane;
    }
    const bool direct = chunk_is_direct(out, stride);
    for (size_t k = 0; k < count; k++) {
        real lanes[V_LANES];
        v_store(lanes, turned[k]);
        if (direct && used == V_LANES)
            for (size_t i = 0; i < V_LANES; i++) ((real *)(void *)rows[i])[k] = lanes[i];
        else
            for (size_t i = 0; i < used; i++)
                chunk_store(rows[i], out->dtype, (ptrdiff_t)k * stride, lanes[lane_of[i]]);
    }
}

static inline void block_store_row(const block *b, const vec *turned) {
    block_store(b, turned, b->run->n, 0, b->run->out.class_stride);
}

/* Leaves to long_rows.h the rows in whose lane `x` is not within [low, high]; whether there are any. */
static inline bool block_leave_outside(block *b, vec x, real low, real high) {
    real lanes[V_LANES];
    bool any = false;
    v_store(lanes, x);
    for (size_t lane = 0; lane < V_LANES; lane++)
        if (!(lanes[lane] >= low && lanes[lane] <= high)) any = b->left[lane] = true;
    return any;
}

/* Zeros in the lanes of rows that were left, so that they raise no floating-point flag. */
static inline void block_silence(const block *b, vec *turned, size_t count) {
    real keep[V_LANES];
    for (size_t lane = 0; lane < V_LANES; lane++) keep[lane] = b->left[lane] ? 0 : 1;
    for (size_t k = 0; k < count; k++) turned[k] = v_keep_gt(turned[k], v_load(keep), v_zero());
}

/* Maximum and its lowest index; NaN where the row holds one. */
static inline void block_survey(block *b) {
    const size_t n = b->run->n;
    vmask nan = v_is_nan(b->z[n - 1]);
    b->max = b->z[n - 1];
    for (size_t k = 0; k + 1 < n; k++) {
        if (k % 2 == 0) nan = v_or(nan, v_either_nan(b->z[k], b->z[k + 1]));
        b->max = v_max(b->z[k], b->max);
    }
    b->argmax = v_zero();
    for (size_t k = n; k-- > 0;) b->argmax = v_select(v_eq(b->z[k], b->max), v_set1((real)k), b->argmax);
    b->max = v_select(nan, v_set1(REAL(NAN)), b->max);
}

/* The weight of one entry of each lane, to twice the digits. */
static inline vpair block_weight(const block *b, vec z) {
    return b->run->given == SJ_GIVEN_SOFTMAX ? (vpair){z, v_zero()} : weight_pair(z, &b->ref, WEIGH_LANES);
}

/* reduce -> state -> scalars for every lane. */
static inline void block_reduce(block *b) {
    const size_t n = b->run->n;
    const bool given = b->run->given == SJ_GIVEN_SOFTMAX;
    block_load(b, &b->run->z, b->z);
    block_survey(b);
    memset(b->left, 0, sizeof b->left);
    const real lowest = given ? REAL(1) / REAL_LARGEST : REAL(NEAR_LOW);
    const real highest = given ? REAL_LARGEST : REAL(NEAR_HIGH);
    if (block_leave_outside(b, b->max, lowest, highest)) {
        block_silence(b, b->z, n);
        block_silence(b, &b->max, 1);
    }
    b->ref = reference_near(given ? v_zero() : b->max, WEIGH_LANES);
    if (given) b->ref.least = v_zero();
    vsum rest = vsum_zero();
    for (size_t k = 0; k < n; k++) {
        const weight_parts e = weigh(b->z[k], &b->ref, given ? WEIGH_GIVEN : WEIGH_LANES);
        const vec at = v_set1((real)k), rounded = parts_weight(e);
        b->w[k] = rounded;
        b->low[k] = parts_low(e, rounded);
        const vec w = v_keep_gt(rounded, rounded, b->ref.least), low = v_keep_gt(b->low[k], rounded, b->ref.least);
        vsum_add(&rest, v_sub(w, v_keep_eq(w, b->argmax, at)));
        rest.error = v_add(rest.error, v_sub(low, v_keep_eq(low, b->argmax, at)));
    }
    b->unbias = given ? 1 : (real)power_of_two(-WEIGHT_BIAS);
    b->top = block_weight(b, b->max);
    b->rest = vpair_fast_sum(rest.sum, rest.error);
    const vpair sum = vpair_sum(b->top.hi, b->rest.hi);
    const vpair whole = vpair_fast_sum(sum.hi, v_add(sum.lo, v_add(b->top.lo, b->rest.lo)));
    b->inverse = given ? (vpair){v_set1(1), v_zero()} : vpair_inverse(whole);
}

/* log(1 + T) of each lane. */
static inline vpair block_log1p(const block *b) { return vpair_log1p(vpair_div(b->rest, b->top)); }

/* Entry of the argmax of each lane. */
static inline vec block_at_argmax(const block *b, const vec *turned) {
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
static inline vpair block_inverse(const block *b) { return vpair_scale(b->inverse, v_set1(1 / b->unbias)); }

/* c_m = T / (1 + T) of each lane, times the bias. */
static inline vpair block_complement(const block *b) { return vpair_mul(b->rest, block_inverse(b)); }

static inline block_entry block_softmax(const block *b, size_t q, vpair complement) {
    const vmask at_max = v_eq(b->argmax, v_set1((real)q));
    block_entry e;
    e.s = vpair_mul(block_weight(b, b->z[q]), block_inverse(b));
    const vpair others = vpair_complement(vpair_scale(e.s, v_set1(b->unbias)));
    e.c.hi = v_select(at_max, complement.hi, others.hi);
    e.c.lo = v_select(at_max, complement.lo, others.lo);
    e.unbias = v_select(at_max, v_set1(b->unbias), v_set1(1));
    return e;
}

/* A result computed for a whole block, and for a single row that was left. */
typedef void block_function(block *b);
typedef void row_function(row *r);

static inline void block_rows(const sj_run *run, block_function *whole, row_function *single) {
    block b;
    row r;
    b.run = r.run = run;
    for (b.first = 0; b.first < run->rows; b.first += V_LANES) {
        b.rows = run->rows - b.first < V_LANES ? run->rows - b.first : V_LANES;
        block_reduce(&b);
        whole(&b);
        for (size_t lane = 0; lane < b.rows; lane++) {
            if (!b.left[lane]) continue;
            row_seek(&r, b.first + lane);
            single(&r);
        }
    }
}

/* Every row of a run: blocks of short rows, or one long row after the other. */
static inline void serve(const sj_run *run, block_function *whole, row_function *single) {
    if (run->n <= SHORT_ROW && run->n > 0) {
        block_rows(run, whole, single);
        return;
    }
    row r;
    r.run = run;
    for (size_t i = 0; i < run->rows; i++) {
        row_seek(&r, i);
        single(&r);
    }
}

#endif
