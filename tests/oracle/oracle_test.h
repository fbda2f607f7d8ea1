/* oracle_test.h: what the tests of oracle/ share: cmocka, the published rows, random rows.
 * Included by every test file of this folder. */
#ifndef ORACLE_TEST_H
#define ORACLE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

/* Unit roundoff of float64. */
#define U 0x1p-53

/* What a plain formula's derivative may lose on a tame row whose cotangent is no larger than `size`: it is a sum of n +
 * 2 products of at most 4 factors of that size, each factor with at most n + 4 roundings (those of softmax), of which
 * only those near the largest s are that large. */
#define AUTODIFF_BOUND(n, size) (4 * ((n) + 2) * (size) * ((n) + 4) * U)

/* And its second derivative: one more factor of a size below 8, a direction less its mean, in each term, and the
 * products of three softmaxes. */
#define AUTODIFF_SECOND_BOUND(n, size) (24 * AUTODIFF_BOUND(n, size))

/* The first rows of the article's two published runs, less their maximum, with the digits printed for softmax and for
 * the gradient of output 3. */
#define PUBLISHED_N 5
static const double published_z[2][PUBLISHED_N] = {{-17.5, -1.5, -2, 0, -27.5}, {-17.5, -17, -21.5, 0, -9}};
static const char *const published_softmax[2][PUBLISHED_N] = {
    {"1.84840853e-08", "1.64251625e-01", "9.96236462e-02", "7.36124711e-01", "8.39176173e-13"},
    {"2.51068914e-08", "4.13942660e-08", "4.59848757e-10", "9.99876538e-01", "1.23394568e-04"}};
static const char *const published_gradient[2][PUBLISHED_N] = {
    {"-1.36065919e-08", "-1.20909680e-01", "-7.33354278e-02", "1.94245121e-01", "-6.17738318e-13"},
    {"-2.51037917e-08", "-4.13891554e-08", "-4.59791984e-10", "1.23446286e-04", "-1.23379333e-04"}};

/* As NumPy prints it with 8 digits after the point. */
static inline void assert_printed(double value, const char *digits) {
    char text[40];
    snprintf(text, sizeof text, "%.8e", value);
    assert_string_equal(text, digits);
}

/* Multiples of 2^-20 in [-span, span): exact in every dtype of the tests for span <= 8. */
static inline void random_row(uint64_t seed, double span, double *row, size_t n) {
    for (size_t k = 0; k < n; k++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        row[k] = span * ((double)(seed >> 43) * 0x1p-20 - 1);
    }
}

#endif
