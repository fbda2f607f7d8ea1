/* given_truth.c: see given_truth.h. Every sum and product here is exact but for the last bits of 4400, so any order of
 * evaluation would do. */
#include "given_truth.h"

#include "rows.h"

#include <math.h>
#include <mpfr.h>

/* From 2^-2148, the product of the two smallest numbers, to 2^1024 times n, with bits to spare. */
#define PRECISION 4400

typedef struct row {
    const double *s, *g;
    size_t n, m;
} row;

/* out = 1 - s_q, or at the argmax the sum of the other entries. */
static void complement(mpfr_t out, const row *r, size_t q) {
    mpfr_set_d(out, q == r->m ? 0 : 1, MPFR_RNDN);
    if (q != r->m) mpfr_sub_d(out, out, r->s[q], MPFR_RNDN);
    for (size_t k = 0; q == r->m && k < r->n; k++)
        if (k != r->m) mpfr_add_d(out, out, r->s[k], MPFR_RNDN);
}

/* d log s_q / d z_k: c_q on the diagonal, -s_k off it. */
static void log_entry(mpfr_t out, const row *r, size_t q, size_t k) {
    complement(out, r, q);
    if (q != k) mpfr_set_d(out, -r->s[k], MPFR_RNDN);
}

/* out = the entry, condition = sum over k of |J| |g|, g less g_m but in the VJP of log-softmax, which does not
 * annihilate constants. */
static void product(mpfr_t out, mpfr_t condition, const row *r, form_id id, size_t i) {
    mpfr_t term, shifted;
    mpfr_inits2(PRECISION, term, shifted, (mpfr_ptr)NULL);
    mpfr_set_zero(out, 1);
    mpfr_set_zero(condition, 1);
    for (size_t k = 0; k < r->n; k++) {
        const bool transposed = id == FORM_LOG_VJP;
        log_entry(term, r, transposed ? k : i, transposed ? i : k);
        mpfr_set_d(shifted, r->g[k], MPFR_RNDN);
        if (!transposed) mpfr_sub_d(shifted, shifted, r->g[r->m], MPFR_RNDN);
        mpfr_mul(term, term, shifted, MPFR_RNDN);
        if (id == FORM_VJP || id == FORM_JVP) mpfr_mul_d(term, term, r->s[i], MPFR_RNDN);
        mpfr_add(out, out, term, MPFR_RNDN);
        mpfr_abs(term, term, MPFR_RNDN);
        mpfr_add(condition, condition, term, MPFR_RNDN);
    }
    mpfr_clears(term, shifted, (mpfr_ptr)NULL);
}

/* Exponent of the last place of x in the dtype, no less than the smallest subnormal's. */
static long last_place(mpfr_t x, sj_dtype dtype) {
    const long digits = dtype == SJ_F32 ? 24 : 53, smallest = dtype == SJ_F32 ? -149 : -1074;
    if (mpfr_zero_p(x)) return smallest;
    const long place = (long)mpfr_get_exp(x) - digits;
    return place < smallest ? smallest : place;
}

static double relative_to_condition(mpfr_t distance, mpfr_t condition, sj_dtype dtype) {
    mpfr_t half;
    mpfr_init2(half, PRECISION);
    mpfr_set_ui_2exp(half, 1, dtype == SJ_F32 ? -150 : -1075, MPFR_RNDN);
    mpfr_sub(distance, distance, half, MPFR_RNDN);
    mpfr_clear(half);
    if (mpfr_sgn(distance) <= 0) return 0;
    if (mpfr_zero_p(condition)) return INFINITY;
    mpfr_div(distance, distance, condition, MPFR_RNDN);
    mpfr_mul_2si(distance, distance, dtype == SJ_F32 ? 24 : 53, MPFR_RNDN);
    return mpfr_get_d(distance, MPFR_RNDN);
}

double given_error(form_id id, sj_dtype dtype, const double *s, const double *g, size_t q, size_t n, size_t i,
                   double got, double *want) {
    const row r = {s, g, n, largest_of(s, n)};
    const size_t class = forms[id].result == RESULT_MATRIX ? i / n : q;
    double error;
    mpfr_t truth, condition;
    if (!isfinite(got)) return INFINITY;
    mpfr_inits2(PRECISION, truth, condition, (mpfr_ptr)NULL);
    if (forms[id].takes_g) {
        product(truth, condition, &r, id, i);
    } else {
        log_entry(truth, &r, class, i % n);
        if (id == FORM_GRADIENT || id == FORM_JACOBIAN) mpfr_mul_d(truth, truth, s[class], MPFR_RNDN);
    }
    *want = mpfr_get_d(truth, MPFR_RNDN);
    const long place = last_place(truth, dtype);
    mpfr_sub_d(truth, truth, got, MPFR_RNDN);
    mpfr_abs(truth, truth, MPFR_RNDN);
    if (forms[id].takes_g) {
        error = relative_to_condition(truth, condition, dtype);
    } else {
        mpfr_mul_2si(truth, truth, -place, MPFR_RNDN);
        error = mpfr_get_d(truth, MPFR_RNDN);
    }
    mpfr_clears(truth, condition, (mpfr_ptr)NULL);
    return error;
}

/* out = x_k - x_m less its mean, from the other entries: sum over j != m of s_j (x_j - x_m). moduli: what that is made
 * of, (1 - 2 s_k) |x_k - x_m| and the sum of moduli. */
static void centred(mpfr_t out, const row *r, const double *x, size_t k, bool moduli) {
    mpfr_t term, own;
    mpfr_inits2(PRECISION, term, own, (mpfr_ptr)NULL);
    mpfr_set_zero(out, 1);
    for (size_t j = 0; j < r->n; j++) {
        mpfr_set_d(own, x[j], MPFR_RNDN);
        mpfr_sub_d(own, own, x[r->m], MPFR_RNDN);
        if (moduli) mpfr_abs(own, own, MPFR_RNDN);
        mpfr_mul_d(term, own, r->s[j], MPFR_RNDN);
        if (moduli)
            mpfr_add(out, out, term, MPFR_RNDN);
        else
            mpfr_sub(out, out, term, MPFR_RNDN);
        if (j != k) continue;
        if (moduli) mpfr_mul_d(own, own, 1 - 2 * r->s[k], MPFR_RNDN); /* moduli need few digits */
        mpfr_add(out, out, own, MPFR_RNDN);
    }
    mpfr_clears(term, own, (mpfr_ptr)NULL);
}

/* out = s_i (c_i x_i - sum over k != i of s_k x_k) for x_k = e_k d_k. */
static void second(mpfr_t out, const row *r, const double *u, size_t i, bool moduli) {
    mpfr_t d, e;
    mpfr_inits2(PRECISION, d, e, (mpfr_ptr)NULL);
    mpfr_set_zero(out, 1);
    for (size_t k = 0; k < r->n; k++) {
        centred(d, r, r->g, k, moduli);
        centred(e, r, u, k, moduli);
        mpfr_mul(d, d, e, MPFR_RNDN);
        log_entry(e, r, i, k);
        if (moduli) mpfr_abs(e, e, MPFR_RNDN);
        mpfr_mul(d, d, e, MPFR_RNDN);
        mpfr_add(out, out, d, MPFR_RNDN);
    }
    mpfr_mul_d(out, out, r->s[i], MPFR_RNDN);
    mpfr_clears(d, e, (mpfr_ptr)NULL);
}

double given_second_error(sj_dtype dtype, const double *s, const double *g, const double *u, size_t n, size_t i,
                          double got, double *want) {
    const row r = {s, g, n, largest_of(s, n)};
    mpfr_t truth, condition;
    if (!isfinite(got)) return INFINITY;
    mpfr_inits2(PRECISION, truth, condition, (mpfr_ptr)NULL);
    second(truth, &r, u, i, false);
    second(condition, &r, u, i, true);
    *want = mpfr_get_d(truth, MPFR_RNDN);
    mpfr_sub_d(truth, truth, got, MPFR_RNDN);
    mpfr_abs(truth, truth, MPFR_RNDN);
    const double error = relative_to_condition(truth, condition, dtype);
    mpfr_clears(truth, condition, (mpfr_ptr)NULL);
    return error;
}
