/* layout.c: see layout.h. */
#include "layout.h"

#define FILL 0x5a

/* Order of the dimensions in memory, innermost first. */
static void order_of(layout_kind kind, int ndim, int *order, random_stream *r) {
    for (int d = 0; d < ndim; d++) order[d] = kind == LAYOUT_FORTRAN ? d : ndim - 1 - d;
    if (kind != LAYOUT_MIXED) return;
    for (int d = ndim - 1; d > 0; d--) {
        const int e = (int)random_below(r, (size_t)d + 1), kept = order[d];
        order[d] = order[e];
        order[e] = kept;
    }
}

static ptrdiff_t step_of(layout_kind kind, random_stream *r) {
    switch (kind) {
    case LAYOUT_NEGATIVE:
        return -1;
    case LAYOUT_STEP_2:
        return 2;
    case LAYOUT_MIXED:
        return (ptrdiff_t)(1 + random_below(r, 3)) * (random_below(r, 2) ? 1 : -1);
    default:
        return 1;
    }
}

layout layout_new(layout_kind kind, sj_dtype dtype, int ndim, const size_t *shape, random_stream *r) {
    layout array = {sj_array(NULL, dtype, ndim, shape), NULL, 0};
    int order[SJ_MAX_NDIM] = {0};
    ptrdiff_t reach = 1, start = 0;
    order_of(kind, ndim, order, r);
    for (int i = 0; i < ndim; i++) {
        const int d = order[i];
        ptrdiff_t step = step_of(kind, r);
        if (kind == LAYOUT_ZERO && random_below(r, 2)) step = 0;
        array.view.strides[d] = step * reach;
        if (step < 0) start -= step * reach * (ptrdiff_t)(shape[d] - 1);
        if (step != 0) reach *= (step < 0 ? -step : step) * (ptrdiff_t)shape[d];
    }
    array.bytes = (size_t)reach * dtype_bytes(dtype);
    array.memory = malloc(array.bytes);
    assert_non_null(array.memory);
    memset(array.memory, FILL, array.bytes);
    array.view.data = array.memory + (size_t)start * dtype_bytes(dtype);
    return array;
}

void layout_free(layout *array) { free(array->memory); }

size_t layout_count(const sj_view *view) {
    size_t count = 1;
    for (int d = 0; d < view->ndim; d++) count *= view->shape[d];
    return count;
}

ptrdiff_t layout_offset(const sj_view *view, size_t index) {
    ptrdiff_t offset = 0;
    for (int d = view->ndim - 1; d >= 0; d--) {
        offset += (ptrdiff_t)(index % view->shape[d]) * view->strides[d];
        index /= view->shape[d];
    }
    return offset;
}

static char *address(const sj_view *view, size_t index) {
    return (char *)view->data + layout_offset(view, index) * (ptrdiff_t)dtype_bytes(view->dtype);
}

double layout_get(const sj_view *view, size_t index) { return element_get(address(view, index), view->dtype, 0); }

void layout_fill(layout *array, random_stream *r) {
    const size_t count = layout_count(&array->view);
    for (size_t i = 0; i < count; i++)
        element_set(address(&array->view, i), array->view.dtype, 0, 3 * random_normal(r));
}

bool layout_untouched(const layout *array) {
    for (size_t i = 0; i < array->bytes; i++)
        if (array->memory[i] != FILL) return false;
    return true;
}

bool layout_gaps_untouched(const layout *array) {
    layout rest = {array->view, malloc(array->bytes), array->bytes};
    const size_t count = layout_count(&array->view), item = dtype_bytes(array->view.dtype);
    assert_non_null(rest.memory);
    memcpy(rest.memory, array->memory, array->bytes);
    rest.view.data = rest.memory + ((unsigned char *)array->view.data - array->memory);
    for (size_t i = 0; i < count; i++) memset(address(&rest.view, i), FILL, item);
    const bool untouched = layout_untouched(&rest);
    layout_free(&rest);
    return untouched;
}
