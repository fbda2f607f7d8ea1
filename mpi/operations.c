/* operations.c: the operations, each a description of its call. Public; calls request.c. */
#include "internal.h"

static call describe(operation what, sj_view z, sj_view out, const sj_options *options) {
    call of = {.operation = what, .z = z, .out = out};
    sj_mpi_options(&of, options);
    return of;
}

static call describe_gradient(operation what, sj_view z, size_t q, sj_view out, const sj_options *options) {
    call of = describe(what, z, out, options);
    of.q = q;
    return of;
}

static call describe_product(operation what, sj_view z, sj_view g, const char *name, sj_view out,
                             const sj_options *options) {
    call of = describe(what, z, out, options);
    of.g = g;
    of.g_name = name;
    return of;
}

static call describe_jacobian(operation what, sj_view z, sj_layout layout, sj_view out, const sj_options *options) {
    call of = describe(what, z, out, options);
    of.layout = layout;
    return of;
}

sj_status sj_mpi_isoftmax(sj_mpi *group, sj_view z, sj_view out, const sj_options *options, sj_mpi_request **request) {
    const call of = describe(OPERATION_SOFTMAX, z, out, options);
    return sj_mpi_start(group, &of, request);
}

sj_status sj_mpi_softmax(sj_mpi *group, sj_view z, sj_view out, const sj_options *options) {
    const call of = describe(OPERATION_SOFTMAX, z, out, options);
    return sj_mpi_run(group, &of);
}

sj_status sj_mpi_ilog_softmax(sj_mpi *group, sj_view z, sj_view out, const sj_options *options,
                              sj_mpi_request **request) {
    const call of = describe(OPERATION_LOG_SOFTMAX, z, out, options);
    return sj_mpi_start(group, &of, request);
}

sj_status sj_mpi_log_softmax(sj_mpi *group, sj_view z, sj_view out, const sj_options *options) {
    const call of = describe(OPERATION_LOG_SOFTMAX, z, out, options);
    return sj_mpi_run(group, &of);
}

sj_status sj_mpi_ilogsumexp(sj_mpi *group, sj_view z, sj_view out, const sj_options *options,
                            sj_mpi_request **request) {
    const call of = describe(OPERATION_LOGSUMEXP, z, out, options);
    return sj_mpi_start(group, &of, request);
}

sj_status sj_mpi_logsumexp(sj_mpi *group, sj_view z, sj_view out, const sj_options *options) {
    const call of = describe(OPERATION_LOGSUMEXP, z, out, options);
    return sj_mpi_run(group, &of);
}

sj_status sj_mpi_isoftmax_gradient(sj_mpi *group, sj_view z, size_t q, sj_view out, const sj_options *options,
                                   sj_mpi_request **request) {
    const call of = describe_gradient(OPERATION_GRADIENT, z, q, out, options);
    return sj_mpi_start(group, &of, request);
}

sj_status sj_mpi_softmax_gradient(sj_mpi *group, sj_view z, size_t q, sj_view out, const sj_options *options) {
    const call of = describe_gradient(OPERATION_GRADIENT, z, q, out, options);
    return sj_mpi_run(group, &of);
}

sj_status sj_mpi_ilog_softmax_gradient(sj_mpi *group, sj_view z, size_t q, sj_view out, const sj_options *options,
                                       sj_mpi_request **request) {
    const call of = describe_gradient(OPERATION_LOG_GRADIENT, z, q, out, options);
    return sj_mpi_start(group, &of, request);
}

sj_status sj_mpi_log_softmax_gradient(sj_mpi *group, sj_view z, size_t q, sj_view out, const sj_options *options) {
    const call of = describe_gradient(OPERATION_LOG_GRADIENT, z, q, out, options);
    return sj_mpi_run(group, &of);
}

sj_status sj_mpi_isoftmax_vjp(sj_mpi *group, sj_view z, sj_view g, sj_view out, const sj_options *options,
                              sj_mpi_request **request) {
    const call of = describe_product(OPERATION_VJP, z, g, "g", out, options);
    return sj_mpi_start(group, &of, request);
}

sj_status sj_mpi_softmax_vjp(sj_mpi *group, sj_view z, sj_view g, sj_view out, const sj_options *options) {
    const call of = describe_product(OPERATION_VJP, z, g, "g", out, options);
    return sj_mpi_run(group, &of);
}

sj_status sj_mpi_isoftmax_jvp(sj_mpi *group, sj_view z, sj_view t, sj_view out, const sj_options *options,
                              sj_mpi_request **request) {
    const call of = describe_product(OPERATION_VJP, z, t, "t", out, options);
    return sj_mpi_start(group, &of, request);
}

sj_status sj_mpi_softmax_jvp(sj_mpi *group, sj_view z, sj_view t, sj_view out, const sj_options *options) {
    const call of = describe_product(OPERATION_VJP, z, t, "t", out, options);
    return sj_mpi_run(group, &of);
}

sj_status sj_mpi_ilog_softmax_vjp(sj_mpi *group, sj_view z, sj_view g, sj_view out, const sj_options *options,
                                  sj_mpi_request **request) {
    const call of = describe_product(OPERATION_LOG_VJP, z, g, "g", out, options);
    return sj_mpi_start(group, &of, request);
}

sj_status sj_mpi_log_softmax_vjp(sj_mpi *group, sj_view z, sj_view g, sj_view out, const sj_options *options) {
    const call of = describe_product(OPERATION_LOG_VJP, z, g, "g", out, options);
    return sj_mpi_run(group, &of);
}

sj_status sj_mpi_ilog_softmax_jvp(sj_mpi *group, sj_view z, sj_view t, sj_view out, const sj_options *options,
                                  sj_mpi_request **request) {
    const call of = describe_product(OPERATION_LOG_JVP, z, t, "t", out, options);
    return sj_mpi_start(group, &of, request);
}

sj_status sj_mpi_log_softmax_jvp(sj_mpi *group, sj_view z, sj_view t, sj_view out, const sj_options *options) {
    const call of = describe_product(OPERATION_LOG_JVP, z, t, "t", out, options);
    return sj_mpi_run(group, &of);
}

sj_status sj_mpi_isoftmax_jacobian(sj_mpi *group, sj_view z, sj_layout layout, sj_view out, const sj_options *options,
                                   sj_mpi_request **request) {
    const call of = describe_jacobian(OPERATION_JACOBIAN, z, layout, out, options);
    return sj_mpi_start(group, &of, request);
}

sj_status sj_mpi_softmax_jacobian(sj_mpi *group, sj_view z, sj_layout layout, sj_view out, const sj_options *options) {
    const call of = describe_jacobian(OPERATION_JACOBIAN, z, layout, out, options);
    return sj_mpi_run(group, &of);
}

sj_status sj_mpi_ilog_softmax_jacobian(sj_mpi *group, sj_view z, sj_layout layout, sj_view out,
                                       const sj_options *options, sj_mpi_request **request) {
    const call of = describe_jacobian(OPERATION_LOG_JACOBIAN, z, layout, out, options);
    return sj_mpi_start(group, &of, request);
}

sj_status sj_mpi_log_softmax_jacobian(sj_mpi *group, sj_view z, sj_layout layout, sj_view out,
                                      const sj_options *options) {
    const call of = describe_jacobian(OPERATION_LOG_JACOBIAN, z, layout, out, options);
    return sj_mpi_run(group, &of);
}
