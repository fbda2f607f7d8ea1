/* short_rows.h: rows of at most SHORT_ROW entries, one lane a row: a block of V_LANES rows is turned so that entry k of
 * every row is one vector, and all that follows is vertical. The same state and emit functions as long_rows.h. Called
 * by forward.h and derivatives.h.
 *
 * A row that a block cannot serve is left to long_rows.h; the choice depends on the row alone, so its bits do not
 * depend on its neighbours. */
#ifndef SJ_KERNEL_SHORT_ROWS_H
#define SJ_KERNEL_SHORT_ROWS_H

#include "block.h"

/* Lanes where x is within [low, high]. */
BLOCK_INLINE vmask block_inside(vec x, real low, real high) {
    return v_and(v_ge(x, v_set1(low)), v_ge(v_set1(high), x));
}

/* Leaves to long_rows.h the rows in whose lane `x` is not within [low, high]; whether there are any. */
BLOCK_INLINE bool block_leave_outside(block *b, vec x, real low, real high) {
    const vmask outside = v_and(b->present, v_not(block_inside(x, low, high)));
    if (!v_any(outside)) return false;
    b->left = v_or(b->left, outside);
    return true;
}

/* Zeros in the lanes of rows that were left, so that they raise no floating-point flag. */
BLOCK_INLINE void block_silence(const block *b, vec *turned, size_t count) {
    for (size_t k = 0; k < count; k++) turned[k] = v_select(b->left, v_zero(), turned[k]);
}

/* Of the rows that would be left, whose maxima are not near, those that are far and no more are kept, unless `all` are
 * left; whether there are any. */
BLOCK_OUTLINE bool block_keep_far(block *b, bool all) {
    const vmask far = v_and(b->left, block_inside(b->max, -REAL(FAR_HIGH), REAL(FAR_HIGH)));
    b->far = all ? v_none() : far;
    b->left = v_and(b->left, v_not(b->far));
    block_silence(b, b->z, b->vectors);
    block_silence(b, &b->max, 1);
    return v_any(b->far);
}

/* Weights of far rows are relative to their own maximum. */
BLOCK_OUTLINE void block_approach(block *b) {
    b->shallow = v_and(b->shallow, v_not(b->far));
    b->how = WEIGH_FAR_LANES;
    b->ref = reference_far_lanes(b->max, v_not(b->far));
}

static inline bool block_is_given(const block *b) { return b->run->given == SJ_GIVEN_SOFTMAX; }

/* The logits; with their signs turned where they have a scale that is below 0. */
V_INLINE void block_load_logits(block *b, bool scaled) {
    b->z_ahead = block_load(b, &b->run->z, b->z);
    if (!scaled || b->run->reading->scale > 0) return;
    for (size_t k = 0; k < b->vectors; k++) b->z[k] = v_sub(v_zero(), b->z[k]);
}

/* The rows, their maxima, and what their weights are relative to. Rows that hold NaN show it in their sum. scaled:
 * weights are those of the logits times a scale. */
V_INLINE void block_begin(block *b, bool scaled) {
    const size_t n = b->vectors;
    const bool given = block_is_given(b);
    const vpair factor = spread((dd){scaled ? fabs(b->run->reading->scale) : 1, 0});
    block_load_logits(b, scaled);
    vec max = b->z[0], min = max;
    for (size_t k = 1; k < n; k++) max = v_max(b->z[k], max), min = v_min(b->z[k], min);
    max = block_largest(max), min = block_smallest(min);
    b->max = max;
    b->present = v_lanes_below(ACROSS ? V_LANES : b->rows);
    const real lowest = given ? REAL(1) / REAL_LARGEST : REAL(NEAR_LOW);
    const real highest = given ? REAL_LARGEST : REAL(NEAR_HIGH);
    const vmask near = block_inside(scaled ? v_scaled(max, factor).hi : max, lowest, highest);
    b->left = v_and(b->present, v_not(near));
    const bool far = v_any(b->left) && block_keep_far(b, given || scaled);
    const vec depth = v_set1(REAL(SHALLOW_DEPTH));
    const vec shallow = v_sub(b->max, scaled ? v_div(depth, factor.hi) : depth);
    b->shallow = given ? v_none() : v_ge(v_select(b->left, v_zero(), min), shallow);
    b->how = given ? WEIGH_GIVEN : v_any(v_not(b->shallow)) ? WEIGH_LANES : WEIGH_SHALLOW_LANES;
    b->ref = scaled ? reference_scaled(b->max, factor, WEIGH_SCALED_LANES)
                    : reference_near(given ? v_zero() : b->max, WEIGH_LANES);
    if (far) block_approach(b);
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
    if (block_is_given(b)) return (vpair){z, v_zero()};
    return b->how == WEIGH_FAR_LANES ? weight_pair(z, &b->ref, WEIGH_FAR_LANES) : weight_pair(z, &b->ref, WEIGH_LANES);
}

/* The entries of a vector join a sum, each with what it lost. */
V_INLINE void block_add(vsum *sum, vec x, vec lost, size_t terms) {
    for (size_t term = 0; term < terms; term++) vsum_join(sum, block_term(x, term), block_term(lost, term));
}

/* Weights as pairs, and the sum of those that count but for the argmax. */
V_INLINE vsum block_weigh(block *b, weighing how) {
    vsum rest = vsum_zero();
    const foresight z_ahead = b->z_ahead, out_ahead = b->out_ahead;
    for (size_t k = 0; k < b->vectors; k++) {
        foresee_row(b, z_ahead, out_ahead, k);
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

/* The same into `rest`: an address of the caller's own variable would keep it in memory. */
BLOCK_OUTLINE void block_weigh_far(block *b) {
    const vsum rest = block_weigh(b, WEIGH_FAR_LANES);
    b->rest = (vpair){rest.sum, rest.error};
}

/* Rows whose sum is NaN hold a NaN. */
BLOCK_INLINE void block_leave_nan(block *b, vec sum) {
    const vmask nan = v_is_nan(sum);
    if (v_any(nan)) b->left = v_or(b->left, nan);
}

/* How the entries of a block are weighed. */
V_INLINE weighing weighing_lanes(bool shallow, bool scaled) {
    const weighing how = shallow ? WEIGH_SHALLOW_LANES : WEIGH_LANES;
    return scaled ? scaled_weighing(how) : how;
}

/* reduce -> state -> scalars for every lane. */
V_INLINE void block_reduce_by(block *b, bool scaled) {
    block_begin(b, scaled);
    block_find(b);
    const bool given = block_is_given(b);
    vsum rest;
    if (!scaled && b->how == WEIGH_FAR_LANES) {
        block_weigh_far(b);
        rest = (vsum){b->rest.hi, b->rest.lo};
    } else {
        rest = given                           ? block_weigh(b, WEIGH_GIVEN)
               : b->how == WEIGH_SHALLOW_LANES ? block_weigh(b, weighing_lanes(true, scaled))
                                               : block_weigh(b, weighing_lanes(false, scaled));
    }
    block_leave_nan(b, rest.sum);
    b->top = scaled ? weight_pair(b->max, &b->ref, WEIGH_SCALED_LANES) : block_weight(b, b->max);
    b->rest = vpair_fast_sum(rest.sum, rest.error);
    const vpair sum = vpair_sum(b->top.hi, b->rest.hi);
    const vpair whole = vpair_fast_sum(sum.hi, v_add(sum.lo, v_add(b->top.lo, b->rest.lo)));
    b->inverse = given ? (vpair){v_set1(1), v_zero()} : vpair_inverse(whole);
}

BLOCK_INLINE void block_reduce(block *b) { block_reduce_by(b, false); }
static inline void scaled_block_reduce(block *b) { block_reduce_by(b, true); }

/* Weights, and the sum of all of them. It begins as large as any weight. */
V_INLINE vpair block_sum(block *b, weighing how) {
    const vec begun = weight_bound(b->max, &b->ref, how);
    vsum sum = {begun, v_zero()};
    const foresight z_ahead = b->z_ahead, out_ahead = b->out_ahead; /* stores to the block do not change them */
    for (size_t k = 0; k < b->vectors; k++) {
        foresee_row(b, z_ahead, out_ahead, k);
        const weight_parts e = weigh(b->z[k], &b->ref, how);
        const vec w = b->w[k] = parts_weight(e);
        for (size_t term = 0; term < block_terms(b, k); term++)
            sum_weight(&sum, block_term(w, term), (weight_parts){block_term(e.scaled, term), block_term(e.t, term)});
    }
    return vpair_fast_sum(v_sub(sum.sum, begun), sum.error);
}

/* The same into `rest`. */
BLOCK_OUTLINE void block_sum_far(block *b) { b->rest = block_sum(b, WEIGH_FAR_LANES); }

/* What softmax itself needs: weights, that of the maximum as a pair, and the inverse of their sum. */
V_INLINE void block_reduce_whole_by(block *b, bool scaled) {
    block_begin(b, scaled);
    vpair sum;
    if (!scaled && b->how == WEIGH_FAR_LANES) {
        block_sum_far(b);
        sum = b->rest;
    } else {
        sum = b->how == WEIGH_SHALLOW_LANES ? block_sum(b, weighing_lanes(true, scaled))
                                            : block_sum(b, weighing_lanes(false, scaled));
    }
    block_leave_nan(b, sum.hi);
    b->top = scaled ? weight_pair(b->max, &b->ref, WEIGH_SCALED_LANES) : block_weight(b, b->max);
    b->inverse = vpair_inverse(sum);
}

V_INLINE void block_reduce_whole(block *b) { block_reduce_whole_by(b, false); }
static inline void scaled_block_reduce_whole(block *b) { block_reduce_whole_by(b, true); }

/* log(1 + T) of each lane. */
V_INLINE vpair block_log1p(const block *b) { return vpair_log1p(vpair_div(b->rest, b->top)); }

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
    const vpair w = {b->w[q], b->low[q]};
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
    b.out_ahead = block_results(&b);
    const ptrdiff_t apart = block_results_apart(&b);
    for (b.first = 0; b.first < run->rows; b.first += BLOCK_ROWS, b.out_ahead.at += apart) {
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

V_OUTLINE void rows_without_room(const sj_run *run, row_function *single) {
    row r;
    r.run = run;
    r.room = NULL;
    long_rows(&r, single);
}

/* Every row of a run by itself, whatever its length. holds: its weights may be held in a room. */
V_INLINE void rows_alone(const sj_run *run, row_function *single, bool holds) {
    if (holds && run->n > CHUNK && !run->staged)
        rows_with_room(run, single);
    else
        rows_without_room(run, single);
    if (run->stream) v_stream_end();
    v_end();
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
