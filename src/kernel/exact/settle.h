/* settle.h: the entries of a row that plain double leaves undecided, each for itself: wide numbers as those of emit.h
 * and products.h, but from a state in pairs that vectors sum up, with bounds of its error that must round alike. Called
 * by light_rows.h; calls light_row.h and emit.h. Constants from exact.sollya.
 *
 * Relative errors, |r| < 2^-4.52, k ln2/8 reduced from |x| < 556:
 *   r = r.hi + r.lo           2^-71 absolute: k LIGHT_LN2_LO < 2^-19 is subtracted with an error of 2^-73, twice, and
 *                             ln2 has 2^-83 beyond its two parts
 *   r^3/6 + ... in double     < 2^-16.1, nine roundings: 2^-65.9; the first term left out, r^11/11!, is below 2^-75
 *   the low parts' additions  < 2^-16 each, eight roundings: 2^-66
 *   weight                    2^-65.9 + 2^-66 + 2^-71, over 0.95                                          < 2^-64.5
 *   T, sum of weights         those, and of the sums 2^-85: an error term is below 2048 2^-53, rounded 2048 times
 *   inverse, log1p(T), D of A 2^-64.5 twice at most                                                       < 2^-63.4
 *   s_q, s_q s_r              2^-85 (weights of weight.h), and one inverse or two                         < 2^-62.8
 *   s_q (d_q - D)             2^-64.4 (s) + 2^-63.4 (D)                                                   < 2^-62.8
 * What emit.h and products.h form lies within 2^-80 of the truth in the same measure. SETTLE_ERROR, 2^-61, covers both:
 * where the bounds round alike, the result is theirs. Of a softmax that is given, weights and inverse are exact and
 * only the sums' 2^-85 is left, for which, with those 2^-80, SETTLE_GIVEN is 2^-79: D has more digits than a float, so
 * that in a row of millions d_q - D may be below 2^-32 of A, and 2^-61 of A hide a midpoint. */
#ifndef SJ_KERNEL_EXACT_SETTLE_H
#define SJ_KERNEL_EXACT_SETTLE_H

#include "emit.h"
#include "light_row.h"

#define SETTLE_ERROR 0x1p-61
#define SETTLE_GIVEN 0x1p-79

/* The first stands for 0, which no power of two is added to. */
static const double settle_lows[8] = {/* 2^(j/8) - light_entries[j] */
                                      0x1p-200,
                                      -0x1.19041b9d78a76p-55,
                                      0x1.6f46ad23182e4p-55,
                                      0x1.d4397afec42e2p-56,
                                      -0x1.bdd3413b26456p-54,
                                      0x1.6e9f156864b27p-54,
                                      0x1.7a1cd345dcc81p-54,
                                      0x1.2ed02d75b3707p-55};

/* exp(r) - 1, the second part below 2^-15. */
V_INLINE vpair settle_exp_less_one(vec r, vec r_low) {
    vec tail = v_set1(weight_terms[0]);
    for (int i = 1; i < WEIGHT_TERMS; i++) tail = v_fma(tail, r, v_set1(weight_terms[i]));
    const vec square = v_mul(r, r), cube = v_mul(square, r), half = v_set1(0.5);
    const vpair sum = vpair_fast_sum(r, v_mul(half, square));
    const vec third = v_mul(cube, v_fma(tail, r, v_set1(SIXTH_HI)));
    const vec low = v_fma(r_low, r, v_fma(half, v_product_error(r, r, square), r_low));
    return (vpair){sum.hi, v_add(third, v_add(sum.lo, low))};
}

/* The weight of light_weight as a pair. */
V_INLINE vpair settle_weight(vec z, vec floor, const vtable *table, const vtable *lows) {
    const vec x = v_max(floor, z), magic = v_set1(LIGHT_MAGIC);
    const vec rounded = v_fma(x, v_set1(LIGHT_LOG2E), magic), eighths = v_sub(rounded, magic);
    const vec high = v_fma(eighths, v_set1(-LIGHT_LN2_HI), x); /* exact */
    const vec r = v_fma(eighths, v_set1(-LIGHT_LN2_LO), high);
    const vec r_low = v_fma(eighths, v_set1(-LIGHT_LN2_LO), v_sub(high, r));
    const vec entry = v_scale_entry(v_lookup(table, rounded), rounded, eighths);
    const vec rest = v_scale_entry(v_lookup(lows, rounded), rounded, eighths);
    const vpair t = settle_exp_less_one(r, r_low);
    const vec part = v_mul(entry, t.hi), error = v_product_error(entry, t.hi, part);
    const vec low = v_add(v_fma(entry, t.lo, error), v_fma(rest, t.hi, rest));
    const vpair sum = vpair_fast_sum(entry, part);
    return vpair_fast_sum(sum.hi, v_add(sum.lo, low));
}

/* What a kind sums up beside the weights. */
typedef enum settle_mode { SETTLE_WEIGHTS, SETTLE_DOT, SETTLE_TOTAL } settle_mode;

typedef struct settle_sums {
    vpair rest, sum;
    vec size;
} settle_sums;

V_INLINE void settle_add(vpair *sum, vpair term) {
    const vpair next = vpair_sum(sum->hi, term.hi);
    *sum = (vpair){next.hi, v_add(sum->lo, v_add(next.lo, term.lo))};
}

/* Sums over entries [0, n) but `skip`. */
V_INLINE settle_sums settle_piece(const light_row *r, const float *z, const float *g, size_t n, size_t skip, float g_m,
                                  settle_mode mode, bool given) {
    const vec floor = v_set1(r->from.max - LIGHT_DEPTH), top = v_set1(r->from.max), at_max = v_set1((double)g_m);
    const vtable table = v_table(light_entries), lows = v_table(settle_lows);
    settle_sums sums = {{v_zero(), v_zero()}, {v_zero(), v_zero()}, v_zero()};
    float z_filled[LIGHT_GROUP], g_filled[LIGHT_GROUP];
    for (size_t i = 0; i < n; i += V_LANES) {
        const float *z_at = z + i, *g_at = g + i;
        if (n - i < V_LANES || skip - i < V_LANES) {
            light_fill(z + i, n - i, skip - i, given ? 0 : -(float)INFINITY, z_filled);
            light_fill(g + i, n - i, skip - i, mode == SETTLE_DOT ? g_m : 0, g_filled);
            z_at = z_filled, g_at = g_filled;
        }
        const vec logits = widened(z_at);
        vpair w = given ? (vpair){logits, v_zero()} : settle_weight(logits, floor, &table, &lows);
        if (!given && mode != SETTLE_WEIGHTS) {
            const vmask deep = v_gt(v_sub(top, logits), v_set1(LIGHT_CUT));
            w = (vpair){v_select(deep, v_zero(), w.hi), v_select(deep, v_zero(), w.lo)};
        }
        settle_add(&sums.rest, w);
        if (mode == SETTLE_WEIGHTS) continue;
        vpair term = {widened(g_at), v_zero()};
        if (mode == SETTLE_DOT) term = vpair_mul(w, vpair_sum(term.hi, v_sub(v_zero(), at_max)));
        settle_add(&sums.sum, term);
        sums.size = v_add(sums.size, v_size(term.hi));
    }
    return sums;
}

static settle_sums settle_piece_of(const light_row *r, const float *z, const float *g, size_t n, size_t skip, float g_m,
                                   settle_mode mode) {
    if (r->given) {
        if (mode == SETTLE_WEIGHTS) return settle_piece(r, z, z, n, skip, 0, SETTLE_WEIGHTS, true);
        if (mode == SETTLE_DOT) return settle_piece(r, z, g, n, skip, g_m, SETTLE_DOT, true);
        return settle_piece(r, z, g, n, skip, g_m, SETTLE_TOTAL, true);
    }
    if (mode == SETTLE_WEIGHTS) return settle_piece(r, z, z, n, skip, 0, SETTLE_WEIGHTS, false);
    if (mode == SETTLE_DOT) return settle_piece(r, z, g, n, skip, g_m, SETTLE_DOT, false);
    return settle_piece(r, z, g, n, skip, g_m, SETTLE_TOTAL, false);
}

static inline settle_mode settle_mode_of(light_kind kind) {
    if (kind == LIGHT_VJP || kind == LIGHT_LOG_JVP) return SETTLE_DOT;
    return kind == LIGHT_LOG_VJP ? SETTLE_TOTAL : SETTLE_WEIGHTS;
}

/* A sum of weights as they are here, as one of weights as they are in weight.h. */
static inline wide settle_scaled(const light_row *r, dd sum) {
    return wide_from(sum, r->given ? 0 : -r->pairs->from.exponent);
}

/* All of exact_row that exact_reduce and exact_state make, but for the sums. */
static void settle_begin(light_row *r) {
    exact_row *pairs = r->pairs;
    exact_seek(pairs, r->index);
    pairs->given = r->given;
    pairs->shared = false;
    pairs->kept = false;
    pairs->max = r->from.max;
    pairs->from = origin_of(r->from.max, exact_depth(r->run));
    pairs->argmax = r->argmax;
    const wide top = exact_weight_of(pairs, r->argmax);
    pairs->top = wide_normal(top.hi, top.lo, top.exponent);
}

/* The state, and the sums of the kind; the row must be as it was. */
static void settle_prepare(light_row *r, light_kind kind) {
    settlement *s = &r->settle;
    const settle_mode mode = settle_mode_of(kind);
    if (r->argmax == r->run->n) light_find_argmax(r, 0);
    const float g_m = mode == SETTLE_WEIGHTS ? 0 : light_g_at_argmax(r);
    dd rest = {0, 0}, sum = {0, 0}, size = {0, 0};
    for (size_t start = 0; start < r->run->n; start += CHUNK) {
        const size_t count = light_piece(r, start);
        const float *z = light_read(r->z, &r->run->z, start, count, s->z_scratch), *g = z;
        if (mode != SETTLE_WEIGHTS) g = light_read(r->g, &r->run->g, start, count, s->g_scratch);
        const settle_sums part = settle_piece_of(r, z, g, count, r->argmax - start, g_m, mode);
        rest = dd_add(rest, light_total(part.rest));
        sum = dd_add(sum, light_total(part.sum));
        size = dd_add(size, light_total((vpair){part.size, v_zero()}));
    }
    settle_begin(r);
    exact_row *pairs = r->pairs;
    pairs->rest = settle_scaled(r, rest);
    pairs->inverse = r->given ? (wide){1, 0, 0} : wide_inverse(wide_add(pairs->top, pairs->rest));
    s->at_max = wide_of((double)g_m);
    s->log = kind == LIGHT_LOG ? exact_log1p(pairs) : (wide){0, 0, 0};
    if (mode == SETTLE_TOTAL) {
        s->sum = wide_mul(wide_add(wide_from(sum, 0), s->at_max), pairs->inverse);
        s->size = wide_mul(wide_of(size.hi + (double)(g_m < 0 ? -g_m : g_m)), pairs->inverse);
    } else {
        s->sum = wide_mul(settle_scaled(r, sum), pairs->inverse);
        s->size = wide_mul(settle_scaled(r, size), pairs->inverse);
    }
    s->ready = true;
}

static inline wide wide_size(wide a) { return a.hi < 0 ? wide_minus(a) : a; }

/* An entry, and what its error is relative to. */
typedef struct settle_entry {
    wide value, size;
} settle_entry;

/* w times the inverse, with a factor that a loss has, or a line of a Jacobian, s_by s_q; the weight of class `by` is
 * kept: in place it is lost. */
static settle_entry settle_times(light_row *r, wide w, size_t by) {
    settlement *s = &r->settle;
    wide value = wide_mul(w, r->pairs->inverse);
    if (s->factor.hi != 0) value = wide_mul(value, s->factor);
    if (by < r->run->n) {
        if (s->by != by) s->weight_by = exact_weight_of(r->pairs, by);
        s->by = by;
        value = wide_mul(w, wide_mul(wide_mul(s->weight_by, r->pairs->inverse), r->pairs->inverse));
    }
    return (settle_entry){value, wide_size(value)};
}

static settle_entry settle_formed(light_row *r, size_t q, double x, light_kind kind, size_t by) {
    const settlement *s = &r->settle;
    const wide own = wide_of(x), d = wide_sub(own, s->at_max);
    if (kind == LIGHT_LOG) {
        const wide value = wide_sub(wide_sub(own, wide_of(r->from.max)), s->log);
        return (settle_entry){value, wide_size(value)};
    }
    if (kind == LIGHT_LOG_JVP) return (settle_entry){wide_sub(d, s->sum), wide_add(wide_size(d), s->size)};
    const wide w = exact_weight_of(r->pairs, q);
    if (kind == LIGHT_LOG_VJP)
        return (settle_entry){wide_sub(own, wide_mul(w, s->sum)),
                              wide_add(wide_size(own), wide_mul(wide_size(w), s->size))};
    if (kind != LIGHT_VJP) return settle_times(r, w, by);
    const wide s_q = wide_mul(w, r->pairs->inverse);
    return (settle_entry){wide_mul(s_q, wide_sub(d, s->sum)),
                          wide_mul(wide_size(s_q), wide_add(wide_size(d), s->size))};
}

/* Rows that are far are left to pairs. */
static inline bool settles(const light_row *r) { return r->from.shift == 0; }

/* Entry q of the kind into *to; false where it is undecided still. x is its logit or its g; the row must be as it was
 * at the first, and entry q. */
static bool settle(light_row *r, size_t q, float x, light_kind kind, size_t by, float *to) {
    if (!settles(r)) return false;
    if (!r->settle.ready) settle_prepare(r, kind);
    const settle_entry e = settle_formed(r, q, (double)x, kind, by);
    const wide error = wide_mul(e.size, wide_of(r->given ? SETTLE_GIVEN : SETTLE_ERROR));
    const double low = wide_round(wide_sub(e.value, error), SJ_F32);
    if (low != wide_round(wide_add(e.value, error), SJ_F32)) return false;
    *to = (float)(kind == LIGHT_MINUS_TIMES ? 0 - low : low);
    return true;
}

#endif
