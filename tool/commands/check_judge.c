/* check_judge.c: the bounds, and how far each entry of a row is from the truth in their terms. See check_judge.h. */
#include "check_judge.h"

#include "autodiff.h"
#include "check_plain.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* What the library promises of one dtype in one mode. */
typedef struct bounds {
    double ulps;     /* entries of softmax, log-softmax and their Jacobians */
    double absolute; /* logsumexp near 0, where it is ill-conditioned: in u max(|z_m|, logsumexp - z_m) */
    double product;  /* in u times the sum over k of |J_ik| |g_k - g_m|: with every term at its full size */
    const char *ulps_name, *logsumexp_name, *product_name;
} bounds;

static const bounds default_bounds = {2, 2, 4, "2 ulp", "2 ulp/2u", "4u cond."};
static const bounds exact_f32_bounds = {0.5, 1, 1, "0.5 ulp", "0.5 ulp/1u", "1u cond."};
static const bounds exact_f64_bounds = {0.51, 1, 1, "0.51 ulp", "0.51 ulp/1u", "1u cond."};

static const bounds *bounds_of(sj_dtype dtype, sj_mode mode) {
    if (mode == SJ_DEFAULT) return &default_bounds;
    return dtype == SJ_F32 ? &exact_f32_bounds : &exact_f64_bounds;
}

bool judge_open(row_judge *judge, sj_dtype dtype, sj_mode mode, size_t n, size_t entries) {
    *judge = (row_judge){.dtype = dtype, .mode = mode, .n = n};
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

static const char *bound_name(form_id id, const bounds *promised) {
    if (!oracle_name()) return "agrees";
    if (forms[id].takes_g) return promised->product_name;
    return id == FORM_LOGSUMEXP ? promised->logsumexp_name : promised->ulps_name;
}

void judge_begin(check_line *line, form_id id, sj_dtype dtype, sj_mode mode) {
    const bool has_truth = oracle_name() != NULL;
    line->bound = bound_name(id, bounds_of(dtype, mode));
    line->mape = autodiff_name() ? 0 : NAN;
    line->plain_relative = line->relative = line->ulps = has_truth ? 0 : NAN;
    line->of_bound = 0;
}

/* The share of its bound that entry i uses. */
static double share_of_bound(const row_judge *judge, form_id id, size_t i, double got) {
    const bounds *promised = bounds_of(judge->dtype, judge->mode);
    if (forms[id].takes_g) return oracle_componentwise(judge->truth, i, got, judge->dtype) / promised->product;
    const double share = oracle_ulps(judge->truth, i, got, judge->dtype) / promised->ulps;
    if (id != FORM_LOGSUMEXP) return share;
    return fmin(share, oracle_componentwise(judge->truth, i, got, judge->dtype) / promised->absolute);
}

static void judge_by_truth(const row_judge *judge, form_id id, const double *got, check_line *line) {
    const double smallest_normal = judge->dtype == SJ_F32 ? (double)FLT_MIN : DBL_MIN;
    for (size_t i = 0; i < oracle_entries(judge->truth); i++) {
        const double size = fabs(oracle_value(judge->truth, i));
        line->ulps = fmax(line->ulps, oracle_ulps(judge->truth, i, got[i], judge->dtype));
        line->of_bound = fmax(line->of_bound, share_of_bound(judge, id, i, got[i]));
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
 * numbers up to `scale`, ours by 2 ulp, which is at most 4u of that, or 4u of the products' condition, up to 8u. */
static void judge_by_agreement(const row_judge *judge, form_id id, const double *z, const double *g,
                               const double *other, const double *got, check_line *line) {
    const double u = judge->dtype == SJ_F32 ? 0x1p-24 : 0x1p-53;
    const double allowed = scale(id, z, g, judge->n) * ((6 * (double)judge->n + 64) * 0x1p-53 + 8 * u);
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
