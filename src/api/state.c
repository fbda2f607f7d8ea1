/* state.c: public row states: reduction, merging, and results emitted from them. Public; calls call.c, to which an
 * array of states is a view of doubles, one state a row, and plan/ for what merges. */
#include "call.h"
#include "check.h"
#include "records.h"

#include "masks.h"
#include "plan/dispatch.h"

/* What can be said of z and options before the states beside it are a view. */
static sj_status check(const sj_view *z, const void *data, const char *name, const sj_options *options, int *axis) {
    const sj_status status =
        options && options->size != sizeof *options ? SJ_BAD_OPTION : sj_refuse_readings(options, "a row state");
    return status ? status : sj_check_records(z, data, name, options, axis);
}

/* Float32 unless a view is wider, or the maximum of a state, which another piece may have had in float64. */
static sj_dtype compute_of(const sj_call *call, const void *data, size_t size, size_t rows) {
    bool wide =
        call->z->dtype == SJ_F64 || (call->out && call->out->dtype == SJ_F64) || (call->g && call->g->dtype == SJ_F64);
    for (size_t i = 0; i < rows && !wide; i++)
        wide = !sj_is_single(((const sj_state *)(const void *)((const char *)data + i * size))->max);
    return wide ? SJ_F64 : SJ_F32;
}

sj_status sj_state_update(sj_view z, sj_state *states, const sj_options *options) {
    sj_options own = SJ_OPTIONS_INIT;
    int axis = 0;
    const sj_status status = check(&z, states, "states", options, &axis);
    if (status) return status;
    if (options) own = *options;
    own.nonfinite = SJ_LIMIT; /* a state keeps what a policy decides on later */
    const sj_view out = sj_records(states, sizeof *states, &z, axis, false);
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

sj_status sj_product_merge(sj_product *into, const sj_product *after, size_t count) {
    sj_join_products *join = sj_dispatch()->exact->join_products;
    if (count > 0 && (!into || !after)) return SJ_BAD_POINTER;
    for (size_t i = 0; i < count; i++) {
        const sj_product part = after[i];
        join(&into[i], &part);
    }
    return SJ_OK;
}

sj_status sj_state_logsumexp(const sj_state *states, sj_view out, const sj_options *options) {
    int axis = 0;
    sj_view z;
    sj_status status = sj_rows_behind(&out, options, &z);
    if (!status) status = check(&z, states, "states", options, &axis);
    if (status) return status;
    sj_view of = sj_records(states, sizeof *states, &z, axis, true);
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
    const sj_view u = sj_records(states, sizeof *states, z, axis, true);
    sj_call call = {.operation = operation, .z = z, .more = {{"states", &u}}, .out = out, .first = first};
    call.compute = compute_of(&call, states, sizeof *states, sj_rows_of(z, axis));
    return sj_call_rows(&call, options);
}

sj_status sj_state_softmax(sj_view z, const sj_state *states, size_t first, sj_view out, const sj_options *options) {
    return emit(SJ_OP_STATE_SOFTMAX, &z, states, first, &out, options);
}

sj_status sj_state_log_softmax(sj_view z, const sj_state *states, size_t first, sj_view out,
                               const sj_options *options) {
    return emit(SJ_OP_STATE_LOG_SOFTMAX, &z, states, first, &out, options);
}

static sj_status emit_gradient(sj_operation operation, const sj_view *z, const sj_pick *picks, size_t first, size_t q,
                               const sj_view *out, const sj_options *options) {
    int axis = 0;
    const sj_status status = check(z, picks, "picks", options, &axis);
    if (status) return status;
    const sj_view u = sj_records(picks, sizeof *picks, z, axis, true);
    sj_call call = {
        .operation = operation, .z = z, .more = {{NULL, NULL}, {"picks", &u}}, .out = out, .q = q, .first = first};
    const size_t rows = sj_rows_of(z, axis);
    call.compute = sj_picks_are_single(picks, rows) ? compute_of(&call, picks, sizeof *picks, rows) : SJ_F64;
    return sj_call_rows(&call, options);
}

sj_status sj_state_softmax_gradient(sj_view z, const sj_pick *picks, size_t first, size_t q, sj_view out,
                                    const sj_options *options) {
    return emit_gradient(SJ_OP_STATE_GRADIENT, &z, picks, first, q, &out, options);
}

sj_status sj_state_log_softmax_gradient(sj_view z, const sj_pick *picks, size_t first, size_t q, sj_view out,
                                        const sj_options *options) {
    return emit_gradient(SJ_OP_STATE_LOG_GRADIENT, &z, picks, first, q, &out, options);
}

sj_status sj_state_dot(sj_view z, sj_view g, sj_product *products, const sj_options *options) {
    int axis = 0;
    const sj_status status = check(&z, products, "products", options, &axis);
    if (status) return status;
    const sj_view out = sj_records(products, sizeof *products, &z, axis, false);
    sj_call call = {.operation = SJ_OP_STATE_DOT, .result = SJ_RESULT_NO_CLASS, .z = &z, .g = &g, .g_name = "g"};
    call.compute = compute_of(&call, products, sizeof *products, sj_rows_of(&z, axis));
    call.out = &out;
    return sj_call_rows(&call, options);
}

sj_status sj_state_vjp(sj_view z, sj_view g, const sj_product *products, sj_view out, const sj_options *options) {
    int axis = 0;
    const sj_status status = check(&z, products, "products", options, &axis);
    if (status) return status;
    const sj_view u = sj_records(products, sizeof *products, &z, axis, true);
    sj_call call = {
        .operation = SJ_OP_STATE_PRODUCT, .z = &z, .g = &g, .g_name = "g", .more = {{"products", &u}}, .out = &out};
    call.compute = compute_of(&call, products, sizeof *products, sj_rows_of(&z, axis));
    return sj_call_rows(&call, options);
}
