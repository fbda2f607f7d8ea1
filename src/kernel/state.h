/* state.h: the row state. reduce (a chunk of a row -> its state), merge (two pieces -> the whole), finish (the scalars
 * every emitted quantity is made of). Called by long_rows.h; calls math/. Sees contiguous chunks only. */
#ifndef SJ_KERNEL_STATE_H
#define SJ_KERNEL_STATE_H

#include "math/exp.h"
#include "math/sum.h"

#include <math.h>

#define GROUP_VECTORS 4
#define GROUP         (GROUP_VECTORS * REAL_LANES) /* terms added before their sum joins the compensated one */

typedef struct row_state {
    size_t argmax; /* m, the lowest index of the maximum */
    real max;      /* a = z_m */
    real integer;  /* K: weights are exp(z) 2^(bias - K), or exp(z - a) 2^bias with K = 0 when a is far */
    real top;      /* weight of m */
    dd rest;       /* sum of the weights of k != m: T = rest / top */
} row_state;

/* How the weight of an entry comes about: constants where the sweeps are inlined. */
typedef enum weighing { WEIGH_NEAR, WEIGH_FAR, WEIGH_GIVEN } weighing;

/* Maximum of z[0..n), n > 0; NaN if any entry is. */
static inline real chunk_max(const real *z, size_t n) {
    vec max = v_load_n(z, n < REAL_LANES ? n : REAL_LANES, z[0]);
    vmask nan = v_is_nan(max);
    size_t i = REAL_LANES;
    for (; i + REAL_LANES <= n; i += REAL_LANES) {
        const vec x = v_load(z + i);
        max = v_max(x, max);
        nan = v_or(nan, v_is_nan(x));
    }
    if (i < n) {
        const vec x = v_load_n(z + i, n - i, z[0]);
        max = v_max(x, max);
        nan = v_or(nan, v_is_nan(x));
    }
    return v_any(nan) ? REAL(NAN) : v_max_lane(max);
}

/* First index of the value a, which z[0..n) holds. */
static inline size_t chunk_find(const real *z, size_t n, real a) {
    const vec wanted = v_set1(a);
    size_t i = 0;
    while (i + REAL_LANES <= n && !v_any(v_eq(v_load(z + i), wanted))) i += REAL_LANES;
    while (z[i] != a) i++;
    return i;
}

static inline vec weigh(vec z, const reference *ref, weighing how) {
    return how == WEIGH_GIVEN ? z : weight(z, ref, how == WEIGH_FAR);
}

static inline vec without_lane(vec a, size_t lane) {
    real lanes[REAL_LANES];
    v_store(lanes, a);
    lanes[lane] = 0;
    return v_load(lanes);
}

static inline vec group_sum(const vec group[GROUP_VECTORS]) {
    return v_add(v_add(group[0], group[1]), v_add(group[2], group[3]));
}

/* Weights of z[0..n) into w[0..n), and the sum of all but entry `skip` (>= n: of all). */
static inline dd chunk_weigh(const real *z, real *w, size_t n, size_t skip, const reference *ref, weighing how) {
    vsum sum = vsum_zero();
    for (size_t start = 0; start < n; start += GROUP) {
        vec group[GROUP_VECTORS];
        if (start + GROUP <= n) {
            for (int j = 0; j < GROUP_VECTORS; j++) {
                const size_t i = start + (size_t)j * REAL_LANES;
                group[j] = weigh(v_load(z + i), ref, how);
                v_store(w + i, group[j]);
            }
        } else {
            for (int j = 0; j < GROUP_VECTORS; j++) {
                const size_t i = start + (size_t)j * REAL_LANES, left = i < n ? n - i : 0;
                group[j] = v_zero();
                if (left == 0) continue;
                const size_t count = left < REAL_LANES ? left : REAL_LANES;
                group[j] = weigh(v_load_n(z + i, count, how == WEIGH_GIVEN ? 0 : -REAL(INFINITY)), ref, how);
                v_store_n(w + i, group[j], count);
            }
        }
        if (skip - start < GROUP) {
            const size_t j = (skip - start) / REAL_LANES;
            group[j] = without_lane(group[j], (skip - start) % REAL_LANES);
        }
        vsum_add(&sum, group_sum(group));
    }
    return vsum_total(sum);
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
    const dd joined = dd_add(loser.rest, (dd){(double)loser.top, 0});
    winner.rest = dd_add(winner.rest, dd_scale(joined, shift));
    return winner;
}

/* Scalars of a whole row. Double in both dtypes, rounded to the dtype where a vector is made of them. */
typedef struct row_scalars {
    double inverse;    /* 1 / (sum of weights): s_q = w_q inverse */
    double unbias;     /* 2^-bias, or 1 when weights are given */
    double complement; /* c_m = T / (1 + T) */
    double log1p_t;    /* log(1 + T) */
} row_scalars;

static inline row_scalars state_finish(const row_state *state, weighing how) {
    const bool given = how == WEIGH_GIVEN;
    const dd sum = dd_add(state->rest, (dd){(double)state->top, 0});
    row_scalars r;
    r.unbias = given ? 1 : power_of_two(-WEIGHT_BIAS);
    r.inverse = given ? 1 : 1 / sum.hi;
    r.complement = state->rest.hi * r.inverse;
    r.log1p_t = given ? 0 : log1p(state->rest.hi / (double)state->top);
    return r;
}

#endif
