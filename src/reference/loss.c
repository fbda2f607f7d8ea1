/* loss.c: the article's section "Gradient using loss function" and its example loss. Textbook code: where s_q nears 1
 * the difference g_q - sum of s_k g_k is between nearly equal numbers, and most of its digits are lost. */
#include "reference.h"

/* dL/dZ = S * (G - (G * S) 1), entrywise products: out_pq = s_pq (g_pq - sum over j of g_pj s_pj). */
void ref_loss_gradient(const double *s, const double *g, double *out, size_t m, size_t n) {
    for (size_t p = 0; p < m; p++) {
        const double *s_p = s + p * n, *g_p = g + p * n;
        double mean = 0; /* of g_p, weighted by s_p */
        for (size_t j = 0; j < n; j++) mean += g_p[j] * s_p[j];
        for (size_t q = 0; q < n; q++) out[p * n + q] = s_p[q] * (g_p[q] - mean);
    }
}

/* L(a) = sum over k of a_k^2 */
double ref_sum_of_squares(const double *a, size_t size) {
    double sum = 0;
    for (size_t k = 0; k < size; k++) sum += a[k] * a[k];
    return sum;
}

/* dL/da_k = 2 a_k */
void ref_sum_of_squares_gradient(const double *a, double *out, size_t size) {
    for (size_t k = 0; k < size; k++) out[k] = 2 * a[k];
}
