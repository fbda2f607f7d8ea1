/* test_reference.c: the textbook code against the oracle within rounding bounds of its own formulas, on tame rows; its
 * published digits; its overflow, which is part of what it teaches. */
#include "oracle_test.h"

#include "oracle.h"
#include "reference.h"

#include <math.h>
#include <string.h>

#define M 3
#define N 5

/* softmax: exp within an ulp (2u) above and below, n - 1 additions, one division */
#define SOFTMAX_BOUND ((N + 4) * U)
/* s_q (1 - s_r): both factors as above and two roundings; the error of the difference is absolute, hence times s_q */
#define GRADIENT_BOUND ((2 * N + 10) * U)
/* s_q (g_q - sum): the sum to (2n + 4)u max|g|, the difference is at most 2 max|g|, s_q and two roundings on that */
#define LOSS_BOUND ((4 * N + 16) * U)

static int make_oracle(void **state) {
    *state = oracle_new();
    return *state ? 0 : -1;
}

static int free_oracle(void **state) {
    oracle_free(*state);
    return 0;
}

static void softmax_within_its_rounding(void **state) {
    double z[M * N], s[M * N], shifted[M * N];
    random_row(10, 3, z, M * N);
    ref_softmax_batch(z, s, M, N);
    ref_softmax_shifted_batch(z, shifted, M, N);
    for (size_t i = 0; i < M; i++) {
        assert_true(oracle_row(*state, FORM_SOFTMAX, z + i * N, NULL, 0, N));
        for (size_t k = 0; k < N; k++) {
            assert_true(oracle_relative(*state, k, s[i * N + k]) <= SOFTMAX_BOUND);
            /* z - max of multiples of 2^-20 is exact */
            assert_true(oracle_relative(*state, k, shifted[i * N + k]) <= SOFTMAX_BOUND);
        }
    }
}

static void gradient_and_sample_jacobian_within_their_rounding(void **state) {
    double z[N], s[N], out[N], matrix[N * N];
    random_row(11, 3, z, N);
    ref_softmax(z, s, N);
    ref_jacobian_sample(z, matrix, N);
    for (size_t q = 0; q < N; q++) {
        ref_gradient(z, q, out, N);
        assert_true(oracle_row(*state, FORM_GRADIENT, z, NULL, q, N));
        for (size_t r = 0; r < N; r++) {
            assert_true(fabs(out[r] - oracle_value(*state, r)) <= GRADIENT_BOUND * s[q]);
            assert_true(fabs(matrix[q * N + r] - oracle_value(*state, r)) <= GRADIENT_BOUND * s[q]);
        }
    }
}

static void batch_jacobians_are_blocks_of_the_samples(void **state) {
    double z[M * N], block[N * N];
    static double loop[M * N * M * N], dense[M * N * M * N];
    random_row(12, 3, z, M * N);
    memset(loop, 0xff, sizeof loop);
    memset(dense, 0xff, sizeof dense);
    ref_jacobian_loop(z, loop, M, N);
    ref_jacobian_dense(z, dense, M, N);
    for (size_t p = 0; p < M; p++) {
        ref_jacobian_sample(z + p * N, block, N);
        assert_true(oracle_row(*state, FORM_JACOBIAN, z + p * N, NULL, 0, N));
        for (size_t q = 0; q < N; q++) {
            for (size_t i = 0; i < M; i++) {
                for (size_t j = 0; j < N; j++) {
                    const size_t at = ((p * N + q) * M + i) * N + j;
                    assert_true(dense[at] == (p == i ? block[q * N + j] : 0));
                    if (p != i) assert_true(loop[at] == 0);
                    if (p == i) assert_true(fabs(loop[at] - oracle_value(*state, q * N + j)) <= GRADIENT_BOUND);
                }
            }
        }
    }
}

static void loss_gradient_within_its_rounding(void **state) {
    double z[M * N], s[M * N], g[M * N], out[M * N];
    random_row(13, 3, z, M * N);
    ref_softmax_batch(z, s, M, N);
    ref_sum_of_squares_gradient(s, g, M * N);
    ref_loss_gradient(s, g, out, M, N);
    for (size_t p = 0; p < M; p++) {
        assert_true(oracle_row(*state, FORM_VJP, z + p * N, g + p * N, 0, N));
        for (size_t q = 0; q < N; q++) /* |g| = 2 s <= 2 */
            assert_true(fabs(out[p * N + q] - oracle_value(*state, q)) <= LOSS_BOUND * s[p * N + q] * 2);
    }
}

static void sum_of_squares_and_its_gradient(void **state) {
    (void)state;
    const double a[3] = {1, -2, 3};
    double g[3];
    ref_sum_of_squares_gradient(a, g, 3);
    assert_true(ref_sum_of_squares(a, 3) == 14);
    assert_true(g[0] == 2 && g[1] == -4 && g[2] == 6);
}

static void published_rows_to_the_printed_digits(void **state) {
    (void)state;
    double out[PUBLISHED_N];
    for (int run = 0; run < 2; run++) {
        ref_softmax(published_z[run], out, PUBLISHED_N);
        for (int k = 0; k < PUBLISHED_N; k++) assert_printed(out[k], published_softmax[run][k]);
        ref_gradient(published_z[run], 3, out, PUBLISHED_N);
        for (int k = 0; k < PUBLISHED_N; k++) assert_printed(out[k], published_gradient[run][k]);
    }
}

/* The article's first row times 100, with its maximum put back as 12.5: 0 nan nan nan 0, and with the shift
 * 0 7.17509597e-66 1.38389653e-87 1 0. */
static void plain_softmax_overflows_and_shifted_does_not(void **state) {
    (void)state;
    double z[PUBLISHED_N], s[PUBLISHED_N];
    for (int k = 0; k < PUBLISHED_N; k++) z[k] = 100 * (published_z[0][k] + 12.5);
    ref_softmax_batch(z, s, 1, PUBLISHED_N);
    assert_true(s[0] == 0 && isnan(s[1]) && isnan(s[2]) && isnan(s[3]) && s[4] == 0);
    ref_softmax_shifted_batch(z, s, 1, PUBLISHED_N);
    assert_true(s[0] == 0 && s[3] == 1 && s[4] == 0);
    assert_printed(s[1], "7.17509597e-66");
    assert_printed(s[2], "1.38389653e-87");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(softmax_within_its_rounding),
        cmocka_unit_test(gradient_and_sample_jacobian_within_their_rounding),
        cmocka_unit_test(batch_jacobians_are_blocks_of_the_samples),
        cmocka_unit_test(loss_gradient_within_its_rounding),
        cmocka_unit_test(sum_of_squares_and_its_gradient),
        cmocka_unit_test(published_rows_to_the_printed_digits),
        cmocka_unit_test(plain_softmax_overflows_and_shifted_does_not),
    };
    return cmocka_run_group_tests_name("reference", tests, make_oracle, free_oracle);
}
