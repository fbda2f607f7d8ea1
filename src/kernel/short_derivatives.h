/* short_derivatives.h: the same derivatives as long_derivatives.h for a block of short rows. Called by derivatives.h.
 */
#ifndef SJ_KERNEL_SHORT_DERIVATIVES_H
#define SJ_KERNEL_SHORT_DERIVATIVES_H

#include "long_derivatives.h"

/* Row q of every Jacobian of the block, into `line`. */
static inline void block_jacobian_row(const block *b, size_t q, vpair complement, bool log, vec *line) {
    const block_entry e = block_softmax(b, q, complement);
    const vec unbias = v_set1(b->unbias), bias = v_set1(1 / b->unbias);
    const emission log_off = {.a = b->inverse.hi, .b = b->inverse.lo};
    const emission off = {.a = vpair_mul(e.s, vpair_scale(b->inverse, bias)).hi, .b = unbias};
    for (size_t k = 0; k < b->run->n; k++)
        line[k] = log ? emit_minus_softmax(b->w[k], b->w[k], &log_off) : emit_off_diagonal(b->w[k], b->w[k], &off);
    line[q] = log ? vpair_round(e.c) : vpair_mul(e.s, e.c).hi;
}

static inline void block_gradient(const block *b, bool log) {
    vec line[SHORT_ROW];
    block_jacobian_row(b, b->run->q, block_complement(b), log, line);
    block_store_row(b, line);
}

static inline void block_jacobian(const block *b, bool log) {
    vec line[SHORT_ROW];
    const vpair complement = block_complement(b);
    for (size_t q = 0; q < b->run->n; q++) {
        block_jacobian_row(b, q, complement, log, line);
        block_store(b, line, b->run->n, (ptrdiff_t)q * b->run->out.class_stride, b->run->out.input_stride);
    }
}

static void gradient_block(block *b) { block_gradient(b, false); }
static void log_gradient_block(block *b) { block_gradient(b, true); }
static void jacobian_block(block *b) { block_jacobian(b, false); }
static void log_jacobian_block(block *b) { block_jacobian(b, true); }

/* Factors of the weights, one a lane. */
typedef struct block_split {
    vec a, b;
} block_split;

/* Factors f times power of each lane, as in long_derivatives.h. */
static inline block_split block_split_factor(const block *b, vec f, double power) {
    real factor[V_LANES], above[V_LANES];
    v_store(factor, f);
    for (size_t lane = 0; lane < V_LANES; lane++) {
        const split x = split_factor((double)factor[lane], power, (double)b->unbias);
        above[lane] = (real)x.a;
        factor[lane] = (real)x.b;
    }
    return (block_split){v_load(above), v_load(factor)};
}

/* 1 / (1 + T), near 1. */
static inline vpair block_inverse(const block *b) { return vpair_scale(b->inverse, v_set1(1 / b->unbias)); }

/* g_m, and the sum over k != m of w_k d_k scale. Rows whose d calls for another scale are left. */
typedef struct block_cotangent {
    vec at_max;
    vpair dot;
    real scale;
} block_cotangent;

static inline block_cotangent block_cotangent_reduce(block *b) {
    const size_t n = b->run->n;
    const bool given = b->run->given == SJ_GIVEN_SOFTMAX;
    block_cotangent c = {.scale = given ? GIVEN_SCALE : 1};
    block_load(b, &b->run->g, b->g);
    c.at_max = block_at_argmax(b, b->g);
    vec largest = v_zero();
    vmask nan = v_is_nan(c.at_max);
    for (size_t k = 0; k < n; k++) {
        const vec d = v_keep_gt(v_sub(b->g[k], c.at_max), b->w[k], v_zero());
        nan = v_or(nan, v_is_nan(d));
        largest = v_max(v_size(d), largest);
    }
    const real limit = given ? GIVEN_LIMIT : LIFT_LIMIT, difference = given ? GIVEN_LIMIT : DOT_LIMIT;
    const bool far = block_leave_outside(b, v_select(nan, v_set1(REAL(NAN)), largest), 0, difference);
    if (block_leave_outside(b, c.at_max, -limit, limit) || far) {
        block_silence(b, b->g, n);
        block_silence(b, &c.at_max, 1);
    }
    vsum dot = vsum_zero();
    const vec scale = v_set1(c.scale), origin = v_sub(v_zero(), v_mul(c.at_max, scale));
    for (size_t k = 0; k < n; k++) { /* 0 at the argmax */
        const vec d = v_keep_gt(v_fma(b->g[k], scale, origin), b->w[k], v_zero());
        vsum_add(&dot, v_mul(b->w[k], d));
    }
    c.dot = vpair_fast_sum(dot.sum, dot.error);
    return c;
}

static void product_block(block *b) {
    const block_cotangent c = block_cotangent_reduce(b);
    const vpair inverse = block_inverse(b);
    const vec dot = vpair_mul(c.dot, vpair_mul(inverse, inverse)).hi, lift = v_set1(c.scale * PRODUCT_LIFT);
    const block_split factor = block_split_factor(b, dot, (double)b->unbias / (double)c.scale);
    const emission e = {.a = lift,
                        .b = v_mul(c.at_max, lift),
                        .c = v_mul(b->inverse.hi, v_set1(1 / c.scale)),
                        .d = factor.a,
                        .e = v_mul(factor.b, v_set1(PRODUCT_LIFT)),
                        .f = v_set1(1 / PRODUCT_LIFT)};
    block_emit(b, emit_product, &e, b->g);
    block_store_row(b, b->w);
}

static void log_jvp_block(block *b) {
    const block_cotangent c = block_cotangent_reduce(b);
    const vec one = v_set1(1);
    const emission e = {
        .a = one, .b = c.at_max, .d = one, .c = v_mul(c.dot.hi, v_mul(b->inverse.hi, v_set1(1 / c.scale)))};
    block_emit(b, emit_log_jvp, &e, b->g);
    block_store_row(b, b->w);
}

static void log_vjp_block(block *b) {
    vec largest = v_zero();
    vsum sum = vsum_zero();
    block_load(b, &b->run->g, b->g);
    for (size_t k = 0; k < b->run->n; k++) largest = v_max(v_size(b->g[k]), largest);
    if (block_leave_outside(b, largest, 0, LIFT_LIMIT / SHORT_ROW)) block_silence(b, b->g, b->run->n);
    const vec g_m = block_at_argmax(b, b->g), size = v_size(g_m);
    for (size_t k = 0; k < b->run->n; k++)
        vsum_add(&sum, v_sub(b->g[k], v_keep_eq(b->g[k], b->argmax, v_set1((real)k))));
    const vec others = v_add(sum.sum, sum.error), s_m = v_mul(b->top.hi, b->inverse.hi);
    const vec all = vpair_mul(vpair_sum(g_m, others), block_inverse(b)).hi;
    const block_split factor = block_split_factor(b, all, 1);
    /* as in log_vjp_row; both ways are finite, and one is kept */
    const vec one = v_set1(1), most = v_max(size, v_size(others));
    const vec lift = v_add(one, v_keep_gt(v_set1(PRODUCT_LIFT - 1), one, most));
    const vec small = v_keep_gt(v_mul(block_complement(b).hi, v_mul(g_m, lift)), one, size);
    const vec large = v_keep_ge(v_mul(b->rest.hi, v_mul(g_m, b->inverse.hi)), size, one);
    const vec at_max = v_div(v_sub(v_add(small, large), v_mul(s_m, v_mul(others, lift))), lift);
    const emission e = {.a = factor.a, .b = factor.b};
    block_emit(b, emit_log_vjp, &e, b->g);
    for (size_t k = 0; k < b->run->n; k++) b->w[k] = v_select(v_eq(b->argmax, v_set1((real)k)), at_max, b->w[k]);
    block_store_row(b, b->w);
}

#endif
