/* exp.h: the weight of a logit, exp(z - reference) times a constant and a power of two, over vectors. Called by state.h
 * and the row kernels; calls simd/. Tables, constants and polynomial from exp.sollya, run in this folder.
 *
 *   k = 8 e + j nearest to z 8/ln2,  r = z - k ln2/8,  T = 2^e exp_entries[j],  t = exp(r) - 1,  weight = T + T t
 *
 * |t| < 0.046, so T + T t is exact but for its last rounding, and T t - (weight - T) is what that rounding left.
 * The entries hold EXP_SCALE 2^(j/8): the factor cancels in every softmax, and was searched so that all eight are
 * within 0.05 u of a number of the dtype. With the roundings of r and t the parts are within 0.17 u, and the weight,
 * rounded once more, within 1.17 u; where fused arithmetic is missing, within 0.24 u and 1.24 u. scripts/certify proves
 * it.
 *
 * The difference z - a to the row's maximum is never rounded:
 *   near  a in [NEAR_LOW, NEAR_HIGH]: z is reduced by itself, and the shift is made in the exponent, weight = exp(z)
 *         2^-K with K the integer part of the maximum's logarithm. Exact, and no operation more.
 *   far   other maxima: d = z - a with its rounding error by TwoSum, which joins r.
 *   scaled  near, by x = scale z: the same of x, and what its rounding leaves joins r.
 * Weights carry 2^WEIGHT_BIAS so that a weight whose softmax is subnormal is itself normal: nothing is rounded
 * twice. Logits more than WEIGHT_DEPTH below the maximum weigh as one that far below: their softmax is below 2^-34 of
 * the smallest subnormal, so it is 0. A weight of at most WEIGHT_LEAST, which that is below, counts as none. */
#ifndef SJ_KERNEL_EXP_H
#define SJ_KERNEL_EXP_H

#include "pair.h"

#if defined(SJ_REAL_f32)
#define EXP_SCALE 0x1.16747bf6c8b43p0
#define WEIGHT_LEAST 0x1.8p-122f
#define WEIGHT_BIAS 64
#define WEIGHT_ONE 0x1p64f      /* 2^WEIGHT_BIAS */
#define SHALLOW_DEPTH 64.0      /* weights above that deep are above WEIGHT_LEAST, their softmax normal: n < 2^33 */
#define WEIGHT_SHALLOW 0x1p-30f /* weights of shallow rows are above: exp(-64) 2^63 */
#define WEIGHT_ZERO 0x1p-88f    /* weights up to this have a softmax of 0: the sum is 2^(WEIGHT_BIAS - 1) or more */
#define WEIGHT_DEPTH 129.0      /* exp(-1.02 * 129) 2^64 > 2^-126: normal */
#define NEAR_LOW (-42.0)        /* 2^(WEIGHT_BIAS - K) is finite */
#define NEAR_HIGH 130.0         /* and normal; (130 + 128) log2(e) 8 < 2^12: k / 8 * LN2_HI is exact */
#define FAR_HIGH 0x1p100f       /* logits less maxima up to this are finite */
#define LN2_HI 0x1.62ep-1f
#define LN2_LO 0x1.0bfbe8p-15f
#define LOG2E 0x1.715476p0f
#define EXP_TERMS 3
static const real exp_coefficients[EXP_TERMS] = {/* of r^4 .. r^2 */ 0x1.54bffep-5f, 0x1.555c7cp-3f, 0x1.000004p-1f};
static const real exp_entries[8] = {0x1.16747cp0f, 0x1.2fa848p0f, 0x1.4b2404p0f, 0x1.691c8ap0f,
                                    0x1.89cb7cp0f, 0x1.ad6fb4p0f, 0x1.d44dbcp0f, 0x1.feb052p0f};
#else
#define EXP_SCALE 0x1.0db70c65e1021p0
#define WEIGHT_LEAST 0x1p-998
#define WEIGHT_BIAS 480
#define WEIGHT_ONE 0x1p480
#define SHALLOW_DEPTH 640.0
#define WEIGHT_SHALLOW 0x1p-446
#define WEIGHT_ZERO 0x1p-597
#define WEIGHT_DEPTH 1025.0 /* exp(-1.02 * 1025) 2^480 > 2^-1029: finite */
#define NEAR_LOW (-360.0)   /* 2^(WEIGHT_BIAS - K) is finite */
#define NEAR_HIGH 1000.0    /* and normal; (1000 + 1024) log2(e) 8 < 2^24: k / 8 * LN2_HI is exact */
#define FAR_HIGH 0x1p960
#define LN2_HI 0x1.62e42ffp-1
#define LN2_LO (-0x1.718432a1b0e26p-35)
#define LOG2E 0x1.71547652b82fep0
#define EXP_TERMS 6
static const real exp_coefficients[EXP_TERMS] = {/* of r^7 .. r^2 */
                                                 0x1.a01639ac40712p-13, 0x1.6c1cc36c979fdp-10, 0x1.11111125f60c3p-7,
                                                 0x1.55555547f4148p-5,  0x1.5555555555127p-3,  0x1.000000000010ep-1};
static const real exp_entries[8] = {0x1.0db70c65e1021p0, 0x1.26205719527b1p0, 0x1.40bf3dc35eaecp0, 0x1.5dc6f18b88422p0,
                                    0x1.7d6f45b77a57p0,  0x1.9ff51b055bd35p0, 0x1.c59ad4bd7f92ep0, 0x1.eea8d85c91a9ap0};
#endif

/* 1.5 * 2^(mantissa - 3): adding it leaves the nearest eighth, as an integer, in the low bits. */
#define ROUND_MAGIC REAL((real_bits)3 << (REAL_MANTISSA - 4))

/* How the weight of an entry comes about: constants where the sweeps are inlined. */
typedef enum weighing {
    WEIGH_NEAR,
    WEIGH_SHALLOW, /* near, and no logit more than SHALLOW_DEPTH below the maximum: none is bounded, all count */
    WEIGH_FAR,
    WEIGH_PAIRED, /* near 0, and logits are pairs: what follows the first parts PAIRED_APART on joins r */
    WEIGH_LANES,  /* near, every lane a row of its own */
    WEIGH_SHALLOW_LANES,
    WEIGH_FAR_LANES, /* some far, the others as in WEIGH_LANES */
    WEIGH_SCALED,    /* the four that are near, of logits times the factor of the reference */
    WEIGH_SCALED_SHALLOW,
    WEIGH_SCALED_LANES,
    WEIGH_SCALED_SHALLOW_LANES,
    WEIGH_GIVEN /* it is the entry itself */
} weighing;

V_INLINE bool is_scaled(weighing how) { return how >= WEIGH_SCALED && how <= WEIGH_SCALED_SHALLOW_LANES; }

V_INLINE weighing scaled_weighing(weighing near) {
    if (near == WEIGH_NEAR) return WEIGH_SCALED;
    if (near == WEIGH_SHALLOW) return WEIGH_SCALED_SHALLOW;
    return near == WEIGH_LANES ? WEIGH_SCALED_LANES : WEIGH_SCALED_SHALLOW_LANES;
}

V_INLINE bool is_shallow(weighing how) {
    if (how == WEIGH_SCALED_SHALLOW || how == WEIGH_SCALED_SHALLOW_LANES) return true;
    return how == WEIGH_SHALLOW || how == WEIGH_SHALLOW_LANES;
}

V_INLINE bool is_lanes(weighing how) {
    if (how == WEIGH_SCALED_LANES || how == WEIGH_SCALED_SHALLOW_LANES) return true;
    return how == WEIGH_LANES || how == WEIGH_SHALLOW_LANES || how == WEIGH_FAR_LANES;
}

V_INLINE bool is_far(weighing how) { return how == WEIGH_FAR || how == WEIGH_FAR_LANES; }

/* What the weights are relative to: one row in every lane, or a row a lane. */
typedef struct reference {
    vec a;        /* the maximum; of WEIGH_FAR_LANES 0 where it is near */
    vec floor;    /* logits below weigh as this */
    vec power;    /* 2^(WEIGHT_BIAS - K) */
    vtable table; /* the entries times `power`, but for WEIGH_LANES as they are */
    vec least;    /* WEIGHT_LEAST, or 0 where weights are given */
    vec integer;  /* K, 0 where far */
    vpair factor; /* where logits are scaled, the scale, above 0: a and floor are still of the logits themselves */
} reference;

/* The weight as T and t. */
typedef struct weight_parts {
    vec scaled, t;
} weight_parts;

/* No product of a larger logit by a factor is out of range, nor are its parts; beside one of a logit below, near logits
 * are nothing. */
#define SCALED_LOW REAL(0x1p90)

/* The error of d = z - a, exactly (Knuth's TwoSum). */
V_INLINE vec difference_error(vec z, vec a, vec d) {
    const vec z_part = v_add(d, a);
    const vec a_part = v_sub(d, z_part);
    return v_sub(v_sub(z, z_part), v_add(a, a_part));
}

/* exp(r) - 1 */
V_INLINE vec exp_minus_1(vec r) {
    vec u = v_set1(exp_coefficients[0]);
    for (int i = 1; i < EXP_TERMS; i++) u = v_fma(u, r, v_set1(exp_coefficients[i]));
    return v_fma(v_mul(r, r), u, r);
}

/* z times a factor, of which float64 has but one part: rounded, and what that leaves. */
V_INLINE vpair v_scaled(vec z, vpair factor) {
    if (REAL_MANTISSA == 23 && NATIVE_FMA) {
        const vec rest = v_mul(z, factor.lo), hi = v_fma(z, factor.hi, rest);
        return (vpair){hi, v_add(v_product_error(z, factor.hi, hi), rest)};
    }
    const vec p = v_mul(z, factor.hi), error = v_product_error(z, factor.hi, p);
    if (REAL_MANTISSA == 52) return (vpair){p, error};
    return vpair_fast_sum(p, v_add(error, v_mul(z, factor.lo)));
}

V_INLINE weight_parts weigh_pairs(vec z, vec low, const reference *ref, weighing how) {
    const vec magic = v_set1(ROUND_MAGIC);
    vec bounded = is_shallow(how) ? z : v_max(ref->floor, z); /* NaN stays */
    if (is_scaled(how)) {
        const vpair scaled = v_scaled(bounded, ref->factor);
        bounded = scaled.hi, low = scaled.lo;
    }
    const vec x = is_far(how) ? v_sub(bounded, ref->a) : bounded;
    const vec rounded = v_fma(x, v_set1(LOG2E), magic), eighths = v_sub(rounded, magic);
    vec r = v_fma(eighths, v_set1(-LN2_LO), v_fma(eighths, v_set1(-LN2_HI), x)); /* the inner one is exact */
    if (is_far(how)) r = v_add(r, difference_error(bounded, ref->a, x));
    if (how == WEIGH_PAIRED || is_scaled(how)) r = v_add(r, low);
    vec entry = v_lookup(&ref->table, rounded);
    if (is_lanes(how)) entry = v_mul(entry, ref->power);
    entry = v_scale_entry(entry, rounded, eighths);
    /* far, the floor may be the maximum itself */
    if (how == WEIGH_FAR) entry = v_keep(v_ge(z, ref->floor), entry);
    if (how == WEIGH_FAR_LANES) entry = v_keep(v_or(v_ge(z, ref->floor), v_eq(ref->a, v_zero())), entry);
    return (weight_parts){entry, exp_minus_1(r)};
}

V_INLINE weight_parts weigh_parts(vec z, const reference *ref, weighing how) {
    return weigh_pairs(z, v_zero(), ref, how);
}

V_INLINE vec parts_weight(weight_parts e) { return v_fma(e.scaled, e.t, e.scaled); }

/* What `weight`, their rounded sum, leaves of the parts. */
V_INLINE vec parts_low(weight_parts e, vec weight) { return v_fma(e.scaled, e.t, v_sub(e.scaled, weight)); }

/* Weights up to this times numbers up to `size` make no result but 0. */
V_INLINE vec weight_lost(vec size) {
    const vec above = v_mul(v_set1(4), v_power_below(v_max(size, v_set1(REAL(0.25)))));
    return v_max(v_div(v_set1(WEIGHT_ZERO), above), v_set1(WEIGHT_LEAST));
}

/* The same beside a softmax that carries the bias. */
V_INLINE vec weight_lost_beside(vec s) {
    return v_div(v_set1(WEIGHT_ZERO / 2 * WEIGHT_ONE), v_max(v_power_below(s), v_set1(WEIGHT_ZERO / 4096)));
}

V_INLINE vec weight(vec z, const reference *ref, weighing how) { return parts_weight(weigh_parts(z, ref, how)); }

/* The same in a sweep, where it is 0 for weights that count as none: it would be subnormal, and slow, entry after entry
 * of a row with masked logits. */
V_INLINE vec counted_low(weight_parts e, vec weight, weighing how) {
    if (is_shallow(how)) return parts_low(e, weight);
    const vmask counts = v_gt(weight, v_set1(WEIGHT_LEAST));
    return parts_low((weight_parts){v_keep(counts, e.scaled), e.t}, v_keep(counts, weight));
}

/* The same as an unevaluated sum, for the argmax and for the one entry a row of the Jacobian is scaled by. */
V_INLINE vpair weight_pair(vec z, const reference *ref, weighing how) {
    const weight_parts e = weigh_parts(z, ref, how);
    const vec w = parts_weight(e);
    return (vpair){w, parts_low(e, w)};
}

V_INLINE vec integer_near(vec x) {
    const vec magic = v_set1(ROUND_MAGIC * 8);
    return v_sub(v_fma(x, v_set1(LOG2E), magic), magic);
}

/* A power of two no less than the weights of logits up to z, and at most four times the weight of z. */
V_INLINE vec weight_bound(vec z, const reference *ref, weighing how) {
    vec x = v_max(z, ref->floor);
    if (is_far(how)) x = v_sub(x, ref->a);
    if (is_scaled(how)) x = v_mul(x, ref->factor.hi);
    return v_exp2(v_add(v_sub(integer_near(x), ref->integer), v_set1(WEIGHT_BIAS + 1)));
}

V_INLINE reference reference_of(vec a, vec floor, vec integer, weighing how) {
    const vtable entries = v_table(exp_entries);
    reference ref; /* without a factor */
    ref.a = a, ref.floor = floor, ref.integer = integer, ref.least = v_set1(WEIGHT_LEAST);
    ref.power = v_exp2(v_sub(v_set1(WEIGHT_BIAS), integer));
    ref.table = is_lanes(how) ? entries : v_table_scale(entries, ref.power);
    return ref; // cppcheck-suppress uninitvar
}

/* a: maxima in [NEAR_LOW, NEAR_HIGH]. K is such that 2^-K exp(a) is within [1/2, 2]. */
V_INLINE reference reference_near(vec a, weighing how) {
    return reference_of(a, v_sub(a, v_set1(REAL(WEIGHT_DEPTH))), integer_near(a), how);
}

/* a: maxima that are so times the factor. */
V_INLINE reference reference_scaled(vec a, vpair factor, weighing how) {
    const vec depth = v_div(v_set1(REAL(WEIGHT_DEPTH)), factor.hi);
    reference ref = reference_of(a, v_sub(a, depth), integer_near(v_mul(a, factor.hi)), how);
    ref.factor = factor;
    return ref;
}

/* Below any finite maximum: where its ulp exceeds the depth, only entries equal to it have weight. */
V_INLINE vec floor_far(vec a) {
    const vec floor = v_sub(a, v_set1(REAL(WEIGHT_DEPTH)));
    return v_select(v_gt(v_sub(a, floor), v_set1(REAL(1.02 * WEIGHT_DEPTH))), a, floor);
}

V_INLINE reference reference_far(real a) { return reference_of(v_set1(a), floor_far(v_set1(a)), v_zero(), WEIGH_FAR); }

/* Maxima of which some are near. */
V_INLINE reference reference_far_lanes(vec a, vmask near) {
    return reference_of(v_keep(v_not(near), a), floor_far(a), integer_near(v_keep(near, a)), WEIGH_FAR_LANES);
}

/* K of a whole row. */
static inline real reference_integer(const reference *ref) { return v_lane(ref->integer); }

#endif
