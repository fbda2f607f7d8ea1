/* numbers.h: arrays of MPFR numbers of one precision in one piece of memory, reused from row to row.
 * The bottom of the oracle: used by oracle.c and formulas.c. */
#ifndef SJ_NUMBERS_H
#define SJ_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <mpfr.h>

typedef struct numbers {
    mpfr_t *at; /* never mpfr_clear or mpfr_set_prec one of them: their limbs lie in `limbs` */
    size_t count;
    mpfr_prec_t precision;
    unsigned char *limbs;
    size_t at_capacity, limbs_capacity; /* numbers, bytes */
} numbers;

/* `count` zeros of `precision` bits, replacing what was held. False when out of memory: then `array` is empty. */
bool numbers_reset(numbers *array, size_t count, mpfr_prec_t precision);

void numbers_free(numbers *array);

#endif
