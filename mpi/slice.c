/* slice.c: consecutive rows of a strided view of any dimensions, as views. Called by request.c. */
#include "internal.h"

#include <math.h>
#include <string.h>

/* The dimensions of rows, outermost first; returns how many there are. */
static int row_dimensions(const sj_view *view, int axis, int *dimensions) {
    int count = 0;
    for (int d = 0; d < view->ndim; d++)
        if (d != axis) dimensions[count++] = d;
    return count;
}

size_t sj_mpi_item(sj_dtype dtype) {
    return dtype == SJ_F64 || dtype == SJ_I64 ? 8 : dtype == SJ_F32 || dtype == SJ_I32 ? 4 : 2;
}

static double from_half(uint16_t bits) {
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    const double size = exponent == 31  ? fraction ? (double)NAN : (double)INFINITY
                        : exponent == 0 ? ldexp(fraction, -24)
                                        : ldexp(1024 + fraction, exponent - 25);
    return bits >> 15 ? -size : size;
}

double sj_mpi_element(const void *data, sj_dtype dtype, ptrdiff_t offset) {
    if (dtype == SJ_F64) return ((const double *)data)[offset];
    if (dtype == SJ_F32) return (double)((const float *)data)[offset];
    const uint16_t bits = ((const uint16_t *)data)[offset];
    if (dtype == SJ_F16) return from_half(bits);
    const uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return (double)value;
}

int64_t sj_mpi_integer(const void *data, sj_dtype dtype, ptrdiff_t offset) {
    return dtype == SJ_I64 ? ((const int64_t *)data)[offset] : ((const int32_t *)data)[offset];
}

/* Along one dimension, the outermost that will do, all of those inside it. */
size_t sj_mpi_rows(const sj_view *view, int axis, size_t first, size_t count, sj_view *part) {
    int dimensions[SJ_MAX_NDIM], at = 0;
    size_t inner[SJ_MAX_NDIM + 1]; /* rows inside each dimension */
    const int ndim = row_dimensions(view, axis, dimensions);
    ptrdiff_t offset = 0;
    *part = *view;
    part->axis = axis < 0 ? 0 : axis;
    if (ndim == 0) return 1;
    inner[ndim] = 1;
    for (int i = ndim - 1; i >= 0; i--) inner[i] = inner[i + 1] * view->shape[dimensions[i]];
    if (inner[0] == 0) return 0;
    while (at + 1 < ndim && (first % inner[at + 1] != 0 || count < inner[at + 1])) at++;
    size_t left = first;
    for (int i = 0; i <= at; i++) {
        const size_t index = left / inner[i + 1];
        left %= inner[i + 1];
        offset += (ptrdiff_t)index * view->strides[dimensions[i]];
        part->shape[dimensions[i]] = 1;
        if (i == at) {
            const size_t room = view->shape[dimensions[i]] - index, wanted = count / inner[i + 1];
            part->shape[dimensions[i]] = wanted < room ? wanted : room;
        }
    }
    if (view->data) part->data = (char *)view->data + offset * (ptrdiff_t)sj_mpi_item(view->dtype);
    return part->shape[dimensions[at]] * inner[at + 1];
}
