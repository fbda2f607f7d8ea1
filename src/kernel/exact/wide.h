/* wide.h: scalars of exact mode: a pair of doubles and a power of two beside it, so that nothing overflows, underflows
 * or is rounded twice before the one rounding to the dtype of the result. Called by the files of exact/; calls pair.h.
 * Additions, multiplications and divisions only, in one order: the same bits on every machine. */
#ifndef SJ_KERNEL_EXACT_WIDE_H
#define SJ_KERNEL_EXACT_WIDE_H

#include "../math/pair.h"

/* (hi + lo) 2^exponent with |lo| at most half an ulp of hi, and hi 0 or 1 <= |hi| < 2. */
typedef struct wide {
    double hi, lo;
    int exponent;
} wide;

/* Terms this much smaller only say on which side of a midpoint a sum lies. */
#define WIDE_FAINT 220

static inline uint64_t double_bits(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double double_of(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* 2^k for -1022 <= k <= 1023. */
static inline double two_to(int k) { return double_of((uint64_t)(1023 + k) << 52); }

/* x 2^k for 2^-60 <= |x| <= 4 and k >= -1080: exact where the result is a number, subnormal ones too, else infinite. */
static inline double scaled(double x, int k) {
    if (k < -1000) return x * 0x1p-900 * two_to(k + 900);
    if (k > 1000) return x * 0x1p1000 * two_to(k < 2000 ? k - 1000 : 1000);
    return x * two_to(k);
}

/* From a rounded sum of any size in [2^-900, 2^900], or 0. */
static inline wide wide_from(dd sum, int exponent) {
    if (sum.hi == 0) return (wide){0, 0, 0};
    const int shift = (int)(double_bits(sum.hi) >> 52 & 0x7ff) - 1023;
    const double power = two_to(-shift);
    return (wide){sum.hi * power, sum.lo * power, exponent + shift};
}

static inline wide wide_normal(double hi, double lo, int exponent) { return wide_from(two_sum(hi, lo), exponent); }

/* A finite double. */
static inline wide wide_of(double x) {
    const double size = x < 0 ? -x : x;
    if (size < 0x1p-800) return wide_from((dd){x * 0x1p600, 0}, -600);
    if (size > 0x1p800) return wide_from((dd){x * 0x1p-600, 0}, 600);
    return wide_from((dd){x, 0}, 0);
}

static inline wide wide_minus(wide a) { return (wide){-a.hi, -a.lo, a.exponent}; }

/* a b of numbers below 2^10, neither of which is near underflow. */
static inline dd near_one_mul(dd a, dd b) {
    const double p = a.hi * b.hi, cross = a.hi * b.lo + a.lo * b.hi;
    const double low = (NATIVE_FMA ? __builtin_fma(a.hi, b.hi, -p) : product_error(a.hi, b.hi, p)) + cross;
    const double sum = p + low;
    return (dd){sum, (p - sum) + low};
}

static inline wide wide_mul(wide a, wide b) {
    return wide_from(near_one_mul((dd){a.hi, a.lo}, (dd){b.hi, b.lo}), a.exponent + b.exponent);
}

static inline wide wide_add(wide a, wide b) {
    if (a.hi == 0) return b;
    if (b.hi == 0) return a;
    if (a.exponent < b.exponent) {
        const wide larger = b;
        b = a;
        a = larger;
    }
    const int gap = a.exponent - b.exponent;
    if (gap > WIDE_FAINT) b = (wide){b.hi > 0 ? 1 : -1, 0, 0};
    const double power = two_to(gap > WIDE_FAINT ? -WIDE_FAINT : -gap);
    const dd sum = dd_add((dd){a.hi, a.lo}, (dd){b.hi * power, b.lo * power});
    return wide_from(sum, a.exponent);
}

static inline wide wide_sub(wide a, wide b) { return wide_add(a, wide_minus(b)); }

static inline wide wide_inverse(wide a) {
    const dd q = dd_inverse((dd){a.hi, a.lo});
    return wide_normal(q.hi, q.lo, -a.exponent);
}

/* The multiple of `unit` nearest to hi + lo, where unit is at least twice an ulp of hi: hi rounds as it should alone,
 * and lo decides the ties. */
static inline double rounded_to_multiple(double hi, double lo, double unit) {
    const double magic =
        hi < 0 ? -0x1p52 * unit : 0x1p52 * unit; /* |hi| < |magic|: the last place of the sum is unit */
    const double near = (hi + magic) - magic, rest = hi - near;
    if (rest == unit / 2 && lo > 0) return near + unit;
    if (rest == -unit / 2 && lo < 0) return near - unit;
    return near;
}

/* The number of the dtype nearest to x, ties to even; never -0. What pairs leave undecided, a midpoint within 2^-85 of
 * the true value, has probability 2^-60 (SJ_F32) an entry for results that are not midpoints themselves. */
static inline double wide_round(wide x, sj_dtype dtype) {
    static const int all_digits[] = {[SJ_F32] = 23, [SJ_F64] = 52, [SJ_F16] = 10, [SJ_BF16] = 7};
    static const int all_smallest[] = {[SJ_F32] = -149, [SJ_F64] = -1074, [SJ_F16] = -24, [SJ_BF16] = -133};
    const int digits = all_digits[dtype], smallest = all_smallest[dtype];
    const int place = x.exponent - digits < smallest ? smallest - x.exponent : -digits; /* of the last digit of hi */
    if (x.hi == 0 || place > 2) return 0;
    const double near = place == -52 ? x.hi : rounded_to_multiple(x.hi, x.lo, two_to(place));
    return scaled(near, x.exponent) + 0.0;
}

#endif
