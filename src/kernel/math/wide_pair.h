/* wide_pair.h: pairs of doubles, as many as fill a register: what pair.h has for one. Called by mean.h and scaling.h;
 * calls pair.h and simd/. */
#ifndef SJ_KERNEL_WIDE_PAIR_H
#define SJ_KERNEL_WIDE_PAIR_H

#include "../simd/wide.h"
#include "pair.h"

/* Sums of a row; floats have all their digits in one double. */
typedef struct wide_pair {
    vec_wide hi, lo;
} wide_pair;

V_INLINE wide_pair wide_pair_of(dd a) { return (wide_pair){v_wide_set1(a.hi), v_wide_set1(a.lo)}; }

V_INLINE wide_pair wide_pair_sum(vec_wide a, vec_wide b) {
    const vec_wide s = a + b, b_part = s - a;
    return (wide_pair){s, (a - (s - b_part)) + (b - b_part)};
}

/* As pair.h has them. */
V_INLINE wide_pair wide_pair_mul(wide_pair a, wide_pair b) {
#if defined(SJ_REAL_f64)
    const vpair p = vpair_mul((vpair){a.hi, a.lo}, (vpair){b.hi, b.lo});
    return (wide_pair){p.hi, p.lo};
#else
    return (wide_pair){a.hi * b.hi, v_wide_set1(0)};
#endif
}

V_INLINE wide_pair wide_pair_inverse(wide_pair a) {
#if defined(SJ_REAL_f64)
    const vpair p = vpair_inverse((vpair){a.hi, a.lo});
    return (wide_pair){p.hi, p.lo};
#else
    return (wide_pair){v_wide_set1(1) / a.hi, v_wide_set1(0)};
#endif
}

V_INLINE wide_pair wide_pair_scale(wide_pair a, vec_wide power_of_two) {
    return (wide_pair){a.hi * power_of_two, a.lo * power_of_two};
}

#endif
