/* losses.c: cross-entropy of labels or probabilities, and its gradient. Public; checks the views, reads the labels once
 * before anything is written, calls call.c for the rows, and divides their total. */
#include "call.h"
#include "check.h"
#include "masks.h"
#include "records.h"

#include "kernel/half.h"
#include "kernel/total.h"

#include <float.h>
#include <stdio.h>

#define VIEWS 7 /* at most, of a call */

/* One call, with what its checks find. */
typedef struct loss_call {
    const sj_view *z, *target, *loss, *grad;
    const sj_loss_options *how;
    const sj_options *options;
    sj_error *error;
    bool in_pieces;      /* rows are: of each, its record, and how many entries come before those of z */
    const void *records; /* they begin with a state */
    size_t record_size, first;
    int axis;
    size_t n, rows; /* n: classes, of all pieces */
    int ndim;       /* of a row's number: the shape of z without the class axis */
    size_t shape[SJ_MAX_NDIM];
    double divisor[2]; /* of SJ_MEAN */
} loss_call;

static bool is_integer(sj_dtype dtype) { return dtype == SJ_I32 || dtype == SJ_I64; }

static sj_status check_how(const loss_call *c) {
    const sj_loss_options *how = c->how;
    if (how->reduction != SJ_NONE && how->reduction != SJ_SUM && how->reduction != SJ_MEAN)
        return sj_fail(c->error, SJ_BAD_OPTION, "loss options.reduction: %d; expected SJ_NONE, SJ_SUM or SJ_MEAN",
                       (int)how->reduction);
    if (!(how->label_smoothing >= 0 && how->label_smoothing <= 1))
        return sj_fail(c->error, SJ_BAD_OPTION, "loss options.label_smoothing: %g; expected 0 to 1",
                       how->label_smoothing);
    if (!(how->z_loss >= -DBL_MAX && how->z_loss <= DBL_MAX))
        return sj_fail(c->error, SJ_BAD_OPTION, "loss options.z_loss: %g; expected a finite number", how->z_loss);
    if (c->options->given != SJ_GIVEN_LOGITS)
        return sj_fail(c->error, SJ_BAD_OPTION, "options.given: SJ_GIVEN_SOFTMAX of a loss; expected logits");
    if (c->in_pieces && how->label_smoothing != 0)
        return sj_fail(c->error, SJ_BAD_OPTION, "loss options.label_smoothing: %g of rows in pieces; expected 0",
                       how->label_smoothing);
    return sj_refuse_masks(c->options, "a loss");
}

static bool is_exact(const loss_call *c) { return c->options->mode == SJ_EXACT; }
static const char *records_name(const loss_call *c) { return is_exact(c) ? "rows" : "picks"; }

/* z, and what its shape says of the others. */
static sj_status check_logits(loss_call *c) {
    const sj_named_view z = {"z", c->z};
    sj_status status = sj_check_view(z, c->error);
    if (!status) status = sj_check_axis(z, &c->axis, c->error);
    if (status) return status;
    c->n = c->z->shape[c->axis];
    if (c->n == 0 && !c->in_pieces) return sj_fail(c->error, SJ_BAD_SHAPE, "z: no classes; expected at least one");
    c->ndim = 0;
    c->rows = 1;
    for (int d = 0; d < c->z->ndim; d++) {
        if (d == c->axis) continue;
        c->shape[c->ndim++] = c->z->shape[d];
        c->rows *= c->z->shape[d];
    }
    if (!c->in_pieces || c->rows == 0) return SJ_OK;
    if (!c->records)
        return sj_fail(c->error, SJ_BAD_POINTER, "%s: NULL; expected one a row, %zu", records_name(c), c->rows);
    c->n = (size_t)((const sj_state *)c->records)->count;
    return SJ_OK;
}

/* A view of numbers, with this shape, if there is one. */
static sj_status check_one(const loss_call *c, const char *name, const sj_view *view, int ndim, const size_t *shape) {
    if (!view) return SJ_OK;
    const sj_named_view named = {name, view};
    const sj_status status = sj_check_view(named, c->error);
    return status ? status : sj_check_shape(named, ndim, shape, c->error);
}

static sj_status check_shapes(const loss_call *c) {
    const bool reduced = c->how->reduction != SJ_NONE;
    const int numbers = reduced ? 0 : c->ndim;
    const sj_named_view target = {"target", c->target};
    sj_status status;
    if (is_integer(c->target->dtype) || c->in_pieces) {
        status = sj_check_view_of(target, SJ_INTEGERS, c->error);
        if (!status) status = sj_check_shape(target, c->ndim, c->shape, c->error);
    } else {
        status = check_one(c, "target", c->target, c->z->ndim, c->z->shape);
    }
    if (!status) status = check_one(c, "loss", c->loss, numbers, c->shape);
    if (!status) status = check_one(c, "grad", c->grad, c->z->ndim, c->z->shape);
    if (!status) status = check_one(c, "weights", c->how->weights, 1, &c->n);
    if (!status) status = check_one(c, "upstream", c->how->upstream, numbers, c->shape);
    if (!status) status = check_one(c, "logsumexp", c->how->logsumexp, c->ndim, c->shape);
    return status;
}

/* Outputs share no memory with anything; only the gradient may be an input that has its shape. */
static sj_status check_memory(const loss_call *c) {
    const sj_named_view views[VIEWS] = {
        {"grad", c->grad},
        {"loss", c->loss},
        {"logsumexp", c->how->logsumexp},
        {"z", c->z},
        {"target", c->target},
        {"weights", c->how->weights},
        {"upstream", c->how->upstream},
    };
    for (int out = 0; out < 3; out++) {
        if (!views[out].view) continue;
        const sj_status status = sj_check_output(views[out], c->error);
        if (status) return status;
        for (int i = out + 1; i < VIEWS; i++) {
            const bool in_place = out == 0 && (i == 3 || i == 4);
            if (!views[i].view) continue;
            const sj_status apart = sj_check_overlap(views[out], views[i], in_place, c->error);
            if (apart) return apart;
        }
    }
    return SJ_OK;
}

/* ---------------------------------------------------------------- labels */

static double number_at(const sj_view *view, ptrdiff_t offset) { return element_load(view->data, view->dtype, offset); }

/* "[2, 5]" */
static void print_place(char *text, size_t size, int ndim, const size_t *index) {
    size_t used = 0;
    for (int d = 0; d < ndim && used < size; d++)
        used += (size_t)snprintf(text + used, size - used, "%s%zu", d > 0 ? ", " : "[", index[d]);
    if (used < size) (void)snprintf(text + used, size - used, ndim > 0 ? "]" : "[]");
}

static sj_status bad_label(const loss_call *c, int64_t label, const size_t *index) {
    char place[120];
    print_place(place, sizeof place, c->ndim, index);
    return sj_fail(c->error, SJ_BAD_CLASS, "target: label %lld at %s; expected 0 to %zu, or ignore_index %lld",
                   (long long)label, place, c->n - 1, (long long)c->how->ignore_index);
}

/* hi + lo + x, exactly but for roundings of lo. */
static void pair_add(double *pair, double x) {
    const double s = pair[0] + x, part = s - pair[0];
    pair[1] += (pair[0] - (s - part)) + (x - part);
    pair[0] = s;
}

/* Labels along the last dimension: each in range or ignored; the weights of theirs join the divisor. */
static sj_status read_line(loss_call *c, size_t *index, ptrdiff_t offset, size_t count, ptrdiff_t stride) {
    const sj_view *weights = c->how->weights;
    size_t used = 0;
    for (size_t i = 0; i < count; i++, offset += stride) {
        const int64_t label = sj_integer(c->target->data, c->target->dtype, offset);
        if (label == c->how->ignore_index) continue;
        if (label < 0 || (uint64_t)label >= c->n) {
            if (c->ndim > 0) index[c->ndim - 1] = i;
            return bad_label(c, label, index);
        }
        used++;
        if (weights) pair_add(c->divisor, number_at(weights, label * weights->strides[0]));
    }
    if (!weights) c->divisor[0] += (double)used;
    return SJ_OK;
}

/* Every label once, in C order, so that the divisor does not depend on strides. */
static sj_status read_labels(loss_call *c) {
    const sj_view *target = c->target;
    const int last = c->ndim - 1;
    size_t index[SJ_MAX_NDIM] = {0};
    if (c->rows == 0) return SJ_OK;
    if (last < 0) return read_line(c, index, 0, 1, 0);
    for (;;) {
        ptrdiff_t offset = 0;
        for (int d = 0; d < last; d++) offset += (ptrdiff_t)index[d] * target->strides[d];
        const sj_status status = read_line(c, index, offset, c->shape[last], target->strides[last]);
        if (status) return status;
        int d = last - 1;
        while (d >= 0 && ++index[d] == c->shape[d]) index[d--] = 0;
        if (d < 0) return SJ_OK;
    }
}

/* ---------------------------------------------------------------- call */

/* a / b of pairs */
static void pair_divide(const double *a, const double *b, double *quotient) {
    const double q = a[0] / b[0];
    quotient[0] = q;
    quotient[1] = q - q == 0 && b[0] != 0 ? (fma(-q, b[0], a[0]) + a[1] - q * b[1]) / b[0] : 0;
}

/* The labels as a view of the shape of z, the same in every class. */
static sj_view spread_labels(const loss_call *c) {
    sj_view view = *c->z;
    view.data = c->target->data;
    view.dtype = c->target->dtype;
    for (int d = 0, e = 0; d < c->z->ndim; d++) view.strides[d] = d == c->axis ? 0 : c->target->strides[e++];
    return view;
}

static bool is_wide(const sj_view *view) { return view && view->dtype == SJ_F64; }

static sj_dtype dtype_of(const loss_call *c) {
    const bool wide = is_wide(c->z) || is_wide(c->target) || is_wide(c->loss) || is_wide(c->grad) ||
                      is_wide(c->how->weights) || is_wide(c->how->logsumexp) || is_wide(c->how->upstream);
    return wide || (c->in_pieces && !is_exact(c) && !sj_picks_are_single(c->records, c->rows)) ? SJ_F64 : SJ_F32;
}

/* A mean of no weight that is not NaN. */
static bool divides_nothing(const loss_call *c) { return c->divisor[0] == 0 && c->options->nonfinite == SJ_ZERO; }

/* What the rows have in common. */
static sj_losses losses_of(const loss_call *c, sj_total *total) {
    const sj_loss_options *how = c->how;
    const bool mean = how->reduction == SJ_MEAN, reduced = how->reduction != SJ_NONE;
    const double classes[2] = {(double)c->n, 0}, smoothing[2] = {how->label_smoothing, 0};
    double upstream[2] = {1, 0};
    sj_losses of = {.ignore_index = how->ignore_index, .z_loss = how->z_loss, .kept = {1, 0}, .scale = {1, 0}};
    pair_add(of.kept, -how->label_smoothing);
    pair_divide(smoothing, classes, of.spread);
    if (reduced && how->upstream) upstream[0] = number_at(how->upstream, 0);
    of.scale[0] = upstream[0];
    if (mean) pair_divide(upstream, c->divisor, of.scale);
    if (mean && divides_nothing(c)) of.scale[0] = 0;
    if (how->weights)
        of.weights = (sj_operand){how->weights->data, how->weights->dtype, 0, how->weights->strides[0], 0};
    of.total = reduced && c->loss ? total : NULL;
    return of;
}

/* hi + lo rounded to odd, so that rounding it to a narrower dtype is rounding once. */
static double to_odd(double hi, double lo) {
    uint64_t bits;
    if (hi - hi != 0 || lo == 0) return hi;
    memcpy(&bits, &hi, sizeof bits);
    if (bits & 1) return hi;
    return nextafter(hi, lo > 0 ? HUGE_VAL : -HUGE_VAL);
}

static void store_reduced(const loss_call *c, sj_total *total) {
    double sum[2], result[2];
    total_value(total, &sum[0], &sum[1]);
    result[0] = sum[0];
    result[1] = sum[1];
    if (c->how->reduction == SJ_MEAN) pair_divide(sum, c->divisor, result);
    if (c->how->reduction == SJ_MEAN && divides_nothing(c)) result[0] = 0;
    const bool narrows = c->loss->dtype != SJ_F64;
    element_store(c->loss->data, c->loss->dtype, 0, narrows ? to_odd(result[0], result[1]) : result[0] + result[1]);
}

static void run_loss(const loss_call *c) {
    const bool reduced = c->how->reduction != SJ_NONE, labels = is_integer(c->target->dtype);
    const sj_view spread = labels ? spread_labels(c) : *c->target;
    sj_total total = {0};
    const sj_losses losses = losses_of(c, &total);
    const bool soft = !labels || c->how->label_smoothing != 0;
    const sj_view records = sj_records(c->records, c->record_size, c->z, c->axis, true);
    const sj_call call = {.operation = c->in_pieces ? SJ_OP_STATE_LOSS
                                       : soft       ? SJ_OP_CROSS_ENTROPY_SOFT
                                                    : SJ_OP_CROSS_ENTROPY,
                          .result = SJ_RESULT_SAME,
                          .z = c->z,
                          .out = c->grad,
                          .g = labels ? NULL : &spread,
                          .more = {{"target", labels ? &spread : NULL}, {"rows", c->in_pieces ? &records : NULL}},
                          .first = c->first,
                          .compute = dtype_of(c),
                          .losses = &losses,
                          .numbers = {reduced ? NULL : c->loss, c->how->logsumexp, reduced ? NULL : c->how->upstream}};
    if (c->rows > 0) sj_call_checked(&call, c->axis, c->options);
    if (reduced && c->loss) store_reduced(c, &total);
}

/* What c holds of the call. how, options: as given, NULL for the defaults. */
static sj_status serve(loss_call *c, const sj_loss_options *how, const sj_options *options) {
    static const sj_options defaults = SJ_OPTIONS_INIT;
    static const sj_loss_options usual = SJ_LOSS_OPTIONS_INIT;
    if (options && options->size != sizeof *options) return SJ_BAD_OPTION;
    c->how = how ? how : &usual;
    c->options = options ? options : &defaults;
    c->error = c->options->error;
    sj_status status = sj_check_options(c->options, false, c->error);
    if (status) return status;
    if (c->how->size != sizeof *how)
        return sj_fail(c->error, SJ_BAD_OPTION, "loss options.size: %zu; expected %zu", c->how->size, sizeof *how);
    status = check_how(c);
    if (!status) status = check_logits(c);
    if (!status) status = check_shapes(c);
    if (!status) status = check_memory(c);
    if (!status && is_integer(c->target->dtype)) status = read_labels(c);
    if (status) return status;
    if (!is_integer(c->target->dtype)) c->divisor[0] = (double)c->rows;
    if (c->how->divisor) *c->how->divisor = c->how->reduction == SJ_MEAN ? c->divisor[0] : 1;
    run_loss(c);
    return SJ_OK;
}

sj_status sj_cross_entropy(sj_view z, sj_view target, const sj_view *loss, const sj_view *grad,
                           const sj_loss_options *how, const sj_options *options) {
    loss_call c = {.z = &z, .target = &target, .loss = loss, .grad = grad};
    return serve(&c, how, options);
}

/* Of rows in pieces. */
static sj_status serve_pieces(loss_call c, sj_mode mode, const sj_loss_options *how, const sj_options *options) {
    sj_options own = SJ_OPTIONS_INIT;
    if (options && options->size != sizeof *options) return SJ_BAD_OPTION;
    if (options) own = *options;
    const sj_status status = mode == SJ_EXACT ? SJ_OK : sj_refuse_readings(&own, "a row state");
    own.mode = mode;
    c.in_pieces = true;
    return status ? status : serve(&c, how, &own);
}

sj_status sj_state_cross_entropy(sj_view z, sj_view target, const sj_pick *picks, size_t first, const sj_view *loss,
                                 const sj_view *grad, const sj_loss_options *how, const sj_options *options) {
    loss_call c = {.z = &z, .target = &target, .loss = loss, .grad = grad, .records = picks, .first = first};
    c.record_size = sizeof *picks;
    return serve_pieces(c, SJ_DEFAULT, how, options);
}

sj_status sj_exact_cross_entropy(sj_view z, sj_view target, const sj_exact *rows, size_t first, const sj_view *loss,
                                 const sj_view *grad, const sj_loss_options *how, const sj_options *options) {
    loss_call c = {.z = &z, .target = &target, .loss = loss, .grad = grad, .records = rows, .first = first};
    c.record_size = sizeof *rows;
    return serve_pieces(c, SJ_EXACT, how, options);
}
