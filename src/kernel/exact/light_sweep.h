/* light_sweep.h: what softmax and the products need of a row in one sweep: the sum of all weights, and D relative to
 * its first g. Neither asks for the maximum first, as weights are exp(z) as it is; log1p(T) does, and where a cotangent
 * could make logits of no weight show, or s is not one: those rows are left to light_row.h. Called by light_rows.h and
 * light_products.h; calls light_row.h.
 * In units of u as in light_products.h, with A = sum over k of s_k |g_k - g_0|, which D and y are relative to:
 *   sum of weights   2.5 + 2 (four terms) + 1.1 (compensated sum of the groups) + 1           < 7
 *   D                as there, of A                                                           < 19
 *   given            D = sum of s_k (g_k - g_0) + (g_0 - g_m) (sum of s - 1)                   < 8
 *                    of A + |g_0 - g_m| (sum of s + 1): 6 and 3.1 (sum of s) + 3 */
#ifndef SJ_KERNEL_EXACT_LIGHT_SWEEP_H
#define SJ_KERNEL_EXACT_LIGHT_SWEEP_H

#include "light_row.h"

typedef struct light_extremes {
    float max, min;
} light_extremes;

typedef struct light_sums {
    vpair total, dot, sizes;
} light_sums;

/* A sum, and that of the sizes of its terms. */
typedef struct light_sum {
    double sum, sizes;
} light_sum;

/* A group of weights, stored at w, and with `g` its products. */
V_INLINE void light_sweep_group(light_sums *sums, const float *z, const float *g, vec first, bool given, double *w) {
    const vec floor = v_set1(-LIGHT_NEAR - LIGHT_DEPTH);
    const vtable table = v_table(light_entries);
    vec w_of[4], terms[4], sizes[4];
    for (size_t k = 0; k < 4; k++) {
        const vec logits = widened(z + k * V_LANES);
        w_of[k] = given ? logits : light_weight(logits, floor, &table);
        v_store(w + k * V_LANES, w_of[k]);
        if (!g) continue;
        terms[k] = v_mul(v_sub(widened(g + k * V_LANES), first), w_of[k]);
        sizes[k] = v_size(terms[k]);
    }
    light_add(&sums->total, w_of);
    if (!g) return;
    light_add(&sums->dot, terms);
    light_add(&sums->sizes, sizes);
}

/* Entries [0, n) of a piece; what fills the last group adds nothing that shows. */
V_INLINE void light_sweep_piece(light_sums *sums, const float *z, const float *g, size_t n, float g_0, bool given,
                                double *w) {
    const vec first = v_set1((double)g_0);
    size_t i = 0;
    for (; i + LIGHT_GROUP <= n; i += LIGHT_GROUP) {
        singles_ahead(z + i, LIGHT_GROUP);
        if (g) singles_ahead(g + i, LIGHT_GROUP);
        light_sweep_group(sums, z + i, g ? g + i : NULL, first, given, w + i);
    }
    if (i == n) return;
    float z_filled[LIGHT_GROUP], g_filled[LIGHT_GROUP];
    light_fill(z + i, n - i, LIGHT_GROUP, given ? 0 : -(float)INFINITY, z_filled);
    if (g) light_fill(g + i, n - i, LIGHT_GROUP, g_0, g_filled);
    light_sweep_group(sums, z_filled, g ? g_filled : NULL, first, given, w + i);
}

static light_extremes light_extremes_of(const float *z, size_t n) {
    return (light_extremes){light_max(z, n), -light_max_of(z, n, true)};
}

/* Whether the weights of the row so far are what they would be with the maximum known. */
static inline bool light_sweeps(const light_row *r, light_extremes of) {
    if (r->given) return of.min >= 0 && of.max <= REAL_LARGEST;
    if (!(of.max <= (float)LIGHT_NEAR)) return false;
    return !r->run->g.data || of.min >= of.max - (float)LIGHT_CUT;
}

/* The largest entry's piece, and the sums; false where the row is left. */
V_INLINE bool light_sweep_as(light_row *r, bool has_g, bool given, light_sums *sums, size_t *piece) {
    const sj_run *run = r->run;
    const float g_0 = has_g ? *(const float *)(const void *)r->g : 0;
    light_extremes whole = {-(float)INFINITY, (float)INFINITY};
    if (!given && r->room && run->n > CHUNK && run->n <= 4 * LIGHT_ROOM) r->held = LIGHT_ROOM;
    *sums = (light_sums){{v_zero(), v_zero()}, {v_zero(), v_zero()}, {v_zero(), v_zero()}};
    for (size_t start = 0; start < run->n; start += CHUNK) {
        const size_t count = light_piece(r, start);
        const float *z = light_logits(r, start, count), *g = NULL;
        if (has_g) g = light_read(r->g, &run->g, start, count, r->g_scratch);
        const light_extremes of = has_g ? light_extremes_of(z, count) : (light_extremes){light_max(z, count), 0};
        if (of.max > whole.max) whole.max = of.max, *piece = start;
        if (of.min < whole.min) whole.min = of.min;
        if (!light_sweeps(r, whole)) return false;
        light_sweep_piece(sums, z, g, count, g_0, given, light_place(r, start));
    }
    r->from = light_origin_of(r, (double)whole.max);
    return light_serves(r, r->from.max) && r->from.shift == 0;
}

/* The argmax is sought where it is asked for. */
static void light_sweep_done(light_row *r, double total) {
    r->argmax = r->run->n;
    r->inverse = r->given ? 1 : 1 / total;
}

static inline bool light_sweep_weights(light_row *r, size_t index) {
    light_sums sums;
    size_t piece = 0;
    light_seek(r, index);
    if (r->given || !light_sweep_as(r, false, false, &sums, &piece)) return false;
    const double total = light_total(sums.total).hi;
    light_sweep_done(r, total);
    return total == total; /* else a NaN among the logits */
}

/* D and A times the sum of weights, d relative to *first. */
static inline bool light_sweep_product(light_row *r, size_t index, light_sum *dot, double *first) {
    light_sums sums;
    size_t piece = 0;
    light_seek(r, index);
    if (r->given ? !light_sweep_as(r, true, true, &sums, &piece) : !light_sweep_as(r, true, false, &sums, &piece))
        return false;
    const dd total = light_total(sums.total);
    *first = (double)*(const float *)(const void *)r->g;
    *dot = (light_sum){light_total(sums.dot).hi, light_total(sums.sizes).hi};
    light_sweep_done(r, total.hi);
    if (!r->given) return true;
    light_find_argmax(r, piece);
    const double apart = *first - (double)light_g_at_argmax(r);
    dot->sum += apart * ((total.hi - 1) + total.lo);
    dot->sizes += (apart < 0 ? -apart : apart) * (total.hi + 1);
    return true;
}

#endif
