/* masks.c: checks masks and lengths against the logits, broadcasts them, and describes them as the reading of a run.
 * Called by call.c; calls check.c. */
#include "masks.h"

#include "check.h"

#include <math.h>
#include <stdint.h>

/* The shape that something is broadcast to: that of the logits, or (skip an axis) of their rows. */
typedef struct target {
    const sj_view *z;
    int skip; /* -1: none */
} target;

/* The strides of `named` along the dimensions of the target, in elements. */
static sj_status broadcast(sj_named_view named, target to, ptrdiff_t strides[SJ_MAX_NDIM], sj_error *error) {
    const sj_view *view = named.view;
    const int dimensions = to.z->ndim - (to.skip >= 0);
    int e = view->ndim - 1;
    if (view->ndim > dimensions)
        return sj_fail(error, SJ_BAD_SHAPE, "%s: %d dimensions; expected at most %d", named.name, view->ndim,
                       dimensions);
    for (int d = to.z->ndim - 1; d >= 0; d--) {
        strides[d] = 0;
        if (d == to.skip) continue;
        const size_t size = to.z->shape[d];
        if (e >= 0 && view->shape[e] != 1 && view->shape[e] != size)
            return sj_fail(error, SJ_BAD_SHAPE, "%s: size %zu in dimension %d; expected 1 or %zu", named.name,
                           view->shape[e], e, size);
        if (e >= 0 && view->shape[e] > 1) strides[d] = view->strides[e];
        e--;
    }
    return SJ_OK;
}

/* A view beside the logits, of a kind of dtypes: checked, and its strides. */
static sj_status check_beside(sj_named_view named, unsigned kind, const sj_call *call, target to,
                              ptrdiff_t strides[SJ_MAX_NDIM], sj_error *error) {
    const sj_named_view out = {"out", call->out};
    sj_status status = sj_check_view_of(named, kind, error);
    if (!status) status = broadcast(named, to, strides, error);
    if (!status) status = sj_check_overlap(out, named, false, error);
    return status;
}

/* Every element is within [0, n]. */
static sj_status check_lengths(const sj_view *view, int d, ptrdiff_t offset, size_t n, sj_error *error) {
    if (d == view->ndim) {
        const int64_t length = sj_integer(view->data, view->dtype, offset);
        if (length >= 0 && (uint64_t)length <= n) return SJ_OK;
        return sj_fail(error, SJ_BAD_OPTION, "options.lengths: %lld at element offset %td; expected 0 to n = %zu",
                       (long long)length, offset, n);
    }
    for (size_t i = 0; i < view->shape[d]; i++) {
        const sj_status status = check_lengths(view, d + 1, offset + (ptrdiff_t)i * view->strides[d], n, error);
        if (status) return status;
    }
    return SJ_OK;
}

static sj_status check_causal(const sj_view *z, int axis, sj_error *error) {
    if (axis != z->ndim - 1)
        return sj_fail(error, SJ_BAD_OPTION, "options.causal: class axis %d of %d dimensions; expected the last", axis,
                       z->ndim);
    if (z->ndim < 2)
        return sj_fail(error, SJ_BAD_OPTION, "options.causal: 1 dimension; expected one before the class axis");
    return SJ_OK;
}

/* What a scale, a bias and a sink cannot be together with. */
static sj_status check_scaling(const sj_call *call, const sj_options *options, sj_error *error) {
    const double scale = options->scale;
    const bool infinite = scale == (double)INFINITY || scale == -(double)INFINITY;
    if (!(scale < 0 || scale > 0))
        return sj_fail(error, SJ_BAD_OPTION, "options.scale: %g; expected a number other than 0", scale);
    if (infinite && options->nonfinite != SJ_LIMIT)
        return sj_fail(error, SJ_BAD_OPTION, "options.scale: %g; expected a finite number, or nonfinite = SJ_LIMIT",
                       scale);
    if (infinite && call->derivative)
        return sj_fail(error, SJ_BAD_OPTION, "options.scale: %g in a derivative; expected a finite number", scale);
    if (options->sink && options->given == SJ_GIVEN_SOFTMAX)
        return sj_fail(error, SJ_BAD_OPTION, "options.sink: beside SJ_GIVEN_SOFTMAX; expected logits, or no sink");
    if (options->mode == SJ_EXACT && (scale != 1 || options->bias || options->sink))
        return sj_fail(error, SJ_BAD_OPTION, "options.%s: not in exact mode; expected SJ_DEFAULT",
                       scale != 1      ? "scale"
                       : options->bias ? "bias"
                                       : "sink");
    return SJ_OK;
}

/* Entries from the first to causal_offset: past n, more leave none out. */
static ptrdiff_t first_reach(ptrdiff_t offset, size_t n) {
    const ptrdiff_t most = (ptrdiff_t)n;
    return offset < most ? offset + 1 : most;
}

static void set_beside(sj_reading *reading, sj_batch *batch, sj_beside which, const sj_view *view, int axis, int ndim,
                       const ptrdiff_t strides[SJ_MAX_NDIM]) {
    sj_operand *to = &reading->beside[which];
    *to = (sj_operand){.data = view ? view->data : NULL, .dtype = view ? view->dtype : SJ_BOOL};
    to->class_stride = view ? strides[axis] : 0;
    for (int d = 0, b = 0; d < ndim; d++)
        if (d != axis) batch->beside[which][b++] = strides[d];
}

static void set_results(const sj_call *call, sj_reading *reading) {
    const sj_operation operation = call->operation;
    reading->masked = operation == SJ_OP_LOG_SOFTMAX ? -(double)INFINITY : 0;
    reading->results = call->result == SJ_RESULT_NO_CLASS ? SJ_READ_SCALAR
                       : call->result != SJ_RESULT_SAME   ? SJ_READ_JACOBIAN
                       : call->takes_q                    ? SJ_READ_GRADIENT
                                                          : SJ_READ_ROW;
    reading->clears = operation == SJ_OP_LOG_VJP || operation == SJ_OP_LOG_JVP ||
                      reading->results == SJ_READ_GRADIENT || reading->results == SJ_READ_JACOBIAN;
}

sj_status sj_refuse_masks(const sj_options *options, const char *what) {
    if (!options) return SJ_OK;
    if (!sj_reads_plainly(options) || options->offsets)
        return sj_fail(options->error, SJ_BAD_OPTION,
                       "options: a mask, lengths, offsets, a scale, a bias or a sink of %s; expected none", what);
    return SJ_OK;
}

sj_status sj_refuse_readings(const sj_options *options, const char *what) {
    if (options && options->mode == SJ_EXACT)
        return sj_fail(options->error, SJ_BAD_OPTION, "options.mode: SJ_EXACT of %s; expected SJ_DEFAULT", what);
    return sj_refuse_masks(options, what);
}

sj_status sj_read_masks(const sj_call *call, const sj_options *options, int axis, sj_reading *reading,
                        sj_batch *batch) {
    const sj_view *z = call->z;
    sj_error *error = options->error;
    const target entries = {z, -1}, rows = {z, axis};
    ptrdiff_t mask[SJ_MAX_NDIM] = {0}, lengths[SJ_MAX_NDIM] = {0}, reach[SJ_MAX_NDIM] = {0};
    ptrdiff_t bias[SJ_MAX_NDIM] = {0}, sink[SJ_MAX_NDIM] = {0};
    sj_status status = SJ_OK;
    if (options->mask)
        status = check_beside((sj_named_view){"options.mask", options->mask}, SJ_BOOLS, call, entries, mask, error);
    if (!status && options->bias)
        status = check_beside((sj_named_view){"options.bias", options->bias}, SJ_REALS, call, entries, bias, error);
    if (!status && options->sink)
        status = check_beside((sj_named_view){"options.sink", options->sink}, SJ_REALS, call, rows, sink, error);
    if (!status) status = check_scaling(call, options, error);
    if (!status && options->lengths)
        status =
            check_beside((sj_named_view){"options.lengths", options->lengths}, SJ_INTEGERS, call, rows, lengths, error);
    if (!status && options->lengths) status = check_lengths(options->lengths, 0, 0, z->shape[axis], error);
    if (!status && options->causal) status = check_causal(z, axis, error);
    if (status) return status;
    if (options->causal) reach[axis - 1] = 1;
    batch->reading = reading;
    set_beside(reading, batch, SJ_BESIDE_MASK, options->mask, axis, z->ndim, mask);
    set_beside(reading, batch, SJ_BESIDE_BIAS, options->bias, axis, z->ndim, bias);
    set_beside(reading, batch, SJ_BESIDE_SINK, options->sink, axis, z->ndim, sink);
    set_beside(reading, batch, SJ_BESIDE_LENGTHS, options->lengths, axis, z->ndim, lengths);
    set_beside(reading, batch, SJ_BESIDE_REACH, NULL, axis, z->ndim, reach);
    reading->causal = options->causal;
    reading->reach = options->causal ? first_reach(options->causal_offset, z->shape[axis]) : 0;
    reading->scale = options->scale;
    reading->scales = options->scale != 1 || options->bias || options->sink;
    reading->factor = call->derivative ? options->scale : 1;
    set_results(call, reading);
    return SJ_OK;
}
