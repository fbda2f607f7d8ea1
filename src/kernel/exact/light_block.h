/* light_block.h: softmax, log-softmax and the products of short rows of float32 in plain double, a row a lane. A row
 * that is not all decided is left, as it was, to light_rows.h. Called by exact/rows.h; calls light_products.h.
 * In units of u as in light.h and light_products.h, but with up to 14 roundings in a sum:
 *   inverse    16 + 14 + 2 = 32
 *   s_q        16 + 32 + 1 = 49, below LIGHT_ERROR
 *   log1p(T)   16 + 14 + 16 + 1 (T) + 12 = 59, below LIGHT_ERROR with the two differences and the bounds' roundings
 *   D          16 + 2 + 14 + 32 + 1 = 65, of A
 *   s_q (d_q - D)  49 + 1 + 65 + 2 = 117, of s_q (|d_q| + A): below LIGHT_PRODUCT
 *   given      D 2 + 14 = 16 of A, s_q (d_q - D) 1 + 16 + 2 = 19 of s_q (|d_q| + A): below 32 */
#ifndef SJ_KERNEL_EXACT_LIGHT_BLOCK_H
#define SJ_KERNEL_EXACT_LIGHT_BLOCK_H

#include "light_products.h"

#define LIGHT_SHORT ((size_t)16)

typedef struct light_block {
    const sj_run *run;
    size_t first, rows;            /* first .. first + rows of the run */
    float x[LIGHT_SHORT][V_LANES]; /* entry k of every row; lanes without a row hold zeros */
    float g[LIGHT_SHORT][V_LANES];
    float to[LIGHT_SHORT][V_LANES];
    vec w[LIGHT_SHORT];
    vec max, top, rest;
    vec at_max; /* g at the argmax */
    vmask served;
} light_block;

/* Rows of the block that are left, a bit each. */
typedef unsigned light_block_function(light_block *b);

static void light_block_read(const light_block *b, const sj_operand *array, float (*entries)[V_LANES]) {
    const float *base = (const float *)(const void *)chunk_at(array->data, array, array->row_stride, b->first);
    for (size_t k = 0; k < b->run->n; k++)
        for (size_t lane = 0; lane < V_LANES; lane++)
            entries[k][lane] =
                lane < b->rows ? base[(ptrdiff_t)lane * array->row_stride + (ptrdiff_t)k * array->class_stride] : 0;
}

/* Rows, maxima, and which of them are served; the other lanes hold zeros, which raise no flag. */
static void light_block_load(light_block *b) {
    const bool given = b->run->given == SJ_GIVEN_SOFTMAX;
    light_block_read(b, &b->run->z, b->x);
    if (b->run->g.data) light_block_read(b, &b->run->g, b->g);
    vec max = widened(b->x[0]);
    for (size_t k = 1; k < b->run->n; k++) max = v_max(widened(b->x[k]), max);
    const vmask low = given ? v_gt(max, v_zero()) : v_ge(max, v_set1(-LIGHT_NEAR));
    b->served = v_and(low, v_ge(v_set1(given ? REAL_LARGEST : LIGHT_NEAR), max));
    b->max = v_keep(b->served, max);
}

/* exp of z, or z where s is given; 0 where a cotangent could make a logit of no weight show. */
V_INLINE vec light_block_weight(const light_block *b, vec z, const vtable *table) {
    if (b->run->given == SJ_GIVEN_SOFTMAX) return z;
    const vec w = light_weight(z, v_sub(b->max, v_set1(LIGHT_DEPTH)), table);
    if (!b->run->g.data) return w;
    return v_select(v_gt(v_sub(b->max, z), v_set1(LIGHT_CUT)), v_zero(), w);
}

/* The states. */
static void light_block_reduce(light_block *b) {
    const vtable table = v_table(light_entries);
    b->top = b->rest = b->at_max = v_zero();
    vmask found = v_none();
    for (size_t k = 0; k < b->run->n; k++) {
        const vec z = v_keep(b->served, widened(b->x[k]));
        const vmask is_first = v_and(v_eq(z, b->max), v_not(found));
        b->w[k] = light_block_weight(b, z, &table);
        b->top = v_select(is_first, b->w[k], b->top);
        b->rest = v_add(b->rest, v_select(is_first, v_zero(), b->w[k]));
        if (b->run->g.data) b->at_max = v_select(is_first, widened(b->g[k]), b->at_max);
        found = v_or(found, is_first);
    }
    b->served = v_and(b->served, v_eq(b->rest, b->rest)); /* else a NaN among the logits */
}

/* Forms, and stores what is decided. */
V_INLINE unsigned light_block_emit(light_block *b, const light_vectors *e, light_kind kind) {
    const sj_operand *out = &b->run->out;
    float *base = (float *)(void *)chunk_at(out->data, out, out->row_stride, b->first);
    single_bits differ = {0};
    unsigned left = 0;
    for (size_t k = 0; k < b->run->n; k++) {
        double w[V_LANES];
        v_store(w, b->w[k]);
        differ |= light_vector(w, light_reads_g(kind) ? b->g[k] : b->x[k], e, kind, b->to[k]);
    }
    for (size_t lane = 0; lane < b->rows; lane++) {
        if (differ[lane] != 0 || !v_holds(b->served, lane)) {
            left |= 1u << lane;
            continue;
        }
        for (size_t k = 0; k < b->run->n; k++)
            base[(ptrdiff_t)lane * out->row_stride + (ptrdiff_t)k * out->class_stride] = b->to[k][lane];
    }
    return left;
}

static unsigned light_softmax_block(light_block *b) {
    const vec inverse = v_div(v_set1(1), v_add(b->rest, b->top));
    const light_vectors e = {.a = v_mul(inverse, v_set1(1 - LIGHT_ERROR)),
                             .b = v_mul(inverse, v_set1(1 + LIGHT_ERROR))};
    return light_block_emit(b, &e, LIGHT_TIMES);
}

static unsigned light_log_softmax_block(light_block *b) {
    double t[V_LANES], log[V_LANES] = {0};
    v_store(t, v_div(b->rest, b->top));
    for (size_t lane = 0; lane < b->rows; lane++)
        if (v_holds(b->served, lane)) log[lane] = light_log1p(t[lane]);
    const light_vectors e = {.a = b->max, .b = v_load(log)};
    return light_block_emit(b, &e, LIGHT_LOG);
}

/* D and A; a row whose g is not finite, where it counts, is left. */
V_INLINE unsigned light_block_product(light_block *b, light_kind kind) {
    const bool given = b->run->given == SJ_GIVEN_SOFTMAX;
    const vec one = v_set1(1), inverse = given ? one : v_div(one, v_add(b->rest, b->top));
    vec dot = v_zero(), size = dot;
    for (size_t k = 0; k < b->run->n; k++) {
        const vec term = v_mul(v_sub(widened(b->g[k]), b->at_max), b->w[k]);
        dot = v_add(dot, term);
        size = v_add(size, v_size(term));
    }
    b->served = v_and(b->served, v_ge(v_set1(REAL_LARGEST), size));
    const light_vectors e = {.a = inverse,
                             .b = b->at_max,
                             .c = v_mul(dot, inverse),
                             .size = v_mul(size, inverse),
                             .error = v_set1(given ? 2 * LIGHT_GIVEN : LIGHT_PRODUCT)};
    return light_block_emit(b, &e, kind);
}

static unsigned light_product_block(light_block *b) { return light_block_product(b, LIGHT_VJP); }
static unsigned light_log_jvp_block(light_block *b) { return light_block_product(b, LIGHT_LOG_JVP); }

#endif
