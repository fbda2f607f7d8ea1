/* rows.c: a call whose rows are divided: each rank's are the library's. Called by request.c. */
#include "internal.h"

sj_status sj_mpi_compute_rows(sj_mpi_request *r) {
    const call *of = &r->call;
    sj_options options = of->options;
    options.error = &r->error;
    switch (of->operation) {
    case OPERATION_SOFTMAX:
        return sj_softmax(of->z, of->out, &options);
    case OPERATION_LOG_SOFTMAX:
        return sj_log_softmax(of->z, of->out, &options);
    case OPERATION_LOGSUMEXP:
        return sj_logsumexp(of->z, of->out, &options);
    case OPERATION_GRADIENT:
        return sj_softmax_gradient(of->z, of->q, of->out, &options);
    case OPERATION_LOG_GRADIENT:
        return sj_log_softmax_gradient(of->z, of->q, of->out, &options);
    case OPERATION_VJP:
    case OPERATION_APPLY:
        return sj_softmax_vjp(of->z, of->g, of->out, &options);
    case OPERATION_LOG_VJP:
        return sj_log_softmax_vjp(of->z, of->g, of->out, &options);
    case OPERATION_LOG_JVP:
        return sj_log_softmax_jvp(of->z, of->g, of->out, &options);
    case OPERATION_JACOBIAN:
        return sj_softmax_jacobian(of->z, of->layout, of->out, &options);
    case OPERATION_LOG_JACOBIAN:
        return sj_log_softmax_jacobian(of->z, of->layout, of->out, &options);
    case OPERATION_CROSS_ENTROPY:
        return sj_mpi_compute_losses(r);
    case OPERATION_PREPARE:
        break;
    }
    return SJ_OK;
}
