/* scale_truth.c: see scale_truth.h. Logits and biases reach to 2^256, and their differences count to 2^-1100. */
#include "scale_truth.h"

#include <math.h>
#include <mpfr.h>

#define PRECISION 1500

/* x_k = scale z_k + bias_k, the sink as entry n; a the largest; s their softmax. */
typedef struct softmax_truth {
    mpfr_t *x, *s, a, log; /* log S */
    size_t entries, m;
} softmax_truth;

static void logit(mpfr_t x, const scaled_row *r, size_t k) {
    if (r->sink && k == r->n) {
        mpfr_set_d(x, *r->sink, MPFR_RNDN);
        return;
    }
    mpfr_set_d(x, r->z[k], MPFR_RNDN);
    mpfr_mul_d(x, x, r->scale, MPFR_RNDN);
    if (r->bias) mpfr_add_d(x, x, r->bias[k], MPFR_RNDN);
}

static void truth_begin(softmax_truth *t, const scaled_row *r) {
    t->entries = r->n + (r->sink != NULL);
    t->x = malloc(t->entries * sizeof *t->x);
    t->s = malloc(t->entries * sizeof *t->s);
    assert_true(t->x && t->s);
    mpfr_inits2(PRECISION, t->a, t->log, (mpfr_ptr)NULL);
    t->m = 0;
    for (size_t k = 0; k < t->entries; k++) {
        mpfr_inits2(PRECISION, t->x[k], t->s[k], (mpfr_ptr)NULL);
        logit(t->x[k], r, k);
        if (mpfr_cmp(t->x[k], t->x[t->m]) > 0) t->m = k;
    }
    mpfr_set(t->a, t->x[t->m], MPFR_RNDN);
    mpfr_t sum;
    mpfr_init2(sum, PRECISION);
    mpfr_set_zero(sum, 1);
    for (size_t k = 0; k < t->entries; k++) {
        mpfr_sub(t->s[k], t->x[k], t->a, MPFR_RNDN);
        mpfr_exp(t->s[k], t->s[k], MPFR_RNDN);
        mpfr_add(sum, sum, t->s[k], MPFR_RNDN);
    }
    mpfr_log(t->log, sum, MPFR_RNDN);
    for (size_t k = 0; k < t->entries; k++) mpfr_div(t->s[k], t->s[k], sum, MPFR_RNDN);
    mpfr_clear(sum);
}

static void truth_end(softmax_truth *t) {
    for (size_t k = 0; k < t->entries; k++) mpfr_clears(t->x[k], t->s[k], (mpfr_ptr)NULL);
    mpfr_clears(t->a, t->log, (mpfr_ptr)NULL);
    free(t->x);
    free(t->s);
}

static double g_at(const scaled_row *r, size_t k) { return k < r->n ? r->g[k] : 0; }

/* d log s_q / d x_k */
static void log_entry(mpfr_t out, const softmax_truth *t, size_t q, size_t k) {
    mpfr_neg(out, t->s[k], MPFR_RNDN);
    if (q == k) mpfr_add_ui(out, out, 1, MPFR_RNDN);
}

static void product(mpfr_t out, mpfr_t condition, const softmax_truth *t, const scaled_row *r, form_id id, size_t i) {
    mpfr_t term, g;
    const bool transposed = id == FORM_LOG_VJP;
    mpfr_inits2(PRECISION, term, g, (mpfr_ptr)NULL);
    mpfr_set_zero(out, 1);
    mpfr_set_zero(condition, 1);
    for (size_t k = 0; k < (transposed ? r->n : t->entries); k++) {
        log_entry(term, t, transposed ? k : i, transposed ? i : k);
        mpfr_set_d(g, g_at(r, k), MPFR_RNDN);
        if (!transposed) mpfr_sub_d(g, g, g_at(r, t->m), MPFR_RNDN);
        mpfr_mul(term, term, g, MPFR_RNDN);
        if (id == FORM_VJP || id == FORM_JVP) mpfr_mul(term, term, t->s[i], MPFR_RNDN);
        mpfr_add(out, out, term, MPFR_RNDN);
        mpfr_abs(term, term, MPFR_RNDN);
        mpfr_add(condition, condition, term, MPFR_RNDN);
    }
    mpfr_mul_d(condition, condition, fabs(r->scale), MPFR_RNDN);
    mpfr_clears(term, g, (mpfr_ptr)NULL);
}

static void entry(mpfr_t out, mpfr_t condition, const softmax_truth *t, const scaled_row *r, form_id id, size_t i) {
    const size_t line = forms[id].result == RESULT_MATRIX ? i / r->n : r->q, column = i % r->n;
    switch (id) {
    case FORM_SOFTMAX:
        mpfr_set(out, t->s[i], MPFR_RNDN);
        return;
    case FORM_LOG_SOFTMAX:
        mpfr_sub(out, t->x[i], t->a, MPFR_RNDN);
        mpfr_sub(out, out, t->log, MPFR_RNDN);
        return;
    case FORM_LOGSUMEXP:
        mpfr_add(out, t->a, t->log, MPFR_RNDN);
        mpfr_abs(condition, t->a, MPFR_RNDN);
        mpfr_max(condition, condition, t->log, MPFR_RNDN);
        return;
    case FORM_GRADIENT:
    case FORM_JACOBIAN:
        log_entry(out, t, line, column);
        mpfr_mul(out, out, t->s[line], MPFR_RNDN);
        break;
    case FORM_LOG_GRADIENT:
    case FORM_LOG_JACOBIAN:
        log_entry(out, t, line, column);
        break;
    default:
        product(out, condition, t, r, id, i);
    }
    mpfr_mul_d(out, out, r->scale, MPFR_RNDN);
}

static double in_ulps(mpfr_t distance, mpfr_t truth, sj_dtype dtype) {
    const long digits = dtype == SJ_F32 ? 24 : 53, smallest = dtype == SJ_F32 ? -149 : -1074;
    long place = mpfr_zero_p(truth) ? smallest : (long)mpfr_get_exp(truth) - digits;
    if (place < smallest) place = smallest;
    mpfr_t ulps;
    mpfr_init2(ulps, 64);
    mpfr_mul_2si(ulps, distance, -place, MPFR_RNDN);
    const double result = mpfr_get_d(ulps, MPFR_RNDN);
    mpfr_clear(ulps);
    return result;
}

static double in_conditions(mpfr_t distance, mpfr_t condition, sj_dtype dtype) {
    mpfr_t part;
    mpfr_init2(part, PRECISION);
    mpfr_set_ui_2exp(part, 1, dtype == SJ_F32 ? -150 : -1075, MPFR_RNDN);
    mpfr_sub(part, distance, part, MPFR_RNDN);
    double result = 0;
    if (mpfr_sgn(part) > 0) {
        mpfr_div(part, part, condition, MPFR_RNDN);
        mpfr_mul_2si(part, part, dtype == SJ_F32 ? 24 : 53, MPFR_RNDN);
        result = mpfr_get_d(part, MPFR_RNDN);
    }
    mpfr_clear(part);
    return result;
}

double scaled_error(form_id id, sj_dtype dtype, const scaled_row *r, size_t i, double got, double *want) {
    static softmax_truth truth; /* of the row before, which most entries are of */
    static size_t known;        /* 0: none */
    if (known != r->number) {
        if (known) truth_end(&truth);
        truth_begin(&truth, r);
        known = r->number;
    }
    mpfr_t out, condition;
    mpfr_inits2(PRECISION, out, condition, (mpfr_ptr)NULL);
    entry(out, condition, &truth, r, id, i);
    *want = dtype == SJ_F32 ? (double)mpfr_get_flt(out, MPFR_RNDN) : mpfr_get_d(out, MPFR_RNDN);
    double error = isfinite(got) ? 0 : INFINITY;
    if (got == *want && (got == 0 || isinf(got))) {
        error = 0;
    } else if (isfinite(got)) {
        mpfr_t distance;
        mpfr_init2(distance, PRECISION);
        mpfr_sub_d(distance, out, got, MPFR_RNDN);
        mpfr_abs(distance, distance, MPFR_RNDN);
        error = forms[id].takes_g ? in_conditions(distance, condition, dtype) : in_ulps(distance, out, dtype);
        if (id == FORM_LOGSUMEXP) error = fmin(error, in_conditions(distance, condition, dtype));
        mpfr_clear(distance);
    }
    mpfr_clears(out, condition, (mpfr_ptr)NULL);
    return error;
}
