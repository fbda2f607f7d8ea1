/* state.h: the row state. reduce (a chunk of a row -> its state), merge (two pieces -> the whole), finish (the scalars
 * every emitted quantity is made of). Called by the row kernels; calls math/. Sees contiguous chunks only. */
#ifndef SJ_KERNEL_STATE_H
#define SJ_KERNEL_STATE_H

#include "math/log1p.h"
#include "math/sum.h"

#include <math.h>

typedef struct row_state {
    size_t argmax; /* m, the lowest index of the maximum */
    real max;      /* a = z_m */
    real integer;  /* K: weights are relative to 2^(K - bias); 0 when a is far */
    dd top;        /* weight of m */
    dd rest;       /* sum of the weights of k != m: T = rest / top */
} row_state;

/* Extremes of a chunk: the maximum of the whole and of the entries of each class modulo CLASSES, the minimum lane by
 * lane. NaN is passed over: it shows in the sum of the weights. */
#define CLASS_VECTORS (SUM_PARTS < 4 ? 4 : SUM_PARTS) /* independent maxima: none waits for the one before it */
#define CLASSES (CLASS_VECTORS * V_LANES)

typedef struct extremes {
    vec of_classes[CLASS_VECTORS], min;
    real max;
} extremes;

V_INLINE extremes chunk_extremes(const real *z, size_t n) {
    const real infinite = REAL(INFINITY);
    extremes result;
    vec max[CLASS_VECTORS], min[2] = {v_set1(infinite), v_set1(infinite)};
    size_t i = 0;
    for (size_t c = 0; c < CLASS_VECTORS; c++) max[c] = v_set1(-infinite);
    for (; i + CLASSES <= n; i += CLASSES)
        for (size_t c = 0; c < CLASS_VECTORS; c++) {
            const vec x = v_load(z + i + c * V_LANES);
            max[c] = v_max(x, max[c]);
            min[c % 2] = v_min(x, min[c % 2]);
        }
    for (size_t c = 0; c < CLASS_VECTORS && i < n; i += V_LANES, c++) {
        const size_t lanes = n - i < V_LANES ? n - i : V_LANES;
        max[c] = v_max(v_load_n(z + i, lanes, -infinite), max[c]);
        min[0] = v_min(v_load_n(z + i, lanes, infinite), min[0]);
    }
    vec whole = max[0];
    for (size_t c = 0; c < CLASS_VECTORS; c++) {
        result.of_classes[c] = max[c];
        whole = v_max(whole, max[c]);
    }
    result.max = v_max_lane(whole);
    result.min = v_min(min[0], min[1]);
    return result;
}

static inline bool chunk_has_nan(const real *z, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (z[i] != z[i]) return true;
    return false;
}

/* First index of the value a, which z[0..n) holds. */
static inline size_t chunk_find(const real *z, size_t n, real a) {
    const vec wanted = v_set1(a);
    const size_t stride = 4 * V_LANES;
    size_t i = 0;
    for (; i + stride <= n; i += stride) {
        const vmask left = v_or(v_eq(v_load(z + i), wanted), v_eq(v_load(z + i + V_LANES), wanted));
        const vmask right = v_or(v_eq(v_load(z + i + 2 * V_LANES), wanted), v_eq(v_load(z + i + 3 * V_LANES), wanted));
        if (v_any(v_or(left, right))) break;
    }
    for (; i + V_LANES <= n; i += V_LANES) {
        const size_t lane = v_first_lane(v_eq(v_load(z + i), wanted));
        if (lane < V_LANES) return i + lane;
    }
    while (i + 1 < n && z[i] != a) i++;
    return i;
}

/* First index of the maximum. Where one class alone holds it, which is nearly always, the entries of that class are
 * looked through, and no branch depends on where it stands. */
V_INLINE size_t chunk_argmax(const real *z, size_t n, const extremes *of) {
    uint64_t classes = 0;
    for (size_t c = 0; c < CLASS_VECTORS; c++)
        classes |= (uint64_t)v_bits(v_eq(of->of_classes[c], v_set1(of->max))) << c * V_LANES;
    if ((classes & (classes - 1)) != 0) return chunk_find(z, n, of->max);
    const size_t first = (size_t)__builtin_ctzll(classes | UINT64_C(1) << 63);
    size_t m = first;
    for (size_t step = (n - 1 - first) / CLASSES; step > 0; step--) {
        const size_t i = first + step * CLASSES;
        m = z[i] >= of->max ? i : m;
    }
    return z[first] >= of->max ? first : m;
}

/* The weight of one entry, as a sum. */
static inline dd entry_weight(real z, const reference *ref, weighing how) {
    if (how == WEIGH_GIVEN) return (dd){(double)z, 0};
    const vpair w = how == WEIGH_FAR ? weight_pair(v_set1(z), ref, WEIGH_FAR)
                    : is_scaled(how) ? weight_pair(v_set1(z), ref, WEIGH_SCALED)
                                     : weight_pair(v_set1(z), ref, WEIGH_NEAR);
    return two_sum((double)v_lane(w.hi), (double)v_lane(w.lo));
}

/* Given weights have no second part. */
V_INLINE weight_parts weigh(vec z, const reference *ref, weighing how) {
    return how == WEIGH_GIVEN ? (weight_parts){z, v_zero()} : weigh_parts(z, ref, how);
}

/* The same of entries in memory, `count` of them, the others as the first; of logits that are pairs, what their
 * rounding left stands PAIRED_APART on. */
#define PAIRED_APART ((size_t)2048)
V_INLINE weight_parts weigh_at(const real *z, size_t count, const reference *ref, weighing how) {
    const bool whole = count >= V_LANES;
    const vec hi = whole ? v_load(z) : v_load_n(z, count, z[0]);
    if (how != WEIGH_PAIRED) return weigh(hi, ref, how);
    const real *low = z + PAIRED_APART;
    return weigh_pairs(hi, whole ? v_load(low) : v_load_n(low, count, low[0]), ref, how);
}

/* Where the weights of a chunk go: w, and what their rounding left, unless that is NULL. */
typedef struct weights {
    real *w, *low;
} weights;

V_INLINE weights weights_at(weights to, size_t i) { return (weights){to.w + i, to.low ? to.low + i : NULL}; }

/* What each partial sum begins with: no smaller than any weight it will be given, so that the fast sum applies, and
 * little larger than its largest, so that a small sum keeps its digits. Entry `skip` (>= n: none) is not added. */
V_INLINE void sums_begin(const real *z, size_t n, size_t skip, const extremes *of, const reference *ref, weighing how,
                         vec begun[SUM_PARTS]) {
    vec classes[CLASS_VECTORS];
    memcpy(classes, of->of_classes, sizeof classes);
    if (skip < n) {
        real rest = -REAL(INFINITY);
        for (size_t i = skip % CLASSES; i < n; i += CLASSES) {
            const real x = i == skip ? rest : z[i];
            rest = x > rest ? x : rest;
        }
        for (size_t c = 0; c < CLASS_VECTORS; c++)
            classes[c] = v_with_lane(classes[c], skip % CLASSES - c * V_LANES, rest);
    }
    for (size_t part = 0; part < SUM_PARTS; part++) {
        vec bound = classes[part];
        for (size_t c = part + SUM_PARTS; c < CLASS_VECTORS; c += SUM_PARTS) bound = v_max(bound, classes[c]);
        begun[part] = how == WEIGH_GIVEN ? v_max(bound, v_zero()) : weight_bound(bound, ref, how);
    }
}

/* w = T + T t, rounded, joins a sum that is no smaller (Dekker's fast sum); what rounding w and the sum loses is formed
 * at once, from the parts. */
V_INLINE void sum_weight(vsum *total, vec w, weight_parts e) {
    const vec sum = v_add(total->sum, w), taken = v_sub(sum, total->sum);
    const vec lost = v_fma(e.scaled, e.t, v_sub(e.scaled, taken));
    *total = (vsum){sum, v_add(total->error, lost)};
}

/* Sweeps over pieces of a long row, or over groups of rows, alternate: one that only reads, which waits for memory, and
 * one that computes, beside which memory would be idle. So the one that computes asks for the entries that far ahead,
 * which are the next to be read, or those after them. */
#define AHEAD_ENTRIES 2048

V_INLINE void entries_ahead(const real *at, size_t count) {
    const char *ahead = (const char *)(at + AHEAD_ENTRIES);
    for (size_t byte = 0; byte < count * sizeof(real); byte += 64) v_prefetch_near(ahead + byte);
}

/* One weight a partial sum: all, or (count < SUM_LANES) the first of them. */
V_INLINE void stride_weigh(const real *z, weights to, size_t count, size_t skip, const reference *ref, weighing how,
                           vsum sums[SUM_PARTS]) {
    for (size_t part = 0; part < SUM_PARTS && part * V_LANES < count; part++) {
        const size_t i = part * V_LANES, lanes = count - i < V_LANES ? count - i : V_LANES;
        const bool whole = count == SUM_LANES;
        weight_parts e = weigh_at(z + i, whole ? V_LANES : lanes, ref, how);
        vec w = parts_weight(e);
        if (whole)
            v_store(to.w + i, w);
        else
            v_store_n(to.w + i, w, lanes);
        if (to.low && whole) v_store(to.low + i, counted_low(e, w, how));
        if (to.low && !whole) v_store_n(to.low + i, counted_low(e, w, how), lanes);
        if (!whole) e.scaled = v_first(e.scaled, lanes), w = v_first(w, lanes);
        if (skip - i < V_LANES) e.scaled = v_with_lane(e.scaled, skip - i, 0), w = v_with_lane(w, skip - i, 0);
        sum_weight(&sums[part], w, e);
    }
}

/* Weights of z[0..n) into `to`, and the sum of all but entry `skip` (>= n: of all). */
V_INLINE dd chunk_weigh(const real *z, weights to, size_t n, size_t skip, const extremes *of, const reference *ref,
                        weighing how) {
    vsum sums[SUM_PARTS];
    vec begun[SUM_PARTS];
    sums_begin(z, n, skip, of, ref, how, begun);
    for (size_t part = 0; part < SUM_PARTS; part++) sums[part] = (vsum){begun[part], v_zero()};
    const size_t whole = n - n % SUM_LANES, first = skip < whole ? skip - skip % SUM_LANES : whole;
    for (size_t i = 0; i < n; i += SUM_LANES) {
        const size_t end = i <= first ? first : whole;
        for (; i < end; i += SUM_LANES) {
            entries_ahead(z + i, SUM_LANES);
            stride_weigh(z + i, weights_at(to, i), SUM_LANES, SIZE_MAX, ref, how, sums);
        }
        if (i < whole)
            stride_weigh(z + i, weights_at(to, i), SUM_LANES, skip - i, ref, how, sums);
        else if (i < n)
            stride_weigh(z + i, weights_at(to, i), n - i, skip - i, ref, how, sums);
    }
    return vsum_total(sums, begun);
}

/* Weights of z[0..n) into `to`, once the sum is known. */
V_INLINE void chunk_weights(const real *z, weights to, size_t n, const reference *ref, weighing how) {
    for (size_t i = 0; i < n; i += V_LANES) {
        const size_t lanes = n - i < V_LANES ? n - i : V_LANES;
        const bool whole = lanes == V_LANES;
        const weight_parts e = weigh_at(z + i, lanes, ref, how);
        const vec w = parts_weight(e);
        if (whole)
            v_store(to.w + i, w);
        else
            v_store_n(to.w + i, w, lanes);
        if (to.low) v_store_n(to.low + i, counted_low(e, w, how), lanes);
    }
}

/* The power of two at or below x > 0, x normal; 0 for 0. */
static inline double power_below(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits &= UINT64_C(0x7ff) << 52;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Sum of x[0..n), |x| <= size, but for entry `skip`. In pieces of TOTAL_STRIDES terms a lane, each from a number so
 * large that the fast sum applies and nothing leaves its neighbourhood. What a lane loses is then below 2^-17 (of
 * float32) of `size` a term, and summing that loses u / 4 of `size` a chunk at most, all lanes together. */
#define TOTAL_STRIDES 16

V_INLINE void stride_total(const real *x, size_t count, size_t skip, vsum sums[SUM_PARTS]) {
    for (size_t part = 0; part < SUM_PARTS && part * V_LANES < count; part++) {
        const size_t i = part * V_LANES;
        vec entries = i + V_LANES <= count ? v_load(x + i) : v_load_n(x + i, count - i, 0);
        if (skip - i < V_LANES) entries = v_with_lane(entries, skip - i, 0);
        const vec sum = v_add(sums[part].sum, entries), taken = v_sub(sum, sums[part].sum);
        sums[part] = (vsum){sum, v_add(sums[part].error, v_sub(entries, taken))};
    }
}

static inline dd chunk_total(const real *x, size_t n, size_t skip, real size) {
    const vec above = v_set1(8 * TOTAL_STRIDES * (real)power_below((double)size));
    vsum totals[SUM_PARTS], sums[SUM_PARTS];
    vec zero[SUM_PARTS];
    for (size_t part = 0; part < SUM_PARTS; part++) totals[part] = vsum_zero(), zero[part] = v_zero();
    for (size_t start = 0; start < n; start += TOTAL_STRIDES * SUM_LANES) {
        const size_t end = n - start < TOTAL_STRIDES * SUM_LANES ? n : start + TOTAL_STRIDES * SUM_LANES;
        for (size_t part = 0; part < SUM_PARTS; part++) sums[part] = (vsum){above, v_zero()};
        for (size_t i = start; i < end; i += SUM_LANES)
            stride_total(x + i, end - i < SUM_LANES ? end - i : SUM_LANES, skip - i, sums);
        for (size_t part = 0; part < SUM_PARTS; part++) {
            vsum_join(&totals[part], v_sub(sums[part].sum, above), sums[part].error);
        }
    }
    return vsum_total(totals, zero);
}

/* Sum of the weights that count of w[0..n), but for entry `skip`. */
static inline double chunk_counted(const real *w, size_t n, size_t skip) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        if (w[i] > WEIGHT_LEAST && i != skip) sum += (double)w[i];
    return sum;
}

/* 2^k for k <= 0, as a factor that may be 0. */
static inline double power_of_two(double k) {
    double factor = 1;
    for (; k < -1000 && factor > 0; k += 1000) factor *= 0x1p-1000;
    const uint64_t bits = (uint64_t)(1023 + (int64_t)k) << 52;
    double last;
    memcpy(&last, &bits, sizeof last);
    return factor * last;
}

/* The state of a row from those of two pieces of it, `left` before `right`, both near. The larger maximum wins, ties
 * keep the lower index, the loser's maximum joins the rest. Exact but for the final addition. */
static inline row_state state_merge(row_state left, row_state right) {
    const bool keep = left.max >= right.max;
    row_state winner = keep ? left : right;
    const row_state loser = keep ? right : left;
    const double shift = power_of_two((double)loser.integer - (double)winner.integer);
    const dd joined = dd_add(loser.rest, loser.top);
    winner.rest = dd_add(winner.rest, dd_scale(joined, shift));
    return winner;
}

/* Scalars of a whole row, in double pairs for both dtypes; rounded to the dtype where a vector is made of them. */
typedef struct row_scalars {
    dd inverse;    /* 1 / (sum of weights): s_q = w_q inverse */
    double unbias; /* 2^-bias, or 1 when weights are given */
} row_scalars;

static inline row_scalars state_finish(const row_state *state, weighing how) {
    const bool given = how == WEIGH_GIVEN;
    row_scalars r;
    r.unbias = given ? 1 : power_of_two(-WEIGHT_BIAS);
    r.inverse = given ? (dd){1, 0} : dd_inverse(dd_add(state->rest, state->top));
    return r;
}

/* A scalar of the row as a pair in every lane. */
static inline vpair spread(dd a) {
    const real hi = (real)a.hi;
    return (vpair){v_set1(hi), v_set1((real)((a.hi - (double)hi) + a.lo))};
}

static inline bool is_near(real max) { return max >= REAL(NEAR_LOW) && max <= REAL(NEAR_HIGH); }

/* How entries between min and a maximum that is near are weighed. */
static inline weighing weighing_near(vec min, real max) {
    return v_any(v_gt(v_set1(max - REAL(SHALLOW_DEPTH)), min)) ? WEIGH_NEAR : WEIGH_SHALLOW;
}

/* The same of a row that may be weighed by a scale; times: 0, or its size. */
V_INLINE bool is_near_times(real max, double times) { return is_near(times != 0 ? (real)((double)max * times) : max); }

V_INLINE weighing weighing_near_times(vec min, real max, double times) {
    if (times == 0) return weighing_near(min, max);
    const vec depth = v_set1(max - (real)(SHALLOW_DEPTH / times));
    return v_any(v_gt(depth, min)) ? WEIGH_SCALED : WEIGH_SCALED_SHALLOW;
}

V_INLINE reference reference_near_times(real max, double times) {
    if (times != 0) return reference_scaled(v_set1(max), spread((dd){times, 0}), WEIGH_SCALED);
    reference ref = reference_near(v_set1(max), WEIGH_NEAR);
    ref.factor = (vpair){v_zero(), v_zero()}; /* not used, but copied with the others */
    return ref;
}

/* T times the bias, normal where T is not. */
static inline dd state_ratio(const row_state *state) {
    return dd_mul(state->rest, dd_inverse(dd_scale(state->top, power_of_two(-WEIGHT_BIAS))));
}

/* log(1 + T) from the ratio and from its vector form, in float64: T itself where it is tiny. */
static inline dd log1p_of_ratio(dd ratio, double hi, double lo) {
    const double unbias = power_of_two(-WEIGHT_BIAS);
    return ratio.hi < (double)LOG1P_TINY / unbias ? dd_scale(ratio, unbias) : two_sum(hi, lo);
}

static inline double state_log1p_double(const row_state *state) {
    return log1p_double((state->rest.hi + state->rest.lo) / (state->top.hi + state->top.lo));
}

/* log(1 + T), what log-softmax and logsumexp add to the maximum. */
static inline dd state_log1p(const row_state *state) {
    if (REAL_MANTISSA == 23) return (dd){state_log1p_double(state), 0};
    const dd ratio = state_ratio(state);
    const vpair log = vpair_log1p(spread(dd_scale(ratio, power_of_two(-WEIGHT_BIAS))));
    return log1p_of_ratio(ratio, (double)v_lane(log.hi), (double)v_lane(log.lo));
}

#endif
