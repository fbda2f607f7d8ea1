/* light_products.h: VJP and JVP of a row of float32 in plain double. A result whose bounds round alike is the one that
 * pairs give, as theirs lies between the bounds too. Called by exact/rows.h; calls light_rows.h.
 * In units of u = 2^-53, with A = sum over k of s_k |d_k| and B = sum of |g_k|:
 *   D      2.5 (weight) + 1 (d) + 1 (product) + 4.1 (sum) + 9 (inverse) + 1               < 19, of A
 *   s_q (d_q - D)      12.5 (s) + 1 (d) + 19 + 1 (difference) + 1                           < 35, of s_q (|d_q| + A)
 *   g_q - s_q sum of g 12.5 (s) + 4.1 (sum) + 1, and 1 of the difference                    < 19, of |g_q| + s_q B
 *   c_m g_m - s_m sum of the others  17 (c), or 12.5 (s) + 4.1, and 2                       < 19, of the two sizes
 * Of a softmax that is given, where s is exact and the inverse 1:
 *   D      1 (d) + 1 (product) + 3.1 (sum)                                                   < 6, of A
 *   s_q (d_q - D)      1 (d) + 6 + 1 (difference) + 1                                         < 9, of s_q (|d_q| + A)
 *   g_q - s_q sum of g 3.1 (sum) + 1 + 1, and 1 of the difference                             < 7, of |g_q| + s_q B
 *   c_m g_m - s_m sum of the others  3.1 (c) + 3.1 (sum) + 2                                  < 9, of the two sizes
 * LIGHT_PRODUCT, 64, and LIGHT_GIVEN, 16, allow for the bounds' roundings; no product of four floats underflows. */
#ifndef SJ_KERNEL_EXACT_LIGHT_PRODUCTS_H
#define SJ_KERNEL_EXACT_LIGHT_PRODUCTS_H

#include "light_rows.h"

#define LIGHT_GIVEN 0x1p-49

/* Sum of w_k (g_k - g_m), or of g_k alone, over entries [0, n) but `skip`. */
V_INLINE void light_sum_piece(const double *w, const float *g, size_t n, size_t skip, double g_m, bool weighted,
                              vpair *sum, vpair *sizes) {
    float filled[LIGHT_GROUP];
    for (size_t i = 0; i < n; i += LIGHT_GROUP) {
        const float *from = g + i;
        if (n - i < LIGHT_GROUP || skip - i < LIGHT_GROUP) {
            light_fill(g + i, n - i, skip - i, (float)g_m, filled);
            from = filled;
        }
        vec terms[4], size[4];
        for (size_t k = 0; k < 4; k++) {
            terms[k] = v_sub(widened(from + k * V_LANES), v_set1(g_m));
            if (weighted) terms[k] = v_mul(terms[k], v_load(w + i + k * V_LANES));
            size[k] = v_size(terms[k]);
        }
        light_add(sum, terms);
        light_add(sizes, size);
    }
}

V_INLINE light_sum light_sum_row(light_row *r, double g_m, bool weighted) {
    vpair sum = {v_zero(), v_zero()}, sizes = sum;
    for (size_t start = 0; start < r->run->n; start += CHUNK) {
        const size_t count = light_piece(r, start);
        const float *g = light_read(r->g, &r->run->g, start, count, r->g_scratch);
        if (weighted && r->run->n > CHUNK) (void)light_weights(r, light_logits(r, start, count), count, SIZE_MAX);
        light_sum_piece(r->w, g, count, r->argmax - start, g_m, weighted, &sum, &sizes);
    }
    return (light_sum){light_total(sum).hi, light_total(sizes).hi};
}

/* A row whose g is not finite, where it counts, is left to pairs. */
static inline bool light_is_finite(light_sum sum) { return sum.sizes <= REAL_LARGEST; }

static inline double light_product_error(const light_row *r) { return r->given ? LIGHT_GIVEN : LIGHT_PRODUCT; }

/* D and A times the sum of weights, d relative to *at. */
static bool light_dot(light_row *r, size_t index, light_sum *dot, double *at) {
    if (light_sweep_product(r, index, dot, at)) return light_is_finite(*dot);
    if (!light_reduce(r, index)) return false;
    *at = (double)light_g_at_argmax(r);
    *dot = light_sum_row(r, *at, true);
    return light_is_finite(*dot);
}

V_INLINE bool light_product_as(light_row *r, size_t index, light_kind kind) {
    light_sum dot;
    double at;
    if (!light_dot(r, index, &dot, &at)) return false;
    const light_line line = light_row_line(r);
    const light_emission e = {.a = r->inverse,
                              .b = at,
                              .c = dot.sum * r->inverse,
                              .size = dot.sizes * r->inverse,
                              .error = light_product_error(r)};
    return light_emit(r, &line, e, kind);
}

static bool light_product(light_row *r, size_t index) { return light_product_as(r, index, LIGHT_VJP); }
static bool light_log_jvp(light_row *r, size_t index) { return light_product_as(r, index, LIGHT_LOG_JVP); }

static bool light_log_vjp(light_row *r, size_t index) {
    if (!light_reduce(r, index)) return false;
    const double g_m = (double)light_g_at_argmax(r), size_m = g_m < 0 ? -g_m : g_m;
    const light_sum others = light_sum_row(r, 0, false);
    if (!light_is_finite(others) || !(size_m <= REAL_LARGEST)) return false;
    const double c_m = r->rest.hi * r->inverse, s_m = r->top * r->inverse;
    const double value = c_m * g_m - s_m * others.sum,
                 error = (c_m * size_m + s_m * others.sizes) * light_product_error(r);
    light_line line = light_row_line(r);
    line.set = r->argmax;
    if (!light_decided(value, error, &line.value)) return false;
    const light_emission e = {.a = (others.sum + g_m) * r->inverse,
                              .size = (others.sizes + size_m) * r->inverse,
                              .error = light_product_error(r)};
    return light_emit(r, &line, e, LIGHT_LOG_VJP);
}

#endif
