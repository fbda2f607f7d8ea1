/* jacobian.c: the article's sections "derivative of a softmax with respect to a sample" and "derivation of multiple
 * softmaxes with respect to multiple samples". Textbook code; the dense result is zero off its m diagonal blocks. */
#include "reference.h"

#include <string.h>

/* diag(s) - s s^T of one sample, its row q at block + q * stride. s waits in the last row, which is formed last. */
static void diagonal_minus_outer(const double *z, double *block, size_t stride, size_t n) {
    double *s = block + (n - 1) * stride;
    ref_softmax(z, s, n);
    for (size_t q = 0; q < n; q++) {
        const double s_q = s[q];
        for (size_t r = 0; r < n; r++) block[q * stride + r] = (q == r ? s_q : 0) - s_q * s[r];
    }
}

/* With respect to a sample: d s / d z = diag(s) - s s^T, with s a column. */
void ref_jacobian_sample(const double *z, double *out, size_t n) {
    if (n > 0) diagonal_minus_outer(z, out, n, n);
}

/* Multiple samples, entry by entry: s_pq (1 - s_pq) for (p, q) = (i, j); -s_pq s_ij for p = i, q != j; 0 for p != i. */
void ref_jacobian_loop(const double *z, double *out, size_t m, size_t n) {
    const size_t stride = m * n; /* from out[i, q, ...] to out[i, q + 1, ...] */
    memset(out, 0, m * n * stride * sizeof *out);
    for (size_t i = 0; i < m && n > 0; i++) {
        double *block = out + i * n * stride + i * n; /* out[i, 0, i, 0] */
        double *s = block + (n - 1) * stride;         /* waits in the last row, which is formed last */
        ref_softmax(z + i * n, s, n);
        for (size_t q = 0; q < n; q++) {
            const double s_q = s[q];
            for (size_t j = 0; j < n; j++) {
                if (q == j) {
                    block[q * stride + j] = s_q * (1 - s_q);
                } else {
                    block[q * stride + j] = -s_q * s[j];
                }
            }
        }
    }
}

/* Multiple samples, block by block: the block (p, i) is the Jacobian of sample i for p = i, and 0 for p != i. */
void ref_jacobian_dense(const double *z, double *out, size_t m, size_t n) {
    const size_t stride = m * n;
    memset(out, 0, m * n * stride * sizeof *out);
    for (size_t i = 0; i < m && n > 0; i++) diagonal_minus_outer(z + i * n, out + i * n * stride + i * n, stride, n);
}
