/* state.c: public row states: reduction, merging, and results emitted from them. Public; calls call.c, to which an
 * array of states is a view of doubles, one state a row, and plan/ for what merges. */
#include "call.h"
#include "check.h"
#include "masks.h"

#include "plan/dispatch.h"

#define STATE_DOUBLES (sizeof(sj_state) / sizeof(double))
#define PRODUCT_DOUBLES (sizeof(sj_product) / sizeof(double))

_Static_assert(sizeof(sj_state) % sizeof(double) == 0 && _Alignof(sj_state) == _Alignof(double), "a row of doubles");
_Static_assert(sizeof(sj_product) % sizeof(double) == 0, "a row of doubles");

/* An array of records beside the rows of z, which is checked. with_class: as an input of the shape of z, every entry of
 * a row the same record; else as a result without the class axis. */
static sj_view records(const void *data, size_t doubles, const sj_view *z, int axis, bool with_class) {
    sj_view view = {.data = (void *)data, .dtype = SJ_F64, .ndim = with_class ? z->ndim : z->ndim - 1};
    size_t stride = doubles;
    for (int d = z->ndim - 1, e = view.ndim - 1; d >= 0; d--) {
        if (d == axis && !with_class) continue;
        view.shape[e] = z->shape[d];
        view.strides[e--] = d == axis ? 0 : (ptrdiff_t)stride;
        if (d != axis) stride *= z->shape[d];
    }
    return view;
}

static size_t rows_of(const sj_view *z, int axis) {
    size_t rows = 1;
    for (int d = 0; d < z->ndim; d++)
        if (d != axis) rows *= z->shape[d];
    return rows;
}

/* What can be said of z and options before the records beside it are a view. */
static sj_status check(const sj_view *z, const void *data, const char *name, const sj_options *options, int *axis) {
    if (options && options->size != sizeof *options) return SJ_BAD_OPTION;
    sj_error *error = options ? options->error : NULL;
    const sj_named_view named = {"z", z};
    sj_status status = sj_refuse_readings(options, "a row state");
    if (!status) status = sj_check_view(named, error);
    if (!status) status = sj_check_axis(named, axis, error);
    if (!status && !data && rows_of(z, *axis) > 0)
        return sj_fail(error, SJ_BAD_POINTER, "%s: NULL; expected one a row, %zu", name, rows_of(z, *axis));
    return status;
}

/* Float32 unless a view is wider, or the maximum of a state, which another piece may have had in float64. */
static sj_dtype compute_of(const sj_call *call, const void *data, size_t size, size_t rows) {
    const bool wide =
        call->z->dtype == SJ_F64 || (call->out && call->out->dtype == SJ_F64) || (call->g && call->g->dtype == SJ_F64);
    for (size_t i = 0; i < rows && !wide; i++) {
        const double max = ((const sj_state *)(const void *)((const char *)data + i * size))->max;
        if (max == max && (double)(float)max != max) return SJ_F64;
    }
    return wide ? SJ_F64 : SJ_F32;
}

sj_status sj_state_update(sj_view z, sj_state *states, const sj_options *options) {
    sj_options own = SJ_OPTIONS_INIT;
    int axis = 0;
    const sj_status status = check(&z, states, "states", options, &axis);
    if (status) return status;
    if (options) own = *options;
    own.nonfinite = SJ_LIMIT; /* a state keeps what a policy decides on later */
    const sj_view out = records(states, STATE_DOUBLES, &z, axis, false);
    const sj_call call = {.operation = SJ_OP_STATE,
                          .result = SJ_RESULT_NO_CLASS,
                          .z = &z,
                          .out = &out,
                          .compute = z.dtype == SJ_F64 ? SJ_F64 : SJ_F32,
                          .join = sj_dispatch()->exact->join};
    return sj_call_rows(&call, &own);
}

sj_status sj_state_merge(sj_state *into, const sj_state *after, size_t count) {
    sj_join *join = sj_dispatch()->exact->join;
    if (count > 0 && (!into || !after)) return SJ_BAD_POINTER;
    for (size_t i = 0; i < count; i++) {
        const sj_state part = after[i];
        join(&into[i], &part);
    }
    return SJ_OK;
}

sj_status sj_state_logsumexp(const sj_state *states, sj_view out, const sj_options *options) {
    int axis = 0;
    sj_view z = out;
    if (out.ndim < 0 || out.ndim >= SJ_MAX_NDIM)
        return sj_fail(options && options->size == sizeof *options ? options->error : NULL, SJ_BAD_SHAPE,
                       "out: %d dimensions; expected 0 to %d", out.ndim, SJ_MAX_NDIM - 1);
    z.shape[z.ndim] = 1;
    z.strides[z.ndim++] = 1;
    z.axis = -1;
    const sj_status status = check(&z, states, "states", options, &axis);
    if (status) return status;
    sj_view of = records(states, STATE_DOUBLES, &z, axis, true);
    of.axis = -1;
    const sj_call call = {
        .operation = SJ_OP_STATE_LOGSUMEXP, .result = SJ_RESULT_NO_CLASS, .z = &of, .out = &out, .compute = SJ_F64};
    return sj_call_rows(&call, options);
}

static sj_status emit(sj_operation operation, const sj_view *z, const sj_state *states, size_t first,
                      const sj_view *out, const sj_options *options) {
    int axis = 0;
    const sj_status status = check(z, states, "states", options, &axis);
    if (status) return status;
    const sj_view u = records(states, STATE_DOUBLES, z, axis, true);
    sj_call call = {.operation = operation, .z = z, .more = {{"states", &u}}, .out = out, .q = first};
    call.compute = compute_of(&call, states, sizeof *states, rows_of(z, axis));
    return sj_call_rows(&call, options);
}

sj_status sj_state_softmax(sj_view z, const sj_state *states, size_t first, sj_view out, const sj_options *options) {
    return emit(SJ_OP_STATE_SOFTMAX, &z, states, first, &out, options);
}

sj_status sj_state_log_softmax(sj_view z, const sj_state *states, size_t first, sj_view out,
                               const sj_options *options) {
    return emit(SJ_OP_STATE_LOG_SOFTMAX, &z, states, first, &out, options);
}

sj_status sj_state_dot(sj_view z, sj_view g, sj_product *products, const sj_options *options) {
    int axis = 0;
    const sj_status status = check(&z, products, "products", options, &axis);
    if (status) return status;
    const sj_view out = records(products, PRODUCT_DOUBLES, &z, axis, false);
    sj_call call = {.operation = SJ_OP_STATE_DOT, .result = SJ_RESULT_NO_CLASS, .z = &z, .g = &g, .g_name = "g"};
    call.compute = compute_of(&call, products, sizeof *products, rows_of(&z, axis));
    call.out = &out;
    return sj_call_rows(&call, options);
}

sj_status sj_state_vjp(sj_view z, sj_view g, const sj_product *products, sj_view out, const sj_options *options) {
    int axis = 0;
    const sj_status status = check(&z, products, "products", options, &axis);
    if (status) return status;
    const sj_view u = records(products, PRODUCT_DOUBLES, &z, axis, true);
    sj_call call = {
        .operation = SJ_OP_STATE_PRODUCT, .z = &z, .g = &g, .g_name = "g", .more = {{"products", &u}}, .out = &out};
    call.compute = compute_of(&call, products, sizeof *products, rows_of(&z, axis));
    return sj_call_rows(&call, options);
}
