/* sum.h: sums whose error does not grow with the number of terms: SUM_LANES partial sums, each with its rounding errors
 * beside it. Called by the row kernels; calls pair.h. */
#ifndef SJ_KERNEL_SUM_H
#define SJ_KERNEL_SUM_H

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

/* The lanes added up, less what they began with, always in the same tree. Doubles hold sums of floats as pairs do. */
static inline dd lanes_total(const vsum total[SUM_PARTS], const vec begun[SUM_PARTS]) {
    real lanes[SUM_LANES], lost[SUM_LANES], first[SUM_LANES];
    double sum[SUM_LANES], error[SUM_LANES];
    for (size_t part = 0; part < SUM_PARTS; part++) {
        v_store(lanes + part * V_LANES, total[part].sum);
        v_store(lost + part * V_LANES, total[part].error);
        v_store(first + part * V_LANES, begun[part]);
    }
    for (int i = 0; i < SUM_LANES; i++) {
        const double a = (double)lanes[i], b = -(double)first[i];
        const dd pair = REAL_MANTISSA == 23 ? (dd){a + b, 0} : two_sum(a, b);
        sum[i] = pair.hi;
        error[i] = pair.lo + (double)lost[i];
    }
    for (int width = SUM_LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++) {
            const dd pair = REAL_MANTISSA == 23 ? (dd){sum[i] + sum[i + width], 0} : two_sum(sum[i], sum[i + width]);
            sum[i] = pair.hi;
            error[i] += error[i + width] + pair.lo;
        }
    return two_sum(sum[0], error[0]);
}

/* The same of sums that live in registers: only their copies have an address. */
V_INLINE dd vsum_total(const vsum total[SUM_PARTS], const vec begun[SUM_PARTS]) {
    vsum ends[SUM_PARTS];
    vec starts[SUM_PARTS];
    for (size_t part = 0; part < SUM_PARTS; part++) ends[part] = total[part], starts[part] = begun[part];
    return lanes_total(ends, starts);
}

#endif
