/* gradient.c: the derivative of one output with respect to the inputs of its row. Public; calls call.c. */
#include "call.h"

static sj_status gradient(sj_operation operation, const sj_view *z, size_t q, const sj_view *out,
                          const sj_options *options) {
    const sj_call call = {.operation = operation, .z = z, .out = out, .q = q, .takes_q = true, .derivative = true};
    return sj_call_rows(&call, options);
}

sj_status sj_softmax_gradient(sj_view z, size_t q, sj_view out, const sj_options *options) {
    return gradient(SJ_OP_GRADIENT, &z, q, &out, options);
}

sj_status sj_log_softmax_gradient(sj_view z, size_t q, sj_view out, const sj_options *options) {
    return gradient(SJ_OP_LOG_GRADIENT, &z, q, &out, options);
}
