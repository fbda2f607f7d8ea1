/* softmax.c: the article's sections "Softmax function" (one example, multiple examples) and "Underflow and Overflow".
 * Textbook code: each function is its formula, with the formula's weaknesses. Called by tests and the command. */
#include "reference.h"

#include <math.h>

/* One example: s_q = exp(z_q) / sum over k of exp(z_k). exp overflows beyond 709.78. */
void ref_softmax(const double *z, double *s, size_t n) {
    double sum = 0;
    for (size_t k = 0; k < n; k++) {
        s[k] = exp(z[k]);
        sum += s[k];
    }
    for (size_t q = 0; q < n; q++) s[q] /= sum;
}

/* Multiple examples: the formula of one example, row by row. */
void ref_softmax_batch(const double *z, double *s, size_t m, size_t n) {
    for (size_t i = 0; i < m; i++) ref_softmax(z + i * n, s + i * n, n);
}

/* Underflow and overflow: softmax(z) = softmax(z - max z), since exp(-max z) cancels between numerator and sum.
 * Now the largest term is exp(0) = 1: no overflow, and a sum of at least 1. */
void ref_softmax_shifted_batch(const double *z, double *s, size_t m, size_t n) {
    for (size_t i = 0; i < m; i++) {
        double largest = -INFINITY;
        for (size_t k = 0; k < n; k++) largest = fmax(largest, z[i * n + k]);
        for (size_t k = 0; k < n; k++) s[i * n + k] = z[i * n + k] - largest;
        ref_softmax(s + i * n, s + i * n, n);
    }
}
