/* half.h: numbers of SJ_F16 and SJ_BF16 by their bits. Half precision is a matter of memory: arithmetic is in float or
 * double, and results are rounded once more. Used by the kernels and by api/. */
#ifndef SJ_KERNEL_HALF_H
#define SJ_KERNEL_HALF_H

#include <softjac.h>

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline bool is_half(sj_dtype dtype) { return dtype == SJ_F16 || dtype == SJ_BF16; }

/* Exact. Without a branch, and raising no flag but for subnormal numbers, so that loops over it become vectors. */
static inline float half_widened(uint16_t bits, sj_dtype dtype) {
    const uint32_t sign = (uint32_t)(bits & 0x8000) << 16, magnitude = (uint32_t)(bits & 0x7fff) << 13;
    const uint32_t bias = UINT32_C(112) << 23, infinite = magnitude >= UINT32_C(0x7c00) << 13 ? bias : 0;
    const float subnormal = (float)(bits & 0x3ff) * 0x1p-24f;
    uint32_t as_float, wide = magnitude + bias + infinite;
    float widened;
    memcpy(&as_float, &subnormal, sizeof as_float);
    wide = sign | (magnitude < UINT32_C(0x400) << 13 ? as_float : wide);
    if (dtype == SJ_BF16) wide = (uint32_t)bits << 16;
    memcpy(&widened, &wide, sizeof widened);
    return widened;
}

/* Digits after the first, and the exponent of the smallest normal number. */
static inline int half_digits(sj_dtype dtype) { return dtype == SJ_F16 ? 10 : 7; }
static inline int half_least(sj_dtype dtype) { return dtype == SJ_F16 ? -14 : -126; }

static inline double half_power(int exponent) {
    const uint64_t bits = (uint64_t)(exponent + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

/* Bits of the nearest number, ties to even. */
static inline uint16_t half_nearest(double x, sj_dtype dtype) {
    const int digits = half_digits(dtype), least = half_least(dtype);
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint16_t sign = (uint16_t)(bits >> 48 & 0x8000), infinite = (uint16_t)((2 * (1 - least) + 1) << digits);
    const int own = (int)(bits >> 52 & 0x7ff) - 1023;
    if (x != x) return (uint16_t)(sign | infinite | 1 << (digits - 1));
    if (own > -least + 1) return sign | infinite;
    const int exponent = own < least ? least : own;
    const double shift = 0x1.8p52 * half_power(exponent - digits); /* its last bit is the last of the result */
    const double rounded = (x + shift) - shift, size = rounded < 0 ? -rounded : rounded;
    if (size < half_power(least)) return (uint16_t)(sign | (uint16_t)(size * half_power(digits - least)));
    memcpy(&bits, &size, sizeof bits);
    return (uint16_t)(sign | ((bits >> (52 - digits)) - ((uint64_t)(1022 + least) << digits)));
}

/* Element i. */
static inline float half_load(const char *data, sj_dtype dtype, ptrdiff_t i) {
    return half_widened(((const uint16_t *)(const void *)data)[i], dtype);
}

static inline void half_store(char *data, sj_dtype dtype, ptrdiff_t i, double value) {
    ((uint16_t *)(void *)data)[i] = half_nearest(value, dtype);
}

/* Element i of a real dtype, as a double. */
static inline double element_load(const char *data, sj_dtype dtype, ptrdiff_t i) {
    if (dtype == SJ_F64) return ((const double *)(const void *)data)[i];
    return (double)(dtype == SJ_F32 ? ((const float *)(const void *)data)[i] : half_load(data, dtype, i));
}

/* The nearest number of its dtype. */
static inline void element_store(char *data, sj_dtype dtype, ptrdiff_t i, double value) {
    if (dtype == SJ_F64)
        ((double *)(void *)data)[i] = value;
    else if (dtype == SJ_F32)
        ((float *)(void *)data)[i] = (float)value;
    else
        half_store(data, dtype, i, value);
}

#endif
