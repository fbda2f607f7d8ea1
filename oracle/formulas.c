/* formulas.c: the article's formulas as they are printed, in MPFR, and the condition sums of the products.
 * Called by oracle_row with the row's exponentials; no complement and no shift of g: those are the library's forms. */
#include "truth.h"

#include <math.h>

/* Precision of a stored entry: nothing is computed from it but its distance to a double. */
#define ENTRY_PRECISION 192
#define CONDITION_PRECISION 64

static void flush_noise(mpfr_ptr x) {
    if (mpfr_regular_p(x) && mpfr_get_exp(x) < TRUTH_FLUSH_EXPONENT) mpfr_set_zero(x, 1);
}

void truth_flush(oracle *t) {
    for (size_t i = 0; i < t->entries.count; i++) flush_noise(t->entries.at[i]);
    for (size_t i = 0; i < t->conditions.count; i++) flush_noise(t->conditions.at[i]);
}

/* out = delta_qr - s_r */
static void delta_minus_s(mpfr_ptr out, const oracle *t, size_t q, size_t r) {
    mpfr_ui_sub(out, q == r, t->s.at[r], MPFR_RNDN);
}

static void softmax(oracle *t) {
    for (size_t k = 0; k < t->n; k++) mpfr_set(t->entries.at[k], t->s.at[k], MPFR_RNDN);
}

/* log s_k = z_k - log of the sum; the shift of z is in both and drops out. */
static void log_softmax(oracle *t) {
    mpfr_log(t->work, t->sum, MPFR_RNDN);
    for (size_t k = 0; k < t->n; k++) mpfr_sub(t->entries.at[k], t->z.at[k], t->work, MPFR_RNDN);
}

/* log of the sum, and as its condition the larger of |z_m| and log sum - z_m: near 0 the result is their difference. */
static void logsumexp(oracle *t) {
    mpfr_ptr condition = t->conditions.at[0];
    mpfr_log(t->work, t->sum, MPFR_RNDN);
    mpfr_add(t->entries.at[0], t->work, t->shift, MPFR_RNDN);
    mpfr_sub(condition, t->work, t->z.at[t->largest], MPFR_RNDN);
    mpfr_set_d(t->work2, t->row[t->largest], MPFR_RNDN);
    if (mpfr_cmpabs(t->work2, condition) > 0) mpfr_abs(condition, t->work2, MPFR_RNDN);
}

/* d s_q / d z_r = s_q (delta_qr - s_r) */
static void gradient(oracle *t, size_t q, mpfr_t *out) {
    for (size_t r = 0; r < t->n; r++) {
        delta_minus_s(t->work, t, q, r);
        mpfr_mul(out[r], t->s.at[q], t->work, MPFR_RNDN);
    }
}

/* d log s_q / d z_r = delta_qr - s_r */
static void log_gradient(oracle *t, size_t q, mpfr_t *out) {
    for (size_t r = 0; r < t->n; r++) delta_minus_s(out[r], t, q, r);
}

/* total = sum over k of s_k g_k */
static void mean(oracle *t, const double *g) {
    mpfr_set_zero(t->total, 1);
    for (size_t k = 0; k < t->n; k++) {
        mpfr_mul_d(t->work, t->s.at[k], g[k], MPFR_RNDN);
        mpfr_add(t->total, t->total, t->work, MPFR_RNDN);
    }
}

/* J g = J^T g: sum over k of s_q (delta_qk - s_k) g_k = s_q (g_q - sum over k of s_k g_k). For log-softmax, J g alone
 * is the same without s_q. */
static void product(oracle *t, const double *g, bool log_form) {
    mean(t, g);
    for (size_t q = 0; q < t->n; q++) {
        mpfr_d_sub(t->work, g[q], t->total, MPFR_RNDN);
        if (!log_form) mpfr_mul(t->work, t->work, t->s.at[q], MPFR_RNDN);
        mpfr_set(t->entries.at[q], t->work, MPFR_RNDN);
    }
}

/* Log-softmax, J^T g: sum over k of (delta_kq - s_q) g_k = g_q - s_q sum over k of g_k */
static void log_transposed_product(oracle *t, const double *g) {
    mpfr_set_zero(t->total, 1);
    for (size_t k = 0; k < t->n; k++) mpfr_add_d(t->total, t->total, g[k], MPFR_RNDN);
    for (size_t q = 0; q < t->n; q++) {
        mpfr_mul(t->work, t->s.at[q], t->total, MPFR_RNDN);
        mpfr_d_sub(t->entries.at[q], g[q], t->work, MPFR_RNDN);
    }
}

/* work = |g_k - g_m|, m the row's argmax */
static void deviation(oracle *t, const double *g, size_t k) {
    mpfr_set_d(t->work, g[k], MPFR_RNDN);
    mpfr_sub_d(t->work, t->work, g[t->largest], MPFR_RNDN);
    mpfr_abs(t->work, t->work, MPFR_RNDN);
}

/* conditions_i = sum over k of |J_ik| |g_k - g_m|, for J_ik = s_i (delta_ik - s_k), or delta_ik - s_k in log form:
 * (1 - 2 s_i) |d_i| + A with A = sum over k of s_k |d_k|. */
static void product_conditions(oracle *t, const double *g, bool log_form) {
    mpfr_set_zero(t->total, 1);
    for (size_t k = 0; k < t->n; k++) {
        deviation(t, g, k);
        mpfr_mul(t->work, t->work, t->s.at[k], MPFR_RNDN);
        mpfr_add(t->total, t->total, t->work, MPFR_RNDN);
    }
    for (size_t i = 0; i < t->n; i++) {
        mpfr_ui_sub(t->work2, 1, t->s.at[i], MPFR_RNDN);
        mpfr_sub(t->work2, t->work2, t->s.at[i], MPFR_RNDN);
        deviation(t, g, i);
        mpfr_mul(t->work, t->work, t->work2, MPFR_RNDN);
        mpfr_add(t->work, t->work, t->total, MPFR_RNDN);
        if (!log_form) mpfr_mul(t->work, t->work, t->s.at[i], MPFR_RNDN);
        mpfr_set(t->conditions.at[i], t->work, MPFR_RNDN);
    }
}

/* conditions_q = sum over k of |delta_kq - s_q| |g_k| = |g_q| + s_q (G - 2 |g_q|) with G = sum over k of |g_k| */
static void log_transposed_conditions(oracle *t, const double *g) {
    mpfr_set_zero(t->total, 1);
    for (size_t k = 0; k < t->n; k++) mpfr_add_d(t->total, t->total, fabs(g[k]), MPFR_RNDN);
    for (size_t q = 0; q < t->n; q++) {
        const double size = fabs(g[q]);
        mpfr_sub_d(t->work, t->total, size, MPFR_RNDN);
        mpfr_sub_d(t->work, t->work, size, MPFR_RNDN);
        mpfr_mul(t->work, t->work, t->s.at[q], MPFR_RNDN);
        mpfr_add_d(t->conditions.at[q], t->work, size, MPFR_RNDN);
    }
}

static void evaluate_matrix(oracle *t, void (*row)(oracle *, size_t, mpfr_t *)) {
    for (size_t q = 0; q < t->n; q++) row(t, q, t->entries.at + q * t->n);
}

static void evaluate_products(oracle *t, form_id id, const double *g) {
    switch (id) {
    case FORM_LOG_VJP:
        log_transposed_product(t, g);
        log_transposed_conditions(t, g);
        break;
    case FORM_LOG_JVP:
        product(t, g, true);
        product_conditions(t, g, true);
        break;
    default:
        product(t, g, false);
        product_conditions(t, g, false);
        break;
    }
}

bool truth_evaluate(oracle *t, form_id id, const double *g, size_t q) {
    const size_t entries = form_entries(&forms[id], t->n);
    const bool has_conditions = forms[id].takes_g || id == FORM_LOGSUMEXP;
    if (!numbers_reset(&t->entries, entries, ENTRY_PRECISION) ||
        !numbers_reset(&t->conditions, has_conditions ? entries : 0, CONDITION_PRECISION)) {
        t->entries.count = 0;
        return false;
    }
    switch (id) {
    case FORM_SOFTMAX:
        softmax(t);
        break;
    case FORM_LOG_SOFTMAX:
        log_softmax(t);
        break;
    case FORM_LOGSUMEXP:
        logsumexp(t);
        break;
    case FORM_GRADIENT:
        gradient(t, q, t->entries.at);
        break;
    case FORM_LOG_GRADIENT:
        log_gradient(t, q, t->entries.at);
        break;
    case FORM_JACOBIAN:
        evaluate_matrix(t, gradient);
        break;
    case FORM_LOG_JACOBIAN:
        evaluate_matrix(t, log_gradient);
        break;
    default:
        evaluate_products(t, id, g);
        break;
    }
    truth_flush(t);
    return true;
}
