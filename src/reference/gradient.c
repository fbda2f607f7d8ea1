/* gradient.c: the article's section "derivation of a softmax with respect to a feature": the derivatives of one output
 * s_q with respect to every logit of its row. Textbook code: 1 - s_q loses its digits as s_q nears 1. */
#include "reference.h"

/* d s_q / d z_r = s_q (delta_qr - s_r): s_q (1 - s_q) for r = q, else -s_q s_r. */
void ref_gradient(const double *z, size_t q, double *out, size_t n) {
    ref_softmax(z, out, n);
    const double s_q = out[q];
    for (size_t r = 0; r < n; r++) {
        const double delta = r == q ? 1 : 0;
        out[r] = s_q * (delta - out[r]);
    }
}
