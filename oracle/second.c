/* second.c: second derivatives of softmax in MPFR, as the calculus gives them: no shift, no complement. Called by
 * tests; uses the row's exponentials that oracle.c keeps, at its precision and the bits of each cotangent on top. */
#include "truth.h"

/* out_k = x_k - sum over j of s_j x_j */
static void centred(oracle *t, const double *x, numbers *out) {
    mpfr_set_zero(t->total, 1);
    for (size_t k = 0; k < t->n; k++) {
        mpfr_mul_d(t->work, t->s.at[k], x[k], MPFR_RNDN);
        mpfr_add(t->total, t->total, t->work, MPFR_RNDN);
    }
    for (size_t k = 0; k < t->n; k++) mpfr_d_sub(out->at[k], x[k], t->total, MPFR_RNDN);
}

/* out_k = sum over j of |delta_kj - s_j| |x_j - x_m|, what x_k less its mean is made of: with a_j = |x_j - x_m| it is
 * (1 - 2 s_k) a_k + sum over j of s_j a_j. */
static void centred_moduli(oracle *t, const double *x, numbers *out) {
    mpfr_set_zero(t->total, 1);
    for (size_t k = 0; k < t->n; k++) {
        mpfr_set_d(out->at[k], x[k], MPFR_RNDN);
        mpfr_sub_d(out->at[k], out->at[k], x[t->largest], MPFR_RNDN);
        mpfr_abs(out->at[k], out->at[k], MPFR_RNDN);
        mpfr_mul(t->work, t->s.at[k], out->at[k], MPFR_RNDN);
        mpfr_add(t->total, t->total, t->work, MPFR_RNDN);
    }
    for (size_t k = 0; k < t->n; k++) {
        mpfr_mul_2ui(t->work, t->s.at[k], 1, MPFR_RNDN);
        mpfr_ui_sub(t->work, 1, t->work, MPFR_RNDN);
        mpfr_mul(out->at[k], out->at[k], t->work, MPFR_RNDN);
        mpfr_add(out->at[k], out->at[k], t->total, MPFR_RNDN);
    }
}

/* to_r += s_r (x_r - sum over k of s_k x_k) for x = e d: the derivative of <u, J g> by z_r is row r of J (e d). Of
 * moduli, as above: s_r ((1 - 2 s_r) x_r + sum over k of s_k x_k). */
static void add_product(oracle *t, const numbers *e, const numbers *d, bool moduli, numbers *to) {
    mpfr_set_zero(t->total, 1);
    for (size_t k = 0; k < t->n; k++) {
        mpfr_mul(t->work, e->at[k], d->at[k], MPFR_RNDN);
        mpfr_mul(t->work, t->work, t->s.at[k], MPFR_RNDN);
        mpfr_add(t->total, t->total, t->work, MPFR_RNDN);
    }
    for (size_t r = 0; r < t->n; r++) {
        mpfr_mul(t->work, e->at[r], d->at[r], MPFR_RNDN);
        if (moduli) {
            mpfr_mul_2ui(t->work2, t->s.at[r], 1, MPFR_RNDN);
            mpfr_ui_sub(t->work2, 1, t->work2, MPFR_RNDN);
            mpfr_mul(t->work, t->work, t->work2, MPFR_RNDN);
            mpfr_add(t->work, t->work, t->total, MPFR_RNDN);
        } else {
            mpfr_sub(t->work, t->work, t->total, MPFR_RNDN);
        }
        mpfr_mul(t->work, t->work, t->s.at[r], MPFR_RNDN);
        mpfr_add(to->at[r], to->at[r], t->work, MPFR_RNDN);
    }
}

/* to_r += s_r x_r */
static void add_weighted(oracle *t, const numbers *x, numbers *to) {
    for (size_t r = 0; r < t->n; r++) {
        mpfr_mul(t->work, t->s.at[r], x->at[r], MPFR_RNDN);
        mpfr_add(to->at[r], to->at[r], t->work, MPFR_RNDN);
    }
}

static void evaluate(oracle *t, const double *g, const double *u, const double *h, numbers *d, numbers *e) {
    centred(t, g, d);
    centred(t, u, e);
    add_product(t, e, d, false, &t->entries);
    if (h) centred(t, h, d);
    if (h) add_weighted(t, d, &t->entries);
    centred_moduli(t, g, d);
    centred_moduli(t, u, e);
    add_product(t, e, d, true, &t->conditions);
    if (h) centred_moduli(t, h, d);
    if (h) add_weighted(t, d, &t->conditions);
}

bool oracle_second(oracle *truth, const double *z, const double *g, const double *u, const double *h, size_t n) {
    const double *rows[] = {g, u, h};
    mpfr_prec_t precision = TRUTH_PRECISION;
    truth->entries.count = 0;
    truth->conditions.count = 0;
    if (n == 0) return false;
    for (size_t i = 0; i < (h ? 3 : 2); i++) precision += truth_bits_of(rows[i], n);
    if (!truth_row(truth, z, n, precision)) return false;
    numbers d = {0}, e = {0};
    const bool room = numbers_reset(&d, n, precision) && numbers_reset(&e, n, precision) &&
                      numbers_reset(&truth->entries, n, precision) && numbers_reset(&truth->conditions, n, precision);
    if (room) {
        evaluate(truth, g, u, h, &d, &e);
        truth_flush(truth);
    } else {
        truth->entries.count = 0;
        truth->conditions.count = 0;
    }
    numbers_free(&d);
    numbers_free(&e);
    return room;
}
