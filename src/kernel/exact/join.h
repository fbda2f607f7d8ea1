/* join.h: the state of a row from those of two pieces of it, as the public has them. Called through table.c; calls
 * weight.h, whose exponential is right to 2^-85: a row may come in as many pieces as it likes. */
#ifndef SJ_KERNEL_EXACT_JOIN_H
#define SJ_KERNEL_EXACT_JOIN_H

#include "weight.h"

#include <math.h>

/* One, as sj_state.rest has it. */
#define STATE_ONE 0x1p480

/* Logits as far below the maximum weigh nothing, as in the kernels of doubles. */
#define STATE_DEPTH 1025.0

/* 2^k of a sum that stays normal: by halves, k may be below the smallest number. */
static inline dd state_scaled(dd a, int k) { return dd_scale(dd_scale(a, two_to(k / 2)), two_to(k - k / 2)); }

/* exp(z - max) times a, for z < max. */
static dd state_shifted(dd a, double z, double max) {
    int exponent[V_LANES];
    if (!(max - z <= STATE_DEPTH)) return (dd){0, 0};
    const dd d = two_sum(z, -max);
    const vpair e = exp_pair(v_set1(d.hi), exponent);
    const dd weight = {v_lane(e.hi), v_lane(e.lo)};
    const dd about = dd_mul(a, dd_add(weight, (dd){weight.hi * d.lo, 0}));
    return state_scaled(about, exponent[0]);
}

/* The larger maximum wins, ties keep the lower index, the loser's maximum joins the rest. `part` follows `into`. */
static void join_states(sj_state *into, const sj_state *part) {
    if (part->count == 0) return;
    sj_state after = *part;
    after.argmax += into->count;
    after.count += into->count;
    const bool nan = into->max != into->max || after.max != after.max;
    const bool keep = into->count > 0 && (nan ? into->max != into->max : into->max >= after.max);
    const sj_state winner = keep ? *into : after, loser = keep ? after : *into;
    dd rest = {winner.rest[0], winner.rest[1]};
    if (into->count > 0 && !nan && loser.max > -(double)INFINITY) {
        const dd lost = dd_add((dd){loser.rest[0], loser.rest[1]}, (dd){STATE_ONE, 0});
        rest = dd_add(rest, loser.max == winner.max ? lost : state_shifted(lost, loser.max, winner.max));
    }
    *into = (sj_state){winner.max, {rest.hi, rest.lo}, winner.argmax, after.count};
}

/* All weights of a piece, the maximum's among them, relative to exp(max); none where nothing of it has weight. */
static dd state_weight(const sj_state *of, double max) {
    const dd all = dd_add((dd){of->rest[0], of->rest[1]}, (dd){STATE_ONE, 0});
    if (of->max == max) return all;
    return of->max > -(double)INFINITY ? state_shifted(all, of->max, max) : (dd){0, 0};
}

/* Means of g relative to at_max, each over its piece, become that over both: a piece counts by its share of the weight,
 * and about the number that the larger share is about. */
static void join_products(sj_product *into, const sj_product *part) {
    if (part->state.count == 0) return;
    const sj_product before = *into, after = *part;
    join_states(&into->state, &after.state);
    if (before.state.count == 0) {
        into->at_max = after.at_max;
        memcpy(into->dot, after.dot, sizeof after.dot);
        return;
    }
    const double max = into->state.max;
    const dd a = state_weight(&before.state, max), b = state_weight(&after.state, max);
    const bool keep = !(b.hi > a.hi);
    const sj_product *about = keep ? &before : &after, *other = keep ? &after : &before;
    const dd less = keep ? b : a, share = dd_mul(less, dd_inverse(dd_add(a, b)));
    dd mean = {about->dot[0], about->dot[1]};
    if (less.hi > 0) {
        const dd apart = dd_add(two_sum(other->at_max, -about->at_max), (dd){other->dot[0], other->dot[1]});
        mean = dd_add(mean, dd_mul(share, dd_add(apart, (dd){-mean.hi, -mean.lo})));
    }
    into->at_max = about->at_max;
    into->dot[0] = mean.hi;
    into->dot[1] = mean.lo;
}

#endif
