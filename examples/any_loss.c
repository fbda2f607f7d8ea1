/* any_loss.c: the gradient of a loss of one's own through softmax: s out, dL/ds in, dL/dz out. The loss here is the
 * article's, L = sum over q of s_q^2, so dL/ds_q = 2 s_q. docs/losses.md explains.
 *
 *     cc any_loss.c -lsoftjac -lm && ./a.out
 */
#include <softjac.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define N 2

int main(void) {
    /* exp(log 3) : exp(0) is 3 : 1, so s = (3/4, 1/4), L = 5/8 and dL/dz = s (2 s - 2 L) = (3/16, -3/16). */
    const double z[N] = {1.0986122886681098, 0};
    double s[N], dL_ds[N], dL_dz[N], loss = 0;
    const sj_view logits = sj_vector_f64(z, N), softmax = sj_vector_f64(s, N);

    sj_status status = sj_softmax(logits, softmax, NULL);
    for (int q = 0; q < N; q++) {
        loss += s[q] * s[q];
        dL_ds[q] = 2 * s[q];
    }
    if (!status) status = sj_softmax_vjp(logits, sj_vector_f64(dL_ds, N), sj_vector_f64(dL_dz, N), NULL);
    if (status) {
        fprintf(stderr, "%s\n", sj_strerror(status));
        return EXIT_FAILURE;
    }
    printf("s = %.15f %.15f\nL = %.15f\ndL/dz = %.15f %.15f\n", s[0], s[1], loss, dL_dz[0], dL_dz[1]);

    /* Truth is exact; z is log 3 rounded, which moves the results by less than 2^-53. */
    const double want[N] = {0.1875, -0.1875};
    for (int q = 0; q < N; q++)
        if (!(fabs(dL_dz[q] - want[q]) <= 0x1p-52)) return EXIT_FAILURE;
    return fabs(loss - 0.625) <= 0x1p-52 ? EXIT_SUCCESS : EXIT_FAILURE;
}
