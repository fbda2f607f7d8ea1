/* light_block.h: softmax, log-softmax, logsumexp, gradient and the products of short rows of float32 in plain double, a
 * row a lane. A row that is not all decided is left, as it was, to light_rows.h. Called by exact/rows.h; calls
 * light_products.h and light_turn.h.
 * In units of u as in light.h and light_products.h, but with up to 62 roundings in a sum:
 *   inverse    2.5 + 62 + 2                                                    < 67
 *   s_q        2.5 + 67 + 1 < 71;  c_q 72, c_m 2.5 + 62 + 67 + 1 < 133
 *   log1p(T)   2.5 + 62 + 2.5 + 1 (T) + 12 = 80, with the two differences and the bounds' roundings below BLOCK_ERROR
 *   s_q s_r    71 + 2.5 + 67 + 2 < 143;  s_q c_q 71 + 133 + 1 = 205, below BLOCK_PRODUCT
 *   D          2.5 + 2 + 62 + 67 + 1 < 135, of A
 *   s_q (d_q - D)  71 + 1 + 135 + 2 = 209, of s_q (|d_q| + A): below BLOCK_PRODUCT
 *   given      D 2 + 62 = 64 of A, s_q (d_q - D) 1 + 64 + 2 = 67 of s_q (|d_q| + A): below BLOCK_ERROR */
#ifndef SJ_KERNEL_EXACT_LIGHT_BLOCK_H
#define SJ_KERNEL_EXACT_LIGHT_BLOCK_H

#include "light_products.h"
#include "light_turn.h"

#define LIGHT_SHORT ((size_t)64)
#define BLOCK_ERROR 0x1p-46   /* 128 u */
#define BLOCK_PRODUCT 0x1p-45 /* 256 u */

typedef struct light_block {
    const sj_run *run;
    size_t first, rows; /* first .. first + rows of the run */
    vec x[LIGHT_SHORT]; /* entry k of every row; lanes without a row hold zeros */
    vec g[LIGHT_SHORT];
    vec w[LIGHT_SHORT];
    singles to[LIGHT_SHORT];
    vec max, top, rest; /* of far rows, whose x is less it, max is 0 */
    vec shift;
    vec at_max; /* g at the argmax */
    vmask at_q; /* rows whose argmax is the output of a gradient */
    size_t set; /* this entry lies between the bounds `own`; n: none */
    light_bounds own;
    vmask served;
} light_block;

/* Rows of the block that are left, a bit each. */
typedef unsigned light_block_function(light_block *b);

static light_rows_at light_block_rows(const light_block *b, const sj_operand *array) {
    float *first = (float *)(void *)chunk_at(array->data, array, array->row_stride, b->first);
    return (light_rows_at){first, array->row_stride, array->class_stride, b->rows, b->run->n};
}

/* Far rows become near. */
static inline void light_block_approach(light_block *b) {
    const vmask far = v_gt(v_size(b->max), v_set1(LIGHT_NEAR));
    if (!v_any(far)) return;
    b->shift = v_keep(far, b->max);
    b->max = v_sub(b->max, b->shift);
    for (size_t k = 0; k < b->run->n; k++) b->x[k] = v_sub(b->x[k], b->shift);
}

/* Rows, maxima, and which of them are served; the other lanes hold zeros, which raise no flag. */
static void light_block_load(light_block *b) {
    const bool given = b->run->given == SJ_GIVEN_SOFTMAX;
    const light_rows_at z = light_block_rows(b, &b->run->z);
    light_rows_load(&z, b->x);
    if (b->run->g.data) {
        const light_rows_at g = light_block_rows(b, &b->run->g);
        light_rows_load(&g, b->g);
    }
    vec max = b->x[0];
    for (size_t k = 1; k < b->run->n; k++) max = v_max(b->x[k], max);
    const vmask low = given ? v_gt(max, v_zero()) : v_ge(max, v_set1(-REAL_LARGEST));
    b->served = v_and(low, v_ge(v_set1(REAL_LARGEST), max));
    b->max = v_keep(b->served, max);
    b->shift = v_zero();
    if (!given) light_block_approach(b);
}

/* exp of z, or z where s is given; 0 where a cotangent could make a logit of no weight show. */
V_INLINE vec light_block_weight(const light_block *b, vec z, const vtable *table, bool given, bool cut) {
    if (given) return z;
    const vec w = light_weight(z, v_sub(b->max, v_set1(LIGHT_DEPTH)), table);
    return cut ? v_select(v_gt(v_sub(b->max, z), v_set1(LIGHT_CUT)), v_zero(), w) : w;
}

V_INLINE void light_block_reduce_as(light_block *b, bool given, bool has_g) {
    const vtable table = v_table(light_entries);
    const vec max = b->max;
    vec top = v_zero(), rest = top, at_max = top;
    vmask found = v_none();
    for (size_t k = 0; k < b->run->n; k++) {
        const vec z = v_keep(b->served, b->x[k]), w = light_block_weight(b, z, &table, given, has_g);
        const vmask is_first = v_and(v_eq(z, max), v_not(found));
        b->w[k] = w;
        top = v_select(is_first, w, top);
        rest = v_add(rest, v_select(is_first, v_zero(), w));
        if (has_g) at_max = v_select(is_first, b->g[k], at_max);
        if (!has_g && k == b->run->q) b->at_q = is_first;
        found = v_or(found, is_first);
    }
    b->top = top, b->rest = rest, b->at_max = at_max;
    b->served = v_and(b->served, v_eq(rest, rest)); /* else a NaN among the logits */
}

/* The states. */
static void light_block_reduce(light_block *b) {
    const bool given = b->run->given == SJ_GIVEN_SOFTMAX, has_g = b->run->g.data != NULL;
    b->set = b->run->n;
    if (!given && !has_g) light_block_reduce_as(b, false, false);
    if (!given && has_g) light_block_reduce_as(b, false, true);
    if (given && !has_g) light_block_reduce_as(b, true, false);
    if (given && has_g) light_block_reduce_as(b, true, true);
}

static unsigned light_block_left(const light_block *b, single_bits differ) {
    int32_t lanes[V_LANES];
    unsigned left = 0;
    memcpy(lanes, &differ, sizeof differ);
    for (size_t lane = 0; lane < b->rows; lane++)
        left |= (unsigned)(lanes[lane] != 0 || !v_holds(b->served, lane)) << lane;
    return left;
}

/* Forms, and stores what is decided. */
V_INLINE unsigned light_block_emit(light_block *b, const light_vectors *e, light_kind kind) {
    single_bits differ = {0};
    for (size_t k = 0; k < b->run->n; k++) {
        const light_bounds bounds =
            k == b->set ? b->own : light_entry(b->w[k], light_reads_g(kind) ? b->g[k] : b->x[k], e, kind);
        const light_result result = light_rounded(bounds, kind);
        b->to[k] = result.value;
        differ |= result.differ;
    }
    const unsigned left = light_block_left(b, differ);
    const light_rows_at out = light_block_rows(b, &b->run->out);
    light_rows_store(&out, left, b->to);
    return left;
}

V_INLINE vec light_block_inverse(const light_block *b) {
    const vec one = v_set1(1);
    return b->run->given == SJ_GIVEN_SOFTMAX ? one : v_div(one, v_add(b->rest, b->top));
}

V_INLINE light_vectors light_block_factor(vec factor, double error) {
    return (light_vectors){.a = v_mul(factor, v_set1(1 - error)), .b = v_mul(factor, v_set1(1 + error))};
}

static unsigned light_softmax_block(light_block *b) {
    const light_vectors e = light_block_factor(light_block_inverse(b), BLOCK_ERROR);
    return light_block_emit(b, &e, LIGHT_TIMES);
}

static unsigned light_log_softmax_block(light_block *b) {
    const light_vectors e = {.a = b->max,
                             .b = light_log1p(v_div(b->rest, b->top)),
                             .c = v_set1(1 - BLOCK_ERROR),
                             .size = v_set1(1 + BLOCK_ERROR)};
    return light_block_emit(b, &e, LIGHT_LOG);
}

static unsigned light_logsumexp_block(light_block *b) {
    const vec log = light_log1p(v_div(b->rest, b->top)), value = v_add(v_add(b->max, b->shift), log);
    const vec error = v_add(v_mul(v_size(value), v_set1(0x1p-52)), v_mul(log, v_set1(BLOCK_ERROR)));
    const light_result result = light_rounded(light_around(value, error, v_set1(1)), LIGHT_LOG);
    const unsigned left = light_block_left(b, result.differ);
    light_rows_at out = light_block_rows(b, &b->run->out);
    out.n = 1;
    light_rows_store(&out, left, &result.value);
    return left;
}

V_INLINE unsigned light_block_gradient(light_block *b, bool log) {
    const vec inverse = light_block_inverse(b), s = v_mul(b->w[b->run->q], inverse);
    const vec c = v_select(b->at_q, v_mul(b->rest, inverse), v_sub(v_set1(1), s));
    const vec minus = v_sub(v_zero(), log ? c : v_mul(s, c));
    b->set = b->run->q;
    b->own = light_around(minus, minus, v_set1(BLOCK_PRODUCT));
    const light_vectors e =
        log ? light_block_factor(inverse, BLOCK_ERROR) : light_block_factor(v_mul(s, inverse), BLOCK_PRODUCT);
    return light_block_emit(b, &e, LIGHT_MINUS_TIMES);
}

static unsigned light_gradient_block(light_block *b) { return light_block_gradient(b, false); }
static unsigned light_log_gradient_block(light_block *b) { return light_block_gradient(b, true); }

/* D and A; a row whose g is not finite, where it counts, is left. */
V_INLINE unsigned light_block_product(light_block *b, light_kind kind) {
    const bool given = b->run->given == SJ_GIVEN_SOFTMAX;
    const vec inverse = light_block_inverse(b), at_max = b->at_max;
    vec dot = v_zero(), size = dot;
    for (size_t k = 0; k < b->run->n; k++) {
        const vec term = v_mul(v_sub(b->g[k], at_max), b->w[k]);
        dot = v_add(dot, term);
        size = v_add(size, v_size(term));
    }
    b->served = v_and(b->served, v_ge(v_set1(REAL_LARGEST), size));
    const light_vectors e = {.a = inverse,
                             .b = at_max,
                             .c = v_mul(dot, inverse),
                             .size = v_mul(size, inverse),
                             .error = v_set1(given ? BLOCK_ERROR : BLOCK_PRODUCT)};
    return light_block_emit(b, &e, kind);
}

static unsigned light_product_block(light_block *b) { return light_block_product(b, LIGHT_VJP); }
static unsigned light_log_jvp_block(light_block *b) { return light_block_product(b, LIGHT_LOG_JVP); }

#endif
