/* offsets.c: checks the offsets of packed rows against the logits and describes them for plan/. Called by call.c; calls
 * check.c. */
#include "offsets.h"

#include "check.h"

sj_status sj_check_offsets(const sj_call *call, const sj_view *offsets, sj_error *error) {
    const sj_named_view out = {"out", call->out}, named = {"options.offsets", offsets};
    if (call->result != SJ_RESULT_SAME && call->result != SJ_RESULT_NO_CLASS)
        return sj_fail(error, SJ_BAD_OPTION, "options.offsets: of a Jacobian; expected none");
    const sj_status status = sj_check_view_of(named, SJ_INTEGERS, error);
    if (status) return status;
    if (offsets->ndim != 1)
        return sj_fail(error, SJ_BAD_SHAPE, "options.offsets: %d dimensions; expected 1", offsets->ndim);
    if (offsets->shape[0] == 0)
        return sj_fail(error, SJ_BAD_SHAPE, "options.offsets: 0 elements; expected one more than rows");
    return sj_check_overlap(out, named, false, error);
}

static sj_status check_beside(const sj_options *options, sj_error *error) {
    const char *name = options->lengths ? "lengths" : options->causal ? "causal" : options->sink ? "sink" : NULL;
    if (!name) return SJ_OK;
    return sj_fail(error, SJ_BAD_OPTION, "options.%s: beside offsets; expected one of them", name);
}

/* They begin with 0, none is below the one before, and the last is n. */
static sj_status check_order(const sj_ragged *ragged, size_t n, sj_error *error) {
    int64_t before = 0;
    for (size_t i = 0; i <= ragged->rows; i++) {
        const int64_t offset = sj_ragged_at(ragged, i);
        if (i == 0 && offset != 0)
            return sj_fail(error, SJ_BAD_OPTION, "options.offsets: %lld at place 0; expected 0", (long long)offset);
        if (offset < before)
            return sj_fail(error, SJ_BAD_OPTION,
                           "options.offsets: %lld at place %zu; expected %lld, the one before, or "
                           "more",
                           (long long)offset, i, (long long)before);
        if ((uint64_t)offset > n || (i == ragged->rows && (uint64_t)offset < n))
            return sj_fail(error, SJ_BAD_OPTION, "options.offsets: %lld at place %zu of %zu; expected at last n = %zu",
                           (long long)offset, i, ragged->rows + 1, n);
        before = offset;
    }
    return SJ_OK;
}

/* Every row that has entries has an output q. */
static sj_status check_class(const sj_ragged *ragged, size_t q, sj_error *error) {
    for (size_t i = 0; i < ragged->rows; i++) {
        const size_t length = sj_ragged_length(ragged, i);
        if (length > 0 && q >= length)
            return sj_fail(error, SJ_BAD_CLASS, "q: %zu; expected below %zu, the length of row %zu by options.offsets",
                           q, length, i);
    }
    return SJ_OK;
}

sj_status sj_read_offsets(const sj_call *call, const sj_options *options, int axis, sj_ragged *ragged,
                          sj_batch *batch) {
    const sj_view *offsets = options->offsets, *z = call->z;
    size_t items;
    *ragged = (sj_ragged){
        .offsets = {.data = offsets->data, .dtype = offsets->dtype, .row_stride = offsets->strides[0]},
        .rows = offsets->shape[0] - 1,
        .numbers = call->result == SJ_RESULT_NO_CLASS,
    };
    if (ragged->numbers) ragged->step = ragged->rows > 1 ? call->out->strides[axis] : 0;
    if (__builtin_add_overflow(z->shape[axis], ragged->rows, &items))
        return sj_fail(options->error, SJ_BAD_SHAPE, "options.offsets: %zu rows of %zu entries; expected fewer",
                       ragged->rows, z->shape[axis]);
    sj_status status = check_beside(options, options->error);
    if (!status) status = check_order(ragged, z->shape[axis], options->error);
    if (!status && call->takes_q) status = check_class(ragged, call->q, options->error);
    batch->ragged = ragged;
    return status;
}
