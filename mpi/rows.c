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
    case OPERATION_VJP:
        return sj_softmax_vjp(of->z, of->g, of->out, &options);
    }
    return SJ_BAD_OPTION;
}
