/* long_products.h: VJP and JVP of a row of more than a piece, from the logits: once the maximum is known, weights and
 * their products are summed in one sweep, so that weights are made twice and not three times. Rows that are not plain,
 * or whose cotangent is of unusual size, are left to the general way of long_derivatives.h. Called by derivatives.h. */
#ifndef SJ_KERNEL_LONG_PRODUCTS_H
#define SJ_KERNEL_LONG_PRODUCTS_H

#include "given.h"

/* A larger |g| is left: differences of such numbers are within the limit. */
#define LONG_PRODUCT_MOST (DOT_LIMIT / PRODUCT_SCALE / 2)

/* Sums over entries [start, end) of w and of w d. */
static cotangent_sum long_product_sums(row *r, const cotangent *c, size_t start, size_t end) {
    cotangent_sum of = {.within = true};
    for (; start < end; start += CHUNK) {
        const size_t count = row_piece(r, start);
        const real *z = row_logits(r, start, count), *g = row_g(r, start, count);
        const extremes ends = chunk_extremes(z, count);
        const real size = chunk_size(g, count);
        of.within = size <= LONG_PRODUCT_MOST;
        if (!of.within) return of;
        of.size = size > of.size ? size : of.size;
        const weights to = {r->w, r->low};
        const dd sum = r->how == WEIGH_SHALLOW ? chunk_weigh(z, to, count, count, &ends, &r->ref, WEIGH_SHALLOW)
                                               : chunk_weigh(z, to, count, count, &ends, &r->ref, WEIGH_SCALED_SHALLOW);
        of.weights = dd_add(of.weights, sum);
        of.sum = dd_add(of.sum, chunk_dot(r->w, r->low, g, count, c, r->ref.least, true));
    }
    return of;
}

static void long_product_span(row *r, const void *context, span s) {
    const spans_sum *of = context;
    of->spans[s.index] = long_product_sums(r, of->c, s.start, s.end);
}

/* The maximum and what weights are relative to. NaN shows in the sum. */
static inline bool long_product_begin(row *r) {
    const survey of = row_survey_whole(r);
    if (!is_near_times(of.max, r->times)) return false;
    r->how = weighing_near_times(v_set1(of.min), of.max, r->times);
    if (!is_shallow(r->how)) return false;
    r->ref = reference_near_times(of.max, r->times);
    r->state = (row_state){.argmax = row_find_from(r, of.start, of.max), .max = of.max};
    r->kept = false;
    r->held = 0;
    r->whole = true;
    r->keep = KEEP_PAIRS;
    return true;
}

typedef void cotangent_function(row *r, const cotangent *c);

/* False, and nothing written, where the row is left. */
static inline bool long_product_row(row *r, cotangent_function *emit) {
    const size_t n = r->run->n;
    r->shared = false;
    if (n <= CHUNK || r->by_row || r->run->given == SJ_GIVEN_SOFTMAX || !long_product_begin(r)) return false;
    const real g_m = row_entry(r->g, &r->run->g, r->state.argmax);
    cotangent c = {.scale = PRODUCT_SCALE, .g_m = g_m, .at_max = g_m * PRODUCT_SCALE, .largest = g_m < 0 ? -g_m : g_m};
    if (!(c.largest <= LONG_PRODUCT_MOST)) return false;
    const cotangent_sum sums =
        n > SPAN ? spans_add(r, long_product_span, (spans_sum){.c = &c}) : long_product_sums(r, &c, 0, n);
    if (!sums.within || sums.weights.hi != sums.weights.hi || sums.sum.hi != sums.sum.hi) return false;
    c.dot = sums.sum;
    c.size = sums.size;
    r->state.rest = sums.weights;
    r->scalars = state_finish(&r->state, r->how);
    emit(r, &c);
    return true;
}

#endif
