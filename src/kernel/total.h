/* total.h: an exact sum of doubles: a number of fixed point as wide as their range, so that neither the order of the
 * terms nor the threads that add them show in a bit. Filled by losses.h, read by api/losses.c. */
#ifndef SJ_KERNEL_TOTAL_H
#define SJ_KERNEL_TOTAL_H

#include "run.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Digits of 32 bits, digit i in units of 2^(32 i - 1074); the terms reach into digit 65, and sums of 2^64 of them into
 * digit 67. A term adds less than 2^32 to a digit. */
#define TOTAL_DIGITS 68
#define TOTAL_MOST_TERMS ((uint32_t)1 << 30)

struct sj_total {
    int64_t digits[TOTAL_DIGITS];
    uint32_t terms;    /* since the digits were last carried */
    uint32_t infinite; /* bits: a term was NaN, +inf, -inf */
};

enum { TOTAL_NAN = 1, TOTAL_ABOVE = 2, TOTAL_BELOW = 4 };

/* Every digit but the last within [0, 2^32). */
static inline void total_carry(sj_total *total) {
    for (int i = 0; i + 1 < TOTAL_DIGITS; i++) {
        const int64_t low = total->digits[i] & INT64_C(0xffffffff);
        total->digits[i + 1] += (total->digits[i] - low) / (INT64_C(1) << 32);
        total->digits[i] = low;
    }
    total->terms = 0;
}

static inline void total_add(sj_total *total, double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    const unsigned exponent = (unsigned)(bits >> 52) & 0x7ff;
    if (exponent == 0x7ff) {
        total->infinite |= x != x ? TOTAL_NAN : x > 0 ? TOTAL_ABOVE : TOTAL_BELOW;
        return;
    }
    const uint64_t fraction = bits & (((uint64_t)1 << 52) - 1);
    const uint64_t m = exponent > 0 ? fraction | (uint64_t)1 << 52 : fraction;
    const unsigned place = exponent > 0 ? exponent - 1 : 0, shift = place % 32;
    const int64_t sign = bits >> 63 ? -1 : 1;
    int64_t *digit = total->digits + place / 32;
    digit[0] += sign * (int64_t)(m << shift & 0xffffffff);
    digit[1] += sign * (int64_t)(m >> (32 - shift) & 0xffffffff);
    digit[2] += sign * (int64_t)(m >> 1 >> (63 - shift));
    if (++total->terms == TOTAL_MOST_TERMS) total_carry(total);
}

/* The terms of `part` join a total that other threads join at the same time. */
static inline void total_join(sj_total *shared, sj_total *part) {
    total_carry(part);
    for (int i = 0; i < TOTAL_DIGITS; i++)
        if (part->digits[i] != 0) (void)__atomic_fetch_add(&shared->digits[i], part->digits[i], __ATOMIC_RELAXED);
    if (part->infinite) (void)__atomic_fetch_or(&shared->infinite, part->infinite, __ATOMIC_RELAXED);
}

/* A run whose losses add up in a total of their own, which joins that of the call at the end. */
typedef struct loss_part {
    sj_run run;
    sj_losses losses;
    sj_total total;
} loss_part;

static inline const sj_run *loss_part_begin(loss_part *part, const sj_run *run) {
    part->run = *run;
    part->losses = *run->losses;
    part->run.losses = &part->losses;
    if (!run->losses->total) return &part->run;
    part->total = (sj_total){0};
    part->losses.total = &part->total;
    return &part->run;
}

static inline void loss_part_end(loss_part *part, const sj_run *run) {
    if (run->losses->total) total_join(run->losses->total, &part->total);
}

/* The sum as hi + lo, hi its rounding to nearest but for 2^-100 of it. */
static inline void total_value(sj_total *total, double *hi, double *lo) {
    *hi = *lo = 0;
    total_carry(total);
    const int sign = total->digits[TOTAL_DIGITS - 1] < 0 ? -1 : 1;
    for (int i = 0; i < TOTAL_DIGITS && sign < 0; i++) total->digits[i] = -total->digits[i];
    if (sign < 0) total_carry(total);
    for (int i = TOTAL_DIGITS; i-- > 0;) {
        const double x = sign * ldexp((double)total->digits[i], 32 * i - 1074);
        const double sum = *hi + x, lost = x - (sum - *hi); /* |x| is at most |hi|, or hi is 0 */
        *hi = sum;
        *lo += lost;
    }
    if (*hi - *hi == 0) { /* what was lost may be more than half a unit of hi */
        const double nearest = *hi + *lo;
        *lo -= nearest - *hi;
        *hi = nearest;
    }
    const unsigned infinite = total->infinite;
    if (infinite == 0 && *hi - *hi == 0) return;
    *lo = 0;
    if ((infinite & TOTAL_NAN) || (infinite & (TOTAL_ABOVE | TOTAL_BELOW)) == (TOTAL_ABOVE | TOTAL_BELOW))
        *hi = (double)NAN;
    else if (infinite)
        *hi = infinite & TOTAL_ABOVE ? (double)INFINITY : -(double)INFINITY;
}

#endif
