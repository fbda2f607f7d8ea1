/* scaling.h: logits as scale z + bias, less the largest of the row, as pairs. The difference to the extremum is formed
 * first, with what its rounding leaves, and then scaled: digits stay where logits are large beside their differences,
 * and nothing overflows that counts. Called by row.h; calls math/. */
#ifndef SJ_KERNEL_SCALING_H
#define SJ_KERNEL_SCALING_H

#include "math/wide_pair.h"

#include <float.h>
#include <math.h>

typedef struct scaling {
    double base;     /* the extremum of the logits in the direction of the scale, 0 where no entry takes part */
    double half;     /* logits are halved where they may be, so that no difference overflows */
    double factor;   /* the scale of these */
    double at_base;  /* what entries equal to an infinite base, or beside an infinite scale, become; others -inf */
    bool is_step;    /* that is so */
    bool is_shifted; /* the shift is known */
    dd shift;        /* the largest of scale (z - base) + bias */
    dd sink;         /* less base, and less the shift */
} scaling;

V_INLINE vec_wide v_wide_fma_error(vec_wide a, vec_wide b, vec_wide p) {
#if defined(SJ_REAL_f64)
    return v_product_error(a, b, p);
#else
    /* Dekker's, of numbers that float32 logits and their scale are */
    const vec_wide split = v_wide_set1(0x1.0000002p27);
    const vec_wide a_scaled = a * split, b_scaled = b * split;
    const vec_wide a_hi = a_scaled - (a_scaled - a), b_hi = b_scaled - (b_scaled - b);
    const vec_wide a_lo = a - a_hi, b_lo = b - b_hi;
    return ((a_hi * b_hi - p) + a_hi * b_lo + a_lo * b_hi) + a_lo * b_lo;
#endif
}

V_INLINE wide_pair wide_fast_sum(vec_wide a, vec_wide b) {
    const vec_wide s = a + b;
    return (wide_pair){s, b - (s - a)};
}

V_INLINE vec_wide_int wide_is_finite(vec_wide a) { return v_wide_size(a) <= v_wide_set1(DBL_MAX); }

/* scale (z - base) */
V_INLINE wide_pair wide_scaled(vec_wide z, const scaling *s) {
    const vec_wide low = v_wide_set1(-(double)INFINITY), base = v_wide_set1(s->base), half = v_wide_set1(s->half);
    const vec_wide zero = v_wide_set1(0), factor = v_wide_set1(s->factor);
    const vec_wide other = v_wide_select(z == z, low, z);
    if (s->is_step) return (wide_pair){v_wide_select(z == base, v_wide_set1(s->at_base), other), zero};
    const vec_wide_int finite = wide_is_finite(z);
    const wide_pair d = wide_pair_sum(v_wide_select(finite, z, base) * half, zero - base * half);
    const vec_wide p = d.hi * factor, e = v_wide_fma_error(d.hi, factor, p) + d.lo * factor;
    const wide_pair x = wide_fast_sum(p, v_wide_select(wide_is_finite(e), e, zero));
    return (wide_pair){v_wide_select(finite, x.hi, other), v_wide_select(finite, x.lo, zero)};
}

/* x + bias - shift; a bias of -inf masks, whatever x is. */
V_INLINE wide_pair wide_biased(wide_pair x, vec_wide bias, dd shift) {
    const vec_wide zero = v_wide_set1(0), low = v_wide_set1(-(double)INFINITY);
    const vec_wide_int biased = wide_is_finite(bias), both = biased & wide_is_finite(x.hi);
    const wide_pair a = wide_pair_sum(v_wide_select(both, x.hi, zero), v_wide_select(both, bias, zero));
    const wide_pair b = wide_fast_sum(a.hi, a.lo + v_wide_select(both, x.lo, zero));
    const wide_pair c = wide_pair_sum(b.hi, v_wide_set1(-shift.hi));
    const wide_pair d = wide_fast_sum(c.hi, c.lo + (b.lo - v_wide_set1(shift.lo)));
    const vec_wide_int is_nan = ~(x.hi == x.hi) & ~(bias == low);
    const vec_wide other = v_wide_select(is_nan | biased, x.hi, bias);
    return (wide_pair){v_wide_select(both, d.hi, other), v_wide_select(both, d.lo, zero)};
}

/* Once the shift is known, deeper logits have no weight, and a second part that is no small number any more. */
static inline bool has_low(real hi, const scaling *s) {
    const real most = s->is_shifted ? 4096 : REAL_LARGEST;
    return hi >= -most && hi <= most;
}

#define SCALED_PIECE ((size_t)256)

/* z[0..n), and bias[0..n) unless that is NULL, which may be hi and low. */
V_OUTLINE void scale_entries(const real *z, const real *bias, size_t n, const scaling *s, real *hi, real *low) {
    _Alignas(64) double logits[SCALED_PIECE], biases[SCALED_PIECE];
    const bool biased = bias || s->shift.hi != 0;
    for (size_t start = 0; start < n; start += SCALED_PIECE) {
        const size_t count = n - start < SCALED_PIECE ? n - start : SCALED_PIECE;
        for (size_t k = 0; k < count; k++) logits[k] = (double)z[start + k];
        for (size_t k = 0; k < count; k++) biases[k] = bias ? (double)bias[start + k] : 0;
        for (size_t k = count; k % WIDE_LANES != 0; k++) logits[k] = biases[k] = 0;
        for (size_t k = 0; k < count; k += WIDE_LANES) {
            wide_pair x = wide_scaled(v_wide_load(logits + k), s);
            if (biased) x = wide_biased(x, v_wide_load(biases + k), s->shift);
            memcpy(logits + k, &x.hi, sizeof x.hi);
            memcpy(biases + k, &x.lo, sizeof x.lo);
        }
        for (size_t k = 0; k < count; k++) {
            const real first = (real)logits[k];
            const double rest = (logits[k] - (double)first) + biases[k];
            hi[start + k] = first;
            low[start + k] = has_low(first, s) ? (real)rest : 0;
        }
    }
}

/* The exact product where it is finite. */
static inline dd scaled_base(const scaling *s, double scale) {
    const double p = scale * s->base;
    if (!(fabs(p) <= DBL_MAX)) return (dd){s->base == 0 ? 0 : p, 0};
    return two_sum(p, product_error(scale, s->base, p));
}

/* a - b for a number and a pair. */
static inline dd less_pair(double a, dd b) {
    if (!(fabs(a) <= DBL_MAX && fabs(b.hi) <= DBL_MAX)) return (dd){a - b.hi, 0};
    return dd_add((dd){a, 0}, (dd){-b.hi, -b.lo});
}

static inline bool is_larger(dd a, dd b) { return a.hi > b.hi || (a.hi == b.hi && a.lo > b.lo); }

/* From the extremum of the logits, if there is one. */
static inline scaling scaling_of(double scale, double extremum, bool up) {
    const double lowest = up ? -(double)INFINITY : (double)INFINITY;
    const bool none = extremum == lowest, infinite = !none && !(fabs(extremum) <= DBL_MAX);
    scaling s = {.base = none ? 0 : extremum};
    s.half = fabs(scale) < 0x1p1000 ? 0.5 : 1;
    s.factor = scale / s.half;
    s.is_step = infinite || !(fabs(scale) <= DBL_MAX);
    s.at_base = infinite ? (double)INFINITY : none ? -(double)INFINITY : 0;
    return s;
}

#endif
