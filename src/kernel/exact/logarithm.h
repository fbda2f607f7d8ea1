/* logarithm.h: log(1 + T) of the scalars of exact mode, without the C library, whose bits differ from one to the other.
 * Called by the rows of exact/; calls wide.h. Constants from exact.sollya. */
#ifndef SJ_KERNEL_EXACT_LOGARITHM_H
#define SJ_KERNEL_EXACT_LOGARITHM_H

#include "wide.h"

#define LOGARITHM_PAIRS 7
#define LOGARITHM_TERMS 12
static const dd odd_inverses[LOGARITHM_PAIRS] = {
    /* 1 / (2i + 1), i = 1 .. 7 */
    {0x1.5555555555555p-2, 0x1.5555555555555p-56},  {0x1.999999999999ap-3, -0x1.999999999999ap-57},
    {0x1.2492492492492p-3, 0x1.2492492492492p-57},  {0x1.c71c71c71c71cp-4, 0x1.c71c71c71c71cp-58},
    {0x1.745d1745d1746p-4, -0x1.745d1745d1746p-59}, {0x1.3b13b13b13b14p-4, -0x1.3b13b13b13b14p-58},
    {0x1.1111111111111p-4, 0x1.1111111111111p-60}};
static const double odd_inverses_on[LOGARITHM_TERMS] = {/* i = 8 .. 19 */
                                                        0x1.e1e1e1e1e1e1ep-5, 0x1.af286bca1af28p-5,
                                                        0x1.8618618618618p-5, 0x1.642c8590b2164p-5,
                                                        0x1.47ae147ae147bp-5, 0x1.2f684bda12f68p-5,
                                                        0x1.1a7b9611a7b96p-5, 0x1.0842108421084p-5,
                                                        0x1.f07c1f07c1f08p-6, 0x1.d41d41d41d41dp-6,
                                                        0x1.bacf914c1badp-6,  0x1.a41a41a41a41ap-6};
static const dd logarithm_of_two = {0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56};

/* atanh(y) / y - 1 for |y| < 0.172, from y^2 < 2^-5.08: the first term left out is below 2^-101 / 41, those in double
 * alone are below 2^-40. */
static inline dd atanh_series(dd square) {
    double rest = odd_inverses_on[LOGARITHM_TERMS - 1];
    for (int i = LOGARITHM_TERMS - 2; i >= 0; i--) rest = rest * square.hi + odd_inverses_on[i];
    dd sum = {rest, 0};
    for (int i = LOGARITHM_PAIRS - 1; i >= 0; i--) sum = dd_add(dd_mul(sum, square), odd_inverses[i]);
    return dd_mul(sum, square);
}

/* log(1 + t), t >= 0, to a relative 2^-90 however small t is: with 1 + t = 2^k (1 + f), k log 2 + 2 atanh(f / (2 + f)).
 */
static inline wide wide_log1p(wide t) {
    const wide one = {1, 0, 0}, sum = wide_add(one, t);
    const int k = sum.exponent + (sum.hi > 0x1.6a09e6p0);
    const wide f = k == 0 ? t : wide_sub((wide){sum.hi, sum.lo, sum.exponent - k}, one);
    const wide y = wide_mul(f, wide_inverse(wide_add((wide){1, 0, 1}, f)));
    const wide square = wide_mul(y, y);
    const double power = square.exponent < -1000 ? 0 : two_to(square.exponent);
    const dd series = atanh_series((dd){square.hi * power, square.lo * power});
    const wide log = wide_add(y, wide_mul(y, wide_normal(series.hi, series.lo, 0)));
    const dd shift = dd_mul(logarithm_of_two, (dd){(double)k, 0});
    return wide_add((wide){log.hi, log.lo, log.exponent + 1}, wide_normal(shift.hi, shift.lo, 0));
}

#endif
