/* call.c: checks a call, describes its first row and its batch, and runs the plan. Called by the public functions;
 * calls check.c and plan/. */
#include "call.h"

#include "check.h"
#include "plan/plan.h"

#include <fenv.h>
#include <string.h>

/* Shape the output must have. */
static sj_status expected_shape(const sj_call *call, int axis, int *ndim, size_t *shape, sj_error *error) {
    const sj_view *z = call->z;
    const size_t n = z->shape[axis];
    int count = 0;
    const int needed = call->result == SJ_RESULT_DENSE ? 2 * z->ndim : z->ndim + (call->result == SJ_RESULT_BLOCKS);
    if (needed > SJ_MAX_NDIM)
        return sj_fail(error, SJ_BAD_SHAPE, "z: %d dimensions make a result of %d; expected at most %d", z->ndim,
                       needed, SJ_MAX_NDIM);
    for (int d = 0; d < z->ndim; d++)
        if (d != axis || call->result == SJ_RESULT_SAME || call->result == SJ_RESULT_DENSE)
            shape[count++] = z->shape[d];
    if (call->result == SJ_RESULT_BLOCKS) {
        shape[count++] = n;
        shape[count++] = n;
    }
    if (call->result == SJ_RESULT_DENSE)
        for (int d = 0; d < z->ndim; d++) shape[count++] = z->shape[d];
    *ndim = count;
    return SJ_OK;
}

static sj_status check_call(const sj_call *call, const sj_options *options, int *axis) {
    sj_error *error = options->error;
    const sj_named_view z = {"z", call->z}, g = {call->g_name, call->g}, out = {"out", call->out};
    const bool in_place = call->result == SJ_RESULT_SAME;
    size_t shape[SJ_MAX_NDIM];
    int ndim = 0;
    sj_status status = sj_check_options(options, call->derivative, error);
    if (!status) status = sj_check_view(z, error);
    if (!status) status = sj_check_axis(z, axis, error);
    if (!status && call->g) status = sj_check_view(g, error);
    if (!status && call->g) status = sj_check_shape(g, call->z->ndim, call->z->shape, error);
    if (!status) status = sj_check_view(out, error);
    if (!status) status = expected_shape(call, *axis, &ndim, shape, error);
    if (!status) status = sj_check_shape(out, ndim, shape, error);
    if (!status && call->takes_q && call->z->shape[*axis] > 0 && call->q >= call->z->shape[*axis])
        status = sj_fail(error, SJ_BAD_CLASS, "q: %zu; expected below n = %zu", call->q, call->z->shape[*axis]);
    if (!status) status = sj_check_output(out, error);
    if (!status) status = sj_check_overlap(out, z, in_place, error);
    if (!status && call->g) status = sj_check_overlap(out, g, in_place, error);
    return status;
}

static sj_operand operand(const sj_view *view, ptrdiff_t class_stride) {
    return (sj_operand){view->data, view->dtype, 0, class_stride, 0};
}

/* The strides of a row of the result. */
static sj_operand result_operand(const sj_call *call, int axis) {
    const sj_view *out = call->out;
    sj_operand result = operand(out, 0);
    if (call->result == SJ_RESULT_SAME || call->result == SJ_RESULT_DENSE) result.class_stride = out->strides[axis];
    if (call->result == SJ_RESULT_DENSE) result.input_stride = out->strides[call->z->ndim + axis];
    if (call->result == SJ_RESULT_BLOCKS) {
        result.class_stride = out->strides[out->ndim - 2];
        result.input_stride = out->strides[out->ndim - 1];
    }
    return result;
}

static sj_run first_row(const sj_call *call, const sj_options *options, int axis) {
    return (sj_run){.rows = 0,
                    .n = call->z->shape[axis],
                    .z = operand(call->z, call->z->strides[axis]),
                    .g = call->g ? operand(call->g, call->g->strides[axis]) : (sj_operand){.data = NULL},
                    .out = result_operand(call, axis),
                    .q = call->q,
                    .nonfinite = options->nonfinite,
                    .given = options->given};
}

/* The stride of a dimension that is walked; the others may hold anything. */
static ptrdiff_t step(const sj_view *view, int d) { return view->shape[d] > 1 ? view->strides[d] : 0; }

/* A dense Jacobian is its blocks: entry [p, q, i, r] is theirs where p = i, which is one stride, the sum of both. */
static void set_batch(const sj_call *call, int axis, sj_batch *batch) {
    batch->ndim = 0;
    for (int d = 0, e = 0; d < call->z->ndim; d++) {
        if (d == axis) continue;
        const int b = batch->ndim++;
        batch->shape[b] = call->z->shape[d];
        batch->z[b] = call->z->shape[axis] > 0 ? step(call->z, d) : 0;
        batch->g[b] = call->g ? step(call->g, d) : 0;
        switch (call->result) {
        case SJ_RESULT_SAME:
            batch->out[b] = step(call->out, d);
            break;
        case SJ_RESULT_DENSE:
            batch->out[b] = step(call->out, d) + step(call->out, call->z->ndim + d);
            break;
        default:
            batch->out[b] = step(call->out, e++);
        }
    }
}

static sj_dtype widest(const sj_call *call) {
    const bool wide = call->z->dtype == SJ_F64 || call->out->dtype == SJ_F64 || (call->g && call->g->dtype == SJ_F64);
    return wide ? SJ_F64 : SJ_F32;
}

/* Dimensions from d on are one contiguous block in C order. */
static bool is_block(const sj_view *view, int d) {
    ptrdiff_t expected = 1;
    for (int e = view->ndim - 1; e >= d; e--) {
        if (view->shape[e] == 1) continue;
        if (view->strides[e] != expected) return false;
        expected *= (ptrdiff_t)view->shape[e];
    }
    return true;
}

/* +0 into every element from dimension d on, block by block. */
static void fill_zero(const sj_view *view, int d, char *data) {
    const size_t item = sj_dtype_size(view->dtype);
    if (is_block(view, d)) {
        size_t bytes = item;
        for (int e = d; e < view->ndim; e++) bytes *= view->shape[e];
        if (bytes > 0) memset(data, 0, bytes);
        return;
    }
    for (size_t i = 0; i < view->shape[d]; i++)
        fill_zero(view, d + 1, data + (ptrdiff_t)i * view->strides[d] * (ptrdiff_t)item);
}

/* Sums keep what roundings lose, which is a number of the dtype only when rounding to nearest: so that is the mode
 * while a call computes, on every thread it uses, and the caller's is back before it returns. */
static void run_rounding_to_nearest(const sj_call *call, const sj_options *options, int axis, sj_run *run) {
    sj_batch batch;
    set_batch(call, axis, &batch);
    const int rounding = fegetround();
    if (rounding != FE_TONEAREST) (void)fesetround(FE_TONEAREST);
    sj_plan_run(call->operation, widest(call), options->mode, options->threads, &batch, run);
    if (rounding != FE_TONEAREST) (void)fesetround(rounding);
}

sj_status sj_call_rows(const sj_call *call, const sj_options *options) {
    static const sj_options defaults = SJ_OPTIONS_INIT;
    int axis;
    if (options && options->size != sizeof *options)
        return SJ_BAD_OPTION; /* its other fields, the error among them, cannot be relied on */
    if (!options) options = &defaults;
    const sj_status status = check_call(call, options, &axis);
    if (status) return status;
    sj_run run = first_row(call, options, axis);
    if (run.n == 0 && call->result != SJ_RESULT_NO_CLASS) return SJ_OK;
    if (call->result == SJ_RESULT_DENSE) fill_zero(call->out, 0, call->out->data);
    run_rounding_to_nearest(call, options, axis, &run);
    return SJ_OK;
}
