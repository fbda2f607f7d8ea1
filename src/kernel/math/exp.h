/* exp.h: the weight of a logit, exp(z - reference) times a fixed power of two, over vectors. Called by state.h and the
 * row kernels; calls simd/. Constants and polynomial from exp.sollya, run in this folder.
 *
 * The difference z - a to the row's maximum is never rounded:
 *   near  |a| <= WEIGHT_NEAR: z = k ln2 + r is reduced by itself and the shift is made in the exponent,
 *         exp(z) 2^-K = exp(r) 2^(k - K), with K the integer of the maximum. Exact, and no operation more.
 *   far   larger maxima: d = z - a with its rounding error e by TwoSum, exp(d) exp(e) with e added to r.
 * Weights carry 2^WEIGHT_BIAS so that a weight whose softmax is subnormal is itself normal: nothing is rounded
 * twice. Weights below exp(-WEIGHT_DEPTH) of the maximum's are 0: their softmax is below 2^-34 of the smallest
 * subnormal. */
#ifndef SJ_KERNEL_EXP_H
#define SJ_KERNEL_EXP_H

#include "pair.h"

#if defined(SJ_REAL_f32)
#define WEIGHT_BIAS 90
#define WEIGHT_DEPTH 128.0 /* exp(-1.15 * 128) 2^90 > 2^-124: normal */
#define WEIGHT_NEAR 192.0  /* (192 + 1.15 * 128) log2(e) < 2^9: k * LN2_HI is exact */
#define LN2_HI 0x1.62e4p-1f
#define LN2_LO 0x1.7f7d1cp-20f
#define LOG2E 0x1.715476p0f
#define EXP_TERMS 5
static const real exp_coefficients[EXP_TERMS] = {/* of r^6 .. r^2; relative error < 2^-28.2 */
                                                 0x1.6a6016p-10f, 0x1.123abep-7f, 0x1.5558ap-5f, 0x1.55549p-3f,
                                                 0x1.fffffcp-2f};
#else
#define WEIGHT_BIAS 960
#define WEIGHT_DEPTH 1024.0   /* exp(-1.15 * 1024) 2^960 > 2^-740: normal */
#define WEIGHT_NEAR 1048576.0 /* (2^20 + 1.15 * 1024) log2(e) < 2^21: k * LN2_HI is exact */
#define LN2_HI 0x1.62e42ffp-1
#define LN2_LO (-0x1.718432a1b0e26p-35)
#define LOG2E 0x1.71547652b82fep0
#define EXP_TERMS 10
static const real exp_coefficients[EXP_TERMS] = {/* of r^11 .. r^2; relative error < 2^-57.8 */
                                                 0x1.ad9069312dfc7p-26, 0x1.28ae28e0ddb5cp-22, 0x1.71df1ae67efc6p-19,
                                                 0x1.a0199935aeac8p-16, 0x1.a01a012ee2468p-13, 0x1.6c16c1848329p-10,
                                                 0x1.1111111126ec8p-7,  0x1.5555555550699p-5,  0x1.55555555554fdp-3,
                                                 0x1.000000000000ap-1};
#endif

/* 1.5 * 2^mantissa: adding it leaves the nearest integer in the low bits. */
#define ROUND_MAGIC REAL((real_bits)3 << (REAL_MANTISSA - 1))

/* What the weights are relative to: one row in every lane, or a row a lane. */
typedef struct reference {
    vec a;              /* the maximum */
    vec floor;          /* logits below have weight 0 */
    vec lowest;         /* floor as rounded by `weight` */
    vexponent exponent; /* 2^(WEIGHT_BIAS - K) */
    bool far;
} reference;

/* a: maxima with |a| <= WEIGHT_NEAR. */
V_INLINE reference reference_near(vec a) {
    const vec log2e = v_set1(LOG2E), magic = v_set1(ROUND_MAGIC);
    reference ref;
    ref.a = a;
    ref.floor = v_sub(a, v_set1(REAL(WEIGHT_DEPTH)));
    ref.lowest = v_fma(ref.floor, log2e, magic);
    ref.exponent = v_exponent_below(WEIGHT_BIAS, v_fma(a, log2e, magic));
    ref.far = false;
    return ref;
}

/* a: any finite maximum. */
V_INLINE reference reference_far(real a) {
    reference ref;
    real floor = a - REAL(WEIGHT_DEPTH);
    /* where an ulp of `a` exceeds the depth, only entries equal to the maximum have weight */
    if (a - floor > REAL(1.15 * WEIGHT_DEPTH)) floor = a;
    ref.a = v_set1(a);
    ref.floor = v_set1(floor);
    ref.lowest = v_zero();
    ref.exponent = v_exponent_below(WEIGHT_BIAS, v_zero());
    ref.far = true;
    return ref;
}

/* K, the integer that near weights are relative to; 0 when far. Of lane 0. */
static inline real reference_integer(const reference *ref) {
    real lanes[V_LANES];
    if (ref->far) return 0;
    v_store(lanes, v_fma(ref->a, v_set1(LOG2E), v_set1(ROUND_MAGIC)));
    return lanes[0] - ROUND_MAGIC;
}

/* The error of d = z - a, exactly (Knuth's TwoSum). */
V_INLINE vec difference_error(vec z, vec a, vec d) {
    const vec z_part = v_add(d, a);
    const vec a_part = v_sub(d, z_part);
    return v_sub(v_sub(z, z_part), v_add(a, a_part));
}

/* The reduced argument of a logit: z - a = k ln2 + r + r_low, k in the low bits of `rounded`. */
typedef struct reduced {
    vec rounded, r, r_low;
} reduced;

V_INLINE reduced reduce_argument(vec z, const reference *ref, bool far) {
    const vec magic = v_set1(ROUND_MAGIC), bounded = v_max(z, ref->floor);
    const vec x = far ? v_sub(bounded, ref->a) : bounded;
    reduced e;
    e.rounded = v_fma(x, v_set1(LOG2E), magic);
    const vec k = v_sub(e.rounded, magic), high = v_fma(k, v_set1(-LN2_HI), x); /* exact */
    vec low = v_mul(k, v_set1(-LN2_LO));
    if (far) low = v_add(low, difference_error(bounded, ref->a, x));
    e.r = v_add(high, low);
    e.r_low = v_add(v_sub(high, e.r), low);
    return e;
}

/* exp(r) - 1 - r */
V_INLINE vec exp_tail(vec r) {
    vec q = v_set1(exp_coefficients[0]);
    for (int i = 1; i < EXP_TERMS; i++) q = v_fma(q, r, v_set1(exp_coefficients[i]));
    return v_mul(v_mul(r, r), q);
}

/* x where the logit z has weight, else 0. Near, the rounded logit is at hand and the logit is not: one register less.
 */
V_INLINE vec weight_or_zero(vec x, vec z, vec rounded, const reference *ref, bool far) {
    return far ? v_keep_ge(x, z, ref->floor) : v_keep_gt(x, rounded, ref->lowest);
}

/* exp(z - a) 2^bias, for z <= a: one rounding of p near 1 and smaller ones of its parts. `far` is ref->far, a constant
 * where this is inlined. */
V_INLINE vec weight(vec z, const reference *ref, bool far) {
    const reduced e = reduce_argument(z, ref, far);
    const vec p = v_add(v_set1(1), v_add(e.r, v_add(exp_tail(e.r), e.r_low)));
    return weight_or_zero(v_scale2(p, e.rounded, ref->exponent), z, e.rounded, ref, far);
}

/* The same as an unevaluated sum, for the argmax and for the one entry a row of the Jacobian is scaled by. */
V_INLINE vpair weight_pair(vec z, const reference *ref, bool far) {
    const reduced e = reduce_argument(z, ref, far);
    const vpair t = vpair_fast_sum(e.r, v_add(exp_tail(e.r), e.r_low));
    const vpair p = vpair_fast_sum(v_set1(1), t.hi);
    const vec power = v_scale2(v_set1(1), e.rounded, ref->exponent);
    return (vpair){weight_or_zero(v_mul(p.hi, power), z, e.rounded, ref, far),
                   weight_or_zero(v_mul(v_add(p.lo, t.lo), power), z, e.rounded, ref, far)};
}

#endif
