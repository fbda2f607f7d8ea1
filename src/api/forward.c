/* forward.c: softmax, log-softmax, logsumexp. Public; calls call.c. */
#include "call.h"

static sj_status forward(sj_operation operation, sj_result result, const sj_view *z, const sj_view *out,
                         const sj_options *options) {
    const sj_call call = {.operation = operation, .result = result, .z = z, .out = out};
    return sj_call_rows(&call, options);
}

sj_status sj_softmax(sj_view z, sj_view out, const sj_options *options) {
    return forward(SJ_OP_SOFTMAX, SJ_RESULT_SAME, &z, &out, options);
}

sj_status sj_log_softmax(sj_view z, sj_view out, const sj_options *options) {
    return forward(SJ_OP_LOG_SOFTMAX, SJ_RESULT_SAME, &z, &out, options);
}

sj_status sj_logsumexp(sj_view z, sj_view out, const sj_options *options) {
    return forward(SJ_OP_LOGSUMEXP, SJ_RESULT_NO_CLASS, &z, &out, options);
}
