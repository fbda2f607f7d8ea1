/* operations.c: the operations, each a description of its call. Public; calls request.c. */
#include "internal.h"

static call describe(operation what, sj_view z, sj_view out, const sj_options *options) {
    call of = {.operation = what, .z = z, .out = out};
    sj_mpi_options(&of, options);
    return of;
}

static call describe_product(sj_view z, sj_view g, const char *name, sj_view out, const sj_options *options) {
    call of = describe(OPERATION_VJP, z, out, options);
    of.g = g;
    of.g_name = name;
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

sj_status sj_mpi_isoftmax_vjp(sj_mpi *group, sj_view z, sj_view g, sj_view out, const sj_options *options,
                              sj_mpi_request **request) {
    const call of = describe_product(z, g, "g", out, options);
    return sj_mpi_start(group, &of, request);
}

sj_status sj_mpi_softmax_vjp(sj_mpi *group, sj_view z, sj_view g, sj_view out, const sj_options *options) {
    const call of = describe_product(z, g, "g", out, options);
    return sj_mpi_run(group, &of);
}

sj_status sj_mpi_isoftmax_jvp(sj_mpi *group, sj_view z, sj_view t, sj_view out, const sj_options *options,
                              sj_mpi_request **request) {
    const call of = describe_product(z, t, "t", out, options);
    return sj_mpi_start(group, &of, request);
}

sj_status sj_mpi_softmax_jvp(sj_mpi *group, sj_view z, sj_view t, sj_view out, const sj_options *options) {
    const call of = describe_product(z, t, "t", out, options);
    return sj_mpi_run(group, &of);
}
