/* sum.h: a sum that does not depend on the order or the grouping of its terms: a fixed-point number that covers every
 * term, exactly. Called by exact/row.h and exact/products.h; calls wide.h. */
#ifndef SJ_KERNEL_EXACT_SUM_H
#define SJ_KERNEL_EXACT_SUM_H

#include "wide.h"

/* Digit i counts 2^(32 i - EXACT_LOWEST). Terms go down to 2^-1480 (a weight) times 2^-1074 (a cotangent) in 106 binary
 * places, and up to 2^1024 (a given softmax, were it one) times 2^1025 times the number of terms, below 2^64. */
#define EXACT_LOWEST 2688
#define EXACT_DIGITS 154

typedef struct exact_sum {
    int64_t digits[EXACT_DIGITS];
    int low, high; /* digits that may differ from 0 */
} exact_sum;

static inline void exact_clear(exact_sum *sum) {
    memset(sum->digits, 0, sizeof sum->digits);
    sum->low = EXACT_DIGITS;
    sum->high = -1;
}

/* Adds integer 2^place, |integer| < 2^62. */
static inline void exact_add_integer(exact_sum *sum, int64_t integer, int place) {
    const int bit = place + EXACT_LOWEST, at = bit >> 5, shift = bit & 31;
    const int64_t above = integer >> (32 - shift); /* rounds down, the remainder is not negative */
    sum->digits[at] += (int64_t)(uint32_t)((uint64_t)integer << shift);
    sum->digits[at + 1] += (int64_t)(uint32_t)above;
    sum->digits[at + 2] += above >> 32;
    if (at < sum->low) sum->low = at;
    if (at + 2 > sum->high) sum->high = at + 2;
}

/* Adds (hi + lo) 2^exponent, 1/2 <= |hi| < 2^8, to 106 binary places: the same for a term wherever it stands. */
static inline void exact_add(exact_sum *sum, double hi, double lo, int exponent) {
    exact_add_integer(sum, (int64_t)(hi * 0x1p53), exponent - 53);
    exact_add_integer(sum, (int64_t)(lo * 0x1p106), exponent - 106);
}

/* Digits into [0, 2^32) but the highest, which has the sign. Each addition changes a digit by less than 2^32:
 * to be called at least every 2^29 terms. */
static inline void exact_carry(exact_sum *sum) {
    for (int i = sum->low; i <= sum->high && i + 1 < EXACT_DIGITS; i++) {
        const int64_t carry = sum->digits[i] >> 32;
        if (carry == 0 || (i == sum->high && carry == -1)) continue;
        sum->digits[i] -= carry * ((int64_t)1 << 32);
        sum->digits[i + 1] += carry;
        if (i == sum->high) sum->high++;
    }
}

/* The sum as a pair: deterministic, and within its last bits. */
static inline wide exact_total(exact_sum *sum) {
    exact_carry(sum);
    double sign = 1;
    if (sum->high >= 0 && sum->digits[sum->high] < 0) {
        for (int i = sum->low; i <= sum->high; i++) sum->digits[i] = -sum->digits[i];
        exact_carry(sum);
        sign = -1;
    }
    int top = sum->high;
    while (top >= sum->low && sum->digits[top] == 0) top--;
    if (top < sum->low) return (wide){0, 0, 0};
    dd total = {0, 0};
    for (int i = top; i > top - 5 && i >= sum->low; i--)
        total = dd_add(total, (dd){(double)sum->digits[i] * two_to(32 * (i - top)), 0});
    return wide_normal(sign * total.hi, sign * total.lo, 32 * top - EXACT_LOWEST);
}

#endif
