/* short_derivatives.h: the same derivatives as long_derivatives.h for a block of short rows. Called by derivatives.h.
 */
#ifndef SJ_KERNEL_SHORT_DERIVATIVES_H
#define SJ_KERNEL_SHORT_DERIVATIVES_H

#include "long_derivatives.h"

/* Row q of every Jacobian of the block, into `line`. */
static inline void block_jacobian_row(const block *b, size_t q, bool log, vec *line) {
    const block_entry e = block_softmax(b, q);
    const vec unbias = v_set1(b->unbias), bias = v_set1(1 / b->unbias);
    const emission log_off = {.a = b->inverse.hi, .b = b->inverse.lo};
    const emission off = {.a = vpair_mul(e.s, vpair_scale(b->inverse, bias)).hi, .b = unbias};
    for (size_t k = 0; k < b->run->n; k++)
        line[k] = log ? emit_minus_softmax(b->w[k], b->w[k], &log_off) : emit_off_diagonal(b->w[k], b->w[k], &off);
    line[q] = log ? vpair_round(e.c) : vpair_mul(e.s, e.c).hi;
}

static inline void block_gradient(const block *b, bool log) {
    vec line[SHORT_ROW];
    block_jacobian_row(b, b->run->q, log, line);
    block_store_row(b, line);
}

static inline void block_jacobian(const block *b, bool log) {
    vec line[SHORT_ROW];
    for (size_t q = 0; q < b->run->n; q++) {
        block_jacobian_row(b, q, log, line);
        block_store(b, line, b->run->n, (ptrdiff_t)q * b->run->out.class_stride, b->run->out.input_stride);
    }
}

static void gradient_block(block *b) { block_gradient(b, false); }
static void log_gradient_block(block *b) { block_gradient(b, true); }
static void jacobian_block(block *b) { block_jacobian(b, false); }
static void log_jacobian_block(block *b) { block_jacobian(b, true); }

/* g_m, and D = sum over k != m of s_k d_k. Rows whose d calls for scaling are left. */
typedef struct block_cotangent {
    vec at_max, dot;
} block_cotangent;

static inline block_cotangent block_cotangent_reduce(block *b) {
    block_load(b, &b->run->g, b->g);
    const vec g_m = block_at_argmax(b, b->g);
    vec largest = v_zero();
    vmask nan = v_is_nan(g_m);
    vsum dot = vsum_zero();
    for (size_t k = 0; k < b->run->n; k++) {
        const vec d = v_sub(b->g[k], g_m);
        nan = v_or(nan, v_is_nan(d));
        largest = v_max(v_max(d, v_sub(v_zero(), d)), largest);
        vsum_add(&dot, v_mul(b->w[k], d)); /* 0 at the argmax */
    }
    block_leave_outside(b, v_select(nan, v_set1(REAL(NAN)), largest), 0, DOT_LIMIT);
    return (block_cotangent){g_m, v_mul(v_add(dot.sum, dot.error), b->inverse.hi)};
}

static void product_block(block *b) {
    const block_cotangent c = block_cotangent_reduce(b);
    const emission e = {.a = v_set1(1), .b = c.at_max, .c = c.dot, .d = b->inverse.hi};
    block_emit(b, emit_product, &e, b->g);
    block_store_row(b, b->w);
}

static void log_jvp_block(block *b) {
    const block_cotangent c = block_cotangent_reduce(b);
    const emission e = {.a = c.at_max, .b = c.dot};
    block_emit(b, emit_log_jvp, &e, b->g);
    block_store_row(b, b->w);
}

static void log_vjp_block(block *b) {
    real factor[V_LANES], split[V_LANES];
    block_load(b, &b->run->g, b->g);
    const vec g_m = block_at_argmax(b, b->g), unbias = v_set1(b->unbias);
    vsum others = vsum_zero();
    for (size_t k = 0; k < b->run->n; k++)
        vsum_add(&others, v_sub(b->g[k], v_keep_eq(b->g[k], b->argmax, v_set1((real)k))));
    const vec rest = v_add(others.sum, others.error), s_m = v_mul(b->top.hi, b->inverse.hi);
    v_store(factor, v_mul(v_add(g_m, rest), v_div(b->inverse.hi, unbias)));
    for (size_t lane = 0; lane < V_LANES; lane++) {
        const double power = log_vjp_split((double)factor[lane]);
        factor[lane] = (real)((double)factor[lane] / power);
        split[lane] = (real)(power * (double)b->unbias);
    }
    const emission e = {.a = v_load(split), .b = v_load(factor)};
    const vec at_max = v_sub(v_mul(b->complement.hi, g_m), v_mul(s_m, rest));
    block_emit(b, emit_log_vjp, &e, b->g);
    for (size_t k = 0; k < b->run->n; k++) b->w[k] = v_select(v_eq(b->argmax, v_set1((real)k)), at_max, b->w[k]);
    block_store_row(b, b->w);
}

#endif
