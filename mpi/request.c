/* request.c: a call from its arguments to its results. Where classes are divided, rows go in blocks: each is reduced
 * and its records sent, and what comes back is emitted; so a message is under way while the next block is reduced, and
 * while the caller computes. The first message tells every rank whether all can go on, and nothing is written before it
 * is in. Called by operations.c; calls MPI. */
#include "internal.h"

#include <stdlib.h>

static header header_of(const sj_mpi_request *r) {
    const call *of = &r->call;
    const sj_options *o = &of->options;
    return (header){.q = of->q,
                    .digest = of->losses.digest,
                    .rank = r->group->rank,
                    .operation = (int32_t)of->operation,
                    .options = (int32_t)o->mode << 8 | (int32_t)o->nonfinite << 4 | (int32_t)of->losses.how.reduction,
                    .dtype = of->z.dtype == SJ_F64,
                    .status = (int32_t)r->status,
                    .failed = r->group->rank,
                    .late = !is_divided(r->group) && of->readable && sj_mpi_reads(o)};
}

static void post_block(sj_mpi_request *r, size_t block) {
    record *records = sj_mpi_block_records(r, block);
    const int count = (int)(sj_mpi_block_rows(r, block) + r->sums) + 1;
    int done;
    records->kind = RECORD_HEADER;
    records->of.header = header_of(r);
    r->pending[block] = MPI_REQUEST_NULL;
    if (MPI_Iallreduce(MPI_IN_PLACE, records, count, r->group->type, r->group->merge, r->group->comm,
                       &r->pending[block]))
        r->failed = true;
    /* Many implementations move messages only inside their calls. */
    if (MPI_Test(&r->pending[block], &done, MPI_STATUS_IGNORE)) r->failed = true;
}

/* What all ranks know of the call once its first message is in; the message is for the caller. */
static sj_status verdict(const sj_mpi_request *r, const header *of) {
    static const char *const differ[] = {"status", "operation",  "mode, nonfinite or reduction",
                                         "class",  "dtype of z", "labels, z-loss or ignore_index"};
    const sj_status status = of->status ? (sj_status)of->status : of->differs ? SJ_BAD_OPTION : SJ_OK;
    sj_error *to = r->call.readable ? r->call.options.error : NULL;
    if (!status || !to) return status;
    if (!of->status)
        return sj_mpi_fail(to, status, "rank %d: another %s than rank 0", of->differing, differ[of->differs]);
    const bool own = of->failed == r->group->rank && r->error.message[0];
    return sj_mpi_fail(to, status, "rank %d: %.200s", of->failed, own ? r->error.message : sj_mpi_strerror(status));
}

/* Rows of one's own are computed after all, and what the library finds then is told as the first message was. */
static sj_status finish_rows(sj_mpi_request *r, bool late) {
    r->status = sj_mpi_compute_rows(r);
    if (!late) return r->status;
    post_block(r, 0);
    if (MPI_Wait(&r->pending[0], MPI_STATUS_IGNORE) || r->failed) return SJ_MPI_FAILED;
    return verdict(r, &r->records->of.header);
}

/* A block whose message is in. Whatever becomes of it here, further blocks are served: other ranks wait for them. */
static sj_status emit(sj_mpi_request *r, size_t block) {
    const bool loss = r->call.operation == OPERATION_CROSS_ENTROPY;
    if (r->call.operation == OPERATION_PREPARE || (loss && !is_exact(&r->call))) return SJ_OK;
    return sj_mpi_emit_block(r, block);
}

static sj_status finish(sj_mpi_request *r) {
    sj_status refused = SJ_OK, status = SJ_OK;
    for (size_t block = 0; block < r->blocks; block++) {
        if (MPI_Wait(&r->pending[block], MPI_STATUS_IGNORE)) r->failed = true;
        const header first = r->records->of.header;
        if (block == 0) refused = r->failed ? SJ_MPI_FAILED : verdict(r, &first);
        if (refused || r->failed) continue;
        const sj_status found = is_divided(r->group) ? emit(r, block) : finish_rows(r, first.late != 0);
        if (!status) status = found;
    }
    if (!refused && !status && is_divided(r->group) && r->call.operation == OPERATION_CROSS_ENTROPY)
        status = sj_mpi_emit_losses(r);
    return r->failed ? SJ_MPI_FAILED : refused ? refused : status;
}

/* The call as the request keeps it. */
static void copy_call(sj_mpi_request *r, const call *of) {
    losses *l = &r->call.losses;
    r->call = *of;
    if (l->how.weights) l->how.weights = &l->weights;
    if (l->how.upstream) l->how.upstream = &l->upstream;
    if (l->how.logsumexp) l->how.logsumexp = &l->logsumexp;
}

/* An exact loss may be summed over all rows, whose records so stay until all are in; and an operator has states. */
static sj_status check_memory(sj_mpi_request *r) {
    const size_t rows = r->group->rows;
    if (r->call.operation == OPERATION_PREPARE && !r->call.states) return SJ_MPI_NO_MEMORY;
    if (!is_divided(r->group) || rows == 0) return SJ_OK;
    if (r->call.operation != OPERATION_CROSS_ENTROPY || !is_exact(&r->call)) return SJ_OK;
    r->exact = calloc(rows, sizeof *r->exact);
    return r->exact ? SJ_OK : SJ_MPI_NO_MEMORY;
}

static void begin(sj_mpi_request *r, const call *of) {
    copy_call(r, of);
    r->active = true;
    r->failed = false;
    r->error.message[0] = 0;
    r->status = sj_mpi_check(r->group, &r->call, &r->error);
    if (!r->status) r->status = check_memory(r);
    if (!is_divided(r->group)) r->status = sj_mpi_sum_losses(r);
    for (size_t block = 0; block < r->blocks; block++) {
        if (is_divided(r->group)) r->status = sj_mpi_reduce_block(r, block);
        post_block(r, block);
    }
}

sj_status sj_mpi_start(sj_mpi *group, const call *of, sj_mpi_request **request) {
    *request = NULL;
    for (int i = 0; i < SJ_MPI_REQUESTS; i++) {
        sj_mpi_request *r = &group->requests[i];
        if (r->active) continue;
        begin(r, of);
        *request = r;
        return SJ_OK;
    }
    if (!of->readable || !of->options.error) return SJ_BAD_OPTION;
    return sj_mpi_fail(of->options.error, SJ_BAD_OPTION, "%d requests are under way; expected fewer: wait for one",
                       SJ_MPI_REQUESTS);
}

sj_status sj_mpi_wait(sj_mpi_request **request) {
    if (!request || !*request) return SJ_OK;
    sj_mpi_request *r = *request;
    *request = NULL;
    const sj_status status = finish(r);
    free(r->exact);
    r->exact = NULL;
    r->active = false;
    return status;
}

bool sj_mpi_test(sj_mpi_request *request) {
    int done = 1;
    for (size_t block = 0; request && done && block < request->blocks; block++)
        if (MPI_Test(&request->pending[block], &done, MPI_STATUS_IGNORE)) return true; /* waiting will tell */
    return done != 0;
}

sj_status sj_mpi_run(sj_mpi *group, const call *of) {
    sj_mpi_request *request;
    const sj_status status = sj_mpi_start(group, of, &request);
    return status ? status : sj_mpi_wait(&request);
}

void sj_mpi_options(call *of, const sj_options *options) {
    static const sj_options defaults = SJ_OPTIONS_INIT;
    of->readable = !options || options->size == sizeof *options;
    of->options = options && of->readable ? *options : defaults;
}
