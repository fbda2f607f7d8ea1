/* slice.c: the places of slice.h. Products of extents cannot overflow here: what they index exists. */
#include "slice.h"

placement place_entries(const grid *around, const row_slice *slice, size_t k, size_t length) {
    placement place = {.ndim = 3,
                       .shape = {slice->outers, length, slice->inners},
                       .strides = {around->n * around->inner, around->inner, 1}};
    place.first = slice->outer * place.strides[0] + k * around->inner + slice->inner;
    return place;
}

placement place_rows(const grid *around, const row_slice *slice) { return place_entries(around, slice, 0, around->n); }

placement place_row_numbers(const grid *around, const row_slice *slice) {
    placement place = {.ndim = 2, .shape = {slice->outers, slice->inners}, .strides = {around->inner, 1}};
    place.first = slice->outer * around->inner + slice->inner;
    return place;
}

placement place_result(result_kind kind, const grid *around, const row_slice *slice) {
    const size_t n = around->n, inner = around->inner, row = n * inner;
    if (kind == RESULT_REDUCED) return place_row_numbers(around, slice);
    if (kind == RESULT_BLOCKS) {
        placement place = {
            .ndim = 4, .shape = {slice->outers, slice->inners, n, n}, .strides = {inner * n * n, n * n, n, 1}};
        place.first = slice->outer * place.strides[0] + slice->inner * place.strides[1];
        return place;
    }
    if (kind == RESULT_DENSE) {
        const size_t all = around->outer * row;
        placement place = {.ndim = 6,
                           .shape = {slice->outers, n, slice->inners, slice->outers, n, slice->inners},
                           .strides = {row * all, inner * all, all, row, inner, 1}};
        place.first = slice->outer * (place.strides[0] + row) + slice->inner * (all + 1);
        return place;
    }
    return place_rows(around, slice);
}

size_t placement_elements(const placement *place) {
    size_t elements = 1;
    for (int d = 0; d < place->ndim; d++) elements *= place->shape[d];
    return elements;
}

sj_view packed_view(const void *data, sj_dtype dtype, const placement *place) {
    sj_view view = sj_array(data, dtype, place->ndim, place->shape);
    view.axis = 1;
    return view;
}

sj_view placed_view(const void *data, sj_dtype dtype, const placement *place) {
    sj_view view = packed_view((const char *)data + place->first * io_item(dtype), dtype, place);
    for (int d = 0; d < place->ndim; d++) view.strides[d] = (ptrdiff_t)place->strides[d];
    return view;
}

bool each_run(const placement *place, run_visit visit, void *context) {
    size_t index[PLACE_NDIM] = {0}, run = 1, first = place->first;
    const size_t elements = placement_elements(place);
    int outer = place->ndim;
    while (outer > 0 && (place->shape[outer - 1] == 1 || place->strides[outer - 1] == run))
        run *= place->shape[--outer];
    for (size_t at = 0; at < elements; at += run) {
        if (!visit(context, first, run, at)) return false;
        for (int d = outer - 1; d >= 0; d--) {
            first += place->strides[d];
            if (++index[d] < place->shape[d]) break;
            first -= index[d] * place->strides[d];
            index[d] = 0;
        }
    }
    return true;
}
