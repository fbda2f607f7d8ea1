/* second.c: second derivatives: the VJP of the VJP, Hessian-vector products. Public; calls call.c. */
#include "call.h"
#include "masks.h"

static sj_status refuse(const sj_options *options) {
    if (options && options->size != sizeof *options) return SJ_BAD_OPTION;
    return sj_refuse_readings(options, "a second derivative");
}

/* H(z; g, u), plus J h where there is an h. */
static sj_call second(const sj_view *z, const sj_view *g, sj_named_view u, const sj_view *h, const sj_view *out) {
    return (sj_call){.operation = SJ_OP_SECOND,
                     .z = z,
                     .g = g,
                     .g_name = "g",
                     .more = {u, {"h", h}},
                     .out = out,
                     .derivative = true,
                     .compute = SJ_F64};
}

sj_status sj_softmax_hvp(sj_view z, sj_view g, sj_view v, const sj_view *h, sj_view out, const sj_options *options) {
    const sj_call call = second(&z, &g, (sj_named_view){"v", &v}, h, &out);
    const sj_status status = refuse(options);
    return status ? status : sj_call_rows(&call, options);
}

/* The first of two results replaces nothing that the second is made from. */
static sj_status check_both(const sj_view *z, const sj_view *u, const sj_view *grad_g, const sj_view *grad_z,
                            sj_error *error) {
    const sj_named_view out = {"grad_z", grad_z};
    sj_status status = sj_check_overlap(out, (sj_named_view){"z", z}, false, error);
    if (!status) status = sj_check_overlap(out, (sj_named_view){"u", u}, false, error);
    if (!status) status = sj_check_overlap(out, (sj_named_view){"grad_g", grad_g}, false, error);
    return status;
}

sj_status sj_softmax_double_backward(sj_view z, sj_view g, sj_view u, const sj_view *grad_g, const sj_view *grad_z,
                                     const sj_options *options) {
    const sj_call by_z = second(&z, &g, (sj_named_view){"u", &u}, NULL, grad_z);
    const sj_call by_g = {
        .operation = SJ_OP_PRODUCT, .z = &z, .g = &u, .g_name = "u", .out = grad_g, .derivative = true};
    sj_status status = refuse(options);
    if (!status && grad_z) status = sj_call_check(&by_z, options);
    if (!status && grad_g) status = sj_call_check(&by_g, options);
    if (!status && grad_z && grad_g) status = check_both(&z, &u, grad_g, grad_z, options ? options->error : NULL);
    if (!status && grad_z) status = sj_call_rows(&by_z, options);
    if (!status && grad_g) status = sj_call_rows(&by_g, options);
    return status;
}
