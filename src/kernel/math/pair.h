/* pair.h: numbers as unevaluated sums hi + lo, twice the digits of their dtype: vectors of the kernel's dtype, and
 * doubles for the scalars of a row. Called by exp.h, sum.h and above; calls simd/.
 * The error-free transformations are Knuth's (sum) and Dekker's (fast sum, product). */
#ifndef SJ_KERNEL_PAIR_H
#define SJ_KERNEL_PAIR_H

#include "../simd/portable.h"

typedef struct vpair {
    vec hi, lo;
} vpair;

/* a + b for |a| >= |b| */
V_INLINE vpair vpair_fast_sum(vec a, vec b) {
    const vec s = v_add(a, b);
    return (vpair){s, v_add(v_sub(a, s), b)};
}

V_INLINE vpair vpair_sum(vec a, vec b) {
    const vec s = v_add(a, b), b_part = v_sub(s, a);
    return (vpair){s, v_add(v_sub(a, v_sub(s, b_part)), v_sub(b, b_part))};
}

/* The upper half of the digits of a. */
V_INLINE vec v_upper(vec a) {
    const vec scaled = v_mul(a, v_set1(REAL(((real_bits)1 << (REAL_MANTISSA / 2 + 1)) + 1)));
    return v_sub(scaled, v_sub(scaled, a));
}

/* a b - p exactly, p the rounded product. */
V_INLINE vec v_product_error(vec a, vec b, vec p) {
    if (NATIVE_FMA) return v_fma(a, b, -p);
    const vec a_hi = v_upper(a), b_hi = v_upper(b), a_lo = v_sub(a, a_hi), b_lo = v_sub(b, b_hi);
    const vec cross = v_add(v_sub(v_mul(a_hi, b_hi), p), v_mul(a_hi, b_lo));
    return v_add(v_add(cross, v_mul(a_lo, b_hi)), v_mul(a_lo, b_lo));
}

V_INLINE vpair vpair_mul(vpair a, vpair b) {
    const vec p = v_mul(a.hi, b.hi);
    const vec low = v_add(v_mul(a.hi, b.lo), v_mul(a.lo, b.hi));
    return vpair_fast_sum(p, v_add(v_product_error(a.hi, b.hi, p), low));
}

/* The leading half of the digits of a: heads multiply exactly. */
V_INLINE vec v_head(vec a) { return (vec)((vec_bits)a & ~((((real_bits)1 << (REAL_MANTISSA + 2) / 2)) - 1)); }

/* w f to twice the digits but the last few, unevaluated. Without fused arithmetic the first part is short. */
V_INLINE vpair vpair_product(vpair w, vpair f) {
    if (NATIVE_FMA) {
        const vec p = v_mul(w.hi, f.hi);
        return (vpair){p, v_fma(w.lo, f.hi, v_fma(w.hi, f.lo, v_product_error(w.hi, f.hi, p)))};
    }
    const vec w_head = v_head(w.hi), f_head = v_head(f.hi);
    const vec w_rest = v_add(v_sub(w.hi, w_head), w.lo), f_rest = v_add(v_sub(f.hi, f_head), f.lo);
    return (vpair){v_mul(w_head, f_head), v_add(v_mul(w_head, f_rest), v_mul(w_rest, f.hi))};
}

/* w f, rounded once. */
V_INLINE vec vpair_times(vpair w, vpair f) {
    if (NATIVE_FMA) return v_fma(w.hi, f.hi, v_fma(w.hi, f.lo, v_mul(w.lo, f.hi)));
    const vpair p = vpair_product(w, f);
    return v_add(p.hi, p.lo);
}

/* The same for a w that is one number. */
V_INLINE vec v_times_pair(vec w, vpair f) {
    if (NATIVE_FMA) return v_fma(w, f.hi, v_mul(w, f.lo));
    return vpair_times((vpair){w, v_zero()}, f);
}

V_INLINE vpair vpair_scale(vpair a, vec power_of_two) {
    return (vpair){v_mul(a.hi, power_of_two), v_mul(a.lo, power_of_two)};
}

/* 1 / a: one Newton step on the rounded quotient. */
V_INLINE vpair vpair_inverse(vpair a) {
    const vec one = v_set1(1), q = v_div(one, a.hi), p = v_mul(a.hi, q);
    const vec rest = v_sub(v_sub(v_sub(one, p), v_product_error(a.hi, q, p)), v_mul(a.lo, q));
    return (vpair){q, v_mul(rest, q)};
}

/* 1 - a */
V_INLINE vpair vpair_complement(vpair a) {
    const vpair c = vpair_sum(v_set1(1), v_sub(v_zero(), a.hi));
    return vpair_fast_sum(c.hi, v_sub(c.lo, a.lo));
}

V_INLINE vec vpair_round(vpair a) { return v_add(a.hi, a.lo); }

/* The same for the scalars of a row, in double whatever the dtype. */
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

static inline double upper(double a) {
    const double scaled = a * 0x1.0000002p27;
    return scaled - (scaled - a);
}

/* a b - p; without fused arithmetic 0 where splitting a factor would overflow: that costs the product its second half.
 */
static inline double product_error(double a, double b, double p) {
    if (NATIVE_FMA) return __builtin_fma(a, b, -p);
    const double limit = 0x1p990;
    if (!(a < limit && a > -limit && b < limit && b > -limit)) return 0;
    const double a_hi = upper(a), b_hi = upper(b), a_lo = a - a_hi, b_lo = b - b_hi;
    return ((a_hi * b_hi - p) + a_hi * b_lo + a_lo * b_hi) + a_lo * b_lo;
}

static inline dd dd_mul(dd a, dd b) {
    const double p = a.hi * b.hi;
    return two_sum(p, product_error(a.hi, b.hi, p) + (a.hi * b.lo + a.lo * b.hi));
}

static inline dd dd_inverse(dd a) {
    const double q = 1 / a.hi, p = a.hi * q;
    return (dd){q, (((1 - p) - product_error(a.hi, q, p)) - a.lo * q) * q};
}

static inline dd dd_complement(dd a) { return dd_add((dd){1, 0}, (dd){-a.hi, -a.lo}); }

#endif
