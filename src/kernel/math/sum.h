/* sum.h: sums whose error does not grow with the number of terms: SUM_LANES partial sums, each with its rounding errors
 * beside it.
 * Called by state.h; calls simd/. Error of a total: the roundings of one group of four terms, at most 2u. */
#ifndef SJ_KERNEL_SUM_H
#define SJ_KERNEL_SUM_H

#include "../simd/portable.h"

/* An unevaluated sum hi + lo, |lo| <= ulp(hi) / 2. Double in both dtypes. */
typedef struct dd {
    double hi, lo;
} dd;

static inline dd two_sum(double a, double b) {
    const double s = a + b, b_part = s - a;
    return (dd){s, (a - (s - b_part)) + (b - b_part)};
}

static inline dd dd_add(dd a, dd b) {
    const dd s = two_sum(a.hi, b.hi);
    return two_sum(s.hi, s.lo + (a.lo + b.lo));
}

static inline dd dd_scale(dd a, double power_of_two) { return (dd){a.hi * power_of_two, a.lo * power_of_two}; }

#define SUM_PARTS (SUM_LANES / V_LANES)

/* Sums over the lanes of a whole row, or a row a lane: the sum so far and the roundings it lost. */
typedef struct vsum {
    vec sum, error;
} vsum;

V_INLINE vsum vsum_zero(void) { return (vsum){v_zero(), v_zero()}; }

V_INLINE void vsum_add(vsum *total, vec x) {
    const vec s = v_add(total->sum, x);
    const vec x_part = v_sub(s, total->sum);
    const vec lost = v_add(v_sub(total->sum, v_sub(s, x_part)), v_sub(x, x_part));
    *total = (vsum){s, v_add(total->error, lost)};
}

/* The lanes added up, always in the same tree. */
static inline dd vsum_total(const vsum total[SUM_PARTS]) {
    real lanes[SUM_LANES], lost[SUM_LANES];
    double sum[SUM_LANES], error[SUM_LANES];
    for (size_t part = 0; part < SUM_PARTS; part++) {
        v_store(lanes + part * V_LANES, total[part].sum);
        v_store(lost + part * V_LANES, total[part].error);
    }
    for (int i = 0; i < SUM_LANES; i++) {
        sum[i] = (double)lanes[i];
        error[i] = (double)lost[i];
    }
    for (int width = SUM_LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++) {
            const dd pair = two_sum(sum[i], sum[i + width]);
            sum[i] = pair.hi;
            error[i] += error[i + width] + pair.lo;
        }
    return two_sum(sum[0], error[0]);
}

#endif
