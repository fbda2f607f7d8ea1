/* given.h: VJP and JVP from the softmax itself: the rows are their own weights, exact ones, so that nothing is weighed
 * and no sum but that over the cotangent is formed. Long rows and blocks; those that are no softmax or have a cotangent
 * of unusual size are left to the general way of long_derivatives.h. Called by derivatives.h. */
#ifndef SJ_KERNEL_GIVEN_H
#define SJ_KERNEL_GIVEN_H

#include "short_derivatives.h"

/* Runs served here: without fused arithmetic errors of products cost more than what is saved. */
V_INLINE bool given_serves(const sj_run *run) { return NATIVE_FMA && run->given == SJ_GIVEN_SOFTMAX; }

V_INLINE void span_product_of_softmax(row *r, const void *e, span s) {
    span_emit(r, emit_product_of_softmax, e, READS_G, s);
}

/* A larger |g| is left: what could overflow is not formed. */
#define GIVEN_MOST (GIVEN_LIMIT / GIVEN_SCALE)

static cotangent_sum given_dot(row *r, const cotangent *c, size_t start, size_t end) {
    cotangent_sum of = {.within = true};
    for (; start < end; start += CHUNK) {
        const size_t count = row_piece(r, start);
        const real *s = row_logits(r, start, count), *g = row_g(r, start, count);
        of.within = chunk_size(g, count) <= GIVEN_MOST;
        if (!of.within) return of;
        of.sum = dd_add(of.sum, chunk_dot(s, NULL, g, count, c, v_zero(), true));
    }
    return of;
}

static void given_dot_span(row *r, const void *context, span s) {
    const spans_sum *of = context;
    of->spans[s.index] = given_dot(r, of->c, s.start, s.end);
}

/* The argmax and the scalars of a row whose entries are all in [0, 1], one of them normal. NaN shows in the sum. */
static inline bool given_reduce(row *r) {
    r->shared = r->kept = false;
    r->held = 0;
    r->keep = KEEP_PAIRS;
    r->how = WEIGH_GIVEN;
    const survey of = row_survey_whole(r);
    if (!(of.max >= REAL_LEAST_NORMAL && of.max <= 1 && of.min >= 0)) return false;
    r->state.argmax = row_find_from(r, of.start, of.max);
    r->scalars = (row_scalars){{1, 0}, 1};
    r->ref.least = v_zero();
    return true;
}

/* False, and nothing written, where the row is left. */
static inline bool given_product_row(row *r) {
    const size_t n = r->run->n;
    if (!given_serves(r->run) || n == 0 || !given_reduce(r)) return false;
    cotangent c = {.scale = GIVEN_SCALE, .g_m = row_entry(r->g, &r->run->g, r->state.argmax)};
    if (!(c.g_m >= -GIVEN_MOST && c.g_m <= GIVEN_MOST)) return false;
    c.at_max = c.g_m * c.scale;
    const cotangent_sum dot = n > SPAN ? spans_add(r, given_dot_span, (spans_sum){.c = &c}) : given_dot(r, &c, 0, n);
    if (!dot.within || dot.sum.hi != dot.sum.hi) return false;
    c.dot = dot.sum;
    const means at = means_of(v_wide_set1((double)c.g_m * (double)c.scale), wide_pair_of(c.dot));
    if (at.plain[0]) {
        const emission e = given_emission(&at, 0, c.scale);
        row_emit(r, span_product_of_softmax, &e);
    } else {
        memset(r->low, 0, sizeof r->low);
        product_emit(r, &c);
    }
    return true;
}

/* The same for blocks. */
BLOCK_INLINE void given_block_load(block *b) {
    b->present = v_lanes_below(ACROSS ? V_LANES : b->rows);
    b->z_ahead = block_load(b, &b->run->z, b->z);
    b->g_ahead = block_load(b, &b->run->g, b->g);
}

/* The cotangent at the maximum of each lane. Rows that would be left are. */
BLOCK_INLINE vec given_block_top(block *b) {
    vec max = b->z[0], min = max, g_m = b->g[0], size = v_size(g_m);
    for (size_t k = 1; k < b->vectors; k++) {
        const vmask larger = v_gt(b->z[k], max);
        max = v_select(larger, b->z[k], max);
        g_m = v_select(larger, b->g[k], g_m);
        min = v_min(b->z[k], min);
        size = v_max(v_size(b->g[k]), size);
    }
    if (ACROSS) {
        b->max = max = block_largest(max);
        min = block_smallest(min), size = block_largest(size);
        block_find(b);
        g_m = block_at_argmax(b, b->g);
    }
    const vmask usual = v_and(v_and(v_ge(max, v_set1(REAL_LEAST_NORMAL)), v_ge(v_set1(1), max)),
                              v_and(v_ge(min, v_zero()), v_ge(v_set1(GIVEN_MOST), size)));
    b->left = v_and(b->present, v_not(usual));
    if (!v_any(b->left)) return g_m;
    block_silence(b, b->z, b->vectors);
    block_silence(b, b->g, b->vectors);
    return v_select(b->left, v_zero(), g_m);
}

/* Rows whose D is small beside G, each by the formula that is its own. */
V_OUTLINE void given_block_lifted(block *b, const block_cotangent *c, const emission *e, vmask plain) {
    const block_mean at = block_mean_from(c, c->dot, EMIT_LIFT);
    const vec one = v_set1(1);
    const emission lifted = {.factor = {one, v_zero()},
                             .a = v_set1(c->scale * EMIT_LIFT),
                             .b = at.hi,
                             .c = at.lo,
                             .rest = at.rest,
                             .down = at.down,
                             .last = descent_by(v_set1(1 / c->scale / EMIT_LIFT))};
    for (size_t k = 0; k < b->vectors; k++) {
        const entries in = {b->z[k], v_zero(), b->g[k]};
        b->w[k] = v_select(plain, emit_product_of_softmax(in, e), emit_product(in, &lifted));
    }
}

/* Sum of s_k d_k. */
BLOCK_INLINE vpair given_block_dot(const block *b, const block_cotangent *c) {
    const vec scale = v_set1(c->scale);
    vsum dot = vsum_zero();
    const foresight z_ahead = b->z_ahead, g_ahead = b->g_ahead, out_ahead = b->out_ahead;
    for (size_t k = 0; k < b->vectors; k++) {
        foresee_row(b, z_ahead, out_ahead, k);
        foresee(b, g_ahead, k);
        const dot_term t = dot_term_of(b->z[k], NULL, b->g[k], scale, c->at_max);
        block_add(&dot, t.x, t.lost, block_terms(b, k));
    }
    return vpair_fast_sum(dot.sum, dot.error);
}

BLOCK_INLINE void given_block_emit(block *b, const emission *e) {
    for (size_t k = 0; k < b->vectors; k++) b->w[k] = emit_product_of_softmax((entries){.w = b->z[k], .x = b->g[k]}, e);
}

BLOCK_INLINE void given_product_block(block *b) {
    const vec g_m = given_block_top(b), scale = v_set1(GIVEN_SCALE);
    block_cotangent c = {.at_max = v_mul(g_m, scale), .scale = GIVEN_SCALE};
    c.dot = given_block_dot(b, &c);
    const block_mean at = block_mean_from(&c, c.dot, 1);
    block_leave_nan(b, at.hi);
    const emission e = {.a = scale, .b = at.hi, .c = at.lo, .last = descent_by(v_set1(1 / GIVEN_SCALE))};
    if (v_any(v_and(b->present, v_not(v_or(at.plain, b->left)))))
        given_block_lifted(b, &c, &e, at.plain);
    else
        given_block_emit(b, &e);
    block_store_row(b, b->w);
}

#endif
