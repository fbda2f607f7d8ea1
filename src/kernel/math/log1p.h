/* log1p.h: log(1 + T), what log-softmax and logsumexp add to the maximum, as a pair over vectors. Called by the row
 * kernels; calls pair.h. Polynomial from log1p.sollya, run in this folder.
 *
 *   1 + T = 2^e m, m in [sqrt(1/2), sqrt(2)),  s = (m - 1) / (m + 1),  log = e ln2 + 2 s + 2 s^3 P(s^2)
 *
 * Every step but s^3 P, less than 1/100 of s, is a pair: the error is below 0.05 u of the result, for any T >= 0. */
#ifndef SJ_KERNEL_LOG1P_H
#define SJ_KERNEL_LOG1P_H

#include "exp.h"

#if defined(SJ_REAL_f32)
#define ATANH_TERMS 4
#define LOG1P_TINY 0x1p-30f
static const real atanh_coefficients[ATANH_TERMS] = {/* of s^6 .. 1 */ 0x1.ce597p-4f, 0x1.24c21ep-3f, 0x1.99986cp-3f,
                                                     0x1.555556p-2f};
#else
#define ATANH_TERMS 8
#define LOG1P_TINY 0x1p-59
static const real atanh_coefficients[ATANH_TERMS] = {/* of s^14 .. 1 */
                                                     0x1.1023dba3b0ce3p-4, 0x1.0f4a122900a5ap-4, 0x1.3b21594e62243p-4,
                                                     0x1.745cdb74b7655p-4, 0x1.c71c725c5fa91p-4, 0x1.249249242ee17p-3,
                                                     0x1.9999999999d59p-3, 0x1.5555555555555p-2};
#endif

/* a / b */
V_INLINE vpair vpair_div(vpair a, vpair b) {
    const vec q = v_div(a.hi, b.hi), p = v_mul(q, b.hi);
    const vec rest = v_sub(v_add(v_sub(v_sub(a.hi, p), v_product_error(q, b.hi, p)), a.lo), v_mul(q, b.lo));
    return vpair_fast_sum(q, v_div(rest, b.hi));
}

/* s = f / (2 + f): its remainder is divided by multiplying with (1 - s) / 2, which is 1 / (2 + f). */
V_INLINE vpair vpair_ratio_of_log1p(vpair f, vpair two_and_f) {
    const vec q = v_div(f.hi, two_and_f.hi), p = v_mul(q, two_and_f.hi);
    const vec exact = v_sub(v_sub(f.hi, p), v_product_error(q, two_and_f.hi, p));
    const vec rest = v_sub(v_add(exact, f.lo), v_mul(q, two_and_f.lo)), half = v_set1(REAL(0.5));
    return vpair_fast_sum(q, v_mul(rest, v_sub(half, v_mul(half, q))));
}

V_INLINE vpair vpair_log1p(vpair t) {
    const vpair sum = vpair_sum(v_set1(1), t.hi), whole = vpair_fast_sum(sum.hi, v_add(sum.lo, t.lo));
    const vec e = v_exponent(whole.hi, REAL(0.70710678118654752440));
    const vpair m = vpair_scale(whole, v_exp2(v_sub(v_zero(), e)));
    const vpair above = vpair_fast_sum(v_sub(m.hi, v_set1(1)), m.lo); /* the difference is exact */
    const vpair more = vpair_sum(m.hi, v_set1(1)), one_more = vpair_fast_sum(more.hi, v_add(more.lo, m.lo));
    const vpair s = vpair_ratio_of_log1p(above, one_more);
    const vec s2 = v_mul(s.hi, s.hi);
    vec p = v_set1(atanh_coefficients[0]);
    for (int i = 1; i < ATANH_TERMS; i++) p = v_fma(p, s2, v_set1(atanh_coefficients[i]));
    const vec tail = v_add(s.lo, v_mul(v_mul(s.hi, s2), p));
    const vpair high = vpair_sum(v_mul(e, v_set1(LN2_HI)), v_add(s.hi, s.hi)); /* e ln2_hi is exact */
    const vpair log = vpair_fast_sum(high.hi, v_add(high.lo, v_add(v_mul(e, v_set1(LN2_LO)), v_add(tail, tail))));
    /* log(1 + T) = T but for T / 2 of it, and half of a subnormal T would lose digits */
    const vmask tiny = v_gt(v_set1(LOG1P_TINY), t.hi);
    return (vpair){v_select(tiny, t.hi, log.hi), v_select(tiny, t.lo, log.lo)};
}

/* The same of one number, in double: off by the polynomial's error only, 2^-34. m - 1 is T itself where e is 0. */
static inline double log1p_double(double t) {
    const double whole = 1 + t, below = 0.70710678118654752440;
    uint64_t bits, least;
    memcpy(&bits, &whole, sizeof bits);
    memcpy(&least, &below, sizeof least);
    const uint64_t e = (bits - least) >> 52;
    double m;
    bits -= e << 52;
    memcpy(&m, &bits, sizeof m);
    const double f = e == 0 ? t : m - 1, s = f / (2 + f), s2 = s * s;
    double p = (double)atanh_coefficients[0];
    for (int i = 1; i < ATANH_TERMS; i++) p = p * s2 + (double)atanh_coefficients[i];
    return (double)e * 0.69314718055994530942 + (2 * s + 2 * s * s2 * p);
}

#endif
