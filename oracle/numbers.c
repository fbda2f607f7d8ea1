/* numbers.c: arrays of MPFR numbers on memory of our own, since a malloc for each of a million Jacobian entries
 * would cost more than the entry. See numbers.h. */
#include "numbers.h"

#include <stdint.h>
#include <stdlib.h>

static bool reserve(numbers *array, size_t count, size_t bytes_each) {
    if (count > SIZE_MAX / sizeof(mpfr_t) || count > SIZE_MAX / bytes_each) return false;
    if (count > array->at_capacity) {
        free(array->at);
        array->at_capacity = 0;
        array->at = malloc(count * sizeof(mpfr_t));
        if (!array->at) return false;
        array->at_capacity = count;
    }
    if (count * bytes_each > array->limbs_capacity) {
        free(array->limbs);
        array->limbs_capacity = 0;
        array->limbs = malloc(count * bytes_each);
        if (!array->limbs) return false;
        array->limbs_capacity = count * bytes_each;
    }
    return true;
}

bool numbers_reset(numbers *array, size_t count, mpfr_prec_t precision) {
    const size_t bytes_each = mpfr_custom_get_size(precision);
    array->count = 0;
    array->precision = precision;
    if (!reserve(array, count, bytes_each)) return false;
    for (size_t i = 0; i < count; i++) {
        unsigned char *limbs = array->limbs + i * bytes_each;
        mpfr_custom_init(limbs, precision);
        mpfr_custom_init_set(array->at[i], MPFR_ZERO_KIND, 0, precision, limbs);
    }
    array->count = count;
    return true;
}

void numbers_free(numbers *array) {
    free(array->at);
    free(array->limbs);
    *array = (numbers){0};
}
