/* sum.h: sums whose error does not grow with the number of terms: each lane keeps its rounding errors beside the sum.
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

typedef struct vsum {
    vec sum, error;
} vsum;

static inline vsum vsum_zero(void) { return (vsum){v_zero(), v_zero()}; }

static inline void vsum_add(vsum *total, vec x) {
    const vec s = v_add(total->sum, x);
    const vec x_part = v_sub(s, total->sum);
    const vec lost = v_add(v_sub(total->sum, v_sub(s, x_part)), v_sub(x, x_part));
    *total = (vsum){s, v_add(total->error, lost)};
}

/* The lanes added up, always in the same tree. */
static inline dd vsum_total(vsum total) {
    real sum[REAL_LANES], error[REAL_LANES];
    dd lanes[REAL_LANES];
    v_store(sum, total.sum);
    v_store(error, total.error);
    for (int i = 0; i < REAL_LANES; i++) lanes[i] = (dd){(double)sum[i], (double)error[i]};
    for (int width = REAL_LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++) lanes[i] = dd_add(lanes[i], lanes[i + width]);
    return lanes[0];
}

#endif
