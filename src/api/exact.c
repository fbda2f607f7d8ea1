/* exact.c: rows of exact mode that come in pieces: their sums, and results emitted from them. Public; calls call.c, to
 * which an array of records is a view of doubles, one record a row. */
#include "call.h"
#include "masks.h"
#include "records.h"

/* The depths of exact mode, where products have float32 throughout and elsewhere. */
enum { DEPTH_SINGLE = 128, DEPTH = 1024 };

/* The options as given, or none, but of exact mode. False: they cannot be read. */
static bool exact_options(const sj_options *options, sj_options *own) {
    static const sj_options defaults = SJ_OPTIONS_INIT;
    if (options && options->size != sizeof *options) return false;
    *own = options ? *options : defaults;
    own->mode = SJ_EXACT;
    return true;
}

static size_t depth_of(const sj_view *z, const sj_view *g, sj_dtype results) {
    return g && z->dtype != SJ_F64 && g->dtype != SJ_F64 && results != SJ_F64 ? DEPTH_SINGLE : DEPTH;
}

sj_status sj_exact_add(sj_view z, const sj_view *g, sj_dtype results, sj_exact *rows, size_t first,
                       const sj_options *options) {
    sj_options own;
    int axis = 0;
    if (!exact_options(options, &own)) return SJ_BAD_OPTION;
    const sj_status status = sj_check_records(&z, rows, "rows", &own, &axis);
    if (status) return status;
    if (g && !sj_is_of(results, SJ_REALS))
        return sj_fail(own.error, SJ_BAD_DTYPE, "results: dtype %d; expected that of the product", (int)results);
    const sj_view out = sj_records(rows, sizeof *rows, &z, axis, false);
    const sj_call call = {.operation = SJ_OP_STATE_DOT,
                          .result = SJ_RESULT_NO_CLASS,
                          .z = &z,
                          .out = &out,
                          .g = g,
                          .g_name = "g",
                          .q = depth_of(&z, g, results),
                          .first = first};
    return sj_call_rows(&call, &own);
}

static sj_status emit(sj_operation operation, const sj_view *z, const sj_view *g, const sj_exact *rows, size_t first,
                      size_t q, const sj_view *out, const sj_options *options) {
    sj_options own;
    int axis = 0;
    if (!exact_options(options, &own)) return SJ_BAD_OPTION;
    const sj_status status = sj_check_records(z, rows, "rows", &own, &axis);
    if (status) return status;
    const sj_view of = sj_records(rows, sizeof *rows, z, axis, true);
    const sj_call call = {.operation = operation,
                          .z = z,
                          .g = g,
                          .g_name = "g",
                          .more = {{NULL, NULL}, {"rows", &of}},
                          .out = out,
                          .q = q,
                          .first = first};
    return sj_call_rows(&call, &own);
}

sj_status sj_exact_softmax(sj_view z, const sj_exact *rows, size_t first, sj_view out, const sj_options *options) {
    return emit(SJ_OP_STATE_SOFTMAX, &z, NULL, rows, first, 0, &out, options);
}

sj_status sj_exact_log_softmax(sj_view z, const sj_exact *rows, size_t first, sj_view out, const sj_options *options) {
    return emit(SJ_OP_STATE_LOG_SOFTMAX, &z, NULL, rows, first, 0, &out, options);
}

sj_status sj_exact_softmax_gradient(sj_view z, const sj_exact *rows, size_t first, size_t q, sj_view out,
                                    const sj_options *options) {
    return emit(SJ_OP_STATE_GRADIENT, &z, NULL, rows, first, q, &out, options);
}

sj_status sj_exact_log_softmax_gradient(sj_view z, const sj_exact *rows, size_t first, size_t q, sj_view out,
                                        const sj_options *options) {
    return emit(SJ_OP_STATE_LOG_GRADIENT, &z, NULL, rows, first, q, &out, options);
}

sj_status sj_exact_vjp(sj_view z, sj_view g, const sj_exact *rows, size_t first, sj_view out,
                       const sj_options *options) {
    return emit(SJ_OP_STATE_PRODUCT, &z, &g, rows, first, 0, &out, options);
}

sj_status sj_exact_logsumexp(const sj_exact *rows, sj_view out, const sj_options *options) {
    sj_options own;
    sj_view z;
    int axis = 0;
    if (!exact_options(options, &own)) return SJ_BAD_OPTION;
    sj_status status = sj_rows_behind(&out, &own, &z);
    if (!status) status = sj_check_records(&z, rows, "rows", &own, &axis);
    if (status) return status;
    sj_view of = sj_records(rows, sizeof *rows, &z, axis, true);
    of.axis = -1;
    const sj_call call = {
        .operation = SJ_OP_STATE_LOGSUMEXP, .result = SJ_RESULT_NO_CLASS, .z = &of, .out = &out, .compute = SJ_F64};
    return sj_call_rows(&call, &own);
}
