/* main.c: the program of a user. Built by run.sh against the installed package, against pkg-config and by
 * add_subdirectory; it checks the one entry that a formula with 1 - s loses, and that header and library agree. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <softjac.h>

int main(void) {
    const double z[2] = {40, 0};
    /* Rows are outputs: s (1 - s) down the diagonal, -s (1 - s) off it. Exact value rounded, from the report. */
    const double entry = 4.248354255291589e-18;
    const double expected[4] = {entry, -entry, -entry, entry};
    double s[2], jacobian[4];
    char version[32];
    int failures = 0;

    if (sj_softmax(sj_vector_f64(z, 2), sj_vector_f64(s, 2), NULL) != SJ_OK ||
        sj_softmax_jacobian(sj_vector_f64(z, 2), SJ_BLOCKS, sj_matrix_f64(jacobian, 2, 2), NULL) != SJ_OK) {
        fprintf(stderr, "a call failed\n");
        return 1;
    }

    const double ulp = 0x1p-110; /* of the entry: 2^-58 <= entry < 2^-57 */
    for (int i = 0; i < 4; i++) {
        const double error = fabs(jacobian[i] - expected[i]) / ulp;
        if (!(error <= 4)) { /* the project's bound for any derivative entry; a NaN fails too */
            fprintf(stderr, "J[%d] is %.17g, expected %.17g: %g ulp\n", i, jacobian[i], expected[i], error);
            failures++;
        }
    }
    if (s[0] != 1 || !(s[1] > 4.24e-18 && s[1] < 4.25e-18)) { /* e^-40 / (1 + e^-40) = 4.248e-18 */
        fprintf(stderr, "softmax is %.17g %.17g\n", s[0], s[1]);
        failures++;
    }

    snprintf(version, sizeof version, "%d.%d.%d", SJ_VERSION_MAJOR, SJ_VERSION_MINOR, SJ_VERSION_PATCH);
    if (strcmp(version, sj_version()) != 0) {
        fprintf(stderr, "the header is %s, the library %s\n", version, sj_version());
        failures++;
    }
    printf("%s\n", sj_version());
    return failures ? 1 : 0;
}
