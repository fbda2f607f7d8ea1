/* losses.c: cross-entropy and its gradient by the textbook formulas, in MPFR, from the exponentials that oracle_row
 * leaves. No complement, no shift of the maximum: those are the library's forms. See oracle.h. */
#include "truth.h"

#include <math.h>

#define RESULT_PRECISION 192
#define CONDITION_PRECISION 64

/* p_k = w_k ((1 - smoothing) y_k + smoothing / n) */
static void target_entry(mpfr_ptr p, mpfr_ptr work, const oracle_target *of, size_t k, size_t n) {
    const double y = of->y ? of->y[k] : of->label == k ? 1 : 0;
    mpfr_set_d(p, 1, MPFR_RNDN);
    mpfr_sub_d(p, p, of->smoothing, MPFR_RNDN);
    mpfr_mul_d(p, p, y, MPFR_RNDN);
    mpfr_set_d(work, of->smoothing, MPFR_RNDN);
    mpfr_div_ui(work, work, n, MPFR_RNDN);
    mpfr_add(p, p, work, MPFR_RNDN);
    if (of->w) mpfr_mul_d(p, p, of->w[k], MPFR_RNDN);
}

static void scaled(mpfr_ptr x, const oracle_target *of) {
    mpfr_mul_d(x, x, of->upstream, MPFR_RNDN);
    mpfr_div_d(x, x, of->divisor, MPFR_RNDN);
}

bool oracle_cross_entropy(oracle *t, const oracle_target *of, const double *z, size_t n) {
    numbers extra = {0};
    if (!oracle_row(t, FORM_SOFTMAX, z, NULL, 0, n)) return false;
    const bool room = numbers_reset(&t->entries, n + 1, RESULT_PRECISION) &&
                      numbers_reset(&t->conditions, n + 1, CONDITION_PRECISION) &&
                      numbers_reset(&extra, 4, t->s.precision);
    if (!room) return false;
    mpfr_ptr p = extra.at[0], log = extra.at[1], loss = extra.at[2], z_part = extra.at[3];
    mpfr_log(log, t->sum, MPFR_RNDN);
    mpfr_set_zero(t->total, 1);
    for (size_t k = 0; k < n; k++) {
        target_entry(p, t->work, of, k, n);
        mpfr_add(t->total, t->total, p, MPFR_RNDN);
        if (mpfr_zero_p(p)) continue;
        mpfr_sub(t->work, log, t->z.at[k], MPFR_RNDN);
        mpfr_mul(t->work, t->work, p, MPFR_RNDN);
        mpfr_add(loss, loss, t->work, MPFR_RNDN);
    }
    mpfr_add(log, log, t->shift, MPFR_RNDN); /* logsumexp */
    mpfr_sqr(t->work, log, MPFR_RNDN);
    mpfr_mul_d(t->work, t->work, of->z_loss, MPFR_RNDN);
    mpfr_add(t->entries.at[n], loss, t->work, MPFR_RNDN);
    mpfr_abs(t->work, t->work, MPFR_RNDN);
    mpfr_add(t->conditions.at[n], loss, t->work, MPFR_RNDN);
    mpfr_mul_d(z_part, log, 2 * of->z_loss, MPFR_RNDN);
    for (size_t k = 0; k < n; k++) {
        target_entry(p, t->work, of, k, n);
        mpfr_add(t->work, t->total, z_part, MPFR_RNDN);
        mpfr_mul(t->work, t->work, t->s.at[k], MPFR_RNDN);
        mpfr_sub(t->work, t->work, p, MPFR_RNDN);
        scaled(t->work, of);
        mpfr_set(t->entries.at[k], t->work, MPFR_RNDN);
        mpfr_abs(t->work, z_part, MPFR_RNDN);
        mpfr_add(t->work, t->work, t->total, MPFR_RNDN);
        mpfr_mul(t->work, t->work, t->s.at[k], MPFR_RNDN);
        mpfr_add(t->work, t->work, p, MPFR_RNDN);
        scaled(t->work, of);
        mpfr_abs(t->conditions.at[k], t->work, MPFR_RNDN);
    }
    numbers_free(&extra);
    return true;
}
