/* test_second.c: the library's second derivatives, and its derivative by the temperature, against automatic
 * differentiation of the plain formulas: what docs/numerics.md says each of them is, on tame rows. Their last digits
 * are for tests/accuracy. */
#include "oracle_test.h"

#include "autodiff.h"
#include "softjac.h"

#include <math.h>

enum { N = 6, ROWS = 8, SIZE = 4 };

typedef struct problem {
    double z[N], g[N], u[N], p[N], sum; /* p: a target, of positive weights that add up to sum */
} problem;

static problem random_problem(size_t number) {
    problem row = {0};
    random_row(200 + number, 3, row.z, N);
    random_row(300 + number, SIZE, row.g, N);
    random_row(400 + number, SIZE, row.u, N);
    random_row(500 + number, 1, row.p, N);
    for (size_t k = 0; k < N; k++) row.sum += row.p[k] = fabs(row.p[k]);
    return row;
}

static sj_view vector(const double *data) { return sj_vector_f64(data, N); }

static void assert_near(const double *got, const double *want, size_t count, double bound) {
    for (size_t i = 0; i < count; i++)
        if (!(fabs(got[i] - want[i]) <= bound)) fail_msg("entry %zu: %.17g; expected %.17g", i, got[i], want[i]);
}

static void multiply(double *x, size_t count, double factor) {
    for (size_t i = 0; i < count; i++) x[i] *= factor;
}

static void double_backward_in_both_arguments(void **state) {
    (void)state;
    for (size_t row = 0; row < ROWS; row++) {
        const problem of = random_problem(row);
        double g[N], z[N], by_g[N], by_z[N];
        const sj_view grad_g = vector(g), grad_z = vector(z);
        assert_int_equal(sj_softmax_double_backward(vector(of.z), vector(of.g), vector(of.u), &grad_g, &grad_z, NULL),
                         SJ_OK);
        assert_true(autodiff_double_backward(of.z, of.g, of.u, N, by_g, by_z));
        assert_near(g, by_g, N, AUTODIFF_BOUND(N, SIZE));
        assert_near(z, by_z, N, AUTODIFF_SECOND_BOUND(N, SIZE));
    }
}

/* Of logsumexp it is J v, of cross-entropy J v times the sum of the target. */
static void hessian_products_of_logits_losses(void **state) {
    (void)state;
    for (size_t row = 0; row < ROWS; row++) {
        const problem of = random_problem(row);
        double product[N], want[N];
        assert_int_equal(sj_softmax_jvp(vector(of.z), vector(of.u), vector(product), NULL), SJ_OK);
        assert_true(autodiff_hessian_product(AUTODIFF_LOGSUMEXP, of.z, NULL, of.u, N, want));
        assert_near(product, want, N, AUTODIFF_SECOND_BOUND(N, SIZE));
        multiply(product, N, of.sum);
        assert_true(autodiff_hessian_product(AUTODIFF_CROSS_ENTROPY, of.z, of.p, of.u, N, want));
        assert_near(product, want, N, of.sum * AUTODIFF_SECOND_BOUND(N, SIZE));
    }
}

/* Losses of s, each given g = dL/ds and h = (d2L/ds2) J v. */
static void hessian_products_of_any_loss(void **state) {
    (void)state;
    for (size_t row = 0; row < ROWS; row++) {
        const problem of = random_problem(row);
        double s[N], product[N], g[N], h[N], got[N], want[N], least = 1;
        const sj_view of_h = vector(h);
        assert_int_equal(sj_softmax(vector(of.z), vector(s), NULL), SJ_OK);
        assert_int_equal(sj_softmax_jvp(vector(of.z), vector(of.u), vector(product), NULL), SJ_OK);

        assert_int_equal(sj_softmax_hvp(vector(of.z), vector(of.g), vector(of.u), NULL, vector(got), NULL), SJ_OK);
        assert_true(autodiff_hessian_product(AUTODIFF_LINEAR, of.z, of.g, of.u, N, want));
        assert_near(got, want, N, AUTODIFF_SECOND_BOUND(N, SIZE));

        for (size_t k = 0; k < N; k++) g[k] = 2 * s[k], h[k] = 2 * product[k];
        assert_int_equal(sj_softmax_hvp(vector(of.z), vector(g), vector(of.u), &of_h, vector(got), NULL), SJ_OK);
        assert_true(autodiff_hessian_product(AUTODIFF_SQUARES, of.z, NULL, of.u, N, want));
        assert_near(got, want, N, AUTODIFF_SECOND_BOUND(N, SIZE));

        /* cross-entropy as a loss of s: its derivatives are as large as p / s and p / s^2 */
        for (size_t k = 0; k < N; k++) {
            g[k] = -of.p[k] / s[k], h[k] = of.p[k] / (s[k] * s[k]) * product[k];
            least = fmin(least, s[k]);
        }
        assert_int_equal(sj_softmax_hvp(vector(of.z), vector(g), vector(of.u), &of_h, vector(got), NULL), SJ_OK);
        assert_true(autodiff_hessian_product(AUTODIFF_CROSS_ENTROPY, of.z, of.p, of.u, N, want));
        assert_near(got, want, N, AUTODIFF_SECOND_BOUND(N, SIZE) / least);
    }
}

/* Each block is J times the sum of the target, in one call for every row. */
static void hessian_blocks_of_cross_entropy(void **state) {
    double z[ROWS * N], blocks[ROWS * N * N];
    const size_t shape[3] = {ROWS, N, N};
    (void)state;
    for (size_t row = 0; row < ROWS; row++) {
        const problem of = random_problem(row);
        for (size_t k = 0; k < N; k++) z[row * N + k] = of.z[k];
    }
    assert_int_equal(
        sj_softmax_jacobian(sj_matrix_f64(z, ROWS, N), SJ_BLOCKS, sj_array(blocks, SJ_F64, 3, shape), NULL), SJ_OK);
    for (size_t row = 0; row < ROWS; row++) {
        const problem of = random_problem(row);
        multiply(blocks + row * N * N, N * N, of.sum);
        for (size_t k = 0; k < N; k++) {
            double direction[N] = {0}, want[N];
            direction[k] = 1;
            assert_true(autodiff_hessian_product(AUTODIFF_CROSS_ENTROPY, of.z, of.p, direction, N, want));
            assert_near(blocks + (row * N + k) * N, want, N, of.sum * AUTODIFF_SECOND_BOUND(N, 1));
        }
    }
}

/* The call's own scale 1 / T is a factor of the JVP, so that with the tangent z only -1 / T is left to multiply. */
static void derivatives_by_the_temperature(void **state) {
    static const double temperatures[] = {0.5, 0.7, 1, 3, -1.25};
    (void)state;
    for (size_t row = 0; row < ROWS; row++)
        for (size_t i = 0; i < sizeof temperatures / sizeof *temperatures; i++) {
            const double temperature = temperatures[i];
            const problem of = random_problem(row);
            sj_options options = SJ_OPTIONS_INIT;
            double got[N], want[N];
            options.scale = 1 / temperature;
            /* z / T is at most 6, and one rounding more an entry is in the bound's last factor; d/dT divides by T */
            const double bound = AUTODIFF_BOUND(N, 6) * fmax(1, fabs(options.scale));
            assert_int_equal(sj_softmax_jvp(vector(of.z), vector(of.z), vector(got), &options), SJ_OK);
            multiply(got, N, -options.scale);
            assert_true(autodiff_by_temperature(FORM_SOFTMAX, of.z, temperature, N, want));
            assert_near(got, want, N, bound);
            assert_int_equal(sj_log_softmax_jvp(vector(of.z), vector(of.z), vector(got), &options), SJ_OK);
            multiply(got, N, -options.scale);
            assert_true(autodiff_by_temperature(FORM_LOG_SOFTMAX, of.z, temperature, N, want));
            assert_near(got, want, N, bound);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(double_backward_in_both_arguments), cmocka_unit_test(hessian_products_of_logits_losses),
        cmocka_unit_test(hessian_products_of_any_loss),      cmocka_unit_test(hessian_blocks_of_cross_entropy),
        cmocka_unit_test(derivatives_by_the_temperature),
    };
    return cmocka_run_group_tests_name("second", tests, NULL, NULL);
}
