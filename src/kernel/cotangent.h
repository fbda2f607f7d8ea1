/* cotangent.h: the second reduction of products: sums over a row's cotangent or tangent g. Called by
 * long_derivatives.h; calls long_rows.h and math/sum.h. */
#ifndef SJ_KERNEL_COTANGENT_H
#define SJ_KERNEL_COTANGENT_H

#include "long_rows.h"

/* g relative to the argmax, scaled by a power of two: d = g scale - at_max, at_max = g_m scale. The scale keeps d and
 * its sums above the subnormal numbers, and below DOT_LIMIT so that weights times d, summed, are finite. */
typedef struct cotangent {
    real scale, g_m, at_max;
    real largest;        /* |g_m|, or of all |g_k| where some |d| was above its limit */
    real size;           /* of all |g_k| */
    bool exactly;        /* sums keep what d is rounded by: at_max is not the g of the argmax */
    dd dot;              /* sum over k != m of w_k d_k */
    const char *awaited; /* lines for which the caches are asked beside it; NULL: none */
} cotangent;

/* Scale of a plain sum of g whose entries come this near the largest real, for rows of up to 2^40 of them. */
#define TOTAL_SCALE REAL(0x1p-40)

/* 2^WEIGHT_BIAS DOT_LIMIT, and that times 2^28 terms a lane, are finite. Given weights have no bias, and s may be as
 * small as it likes: their scale and limit are larger. Results are not summed: they are formed EMIT_LIFT higher, so
 * that D keeps its digits beside a huge g_m. */
#if defined(SJ_REAL_f32)
#define PRODUCT_SCALE 0x1p24f
#define DOT_LIMIT 0x1p32f
#define GIVEN_SCALE 0x1p64f
#define GIVEN_LIMIT 0x1p94f
#define EMIT_LIFT 0x1p28f
#else
#define PRODUCT_SCALE 0x1p60
#define DOT_LIMIT 0x1p500
#define GIVEN_SCALE 0x1p600
#define GIVEN_LIMIT 0x1p900
#define EMIT_LIFT 0x1p28
#endif

/* The second part of G, where it is as small as this, is held above the subnormal numbers; softmax below 1 / MEAN_LIFT
 * times it is 0. */
#define MEAN_SMALL REAL(0x1p-60)
#define MEAN_LIFT REAL(0x1p32)

/* g, and g_m where there is no weight: whatever g is there, it counts for nothing. */
V_INLINE vec cotangent_counted(vec w, vec g, vec g_m, vec least) { return v_select(v_gt(w, least), g, g_m); }

/* d, rounded once: g scale is exact. */
V_INLINE vec cotangent_difference(vec g, vec scale, vec at_max) { return v_fma(g, scale, v_sub(v_zero(), at_max)); }

/* Largest |g_k| of n entries; NaN is passed over. */
static inline real chunk_size(const real *g, size_t n) {
    vec largest = v_zero(), other = largest;
    size_t i = 0;
    for (; i + 2 * V_LANES <= n; i += 2 * V_LANES) {
        largest = v_max(v_size(v_load(g + i)), largest);
        other = v_max(v_size(v_load(g + i + V_LANES)), other);
    }
    for (; i < n; i += V_LANES) largest = v_max(v_size(v_load_n(g + i, n - i < V_LANES ? n - i : V_LANES, 0)), largest);
    return v_max_lane(v_max(largest, other));
}

/* Largest |d_k| of the entries that have weight, among n; NaN is passed over. */
static inline real chunk_largest(const real *w, const real *g, size_t n, const cotangent *c, vec least) {
    const vec scale = v_set1(c->scale), g_m = v_set1(c->g_m), at_max = v_set1(c->at_max);
    vec largest = v_zero();
    for (size_t i = 0; i < n; i += V_LANES) {
        const bool whole = i + V_LANES <= n;
        const vec x = whole ? v_load(g + i) : v_load_n(g + i, n - i, g[i]);
        const vec w_k = whole ? v_load(w + i) : v_load_n(w + i, n - i, w[i]);
        const vec d = cotangent_difference(cotangent_counted(w_k, x, g_m, least), scale, at_max);
        largest = v_max(v_size(d), largest);
    }
    return v_max_lane(largest);
}

/* w d, and what was lost: by the product, by w (low, unless NULL), and, where two more roundings follow for want of
 * fused arithmetic, by d. */
typedef struct dot_term {
    vec x, lost;
} dot_term;

V_INLINE dot_term dot_term_of(vec w, const vec *low, vec g, vec scale, vec at_max) {
    const vec d = cotangent_difference(g, scale, at_max), x = v_mul(w, d);
    vec lost = v_product_error(w, d, x);
    if (low) lost = v_fma(*low, d, lost);
    if (!NATIVE_FMA) lost = v_fma(w, difference_error(v_mul(g, scale), at_max, d), lost);
    return (dot_term){x, lost};
}

/* The same with what d was rounded by, fused arithmetic or not. */
V_INLINE dot_term exact_term_of(vec w, const vec *low, vec g, vec scale, vec at_max) {
    dot_term t = dot_term_of(w, low, g, scale, at_max);
    if (!NATIVE_FMA) return t;
    const vec d = cotangent_difference(g, scale, at_max);
    t.lost = v_fma(w, difference_error(v_mul(g, scale), at_max, d), t.lost);
    return t;
}

/* Sum of w_k d_k over n entries; d is 0 at the argmax. counted: every entry has weight. low: NULL where weights are
 * exact. */
V_INLINE dd chunk_dot_by(const real *w, const real *low, const real *g, size_t n, const cotangent *c, vec least,
                         bool counted, bool exactly) {
    const vec scale = v_set1(c->scale), g_m = v_set1(c->g_m), at_max = v_set1(c->at_max);
    vsum sums[SUM_PARTS];
    vec begun[SUM_PARTS];
    size_t i = 0;
    for (size_t part = 0; part < SUM_PARTS; part++) sums[part] = vsum_zero(), begun[part] = v_zero();
    for (; i + SUM_LANES <= n; i += SUM_LANES) {
        entries_ahead(g + i, SUM_LANES);
        if (!low) entries_ahead(w + i, SUM_LANES);
        if (c->awaited) v_prefetch_near(c->awaited + i * sizeof(real));
        for (size_t part = 0; part < SUM_PARTS; part++) {
            const size_t at = i + part * V_LANES;
            const vec w_k = v_load(w + at), rest = low ? v_load(low + at) : v_zero();
            const vec x = counted ? v_load(g + at) : cotangent_counted(w_k, v_load(g + at), g_m, least);
            const dot_term t = exactly ? exact_term_of(w_k, low ? &rest : NULL, x, scale, at_max)
                                       : dot_term_of(w_k, low ? &rest : NULL, x, scale, at_max);
            vsum_join(&sums[part], t.x, t.lost);
        }
    }
    for (size_t part = 0; part < SUM_PARTS && i < n; part++, i += V_LANES) {
        const size_t lanes = n - i < V_LANES ? n - i : V_LANES;
        const vec w_k = v_load_n(w + i, lanes, 0), rest = low ? v_load_n(low + i, lanes, 0) : v_zero();
        vec x = v_load_n(g + i, lanes, 0);
        if (!counted) x = cotangent_counted(w_k, x, g_m, least);
        const dot_term t = exactly ? exact_term_of(w_k, low ? &rest : NULL, x, scale, at_max)
                                   : dot_term_of(w_k, low ? &rest : NULL, x, scale, at_max);
        vsum_join(&sums[part], t.x, t.lost);
    }
    return vsum_total(sums, begun);
}

V_INLINE dd chunk_dot(const real *w, const real *low, const real *g, size_t n, const cotangent *c, vec least,
                      bool counted) {
    return chunk_dot_by(w, low, g, n, c, least, counted, false);
}

/* 2^-e for the x > 1 in [2^e, 2^(e+1)), twice that in the last binade, where 2^-e is subnormal: x times it is below 4.
 */
static inline real scale_below_four(real x) {
    real_bits bits;
    memcpy(&bits, &x, sizeof bits);
    const real_bits exponent = bits >> REAL_MANTISSA; /* x > 1: at most 2 bias, and 2 bias - exponent >= 0 */
    const real_bits inverse = exponent < 2 * REAL_BIAS ? 2 * REAL_BIAS - exponent : 1;
    const real_bits scaled = inverse << REAL_MANTISSA;
    memcpy(&x, &scaled, sizeof x);
    return x;
}

/* A sum over the cotangent, of a row or a span of it. */
typedef struct cotangent_sum {
    dd sum;
    dd weights;  /* their sum, where it is formed beside */
    real size;   /* of a dot: the largest |g| */
    bool within; /* nothing was above the limit; else there is no sum */
} cotangent_sum;

/* Of entries [start, end), at the scale of `c`: within, when no |d| is above `limit`. */
static cotangent_sum cotangent_dot(row *r, const cotangent *c, real limit, size_t start, size_t end) {
    cotangent_sum of = {.within = true};
    for (; start < end; start += CHUNK) {
        const size_t count = row_piece(r, start);
        const real *w = row_weights(r, start, count), *g = row_g(r, start, count);
        const real size = chunk_size(g, count);
        of.size = size > of.size ? size : of.size;
        /* a difference of two numbers within half the limit is within it */
        of.within = !(size * c->scale > limit / 2 && chunk_largest(w, g, count, c, r->ref.least) > limit);
        if (!of.within) return of;
        const real *low = row_lows(r, start);
        const dd dot = c->exactly           ? chunk_dot_by(w, low, g, count, c, r->ref.least, false, true)
                       : is_shallow(r->how) ? chunk_dot(w, low, g, count, c, r->ref.least, true)
                                            : chunk_dot(w, low, g, count, c, r->ref.least, false);
        of.sum = dd_add(of.sum, dot);
    }
    return of;
}

/* A sum over spans: what it is of, and what it is of each. */
typedef struct spans_sum {
    const cotangent *c; /* of a dot */
    real limit;
    real scale; /* of a total */
    cotangent_sum *spans;
} spans_sum;

static cotangent_sum spans_add(row *r, span_sweep *sweep, spans_sum of) {
    cotangent_sum spans[MOST_SPANS], all = {.within = true};
    const size_t count = row_spans(r);
    of.spans = spans;
    row_sweep(r, sweep, &of);
    for (size_t i = 0; i < count && all.within; i++) {
        all.within = spans[i].within;
        all.size = spans[i].size > all.size ? spans[i].size : all.size;
        if (!all.within) break;
        all.sum = dd_add(all.sum, spans[i].sum);
        all.weights = dd_add(all.weights, spans[i].weights);
    }
    return all;
}

static void span_dot(row *r, const void *context, span s) {
    const spans_sum *of = context;
    of->spans[s.index] = cotangent_dot(r, of->c, of->limit, s.start, s.end);
}

static inline bool cotangent_sweep(row *r, cotangent *c, real limit) {
    const cotangent_sum all = r->run->n <= SPAN ? cotangent_dot(r, c, limit, 0, r->run->n)
                                                : spans_add(r, span_dot, (spans_sum){.c = c, .limit = limit});
    c->dot = all.sum;
    c->size = all.size;
    return all.within;
}

/* Largest |g| of the entries that have weight. */
static inline real cotangent_largest(row *r) {
    const cotangent as_is = {.scale = 1};
    real largest = 0;
    for (size_t start = 0; start < r->run->n; start += CHUNK) {
        const size_t count = row_piece(r, start);
        const real *w = row_weights(r, start, count);
        const real part = chunk_largest(w, row_g(r, start, count), count, &as_is, r->ref.least);
        largest = part > largest ? part : largest;
    }
    return largest;
}

/* Largest w_k |d_k| of n entries; NaN is passed over. */
static inline real chunk_largest_product(const real *w, const real *g, size_t n, const cotangent *c, vec least) {
    vec largest = v_zero();
    for (size_t i = 0; i < n; i += V_LANES) {
        const size_t count = n - i < V_LANES ? n - i : V_LANES;
        const vec w_k = v_load_n(w + i, count, 0);
        const vec x = cotangent_counted(w_k, v_load_n(g + i, count, 0), v_set1(c->g_m), least);
        largest = v_max(v_size(v_mul(w_k, cotangent_difference(x, v_set1(c->scale), v_set1(c->at_max)))), largest);
    }
    return v_max_lane(largest);
}

/* What d, and a sum of w d, must stay below: a power of two, EMIT_LIFT and some room included. */
#define LARGEST_SCALED (REAL_MANTISSA == 23 ? 0x1p93 : 0x1p989)

/* The largest scale up to the usual at which nothing overflows: what is small beside a huge g keeps its digits.
 * largest: |g| of the entries that have weight. */
static inline real cotangent_scale(row *r, real g_m, real largest, real usual) {
    /* a difference of two numbers below 4 is below 8 */
    const real below_four = scale_below_four(largest);
    const cotangent below_eight = {.scale = below_four, .g_m = g_m, .at_max = g_m * below_four};
    real product = 1;
    for (size_t start = 0; start < r->run->n; start += CHUNK) {
        const size_t count = row_piece(r, start);
        const real *w = row_weights(r, start, count);
        const real part = chunk_largest_product(w, row_g(r, start, count), count, &below_eight, r->ref.least);
        product = part > product ? part : product;
    }
    const double sum = 2 * power_below((double)product * (double)r->run->n), above = sum > 8 ? sum : 8;
    const double scale = (double)below_eight.scale * (LARGEST_SCALED / above);
    return scale < (double)usual ? (real)scale : usual;
}

/* Of a row reduced with KEEP_PAIRS, about g_m. */
static inline cotangent cotangent_about(row *r, real g_m, bool exactly) {
    const real size = g_m < 0 ? -g_m : g_m;
    const bool given = r->how == WEIGH_GIVEN;
    const real infinite = REAL(INFINITY), limit = given ? GIVEN_LIMIT : DOT_LIMIT;
    const real usual = given ? GIVEN_SCALE : PRODUCT_SCALE;
    cotangent c = {.scale = usual, .g_m = g_m, .largest = size, .exactly = exactly};
    if (size > limit / usual && size <= limit) c.scale = scale_below_four(size) * (limit / 8);
    c.at_max = g_m * c.scale;
    if (size <= limit && cotangent_sweep(r, &c, limit)) return c;
    c.largest = cotangent_largest(r);
    c.scale = c.largest < infinite && c.largest > 1 ? cotangent_scale(r, g_m, c.largest, usual) : 1;
    c.at_max = g_m * c.scale;
    cotangent_sweep(r, &c, infinite);
    return c;
}

static inline cotangent cotangent_reduce(row *r) { return cotangent_about(r, row_g_at(r, r->state.argmax), false); }

/* Of g scale over entries [start, end) but the argmax: within, when unscaled no |g| is near the largest real. */
static cotangent_sum cotangent_add(row *r, real scale, size_t start, size_t end) {
    cotangent_sum of = {.within = true};
    for (; start < end; start += CHUNK) {
        const size_t count = row_piece(r, start);
        const real *g = row_g(r, start, count);
        const real size = chunk_size(g, count);
        of.within = scale != 1 || !(size > REAL_LARGEST * TOTAL_SCALE);
        if (!of.within) return of;
        for (size_t i = 0; i < count && scale != 1; i++) r->x_scratch[i] = g[i] * scale;
        if (scale != 1) g = r->x_scratch;
        of.sum = dd_add(of.sum, chunk_total(g, count, r->state.argmax - start, size * scale));
    }
    return of;
}

static void span_total(row *r, const void *context, span s) {
    const spans_sum *of = context;
    of->spans[s.index] = cotangent_add(r, of->scale, s.start, s.end);
}

static inline bool cotangent_total(row *r, real scale, dd *total) {
    const cotangent_sum all = r->run->n <= SPAN ? cotangent_add(r, scale, 0, r->run->n)
                                                : spans_add(r, span_total, (spans_sum){.scale = scale});
    *total = all.sum;
    return all.within;
}

/* A factor of the softmax, s_q times x, as ((w_q a) f) b: w_q a, and its product with f, are 2^24 or more above the
 * result where that may be subnormal, and the result is rounded once. a and b are powers of two. */
typedef struct split {
    double a, b;
    dd f;
} split;

#if defined(SJ_REAL_f32)
#define SPLIT_LEAST 0x1p-50
#define SPLIT_MOST 0x1p100
#else
#define SPLIT_LEAST 0x1p-40
#define SPLIT_MOST 0x1p900
#endif

/* x = f times power, a power of two held apart because their product may be subnormal. */
static inline split split_factor(dd f, double power, double unbias) {
    const double least = SPLIT_LEAST / power, most = SPLIT_MOST / power;
    double above = power_below(fabs(f.hi)); /* within [least, most] */
    above = above < least ? least : above < most ? above : most;
    const double lift = above * power < 0x1p20 ? 0x1p-24 : 1;
    return (split){
        above * unbias * 0x1p24 * power, lift, {f.hi / above * 0x1p-24 / lift, f.lo / above * 0x1p-24 / lift}};
}

#endif
