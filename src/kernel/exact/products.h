/* products.h: VJP and JVP of one row of exact mode: the cotangent's sums are exact, every entry is formed as a wide
 * number and rounded once. Called by exact/rows.h; calls emit.h.
 * Products are within 1u of their condition, not correctly rounded: where they cancel, so do the errors of pairs. */
#ifndef SJ_KERNEL_EXACT_PRODUCTS_H
#define SJ_KERNEL_EXACT_PRODUCTS_H

#include "emit.h"

static inline bool is_finite(double x) { return x >= -REAL_LARGEST && x <= REAL_LARGEST; }

static inline double exact_g_at_argmax(const exact_row *r) {
    return chunk_load(r->g, r->run->g.dtype, (ptrdiff_t)r->argmax * r->run->g.class_stride);
}

/* The sum over k != m of w_k (g_k - g_m); false where a g that has weight is not finite. An infinite or NaN g without
 * weight counts for nothing. */
static bool exact_dot_sum(exact_row *r, double g_m) {
    const wide at_max = wide_of(g_m);
    exact_clear(&r->sum);
    for (size_t start = 0; start < r->run->n; start += EXACT_PIECE) {
        const size_t count = exact_piece(r, start);
        exact_weigh_again(r, start, count);
        const double *g = exact_g(r, start, count);
        for (size_t i = 0; i < count; i++) {
            const wide w = weight_at(r, i);
            if (w.hi == 0) continue;
            if (!is_finite(g[i])) return false;
            const wide term = wide_mul(w, wide_sub(wide_of(g[i]), at_max)); /* 0 at the argmax */
            if (term.hi != 0) exact_add(&r->sum, term.hi, term.lo, term.exponent);
        }
        exact_carry(&r->sum);
    }
    return true;
}

/* D, that sum over all weights */
static bool exact_dot(exact_row *r, wide *dot) {
    const double g_m = exact_g_at_argmax(r);
    if (!is_finite(g_m) || !exact_dot_sum(r, g_m)) return false;
    *dot = wide_mul(exact_total(&r->sum), r->inverse);
    return true;
}

/* s_q (d_q - D), d = g - g_m */
static void exact_product_emit(exact_row *r, wide at_max, wide dot) {
    for (size_t start = 0; start < r->run->n; start += EXACT_PIECE) {
        const size_t count = exact_piece(r, start);
        exact_weigh_again(r, start, count);
        const double *g = exact_g(r, start, count);
        for (size_t i = 0; i < count; i++) {
            const wide s = wide_mul(weight_at(r, i), r->inverse);
            wide value = s;
            if (s.hi != 0) value = wide_mul(s, wide_sub(wide_sub(wide_of(g[i]), at_max), dot));
            exact_set(r, (ptrdiff_t)(start + i) * r->run->out.class_stride, exact_rounded(r, value));
        }
    }
}

static void exact_product(exact_row *r) {
    wide dot;
    if (exact_dot(r, &dot))
        exact_product_emit(r, wide_of(exact_g_at_argmax(r)), dot);
    else
        exact_fill(r, NAN);
}

/* d_q - D */
static void exact_log_jvp(exact_row *r) {
    wide dot;
    if (!exact_dot(r, &dot)) {
        exact_fill(r, NAN);
        return;
    }
    const wide at_max = wide_of(exact_g_at_argmax(r));
    for (size_t start = 0; start < r->run->n; start += EXACT_PIECE) {
        const size_t count = exact_piece(r, start);
        const double *g = exact_g(r, start, count);
        for (size_t i = 0; i < count; i++) {
            double value = g[i];
            if (is_finite(value)) value = exact_rounded(r, wide_sub(wide_sub(wide_of(value), at_max), dot));
            exact_set(r, (ptrdiff_t)(start + i) * r->run->out.class_stride, value);
        }
    }
}

/* Sum of g over all entries but the argmax, and what is not finite in the whole of g, added up. */
static wide exact_total_of_g(exact_row *r, double *infinite) {
    *infinite = 0;
    exact_clear(&r->sum);
    for (size_t start = 0; start < r->run->n; start += EXACT_PIECE) {
        const size_t count = exact_piece(r, start);
        const double *g = exact_g(r, start, count);
        for (size_t i = 0; i < count; i++) {
            const bool finite = is_finite(g[i]);
            if (!finite) *infinite += g[i];
            const wide term = finite && start + i != r->argmax ? wide_of(g[i]) : (wide){0, 0, 0};
            if (term.hi != 0) exact_add(&r->sum, term.hi, term.lo, term.exponent);
        }
        exact_carry(&r->sum);
    }
    return exact_total(&r->sum);
}

/* c_q g_q - s_q sum over k != q of g_k, as g_q - s_q sum of g but at the argmax, where that would cancel. */
static void exact_log_vjp(exact_row *r) {
    double infinite;
    const double g_m = exact_g_at_argmax(r);
    const wide others = exact_total_of_g(r, &infinite), own = is_finite(g_m) ? wide_of(g_m) : (wide){0, 0, 0};
    const wide factor = wide_mul(wide_add(others, own), r->inverse);
    const wide s_m = wide_mul(r->top, r->inverse);
    const wide at_max = wide_sub(wide_mul(exact_complement(r), own), wide_mul(s_m, others));
    for (size_t start = 0; start < r->run->n; start += EXACT_PIECE) {
        const size_t count = exact_piece(r, start);
        exact_weigh_again(r, start, count);
        const double *g = exact_g(r, start, count);
        for (size_t i = 0; i < count; i++) {
            const wide w = weight_at(r, i);
            double value;
            /* what is finite does not matter beside an infinity, and NaN is ours: a machine's has its own bits */
            if (infinite != 0)
                value = w.hi != 0 && is_finite(g[i]) && infinite == infinite ? -infinite : NAN;
            else
                value =
                    exact_rounded(r, start + i == r->argmax ? at_max : wide_sub(wide_of(g[i]), wide_mul(w, factor)));
            exact_set(r, (ptrdiff_t)(start + i) * r->run->out.class_stride, value);
        }
    }
}

#endif
