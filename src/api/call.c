/* call.c: checks a call, describes its first row and its batch, and runs the plan. Called by the public functions;
 * calls check.c and plan/. */
#include "call.h"

#include "check.h"
#include "masks.h"
#include "offsets.h"
#include "plan/plan.h"

#include <fenv.h>
#include <stdint.h>
#include <string.h>

/* Shape the output must have; offsets: those of packed rows, or NULL. */
static sj_status expected_shape(const sj_call *call, const sj_view *offsets, int axis, int *ndim, size_t *shape,
                                sj_error *error) {
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
        else if (offsets)
            shape[count++] = offsets->shape[0] - 1;
    if (call->result == SJ_RESULT_BLOCKS) {
        shape[count++] = n;
        shape[count++] = n;
    }
    if (call->result == SJ_RESULT_DENSE)
        for (int d = 0; d < z->ndim; d++) shape[count++] = z->shape[d];
    *ndim = count;
    return SJ_OK;
}

/* Elements may be read, or written, through the view. */
static bool is_sound(const sj_view *view, int ndim) {
    const bool known = sj_is_of(view->dtype, SJ_REALS);
    return known && view->ndim == ndim && view->data && ((uintptr_t)view->data & (sj_dtype_size(view->dtype) - 1)) == 0;
}

/* Packed arrays of so many elements share no memory, or are the same. */
static bool are_apart(const sj_view *a, const sj_view *b, size_t elements) {
    const uintptr_t a_low = (uintptr_t)a->data, b_low = (uintptr_t)b->data;
    if (a_low + elements * sj_dtype_size(a->dtype) <= b_low || b_low + elements * sj_dtype_size(b->dtype) <= a_low)
        return true;
    return a_low == b_low && a->dtype == b->dtype;
}

/* Rows of a call on C-ordered arrays of one shape whose last axis is that of the classes, which most are: every check
 * of views would pass. 0 where that is not known. */
static size_t packed_rows(const sj_call *call) {
    const sj_view *z = call->z, *out = call->out, *g = call->g ? call->g : z;
    const int ndim = z->ndim;
    size_t elements = 1, rows = 1;
    if (call->result != SJ_RESULT_SAME || ndim < 1 || ndim > SJ_MAX_NDIM || (z->axis != ndim - 1 && z->axis != -1))
        return 0;
    if (!is_sound(z, ndim) || !is_sound(out, ndim) || !is_sound(g, ndim) || call->q >= z->shape[ndim - 1]) return 0;
    if (call->more[0].view || call->more[1].view) return 0;
    for (int d = ndim - 1; d >= 0; d--) {
        const size_t size = z->shape[d];
        const ptrdiff_t stride = (ptrdiff_t)elements;
        if (out->shape[d] != size || g->shape[d] != size) return 0;
        if (size != 1 && (z->strides[d] != stride || out->strides[d] != stride || g->strides[d] != stride)) return 0;
        if (!sj_multiply(elements, size, &elements)) return 0;
        if (d < ndim - 1) rows *= size;
    }
    if (elements > (size_t)PTRDIFF_MAX / sizeof(double)) return 0;
    return are_apart(out, z, elements) && are_apart(out, g, elements) ? rows : 0;
}

static sj_status check_views(const sj_call *call, const sj_view *offsets, sj_error *error, int *axis) {
    const sj_named_view z = {"z", call->z}, out = {"out", call->out};
    const sj_named_view beside[] = {{call->g_name, call->g}, call->more[0], call->more[1]};
    const bool in_place = call->result == SJ_RESULT_SAME;
    size_t shape[SJ_MAX_NDIM];
    int ndim = 0;
    sj_status status = sj_check_view(z, error);
    if (!status) status = sj_check_axis(z, axis, error);
    for (int i = 0; i < 1 + SJ_MORE && !status; i++) {
        if (!beside[i].view) continue;
        status = sj_check_view(beside[i], error);
        if (!status) status = sj_check_shape(beside[i], call->z->ndim, call->z->shape, error);
    }
    if (!status) status = sj_check_view(out, error);
    if (!status && offsets) status = sj_check_offsets(call, offsets, error);
    if (!status) status = expected_shape(call, offsets, *axis, &ndim, shape, error);
    if (!status) status = sj_check_shape(out, ndim, shape, error);
    if (!status && call->takes_q && call->z->shape[*axis] > 0 && call->q >= call->z->shape[*axis])
        status = sj_fail(error, SJ_BAD_CLASS, "q: %zu; expected below n = %zu", call->q, call->z->shape[*axis]);
    if (!status) status = sj_check_output(out, error);
    if (!status) status = sj_check_overlap(out, z, in_place, error);
    for (int i = 0; i < 1 + SJ_MORE && !status; i++)
        if (beside[i].view) status = sj_check_overlap(out, beside[i], in_place, error);
    return status;
}

static void set_operand(sj_operand *operand, const sj_view *view, ptrdiff_t class_stride) {
    operand->data = view->data;
    operand->dtype = view->dtype;
    operand->row_stride = 0;
    operand->class_stride = class_stride;
    operand->input_stride = 0;
}

/* The strides of a row of the result. */
static void set_result(sj_operand *result, const sj_call *call, int axis) {
    const sj_view *out = call->out ? call->out : call->z;
    const bool has_class = call->result == SJ_RESULT_SAME || call->result == SJ_RESULT_DENSE;
    set_operand(result, out, has_class ? out->strides[axis] : 0);
    if (!call->out) result->data = NULL;
    if (call->result == SJ_RESULT_DENSE) result->input_stride = out->strides[call->z->ndim + axis];
    if (call->result == SJ_RESULT_BLOCKS) {
        result->class_stride = out->strides[out->ndim - 2];
        result->input_stride = out->strides[out->ndim - 1];
    }
}

/* Field by field: an initializer of a struct as large is a string instruction, slow to start. */
static void set_first_row(const sj_call *call, const sj_options *options, int axis, sj_run *run) {
    const sj_view *z = call->z, *g = call->g ? call->g : z;
    run->rows = 0;
    run->n = z->shape[axis];
    set_operand(&run->z, z, z->strides[axis]);
    set_operand(&run->g, g, g->strides[axis]);
    if (!call->g) run->g.data = NULL;
    for (int i = 0; i < SJ_MORE; i++) {
        const sj_view *more = call->more[i].view ? call->more[i].view : z;
        set_operand(&run->more[i], more, more->strides[axis]);
        if (!call->more[i].view) run->more[i].data = NULL;
    }
    set_result(&run->out, call, axis);
    run->q = call->q;
    run->first = call->first;
    run->nonfinite = options->nonfinite;
    run->given = options->given;
    run->team = NULL;
    run->join = call->join;
    run->staged = false;
    run->reading = NULL;
    run->read_from = 0;
    run->read = SJ_UNREAD;
    run->sunk = false;
    run->losses = call->losses;
    for (int i = 0; i < SJ_ROW_NUMBERS && call->losses; i++) {
        set_operand(&run->numbers[i], call->numbers[i] ? call->numbers[i] : z, 0);
        if (!call->numbers[i]) run->numbers[i].data = NULL;
    }
}

/* All rows of a packed call. */
static void set_rows(sj_run *run, size_t rows) {
    run->rows = rows;
    run->z.row_stride = run->g.row_stride = run->out.row_stride = (ptrdiff_t)run->n;
}

/* The stride of a dimension that is walked; the others may hold anything. */
static ptrdiff_t step(const sj_view *view, int d) { return view->shape[d] > 1 ? view->strides[d] : 0; }

/* A dense Jacobian is its blocks: entry [p, q, i, r] is theirs where p = i, which is one stride, the sum of both. */
static void set_batch(const sj_call *call, int axis, sj_batch *batch) {
    batch->ndim = 0;
    for (int d = 0, e = 0; d < call->z->ndim; d++) {
        if (d == axis) continue;
        const int b = batch->ndim++;
        for (int i = 0; i < SJ_ROW_NUMBERS; i++)
            batch->numbers[i][b] = call->numbers[i] ? step(call->numbers[i], b) : 0;
        batch->shape[b] = call->z->shape[d];
        batch->z[b] = call->z->shape[axis] > 0 ? step(call->z, d) : 0;
        batch->g[b] = call->g ? step(call->g, d) : 0;
        for (int i = 0; i < SJ_MORE; i++) batch->more[i][b] = call->more[i].view ? step(call->more[i].view, d) : 0;
        switch (call->result) {
        case SJ_RESULT_SAME:
            batch->out[b] = call->out ? step(call->out, d) : 0;
            break;
        case SJ_RESULT_DENSE:
            batch->out[b] = step(call->out, d) + step(call->out, call->z->ndim + d);
            break;
        default:
            e += batch->ragged && d == axis + 1; /* packed rows are a dimension of the result */
            batch->out[b] = step(call->out, e++);
        }
    }
}

/* A scale is a factor of derivatives, and float32 has not the range for both before the last rounding. */
static bool reads_wide(const sj_call *call, const sj_options *options) {
    if (call->derivative && options->scale != 1) return true;
    return (options->bias && options->bias->dtype == SJ_F64) || (options->sink && options->sink->dtype == SJ_F64);
}

static sj_dtype widest(const sj_call *call, const sj_options *options) {
    if (call->compute) return call->compute;
    bool wide = call->z->dtype == SJ_F64 || call->out->dtype == SJ_F64 || (call->g && call->g->dtype == SJ_F64);
    for (int i = 0; i < SJ_MORE; i++) wide = wide || (call->more[i].view && call->more[i].view->dtype == SJ_F64);
    return wide || reads_wide(call, options) ? SJ_F64 : SJ_F32;
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

/* Asks the arithmetic, which is sooner answered than a question to the system's library. */
static bool rounds_to_nearest(void) {
    static const volatile double one = 1, tiny = 0x1p-60;
    return one + tiny == one && one - tiny == one;
}

/* Sums keep what roundings lose, which is a number of the dtype only when rounding to nearest: so that is the mode
 * while a call computes, on every thread it uses, and the caller's is back before it returns. */
static void run_rounding_to_nearest(const sj_call *call, const sj_options *options, sj_batch *batch, sj_run *run) {
    const int rounding = rounds_to_nearest() ? FE_TONEAREST : fegetround();
    if (rounding != FE_TONEAREST) (void)fesetround(FE_TONEAREST);
    sj_plan_run(call->operation, widest(call, options), options->mode, options->threads, batch, run);
    if (rounding != FE_TONEAREST) (void)fesetround(rounding);
}

sj_status sj_call_check(const sj_call *call, const sj_options *options) {
    int axis;
    if (options && options->size != sizeof *options) return SJ_BAD_OPTION;
    sj_error *error = options ? options->error : NULL;
    const sj_status status = options ? sj_check_options(options, call->derivative, error) : SJ_OK;
    return status ? status : check_views(call, options ? options->offsets : NULL, error, &axis);
}

sj_status sj_call_rows(const sj_call *call, const sj_options *options) {
    static const sj_options defaults = SJ_OPTIONS_INIT;
    sj_batch batch;
    sj_reading reading;
    sj_ragged ragged;
    sj_run run;
    int axis;
    if (options && options->size != sizeof *options)
        return SJ_BAD_OPTION; /* its other fields, the error among them, cannot be relied on */
    if (!options) options = &defaults;
    sj_status status = sj_check_options(options, call->derivative, options->error);
    if (status) return status;
    const bool plain = sj_reads_plainly(options);
    const size_t rows = plain && !options->offsets ? packed_rows(call) : 0;
    if (rows > 0)
        axis = call->z->ndim - 1;
    else
        status = check_views(call, options->offsets, options->error, &axis);
    batch.reading = NULL;
    batch.ragged = NULL;
    if (!status && options->offsets) status = sj_read_offsets(call, options, axis, &ragged, &batch);
    if (!status && !plain) status = sj_read_masks(call, options, axis, &reading, &batch);
    if (status) return status;
    set_first_row(call, options, axis, &run);
    if (rows > 0) {
        set_rows(&run, rows);
        run_rounding_to_nearest(call, options, NULL, &run);
        return SJ_OK;
    }
    if (run.n == 0 && call->result != SJ_RESULT_NO_CLASS) return SJ_OK;
    if (call->result == SJ_RESULT_DENSE) fill_zero(call->out, 0, call->out->data);
    set_batch(call, axis, &batch);
    run.reading = batch.reading;
    run_rounding_to_nearest(call, options, &batch, &run);
    return SJ_OK;
}

void sj_call_checked(const sj_call *call, int axis, const sj_options *options) {
    sj_batch batch;
    sj_run run;
    set_first_row(call, options, axis, &run);
    batch.reading = NULL;
    batch.ragged = NULL;
    set_batch(call, axis, &batch);
    run_rounding_to_nearest(call, options, &batch, &run);
}
