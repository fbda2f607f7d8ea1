/* check_judge.c: the bounds, and how far each entry of a row is from the truth in their terms. See check_judge.h. */
#include "check_judge.h"

#include "autodiff.h"
#include "check_plain.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* Entries of softmax, log-softmax and their Jacobians, each result of its own. */
#define ENTRY_ULPS 4
/* logsumexp near 0 is ill-conditioned: there the error counts in u max(|z_m|, logsumexp - z_m). */
#define ABSOLUTE_UNITS 2
/* Products: in u times the sum over k of |J_ik| |g_k - g_m|, that is, with every term at its full size. */
#define PRODUCT_UNITS 8

bool judge_open(row_judge *judge, sj_dtype dtype, size_t n, size_t entries) {
    *judge = (row_judge){.dtype = dtype, .n = n};
    judge->plain = calloc(entries + 1, sizeof(double));
    judge->autodiff = calloc(entries + 1, sizeof(double));
    judge->work = calloc(n + 1, sizeof(double));
    judge->truth = oracle_name() ? oracle_new() : NULL;
    return judge->plain && judge->autodiff && judge->work && (judge->truth || !oracle_name());
}

void judge_close(row_judge *judge) {
    free(judge->plain);
    free(judge->autodiff);
    free(judge->work);
    oracle_free(judge->truth);
}

bool judge_can(const double *z, size_t n) {
    double largest = -INFINITY;
    for (size_t k = 0; k < n; k++) {
        if (isnan(z[k]) || z[k] == INFINITY) return false;
        largest = fmax(largest, z[k]);
    }
    if (largest == -INFINITY) return false;
    /* e^-600 leaves 100 bits above the smallest subnormal, e^700 times 2^10 terms is below the largest number */
    return oracle_name() || (largest > -600 && largest + log((double)n) < 700);
}

const char *check_basis(void) {
    if (oracle_name()) return "Bounds are measured against exact arithmetic.";
    if (autodiff_name()) {
        return "Without MPFR there is no exact truth: the bound is only that the result agrees with automatic "
               "differentiation of the plain formula to within the rounding errors of both.";
    }
    return "Without MPFR and ADOL-C there is neither truth nor automatic differentiation: the bound is only that the "
           "result agrees with the textbook formula to within the rounding errors of both.";
}

static const char *bound_name(form_id id) {
    if (!oracle_name()) return "agrees";
    if (forms[id].takes_g) return "8u cond.";
    return id == FORM_LOGSUMEXP ? "4 ulp/2u" : "4 ulp";
}

void judge_begin(check_line *line, form_id id) {
    const bool exact = oracle_name() != NULL;
    line->bound = bound_name(id);
    line->mape = autodiff_name() ? 0 : NAN;
    line->plain_relative = line->relative = line->ulps = exact ? 0 : NAN;
    line->of_bound = 0;
}

/* The share of its bound that entry i uses. */
static double share_of_bound(const oracle *truth, form_id id, size_t i, double got, sj_dtype dtype) {
    if (forms[id].takes_g) return oracle_componentwise(truth, i, got, dtype) / PRODUCT_UNITS;
    const double share = oracle_ulps(truth, i, got, dtype) / ENTRY_ULPS;
    if (id != FORM_LOGSUMEXP) return share;
    return fmin(share, oracle_componentwise(truth, i, got, dtype) / ABSOLUTE_UNITS);
}

static void judge_by_truth(const row_judge *judge, form_id id, const double *got, check_line *line) {
    const double smallest_normal = judge->dtype == SJ_F32 ? (double)FLT_MIN : DBL_MIN;
    for (size_t i = 0; i < oracle_entries(judge->truth); i++) {
        const double size = fabs(oracle_value(judge->truth, i));
        line->ulps = fmax(line->ulps, oracle_ulps(judge->truth, i, got[i], judge->dtype));
        line->of_bound = fmax(line->of_bound, share_of_bound(judge->truth, id, i, got[i], judge->dtype));
        if (size != 0 && size < smallest_normal) continue; /* too few digits for a relative error to mean anything */
        line->relative = fmax(line->relative, oracle_relative(judge->truth, i, got[i]));
        line->plain_relative = fmax(line->plain_relative, oracle_relative(judge->truth, i, judge->plain[i]));
    }
}

/* An upper bound of the numbers a plain formula adds and subtracts on its way to an entry. */
static double scale(form_id id, const double *z, const double *g, size_t n) {
    double largest_z = 0, largest_g = 0;
    for (size_t k = 0; k < n; k++) {
        if (isfinite(z[k])) largest_z = fmax(largest_z, fabs(z[k]));
        if (forms[id].takes_g) largest_g = fmax(largest_g, fabs(g[k]));
    }
    if (id == FORM_LOG_SOFTMAX || id == FORM_LOGSUMEXP) return 1 + 2 * largest_z + log((double)n);
    if (id == FORM_LOG_VJP) return (double)n * largest_g;
    return forms[id].takes_g ? 2 * largest_g : 1;
}

/* Two results by plain formulas and ours differ by their own rounding: a plain one by at most 6n + 64 roundings of
 * numbers up to `scale`, ours by 4 ulp, which is at most 8u of that, or 8u of the products' condition, up to 16u. */
static void judge_by_agreement(const row_judge *judge, form_id id, const double *z, const double *g,
                               const double *other, const double *got, check_line *line) {
    const double u = judge->dtype == SJ_F32 ? 0x1p-24 : 0x1p-53;
    const double allowed = scale(id, z, g, judge->n) * ((6 * (double)judge->n + 64) * 0x1p-53 + 16 * u);
    for (size_t i = 0; i < form_entries(&forms[id], judge->n); i++) {
        if (got[i] == other[i]) continue; /* infinities among them */
        const double share = fabs(got[i] - other[i]) / allowed;
        line->of_bound = isnan(share) ? INFINITY : fmax(line->of_bound, share);
    }
}

static void add_mape(const row_judge *judge, form_id id, const double *got, check_line *line) {
    const size_t entries = form_entries(&forms[id], judge->n);
    double mape = NAN;
    sj_mape(sj_vector_f64(got, entries), sj_vector_f64(judge->autodiff, entries), &mape, NULL);
    line->mape += mape * (double)entries;
}

bool judge_row(row_judge *judge, form_id id, const double *z, const double *g, size_t q, const double *got,
               check_line *line) {
    plain_row(id, z, g, q, judge->n, judge->work, judge->plain);
    const bool differentiated = autodiff_name() && autodiff_row(id, z, g, q, judge->n, judge->autodiff);
    if (differentiated) {
        add_mape(judge, id, got, line);
    } else {
        line->mape = NAN;
    }
    if (!judge->truth) {
        judge_by_agreement(judge, id, z, g, differentiated ? judge->autodiff : judge->plain, got, line);
        return true;
    }
    if (!oracle_row(judge->truth, id, z, g, q, judge->n)) return false;
    judge_by_truth(judge, id, got, line);
    return true;
}
