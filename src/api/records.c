/* records.c: the views and checks of records.h. */
#include "records.h"

#include "check.h"
#include "masks.h"

#define IS_OF_DOUBLES(record) (sizeof(record) % sizeof(double) == 0 && _Alignof(record) == _Alignof(double))

_Static_assert(IS_OF_DOUBLES(sj_state) && IS_OF_DOUBLES(sj_product), "a row of doubles");
_Static_assert(IS_OF_DOUBLES(sj_pick) && IS_OF_DOUBLES(sj_exact), "a row of doubles");

sj_view sj_records(const void *data, size_t size, const sj_view *z, int axis, bool with_class) {
    sj_view view = {.data = (void *)data, .dtype = SJ_F64, .ndim = with_class ? z->ndim : z->ndim - 1};
    size_t stride = size / sizeof(double);
    for (int d = z->ndim - 1, e = view.ndim - 1; d >= 0; d--) {
        if (d == axis && !with_class) continue;
        view.shape[e] = z->shape[d];
        view.strides[e--] = d == axis ? 0 : (ptrdiff_t)stride;
        if (d != axis) stride *= z->shape[d];
    }
    return view;
}

size_t sj_rows_of(const sj_view *z, int axis) {
    size_t rows = 1;
    for (int d = 0; d < z->ndim; d++)
        if (d != axis) rows *= z->shape[d];
    return rows;
}

sj_status sj_check_records(const sj_view *z, const void *data, const char *name, const sj_options *options, int *axis) {
    if (options && options->size != sizeof *options) return SJ_BAD_OPTION;
    sj_error *error = options ? options->error : NULL;
    const sj_named_view named = {"z", z};
    sj_status status = sj_refuse_masks(options, "a row state");
    if (!status) status = sj_check_view(named, error);
    if (!status) status = sj_check_axis(named, axis, error);
    if (!status && !data && sj_rows_of(z, *axis) > 0)
        return sj_fail(error, SJ_BAD_POINTER, "%s: NULL; expected one a row, %zu", name, sj_rows_of(z, *axis));
    return status;
}

sj_status sj_rows_behind(const sj_view *out, const sj_options *options, sj_view *z) {
    if (out->ndim < 0 || out->ndim >= SJ_MAX_NDIM)
        return sj_fail(options && options->size == sizeof *options ? options->error : NULL, SJ_BAD_SHAPE,
                       "out: %d dimensions; expected 0 to %d", out->ndim, SJ_MAX_NDIM - 1);
    *z = *out;
    z->shape[z->ndim] = 1;
    z->strides[z->ndim++] = 1;
    z->axis = -1;
    return SJ_OK;
}

bool sj_picks_are_single(const sj_pick *picks, size_t rows) {
    for (size_t i = 0; i < rows; i++)
        if (!sj_is_single(picks[i].state.max) || !sj_is_single(picks[i].logit)) return false;
    return true;
}
