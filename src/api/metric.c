/* metric.c: mean absolute percentage error and maximum relative error of two arrays. Public; calls check.c. */
#include "check.h"
#include "kernel/half.h"
#include "kernel/run.h"

#include <math.h>

typedef struct metric_totals {
    double sum, error; /* sum of the terms, and the roundings it lost */
    double largest;
    size_t count;
} metric_totals;

/* Neumaier's sum: its error does not grow with the number of terms. */
static void add(metric_totals *totals, double x) {
    const double sum = totals->sum + x;
    if (isfinite(sum)) totals->error += totals->sum >= x ? (totals->sum - sum) + x : (x - sum) + totals->sum;
    totals->sum = sum;
}

static void compare(metric_totals *totals, double pred, double truth) {
    const double term = truth != 0 ? fabs(truth - pred) / fabs(truth) : fabs(pred);
    const double relative = pred == truth ? 0 : truth != 0 ? term : isnan(pred) ? (double)NAN : (double)INFINITY;
    add(totals, term);
    if (isnan(relative) || relative > totals->largest) totals->largest = relative;
    totals->count++;
}

static void walk(metric_totals *totals, const sj_view *pred, const char *p, const sj_view *truth, const char *t,
                 int d) {
    if (d == pred->ndim) {
        compare(totals, element_load(p, pred->dtype, 0), element_load(t, truth->dtype, 0));
        return;
    }
    if (pred->shape[d] < 2) { /* the stride may hold anything */
        if (pred->shape[d] == 1) walk(totals, pred, p, truth, t, d + 1);
        return;
    }
    const ptrdiff_t p_step = pred->strides[d] * (ptrdiff_t)sj_dtype_size(pred->dtype);
    const ptrdiff_t t_step = truth->strides[d] * (ptrdiff_t)sj_dtype_size(truth->dtype);
    for (size_t i = 0; i < pred->shape[d]; i++)
        walk(totals, pred, p + (ptrdiff_t)i * p_step, truth, t + (ptrdiff_t)i * t_step, d + 1);
}

static sj_status accumulate(const sj_view *pred, const sj_view *truth, const double *out, metric_totals *totals,
                            sj_error *error) {
    const sj_named_view p = {"pred", pred}, t = {"truth", truth};
    if (!out) return sj_fail(error, SJ_BAD_POINTER, "out: NULL; expected a double");
    sj_status status = sj_check_view(p, error);
    if (!status) status = sj_check_view(t, error);
    if (!status) status = sj_check_shape(p, truth->ndim, truth->shape, error);
    if (status) return status;
    walk(totals, pred, pred->data, truth, truth->data, 0);
    if (totals->count == 0) return sj_fail(error, SJ_BAD_SHAPE, "pred: no elements; expected at least one");
    return SJ_OK;
}

sj_status sj_mape(sj_view pred, sj_view truth, double *out, sj_error *error) {
    metric_totals totals = {0, 0, 0, 0};
    const sj_status status = accumulate(&pred, &truth, out, &totals, error);
    if (!status) *out = (totals.sum + totals.error) / (double)totals.count;
    return status;
}

sj_status sj_max_relative_error(sj_view pred, sj_view truth, double *out, sj_error *error) {
    metric_totals totals = {0, 0, 0, 0};
    const sj_status status = accumulate(&pred, &truth, out, &totals, error);
    if (!status) *out = totals.largest;
    return status;
}
