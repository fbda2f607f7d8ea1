/* descend.h: the last step of a result that was formed a power of two above itself: down to where it may be subnormal,
 * rounded once. Called by emit.h; calls simd/.
 * A multiplication would do, and does where no lane is small. Into the subnormal numbers it takes an Intel processor
 * over a hundred cycles a vector, and rows with masked or very deep logits end there entry after entry. */
#ifndef SJ_KERNEL_DESCEND_H
#define SJ_KERNEL_DESCEND_H

#include "../simd/portable.h"

typedef struct descent {
    vec power; /* a power of two, normal */
    vec edge;  /* the smallest x for which x power is normal; 0 where power is 1 or more */
} descent;

V_INLINE descent descent_by(vec power) {
    const vec edge = v_div(v_set1(REAL(REAL_LEAST_NORMAL)), power);
    return (descent){power, v_keep(v_gt(v_set1(1), power), edge)};
}

/* x power. An ulp of a sum in [edge, 2 edge) is what the least subnormal number comes from: adding |x| to edge rounds
 * as the product would be rounded, and the digits below edge's are the bits of the result. */
V_INLINE vec v_descend(vec x, const descent *by) {
    const vec size = v_size(x);
    const vmask small = v_gt(by->edge, size);
    if (!v_any(small)) return v_mul(x, by->power);
    const vec_bits sign = (vec_bits)x ^ (vec_bits)size;
    const vec below = (vec)(((vec_bits)v_add(size, by->edge) - (vec_bits)by->edge) | sign);
    return v_select(small, below, v_mul(v_keep(v_not(small), x), by->power));
}

#endif
