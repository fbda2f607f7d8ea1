/* products.c: VJP and JVP of softmax and log-softmax. Public; calls call.c. */
#include "call.h"

static sj_status product(sj_operation operation, const sj_view *z, const sj_view *g, const char *g_name,
                         const sj_view *out, const sj_options *options) {
    const sj_call call = {.operation = operation, .z = z, .g = g, .g_name = g_name, .out = out, .derivative = true};
    return sj_call_rows(&call, options);
}

sj_status sj_softmax_vjp(sj_view z, sj_view g, sj_view out, const sj_options *options) {
    return product(SJ_OP_PRODUCT, &z, &g, "g", &out, options);
}

sj_status sj_softmax_jvp(sj_view z, sj_view t, sj_view out, const sj_options *options) {
    return product(SJ_OP_PRODUCT, &z, &t, "t", &out, options);
}

sj_status sj_log_softmax_vjp(sj_view z, sj_view g, sj_view out, const sj_options *options) {
    return product(SJ_OP_LOG_VJP, &z, &g, "g", &out, options);
}

sj_status sj_log_softmax_jvp(sj_view z, sj_view t, sj_view out, const sj_options *options) {
    return product(SJ_OP_LOG_JVP, &z, &t, "t", &out, options);
}
