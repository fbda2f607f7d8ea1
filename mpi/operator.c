/* operator.c: the Jacobian as an operator: states of this rank's pieces are kept, so that applying it reads the logits
 * only for weights, and takes one message for each block. Public; calls request.c. */
#include "internal.h"

#include <stdlib.h>

struct sj_mpi_operator {
    sj_mpi *group;
    sj_view z;
    sj_options options;
    sj_state *states; /* NULL where rows are divided */
};

sj_status sj_mpi_operator_create(sj_mpi *group, sj_view z, const sj_options *options, sj_mpi_operator **to) {
    call of = {.operation = OPERATION_PREPARE, .z = z};
    sj_mpi_operator *made = calloc(1, sizeof *made);
    const size_t rows = is_divided(group) && group->rows > 0 ? group->rows : 1;
    sj_mpi_options(&of, options);
    *to = NULL;
    if (made) of.states = made->states = calloc(rows, sizeof *of.states); /* without, the call tells all ranks */
    const sj_status status = sj_mpi_run(group, &of);
    if (status || !made) {
        sj_mpi_operator_free(made);
        return status;
    }
    made->group = group;
    made->z = z;
    made->options = of.options;
    *to = made;
    return SJ_OK;
}

void sj_mpi_operator_free(sj_mpi_operator *of) {
    if (of) free(of->states);
    free(of);
}

static call describe(const sj_mpi_operator *of, sj_view v, sj_view out, sj_error *error) {
    call apply = {.operation = OPERATION_APPLY, .z = of->z, .g = v, .g_name = "v", .out = out, .readable = true};
    apply.options = of->options;
    apply.options.error = error;
    apply.states = of->states;
    return apply;
}

sj_status sj_mpi_iapply(sj_mpi_operator *of, sj_view v, sj_view out, sj_error *error, sj_mpi_request **request) {
    const call apply = describe(of, v, out, error);
    return sj_mpi_start(of->group, &apply, request);
}

sj_status sj_mpi_apply(sj_mpi_operator *of, sj_view v, sj_view out, sj_error *error) {
    const call apply = describe(of, v, out, error);
    return sj_mpi_run(of->group, &apply);
}
