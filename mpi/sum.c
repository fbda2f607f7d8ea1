/* sum.c: sums of doubles as integers, which add up in any order and grouping: what losses of all rows, wherever they
 * are, make is rounded once. Called by loss.c. */
#include "internal.h"

#include <math.h>
#include <string.h>

/* Word i is times 2^(32 i - 1120); the last three count infinities and NaN. The largest double ends in word 67. */
enum { LOWEST = 1120, DIGITS = SUM_RECORDS * RECORD_WORDS - 3, PLUS = DIGITS, MINUS, NANS };

_Static_assert(32 * DIGITS - LOWEST > 1024,
               "room for the largest double, and for 2^31 of them in the word's upper half");

void sj_mpi_sum_add(exact_sum *sum, double x) {
    int exponent;
    if (isnan(x) || isinf(x)) {
        sum->words[isnan(x) ? NANS : x > 0 ? PLUS : MINUS]++;
        return;
    }
    if (x == 0) return;
    const double size = frexp(fabs(x), &exponent);
    const uint64_t digits = (uint64_t)ldexp(size, 53);
    const int place = exponent - 53 + LOWEST, word = place / 32, shift = place % 32;
    const int64_t sign = x < 0 ? -1 : 1;
    const uint64_t low = (digits & 0xffffffff) << shift, high = (digits >> 32) << shift;
    sum->words[word] += sign * (int64_t)(low & 0xffffffff);
    sum->words[word + 1] += sign * (int64_t)((low >> 32) + (high & 0xffffffff));
    sum->words[word + 2] += sign * (int64_t)(high >> 32);
}

/* Carries, so that each word but the last is within 0 and 2^32. Of a negative sum, of its opposite: returns its sign.
 */
static double carry(int64_t *words) {
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i + 1 < DIGITS; i++) {
            const int64_t low = words[i] & 0xffffffff;
            words[i + 1] += (words[i] - low) / ((int64_t)1 << 32);
            words[i] = low;
        }
        if (words[DIGITS - 1] >= 0) return pass ? -1 : 1;
        for (int i = 0; i < DIGITS; i++) words[i] = -words[i];
    }
    return -1;
}

void sj_mpi_sum_value(const exact_sum *sum, double value[2]) {
    int64_t words[SUM_RECORDS * RECORD_WORDS];
    memcpy(words, sum->words, sizeof words);
    const bool plus = words[PLUS] > 0, minus = words[MINUS] > 0;
    value[0] = value[1] = 0;
    if (words[NANS] > 0 || plus || minus) {
        value[0] = words[NANS] > 0 || (plus && minus) ? (double)NAN : plus ? (double)INFINITY : -(double)INFINITY;
        return;
    }
    const double sign = carry(words);
    for (int i = DIGITS - 1; i >= 0; i--) {
        /* From above: what a word adds is exact, or below the 2^-53 of what is there that `value[1]` keeps. */
        const double part = ldexp((double)words[i], 32 * i - LOWEST), s = value[0] + part, b = s - value[0];
        value[1] += (value[0] - (s - b)) + (part - b);
        value[0] = s;
    }
    if (isinf(value[0])) value[1] = 0;
    const double s = value[0] + value[1];
    value[1] = isinf(s) ? 0 : sign * (value[1] - (s - value[0]));
    value[0] = sign * s;
}
