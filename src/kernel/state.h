/* state.h: the row state. reduce (a chunk of a row -> its state), merge (two pieces -> the whole), finish (the scalars
 * every emitted quantity is made of). Called by the row kernels; calls math/. Sees contiguous chunks only. */
#ifndef SJ_KERNEL_STATE_H
#define SJ_KERNEL_STATE_H

#include "math/exp.h"
#include "math/sum.h"

#include <math.h>

/* Terms i, i + SUM_LANES, i + 2 SUM_LANES, i + 3 SUM_LANES of a group are added before they join partial sum i. */
#define GROUP_TERMS 4
#define GROUP (GROUP_TERMS * (size_t)SUM_LANES)

typedef struct row_state {
    size_t argmax; /* m, the lowest index of the maximum */
    real max;      /* a = z_m */
    real integer;  /* K: weights are exp(z) 2^(bias - K), or exp(z - a) 2^bias with K = 0 when a is far */
    dd top;        /* weight of m */
    dd rest;       /* sum of the weights of k != m: T = rest / top */
} row_state;

/* How the weight of an entry comes about: constants where the sweeps are inlined. */
typedef enum weighing { WEIGH_NEAR, WEIGH_FAR, WEIGH_GIVEN } weighing;

/* Maximum of z[0..n), n > 0; NaN if any entry is. Two maxima, so that one does not wait for the other. */
static inline real chunk_max(const real *z, size_t n) {
    const size_t first = n < V_LANES ? n : V_LANES;
    vec max = v_load_n(z, first, z[0]), other = max;
    vmask nan = v_is_nan(max);
    size_t i = first;
    for (; i + 2 * V_LANES <= n; i += 2 * V_LANES) {
        const vec x = v_load(z + i), y = v_load(z + i + V_LANES);
        max = v_max(x, max);
        other = v_max(y, other);
        nan = v_or(nan, v_either_nan(x, y));
    }
    for (; i < n; i += V_LANES) {
        const vec x = v_load_n(z + i, n - i < V_LANES ? n - i : V_LANES, z[0]);
        max = v_max(x, max);
        nan = v_or(nan, v_is_nan(x));
    }
    return v_any(nan) ? REAL(NAN) : v_max_lane(v_max(max, other));
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
    while (z[i] != a) i++;
    return i;
}

/* The weight of one entry, to twice the digits. */
static inline dd entry_weight(real z, const reference *ref, weighing how) {
    real hi[V_LANES], lo[V_LANES];
    if (how == WEIGH_GIVEN) return (dd){(double)z, 0};
    const vpair w = weight_pair(v_set1(z), ref, how == WEIGH_FAR);
    v_store(hi, w.hi);
    v_store(lo, w.lo);
    return two_sum((double)hi[0], (double)lo[0]);
}

V_INLINE vec weigh(vec z, const reference *ref, weighing how) {
    return how == WEIGH_GIVEN ? z : weight(z, ref, how == WEIGH_FAR);
}

V_INLINE vec without_lane(vec a, size_t lane) {
    real lanes[V_LANES];
    v_store(lanes, a);
    lanes[lane] = 0;
    return v_load(lanes);
}

V_INLINE vec group_sum(const vec terms[GROUP_TERMS]) {
    return v_add(v_add(terms[0], terms[1]), v_add(terms[2], terms[3]));
}

/* One group of weights, all or (n < GROUP) its first n, and their sums but for entry `skip`. */
V_INLINE void group_weigh(const real *z, real *w, size_t n, size_t skip, const reference *ref, weighing how,
                          vsum sums[SUM_PARTS]) {
    for (size_t part = 0; part < SUM_PARTS; part++) {
        vec terms[GROUP_TERMS];
        for (size_t j = 0; j < GROUP_TERMS; j++) {
            const size_t i = j * SUM_LANES + part * V_LANES;
            if (i + V_LANES <= n) {
                terms[j] = weigh(v_load(z + i), ref, how);
                v_store(w + i, terms[j]);
            } else if (i < n) {
                /* lanes past the end get no weight */
                const real fill = how == WEIGH_GIVEN ? 0 : -REAL(INFINITY);
                terms[j] = weigh(v_load_n(z + i, n - i, fill), ref, how);
                v_store_n(w + i, terms[j], n - i);
            } else {
                terms[j] = v_zero();
            }
            if (skip - i < V_LANES) terms[j] = without_lane(terms[j], skip - i);
        }
        vsum_add(&sums[part], group_sum(terms));
    }
}

/* Weights of z[0..n) into w[0..n), and the sum of all but entry `skip` (>= n: of all). */
V_INLINE dd chunk_weigh(const real *z, real *w, size_t n, size_t skip, const reference *ref, weighing how) {
    vsum sums[SUM_PARTS];
    for (size_t part = 0; part < SUM_PARTS; part++) sums[part] = vsum_zero();
    size_t i = 0;
    for (; i + GROUP <= n; i += GROUP) {
        if (skip - i < GROUP)
            group_weigh(z + i, w + i, GROUP, skip - i, ref, how, sums);
        else
            group_weigh(z + i, w + i, GROUP, SIZE_MAX, ref, how, sums);
    }
    if (i < n) group_weigh(z + i, w + i, n - i, skip - i, ref, how, sums);
    return vsum_total(sums);
}

/* Weights of z[0..n) into w[0..n), once the sum is known. */
V_INLINE void chunk_weights(const real *z, real *w, size_t n, const reference *ref, weighing how) {
    size_t i = 0;
    for (; i + V_LANES <= n; i += V_LANES) v_store(w + i, weigh(v_load(z + i), ref, how));
    if (i < n) v_store_n(w + i, weigh(v_load_n(z + i, n - i, 0), ref, how), n - i);
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

/* log(1 + T), what log-softmax and logsumexp add to the maximum. */
static inline double state_log1p(const row_state *state) { return log1p(state->rest.hi / state->top.hi); }

#endif
