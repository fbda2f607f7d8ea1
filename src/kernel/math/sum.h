/* sum.h: sums whose error does not grow with the number of terms: SUM_LANES partial sums, each with its rounding errors
 * beside it. Called by the row kernels; calls pair.h. */
#ifndef SJ_KERNEL_SUM_H
#define SJ_KERNEL_SUM_H

#include "../simd/wide.h"
#include "pair.h"

#define SUM_PARTS (SUM_LANES / V_LANES)

/* Sums over the lanes of a whole row, or a row a lane: the sum so far and the roundings it lost. */
typedef struct vsum {
    vec sum, error;
} vsum;

V_INLINE vsum vsum_zero(void) { return (vsum){v_zero(), v_zero()}; }

/* x of any sign and size. */
V_INLINE void vsum_add(vsum *total, vec x) {
    const vpair s = vpair_sum(total->sum, x);
    *total = (vsum){s.hi, v_add(total->error, s.lo)};
}

/* The same of an x that has lost something itself. */
V_INLINE void vsum_join(vsum *total, vec x, vec lost) {
    vsum_add(total, x);
    total->error = v_add(total->error, lost);
}

/* Doubles hold sums of floats as pairs do. */
typedef struct wide_sum {
    vec_wide sum, error;
} wide_sum;

V_INLINE wide_sum wide_add(vec_wide a, vec_wide b, vec_wide error) {
    const vec_wide sum = a + b;
    if (REAL_MANTISSA == 23) return (wide_sum){sum, error};
    const vec_wide b_part = sum - a;
    return (wide_sum){sum, ((a - (sum - b_part)) + (b - b_part)) + error};
}

V_INLINE wide_sum wide_merge(wide_sum a, wide_sum b) {
    const wide_sum both = wide_add(a.sum, b.sum, b.error);
    return (wide_sum){both.sum, a.error + both.error};
}

/* The lanes added up, less what they began with, always in the same tree. */
V_INLINE dd vsum_total(const vsum total[SUM_PARTS], const vec begun[SUM_PARTS]) {
    const size_t halves = V_LANES / WIDE_LANES;
    wide_sum sums[SUM_LANES / WIDE_LANES];
    for (size_t i = 0; i < SUM_LANES / WIDE_LANES; i++) {
        const size_t part = i / halves, half = i % halves;
        const vec_wide sum = v_widen(total[part].sum, half), first = v_widen(begun[part], half);
        sums[i] = wide_add(sum, -first, v_widen(total[part].error, half));
    }
    for (size_t count = SUM_LANES / WIDE_LANES / 2; count > 0; count /= 2)
        for (size_t i = 0; i < count; i++) sums[i] = wide_merge(sums[i], sums[i + count]);
    wide_sum all = sums[0];
    for (size_t width = WIDE_LANES / 2; width > 0; width /= 2)
        all = wide_merge(all, (wide_sum){v_wide_across(all.sum, width), v_wide_across(all.error, width)});
    return two_sum(all.sum[0], all.error[0]);
}

#endif
