/* oracle.c: holds one row and its exponentials at a precision where the textbook formulas cannot lose what matters,
 * and hands it to formulas.c. See oracle.h. */
#include "truth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The plain formulas lose digits only in differences of numbers of size at most 1, or at most max |g| or |z|. With
 * 1280 bits the absolute error of a result stays below 2^-1170, which is 2^-96 of the smallest float64: n < 2^40 terms
 * cost 40 bits, |z| up to 2^20 costs 20, |g| up to 2^16 costs 16; a larger g is given its bits on top. Results of size
 * |z| or |g| themselves are right to 2^-192 relative, the precision of an entry. */
#define FREE_EXPONENT 16

/* Up to here exp(z) stays far inside MPFR's default exponent range (2^30), and the article's formula is evaluated as
 * printed. Beyond, the largest logit is subtracted from all of them first: exp of it would divide out of every
 * quotient, and logsumexp takes it back. Nothing is lost: a difference is rounded by 2^-1280 of its size, which only
 * counts where it exceeds 2^20, and there its exponential is under e^-(2^20) and its logarithm is as large as itself.
 */
#define LARGEST_PLAIN_LOGIT 0x1p20

const char *oracle_name(void) { return "MPFR " MPFR_VERSION_STRING; }

oracle *oracle_new(void) { return calloc(1, sizeof(oracle)); }

void oracle_free(oracle *truth) {
    if (!truth) return;
    free(truth->row);
    numbers_free(&truth->z);
    numbers_free(&truth->s);
    numbers_free(&truth->scalars);
    numbers_free(&truth->entries);
    numbers_free(&truth->conditions);
    free(truth);
    mpfr_free_cache();
}

static bool keep_row(oracle *truth, const double *z, size_t n) {
    truth->n = 0;
    if (n > truth->row_capacity) {
        free(truth->row);
        truth->row_capacity = 0;
        if (n > (size_t)-1 / sizeof *truth->row) return false;
        truth->row = malloc(n * sizeof *truth->row);
        if (!truth->row) return false;
        truth->row_capacity = n;
    }
    memcpy(truth->row, z, n * sizeof *z);
    return true;
}

static bool reset_row_numbers(oracle *truth, size_t n, mpfr_prec_t precision) {
    if (!numbers_reset(&truth->z, n, precision) || !numbers_reset(&truth->s, n, precision) ||
        !numbers_reset(&truth->scalars, 5, precision)) {
        return false;
    }
    truth->shift = truth->scalars.at[0];
    truth->sum = truth->scalars.at[1];
    truth->total = truth->scalars.at[2];
    truth->work = truth->scalars.at[3];
    truth->work2 = truth->scalars.at[4];
    return true;
}

/* s_k = exp(z_k) / sum over k of exp(z_k) */
static bool exponentials(oracle *truth, const double *z, size_t n, mpfr_prec_t precision) {
    if (!keep_row(truth, z, n) || !reset_row_numbers(truth, n, precision)) return false;
    double largest_size = 0;
    truth->largest = 0;
    for (size_t k = 0; k < n; k++) {
        if (z[k] > z[truth->largest]) truth->largest = k;
        if (isfinite(z[k])) largest_size = fmax(largest_size, fabs(z[k]));
    }
    if (largest_size > LARGEST_PLAIN_LOGIT) mpfr_set_d(truth->shift, z[truth->largest], MPFR_RNDN);
    for (size_t k = 0; k < n; k++) {
        mpfr_d_sub(truth->z.at[k], z[k], truth->shift, MPFR_RNDN);
        mpfr_exp(truth->s.at[k], truth->z.at[k], MPFR_RNDN);
        mpfr_add(truth->sum, truth->sum, truth->s.at[k], MPFR_RNDN);
    }
    for (size_t k = 0; k < n; k++) mpfr_div(truth->s.at[k], truth->s.at[k], truth->sum, MPFR_RNDN);
    truth->n = n;
    return true;
}

static bool holds_row(const oracle *truth, const double *z, size_t n, mpfr_prec_t precision) {
    return truth->n == n && truth->s.precision >= precision && memcmp(truth->row, z, n * sizeof *z) == 0;
}

bool truth_row(oracle *truth, const double *z, size_t n, mpfr_prec_t precision) {
    return holds_row(truth, z, n, precision) || exponentials(truth, z, n, precision);
}

mpfr_prec_t truth_bits_of(const double *g, size_t n) {
    double largest = 0;
    int exponent = 0;
    for (size_t k = 0; k < n; k++) largest = fmax(largest, fabs(g[k]));
    frexp(largest, &exponent);
    return exponent > FREE_EXPONENT ? exponent : 0;
}

bool oracle_row(oracle *truth, form_id id, const double *z, const double *g, size_t q, size_t n) {
    truth->entries.count = 0;
    truth->conditions.count = 0;
    if (n == 0) return false;
    const mpfr_prec_t precision = TRUTH_PRECISION + (forms[id].takes_g ? truth_bits_of(g, n) : 0);
    return truth_row(truth, z, n, precision) && truth_evaluate(truth, id, g, q);
}
