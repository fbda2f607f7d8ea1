/* test_structure.c: what must hold between the forms: a symmetric Jacobian, dense as blocks and zeros, gradients as its
 * rows, products as the Jacobian applied; and agreement with the article's plain formulas on tame rows. */
#include "rows.h"

#include "reference.h"

#include <math.h>

#define MOST 70

static double roundoff(sj_dtype dtype) { return dtype == SJ_F32 ? 0x1p-24 : 0x1p-53; }

static double smallest(sj_dtype dtype) { return dtype == SJ_F32 ? 0x1p-149 : 0x1p-1074; }

typedef void row_check(sj_dtype dtype, const double *z, size_t n, random_stream *r);

static void for_every_row(row_check *check) {
    static const size_t lengths[] = {1, 2, 3, 5, 8, 17, 40, MOST};
    double z[MOST];
    random_stream r = {5};
    for (int t = 0; t < 2; t++)
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
            for (size_t f = 0; f < row_family_count; f++) {
                row_families[f].fill(z, lengths[i], dtypes[t], &r);
                check(dtypes[t], z, lengths[i], &r);
            }
}

/* Each of the two entries is within 2 ulp, at most 4 u, of the same number. */
static bool within_4_ulp(sj_dtype dtype, double a, double b) {
    return fabs(a - b) <= 8 * roundoff(dtype) * fmax(fabs(a), fabs(b)) + smallest(dtype);
}

/* exp(z - z) has no error, whatever the error of exp(z) is: a row with one logit that counts has s = 1 there, one with
 * two equal ones 1/2 each. */
static void check_equal_logits(sj_dtype dtype, double logit) {
    double z[MOST], s[MOST];
    for (size_t n = 1; n <= MOST; n += n < 4 ? 1 : 33)
        for (size_t equal = 1; equal <= 2 && equal <= n; equal++) {
            for (size_t k = 0; k < n; k++) z[k] = k < n - equal ? -INFINITY : logit;
            form_row(FORM_SOFTMAX, dtype, z, NULL, 0, n, s);
            for (size_t k = 0; k < n; k++) {
                const double want = k < n - equal ? 0 : 1.0 / (double)equal;
                const bool rounded = n > 64 && equal == 2 && k >= n - equal; /* of long rows within 2 ulp, both alike */
                if (rounded ? s[k] != s[n - 1] || !within_4_ulp(dtype, s[k], want) : s[k] != want)
                    fail_msg("%s: n = %zu, %zu logits of %a: s = %a", dtype_name(dtype), n, equal, logit, s[k]);
            }
        }
}

static void equal_logits_share_exactly(void **state) {
    (void)state;
    for (int t = 0; t < 2; t++)
        for (int i = -500; i < 1100; i++) check_equal_logits(dtypes[t], i % 3 == 0 ? i : i * 0.137);
}

static void check_symmetry(sj_dtype dtype, const double *z, size_t n, random_stream *r) {
    static double j[MOST * MOST];
    (void)r;
    form_row(FORM_JACOBIAN, dtype, z, NULL, 0, n, j);
    for (size_t q = 0; q < n; q++)
        for (size_t k = 0; k < q; k++) assert_true(within_4_ulp(dtype, j[q * n + k], j[k * n + q]));
}

static void jacobian_is_symmetric(void **state) {
    (void)state;
    for_every_row(check_symmetry);
}

static void check_rows_of(form_id matrix, form_id gradient, sj_dtype dtype, const double *z, size_t n) {
    static double j[MOST * MOST], row[MOST];
    form_row(matrix, dtype, z, NULL, 0, n, j);
    for (size_t q = 0; q < n; q++) {
        form_row(gradient, dtype, z, NULL, q, n, row);
        for (size_t k = 0; k < n; k++) assert_true(within_4_ulp(dtype, row[k], j[q * n + k]));
    }
}

static void check_gradients(sj_dtype dtype, const double *z, size_t n, random_stream *r) {
    (void)r;
    check_rows_of(FORM_JACOBIAN, FORM_GRADIENT, dtype, z, n);
    check_rows_of(FORM_LOG_JACOBIAN, FORM_LOG_GRADIENT, dtype, z, n);
}

static void gradient_is_a_row_of_the_jacobian(void **state) {
    (void)state;
    for_every_row(check_gradients);
}

/* 0 <= s <= 1; the row sums to 1 within 4 u, as each entry is within 2 ulp of itself; the largest logit keeps the
 * largest s but for those 2 ulp. Below the normal numbers each entry has half an ulp of its own: n of the smallest
 * more. */
static void check_simplex(sj_dtype dtype, const double *z, size_t n, random_stream *r) {
    double s[MOST], sum = 0;
    (void)r;
    form_row(FORM_SOFTMAX, dtype, z, NULL, 0, n, s);
    const size_t m = largest_of(z, n);
    for (size_t k = 0; k < n; k++) {
        assert_true(s[k] >= 0 && s[k] <= 1 + 4 * roundoff(dtype) && s[k] <= s[m] * (1 + 8 * roundoff(dtype)));
        sum += s[k];
    }
    /* the double sum itself may lose n u */
    assert_true(fabs(sum - 1) <= 4 * roundoff(dtype) + MOST * 0x1p-53 + MOST * smallest(dtype));
}

static void softmax_is_on_the_simplex(void **state) {
    (void)state;
    for_every_row(check_simplex);
}

typedef struct product_pair {
    form_id product, matrix;
    bool transposed;
} product_pair;

static const product_pair product_pairs[] = {{FORM_VJP, FORM_JACOBIAN, true},
                                             {FORM_JVP, FORM_JACOBIAN, false},
                                             {FORM_LOG_VJP, FORM_LOG_JACOBIAN, true},
                                             {FORM_LOG_JVP, FORM_LOG_JACOBIAN, false}};

/* An entry of J is within 4 u, a product within 4 u sum |J| |g - g_m|, which is at most 4 u sum |J| (|g| + |g_m|); the
 * sum here, in long double, adds less than u. */
static void check_product(const product_pair *pair, sj_dtype dtype, const double *j, const double *z, const double *g,
                          size_t n) {
    double product[MOST];
    const double g_m = fabs(g[largest_of(z, n)]);
    form_row(pair->product, dtype, z, g, 0, n, product);
    for (size_t i = 0; i < n; i++) {
        long double applied = 0, size = 0;
        for (size_t k = 0; k < n; k++) {
            const double entry = pair->transposed ? j[k * n + i] : j[i * n + k];
            applied += (long double)entry * g[k];
            size += fabsl((long double)entry) * (fabs(g[k]) + g_m);
        }
        const long double bound = 9 * roundoff(dtype) * size + (long double)(n + 1) * smallest(dtype);
        assert_true(fabsl(applied - product[i]) <= bound);
    }
}

static void check_products(sj_dtype dtype, const double *z, size_t n, random_stream *r) {
    static double j[MOST * MOST];
    double g[MOST] = {0};
    for (size_t k = 0; k < n; k++) g[k] = round_to(dtype, random_normal(r));
    for (size_t i = 0; i < sizeof product_pairs / sizeof *product_pairs; i++) {
        form_row(product_pairs[i].matrix, dtype, z, NULL, 0, n, j);
        check_product(&product_pairs[i], dtype, j, z, g, n);
    }
}

static void products_apply_the_jacobian(void **state) {
    (void)state;
    for_every_row(check_products);
}

/* J annihilates constants: exactly, since g is shifted by g_m before anything is multiplied. */
static void check_constant_cotangent(sj_dtype dtype, const double *z, size_t n, random_stream *r) {
    const double sizes[] = {1, -3.7, 0, dtype == SJ_F32 ? 1e30 : 1e300, dtype == SJ_F32 ? 1e-30 : 1e-300};
    static const form_id annihilating[] = {FORM_VJP, FORM_JVP, FORM_LOG_JVP};
    double g[MOST], v[MOST];
    (void)r;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t f = 0; f < 3; f++) {
            for (size_t k = 0; k < n; k++) g[k] = round_to(dtype, sizes[i]);
            form_row(annihilating[f], dtype, z, g, 0, n, v);
            for (size_t k = 0; k < n; k++) assert_true(v[k] == 0);
        }
}

static void constant_cotangents_vanish_exactly(void **state) {
    (void)state;
    for_every_row(check_constant_cotangent);
}

/* Exact shifts of half-integers change no derivative by more than its rounding. */
static void check_shift(sj_dtype dtype, const double *z, size_t n, random_stream *r) {
    static double j[MOST * MOST], shifted_j[MOST * MOST];
    double tame[MOST] = {0}, shifted[MOST] = {0};
    (void)z;
    for (size_t k = 0; k < n; k++) {
        tame[k] = (double)random_below(r, 61) / 2 - 15;
        shifted[k] = tame[k] + 4096;
    }
    form_row(FORM_JACOBIAN, dtype, tame, NULL, 0, n, j);
    form_row(FORM_JACOBIAN, dtype, shifted, NULL, 0, n, shifted_j);
    for (size_t i = 0; i < n * n; i++) assert_true(within_4_ulp(dtype, j[i], shifted_j[i]));
}

static void shifts_change_nothing(void **state) {
    (void)state;
    for_every_row(check_shift);
}

static void dense_is_blocks_and_zeros(void **state) {
    enum { m = 4, n = 7 };
    const size_t dense_shape[4] = {m, n, m, n}, blocks_shape[3] = {m, n, n};
    static double dense[m * n * m * n], blocks[m * n * n], z[m * n];
    const double zero = 0;
    (void)state;
    fill_random(z, SJ_F64, m * n, 3);
    for (int id = 0; id < FORM_COUNT; id++) {
        if (forms[id].result != RESULT_MATRIX) continue;
        memset(dense, 0x5a, sizeof dense);
        form_arguments a = {.z = sj_matrix_f64(z, m, n), .out = sj_array(blocks, SJ_F64, 3, blocks_shape)};
        assert_int_equal(forms[id].call(&a, NULL), SJ_OK);
        a.layout = SJ_DENSE;
        a.out = sj_array(dense, SJ_F64, 4, dense_shape);
        assert_int_equal(forms[id].call(&a, NULL), SJ_OK);
        for (size_t i = 0; i < m * n * m * n; i++) {
            const size_t p = i / (n * m * n), q = i / (m * n) % n, other = i / n % m, r = i % n;
            const double *want = p == other ? &blocks[(p * n + q) * n + r] : &zero;
            assert_memory_equal(&dense[i], want, sizeof zero);
        }
    }
}

#define M 3
#define N 6

/* |a - b| <= terms u size, for logits of at most 2 in size: exp is off by 1 ulp, a sum of N terms by N u, a quotient by
 * u, so a plain s by (N + 3) u, and a product or difference of two of them by twice that and 2 u more. The library adds
 * 4 u. */
#define PLAIN_TERMS (2 * (N + 3) + 2 + 4)

static void assert_near(double a, double b, double size) { assert_true(fabs(a - b) <= PLAIN_TERMS * 0x1p-53 * size); }

static void tame_rows(double *z, double *g) {
    random_stream r = {8};
    for (size_t i = 0; i < M * N; i++) {
        z[i] = random_uniform(&r, -2, 2);
        g[i] = random_uniform(&r, -1, 1);
    }
}

static void plain_softmax_agrees(void **state) {
    double z[M * N] = {0}, g[M * N] = {0}, s[M * N] = {0}, plain[M * N] = {0};
    (void)state;
    tame_rows(z, g);
    assert_int_equal(sj_softmax(sj_matrix_f64(z, M, N), sj_matrix_f64(s, M, N), NULL), SJ_OK);
    ref_softmax_batch(z, plain, M, N);
    for (size_t i = 0; i < M * N; i++) assert_near(s[i], plain[i], s[i]);
    ref_softmax_shifted_batch(z, plain, M, N);
    for (size_t i = 0; i < M * N; i++) assert_near(s[i], plain[i], 4 * s[i]); /* the shift itself rounds by 4 u */
    ref_softmax(z, plain, N);
    for (size_t i = 0; i < N; i++) assert_near(s[i], plain[i], s[i]);
}

static void plain_derivatives_agree(void **state) {
    static const size_t dense_shape[4] = {M, N, M, N};
    static double dense[M * N * M * N], plain[M * N * M * N];
    double z[M * N] = {0}, g[M * N] = {0}, row[N];
    (void)state;
    tame_rows(z, g);
    assert_int_equal(
        sj_softmax_jacobian(sj_matrix_f64(z, M, N), SJ_DENSE, sj_array(dense, SJ_F64, 4, dense_shape), NULL), SJ_OK);
    ref_jacobian_loop(z, plain, M, N);
    for (size_t i = 0; i < M * N * M * N; i++) assert_near(dense[i], plain[i], dense[i] == 0 ? 0 : 1);
    ref_jacobian_dense(z, plain, M, N);
    for (size_t i = 0; i < M * N * M * N; i++) assert_near(dense[i], plain[i], dense[i] == 0 ? 0 : 1);
    ref_jacobian_sample(z, plain, N);
    for (size_t q = 0; q < N; q++)
        for (size_t r = 0; r < N; r++) assert_near(dense[q * M * N + r], plain[q * N + r], 1);
    for (size_t q = 0; q < N; q++) {
        ref_gradient(z, q, row, N);
        for (size_t r = 0; r < N; r++) assert_near(dense[q * M * N + r], row[r], 1);
    }
}

/* |g| <= 1, so that the weighted mean and its difference to g add no more than N + 2 u each. */
static void plain_loss_gradient_agrees(void **state) {
    double z[M * N] = {0}, g[M * N] = {0}, s[M * N] = {0}, plain[M * N] = {0}, v[M * N];
    (void)state;
    tame_rows(z, g);
    ref_softmax_batch(z, s, M, N);
    ref_loss_gradient(s, g, plain, M, N);
    assert_int_equal(sj_softmax_vjp(sj_matrix_f64(z, M, N), sj_matrix_f64(g, M, N), sj_matrix_f64(v, M, N), NULL),
                     SJ_OK);
    for (size_t i = 0; i < M * N; i++) assert_near(v[i], plain[i], 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(equal_logits_share_exactly),
                                       cmocka_unit_test(jacobian_is_symmetric),
                                       cmocka_unit_test(gradient_is_a_row_of_the_jacobian),
                                       cmocka_unit_test(softmax_is_on_the_simplex),
                                       cmocka_unit_test(products_apply_the_jacobian),
                                       cmocka_unit_test(constant_cotangents_vanish_exactly),
                                       cmocka_unit_test(shifts_change_nothing),
                                       cmocka_unit_test(dense_is_blocks_and_zeros),
                                       cmocka_unit_test(plain_softmax_agrees),
                                       cmocka_unit_test(plain_derivatives_agree),
                                       cmocka_unit_test(plain_loss_gradient_agrees)};
    return run_for_set(tests);
}
