/* short_losses.h: what losses.h needs of chunks and blocks: sums of -log s over a chunk, where the numbers of a row go,
 * and the cross-entropy of labels of a block of short rows. Called by losses.h. */
#ifndef SJ_KERNEL_SHORT_LOSSES_H
#define SJ_KERNEL_SHORT_LOSSES_H

#include "derivatives.h"

#include <float.h>

/* a times a weight; what has none counts for nothing, though it is infinite. */
static inline dd weighted(dd a, dd weight) {
    if (weight.hi == 0) return (dd){0, 0};
    return a.hi <= DBL_MAX ? dd_mul(a, weight) : (dd){a.hi * weight.hi, 0};
}

/* Sum over k < n of w_k y_k ((a - z_k) + log), without y or w as if they were 1. What has no weight counts for nothing,
 * though its logit is -inf. In float64 every term and the sum are pairs. */
static dd chunk_surprise(const real *z, const real *y, const real *w, size_t n, double a, dd log) {
    wide_sum sum = {v_wide_set1(0), v_wide_set1(0)};
    const vec_wide above = v_wide_set1(a), none = v_wide_set1(0), most = v_wide_set1(DBL_MAX);
    for (size_t i = 0; i < n; i += V_LANES) {
        const size_t lanes = n - i < V_LANES ? n - i : V_LANES;
        const vec z_i = v_load_n(z + i, lanes, 0), one = v_first(v_set1(1), lanes);
        const vec y_i = y ? v_load_n(y + i, lanes, 0) : one, w_i = w ? v_load_n(w + i, lanes, 0) : one;
        for (size_t half = 0; half < V_LANES / WIDE_LANES; half++) {
            const vec_wide weight = v_widen(w_i, half), part = v_widen(y_i, half);
            const wide_pair d = wide_pair_sum(above, -v_widen(z_i, half));
            wide_pair t = wide_pair_sum(d.hi, v_wide_set1(log.hi));
            t.lo += d.lo + v_wide_set1(log.lo);
            t = wide_pair_mul(wide_pair_mul(t, (wide_pair){part, none}), (wide_pair){weight, none});
            const vec_wide_int absent = (part == none) | (weight == none), infinite = ~(v_wide_size(d.hi) <= most);
            t.hi = v_wide_select(infinite, d.hi * (part * weight), t.hi);
            t.hi = v_wide_select(absent, none, t.hi);
            t.lo = v_wide_select(infinite | absent, none, t.lo);
            const wide_sum both = wide_add(sum.sum, t.hi, t.lo);
            sum = (wide_sum){both.sum, sum.error + both.error};
        }
    }
    dd total = {0, 0};
    for (size_t lane = 0; lane < WIDE_LANES; lane++) {
        const bool finite = fabs(sum.sum[lane]) <= DBL_MAX && fabs(total.hi) <= DBL_MAX;
        if (finite)
            total = dd_add(total, two_sum(sum.sum[lane], sum.error[lane]));
        else
            total = (dd){total.hi + sum.sum[lane], 0};
    }
    return total;
}

/* ---------------------------------------------------------------- blocks */

/* The factor of the gradient is taken as a pair where it is not too small, nor too large; other rows are left. */
#define FACTOR_LEAST REAL(0x1p-40)
#define FACTOR_MOST REAL(0x1p20)

/* The second parts of losses above, and of what they are products of, are normal numbers. */
#define LOSS_LEAST (REAL_LEAST_NORMAL * REAL((real_bits)1 << (REAL_MANTISSA + 3)))

/* A row a lane. Lanes that are ignored, or hold none, have no label and numbers of 0. */
typedef struct block_target {
    vec label;
    vpair weight, scale;
    vmask has;
} block_target;

/* The same of rows that all have the weight and the scale that are the call's. */
static inline void block_labels(const block *b, real *labels, real *has) {
    const sj_run *run = b->run;
    for (size_t lane = 0; lane < V_LANES; lane++) labels[lane] = -1, has[lane] = 0;
    for (size_t lane = 0; lane < b->rows; lane++) {
        const int64_t label = sj_integer(chunk_seek_more(run, 0, b->first + lane), run->more[0].dtype, 0);
        const bool ignored = label == run->losses->ignore_index;
        labels[lane] = ignored ? -1 : (real)label;
        has[lane] = ignored ? 0 : 1;
    }
}

static inline vpair block_pair(const dd *of) {
    real hi[V_LANES], lo[V_LANES];
    for (size_t lane = 0; lane < V_LANES; lane++) {
        hi[lane] = (real)of[lane].hi;
        lo[lane] = (real)((of[lane].hi - (double)hi[lane]) + of[lane].lo);
    }
    return (vpair){v_load(hi), v_load(lo)};
}

static inline block_target block_target_of(const block *b) {
    const sj_run *run = b->run;
    const sj_losses *of = run->losses;
    real labels[V_LANES], has[V_LANES];
    block_labels(b, labels, has);
    block_target t;
    t.label = v_load(labels);
    t.has = v_gt(v_load(has), v_zero());
    if (!of->weights.data && !run->numbers[SJ_ROW_UPSTREAM].data) {
        const vpair scale = spread((dd){of->scale[0], of->scale[1]});
        t.weight = (vpair){v_keep(t.has, v_set1(1)), v_zero()};
        t.scale = (vpair){v_keep(t.has, scale.hi), v_keep(t.has, scale.lo)};
        return t;
    }
    dd weight[V_LANES] = {{0, 0}}, scale[V_LANES] = {{0, 0}};
    for (size_t lane = 0; lane < b->rows; lane++) {
        const target one = target_of_row(run, b->first + lane);
        if (one.ignored) continue;
        weight[lane].hi = one.weight;
        scale[lane] = one.scale;
    }
    t.weight = block_pair(weight);
    t.scale = block_pair(scale);
    return t;
}

/* Entry of the label of each lane; 0 without one. */
static inline vec block_at_label(const block *b, vec label) {
    vec own = v_zero();
    for (size_t k = 0; k < b->run->n; k++) own = v_select(v_eq(label, v_set1((real)k)), b->z[k], own);
    return own;
}

static inline void block_put(const block *b, int which, vec value) {
    if (!b->run->numbers[which].data && (which != SJ_ROW_LOSS || !b->run->losses->total)) return;
    for (size_t lane = 0; lane < b->rows; lane++)
        if (!v_holds(b->left, lane)) loss_put(b->run, which, b->first + lane, (double)value[lane]);
}

V_INLINE vpair vpair_add(vpair a, vpair b) {
    const vpair s = vpair_sum(a.hi, b.hi);
    return vpair_fast_sum(s.hi, v_add(s.lo, v_add(a.lo, b.lo)));
}

V_INLINE vpair vpair_minus(vpair a) { return (vpair){v_sub(v_zero(), a.hi), v_sub(v_zero(), a.lo)}; }

/* s z - c f at the label, as label_gradient has it. */
static inline vec block_label_gradient(const block *b, const block_target *t, vec z_t, vpair f, vpair z) {
    const vec one = v_set1(1), unbias = v_set1(b->unbias);
    const vpair w = block_weight(b, z_t);
    const vmask counts = v_gt(w.hi, block_lost(b)), at_max = v_eq(b->argmax, t->label);
    const vpair s = vpair_mul((vpair){v_keep(counts, w.hi), v_keep(counts, w.lo)}, b->inverse);
    const vpair complement = block_complement(b), others = vpair_complement(s);
    const vpair c = {v_select(at_max, complement.hi, others.hi), v_select(at_max, complement.lo, others.lo)};
    const vec own_power = v_select(at_max, unbias, one);
    vpair sum = vpair_mul(c, vpair_minus(f));
    if (b->run->losses->z_loss != 0) sum = vpair_add(sum, vpair_scale(vpair_mul(s, z), v_div(one, own_power)));
    return v_mul(v_add(vpair_round(sum), v_zero()), own_power);
}

/* The gradient, in place of the weights. */
static inline void block_label_emit(block *b, const block_target *t, vec z_t, vpair f, vpair z) {
    const vec at_label = block_label_gradient(b, t, z_t, f, z);
    const emission e = {.factor = vpair_mul(block_inverse(b), vpair_add(f, z)),
                        .last = descent_by(v_set1(b->unbias)),
                        .least = block_lost(b)};
    const vec at_max = emit_softmax_pair((entries){b->top.hi, b->top.lo, b->max}, &e);
    for (size_t k = 0; k < b->run->n; k++) {
        const entries in = {b->w[k], b->w[k], b->w[k]};
        vec v = b->how == WEIGH_SHALLOW_LANES ? emit_shallow_softmax(in, &e) : emit_deep_softmax(in, &e);
        v = v_add(v_select(v_eq(b->z[k], b->max), at_max, v), v_zero());
        b->w[k] = v_select(v_eq(t->label, v_set1((real)k)), at_label, v);
    }
    block_store_row(b, b->w);
}

static void label_loss_block(block *b) {
    const sj_losses *of = b->run->losses;
    const block_target t = block_target_of(b);
    vec z_t = block_at_label(b, t.label);
    block_leave_outside(b, z_t, -REAL_LARGEST, REAL_LARGEST);
    z_t = v_select(b->left, b->max, z_t);
    const vpair log = block_log1p(b), d = vpair_sum(b->max, v_sub(v_zero(), z_t));
    const vpair surprise = vpair_add(d, log), lse = vpair_add((vpair){b->max, v_zero()}, log);
    vpair loss = vpair_mul(surprise, t.weight), z = {v_zero(), v_zero()};
    const vpair f = vpair_mul(t.scale, t.weight);
    if (of->z_loss != 0) {
        const vpair twice = spread((dd){2 * of->z_loss, 0}), one = spread((dd){of->z_loss, 0});
        z = vpair_mul(vpair_mul(lse, twice), t.scale);
        loss = vpair_add(loss, vpair_mul(vpair_mul(lse, lse), one));
    }
    const vec size = v_size(v_add(f.hi, z.hi));
    /* -inf at the label, NaN, or too small; that of one class is 0 */
    const vec loss_size = v_select(v_eq(loss.hi, v_zero()), v_set1(1), v_size(loss.hi));
    block_leave_outside(b, loss_size, LOSS_LEAST, REAL_LARGEST * REAL(0x1p-20));
    block_leave_outside(b, v_select(t.has, v_size(t.weight.hi), v_set1(1)), FACTOR_LEAST, REAL(0x1p40));
    block_leave_outside(b, v_select(t.has, size, v_set1(1)), FACTOR_LEAST, FACTOR_MOST);
    block_put(b, SJ_ROW_LOGSUMEXP, vpair_round(lse));
    block_put(b, SJ_ROW_LOSS, v_keep(t.has, vpair_round(loss)));
    if (b->run->out.data) block_label_emit(b, &t, z_t, f, z);
}

#endif
