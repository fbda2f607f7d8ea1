/* jacobian.c: the Jacobian as blocks or dense. Public; calls call.c. */
#include "call.h"
#include "check.h"

static sj_status jacobian(sj_operation operation, sj_view z, sj_layout layout, sj_view out, const sj_options *options) {
    const sj_call call = {.operation = operation,
                          .result = layout == SJ_DENSE ? SJ_RESULT_DENSE : SJ_RESULT_BLOCKS,
                          .z = &z,
                          .out = &out,
                          .derivative = true};
    if (layout != SJ_BLOCKS && layout != SJ_DENSE)
        return sj_fail(options && options->size == sizeof *options ? options->error : NULL, SJ_BAD_OPTION,
                       "layout: %d; expected SJ_BLOCKS or SJ_DENSE", (int)layout);
    return sj_call_rows(&call, options);
}

sj_status sj_softmax_jacobian(sj_view z, sj_layout layout, sj_view out, const sj_options *options) {
    return jacobian(SJ_OP_JACOBIAN, z, layout, out, options);
}

sj_status sj_log_softmax_jacobian(sj_view z, sj_layout layout, sj_view out, const sj_options *options) {
    return jacobian(SJ_OP_LOG_JACOBIAN, z, layout, out, options);
}
