/* check.c: validation of views and options. Called by call.c and metric.c before anything is written. */
#include "check.h"

#include "kernel/run.h"

#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

sj_status sj_fail(sj_error *error, sj_status status, const char *format, ...) {
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        error->status = status;
        (void)vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
    }
    return status;
}

static bool is_empty(const sj_view *view) {
    for (int d = 0; d < view->ndim; d++)
        if (view->shape[d] == 0) return true;
    return false;
}

/* Bytes from the lowest address the view touches to the end of the highest, and how far the lowest lies before data. */
static bool extent(const sj_view *view, size_t *bytes, size_t *before) {
    const size_t item = sj_dtype_size(view->dtype);
    *bytes = item;
    *before = 0;
    for (int d = 0; d < view->ndim; d++) {
        size_t reach;
        if (!sj_multiply(view->shape[d] - 1, sj_magnitude(view->strides[d]), &reach)) return false;
        if (!sj_multiply(reach, item, &reach) || reach > (size_t)PTRDIFF_MAX - *bytes) return false;
        *bytes += reach;
        if (view->strides[d] < 0) *before += reach;
    }
    return true;
}

static const char *kind_name(unsigned kind) {
    return kind == SJ_REALS      ? "SJ_F32, SJ_F64, SJ_F16 or SJ_BF16"
           : kind == SJ_INTEGERS ? "SJ_I32 or SJ_I64"
                                 : "SJ_BOOL";
}

sj_status sj_check_view(sj_named_view named, sj_error *error) { return sj_check_view_of(named, SJ_REALS, error); }

sj_status sj_check_view_of(sj_named_view named, unsigned kind, sj_error *error) {
    const sj_view *view = named.view;
    size_t elements = 1, bytes, before;
    if (!sj_is_of(view->dtype, kind))
        return sj_fail(error, SJ_BAD_DTYPE, "%s: dtype %d; expected %s", named.name, (int)view->dtype, kind_name(kind));
    if (view->ndim < 0 || view->ndim > SJ_MAX_NDIM)
        return sj_fail(error, SJ_BAD_SHAPE, "%s: %d dimensions; expected 0 to %d", named.name, view->ndim, SJ_MAX_NDIM);
    if (is_empty(view)) return SJ_OK;
    for (int d = 0; d < view->ndim; d++)
        if (!sj_multiply(elements, view->shape[d], &elements))
            return sj_fail(error, SJ_BAD_SHAPE, "%s: the product of the shape overflows at dimension %d", named.name,
                           d);
    if (!extent(view, &bytes, &before))
        return sj_fail(error, SJ_BAD_STRIDE, "%s: shape and strides reach beyond the address space", named.name);
    if (!view->data)
        return sj_fail(error, SJ_BAD_POINTER, "%s: data is NULL; expected %zu elements", named.name, elements);
    const size_t size = sj_dtype_size(view->dtype), alignment = size == sizeof(double) ? _Alignof(double) : size;
    if ((uintptr_t)view->data % alignment != 0)
        return sj_fail(error, SJ_BAD_POINTER, "%s: data is not aligned; expected a multiple of %zu bytes", named.name,
                       alignment);
    return SJ_OK;
}

sj_status sj_check_axis(sj_named_view named, int *axis, sj_error *error) {
    const int ndim = named.view->ndim, given = named.view->axis;
    if (ndim == 0) return sj_fail(error, SJ_BAD_SHAPE, "%s: 0 dimensions; expected a class axis", named.name);
    if (given < -ndim || given >= ndim)
        return sj_fail(error, SJ_BAD_AXIS, "%s: axis %d; expected %d to %d", named.name, given, -ndim, ndim - 1);
    *axis = given < 0 ? given + ndim : given;
    return SJ_OK;
}

sj_status sj_check_shape(sj_named_view named, int ndim, const size_t *shape, sj_error *error) {
    if (named.view->ndim != ndim)
        return sj_fail(error, SJ_BAD_SHAPE, "%s: %d dimensions; expected %d", named.name, named.view->ndim, ndim);
    for (int d = 0; d < ndim; d++)
        if (named.view->shape[d] != shape[d])
            return sj_fail(error, SJ_BAD_SHAPE, "%s: size %zu in dimension %d; expected %zu", named.name,
                           named.view->shape[d], d, shape[d]);
    return SJ_OK;
}

/* With the dimensions in order of stride, each step must clear everything the smaller ones reach. */
sj_status sj_check_output(sj_named_view named, sj_error *error) {
    const sj_view *view = named.view;
    int order[SJ_MAX_NDIM], count = 0;
    if (is_empty(view)) return SJ_OK;
    for (int d = 0; d < view->ndim; d++) {
        if (view->shape[d] == 1) continue;
        int at = count++;
        for (; at > 0 && sj_magnitude(view->strides[order[at - 1]]) > sj_magnitude(view->strides[d]); at--)
            order[at] = order[at - 1];
        order[at] = d;
    }
    size_t reach = 0;
    for (int i = 0; i < count; i++) {
        const int d = order[i];
        if (sj_magnitude(view->strides[d]) <= reach)
            return sj_fail(error, SJ_BAD_STRIDE,
                           "%s: stride %td of dimension %d is within the others' reach; expected over %zu", named.name,
                           view->strides[d], d, reach);
        reach += (view->shape[d] - 1) * sj_magnitude(view->strides[d]);
    }
    return SJ_OK;
}

static bool same_layout(const sj_view *a, const sj_view *b) {
    bool same = a->data == b->data && a->dtype == b->dtype && a->ndim == b->ndim;
    for (int d = 0; same && d < a->ndim; d++)
        same = a->shape[d] == b->shape[d] && (a->shape[d] == 1 || a->strides[d] == b->strides[d]);
    return same;
}

static size_t common_divisor(size_t a, size_t b) { return b == 0 ? a : common_divisor(b, a % b); }

/* Bytes of the contiguous run each element starts with its neighbours, and the dimensions that make it, as bits. */
static size_t inner_run(const sj_view *view, unsigned *inside) {
    size_t run = sj_dtype_size(view->dtype);
    *inside = 0;
    for (int d = 0; d < view->ndim; d++) {
        const bool joins = view->shape[d] > 1 && view->strides[d] > 0 && !(*inside >> d & 1) &&
                           (size_t)view->strides[d] * sj_dtype_size(view->dtype) == run;
        if (!joins) continue;
        run *= view->shape[d];
        *inside |= 1u << d;
        d = -1; /* a dimension before this one may now continue the run */
    }
    return run;
}

/* What every step outside the run is a multiple of, in bytes. */
static size_t outer_step(const sj_view *view, unsigned inside, size_t step) {
    for (int d = 0; d < view->ndim; d++)
        if (view->shape[d] > 1 && !(inside >> d & 1))
            step = common_divisor(step, sj_magnitude(view->strides[d]) * sj_dtype_size(view->dtype));
    return step;
}

/* Both views step by multiples of some number of bytes, and their runs lie so far apart within it that none meet: the
 * even and the odd columns of one matrix, or its left and its right half. */
static bool interleaved(const sj_view *a, const sj_view *b) {
    unsigned a_inside, b_inside;
    const uintptr_t a_start = (uintptr_t)a->data, b_start = (uintptr_t)b->data;
    const size_t a_run = inner_run(a, &a_inside), b_run = inner_run(b, &b_inside);
    const size_t step = outer_step(b, b_inside, outer_step(a, a_inside, 0));
    if (step == 0) return false;
    const size_t ahead = (size_t)((b_start > a_start ? b_start - a_start : a_start - b_start) % step);
    const size_t first = b_start > a_start ? a_run : b_run, second = b_start > a_start ? b_run : a_run;
    return ahead >= first && step - ahead >= second;
}

sj_status sj_check_overlap(sj_named_view out, sj_named_view in, bool in_place_allowed, sj_error *error) {
    const sj_view *a = out.view, *b = in.view;
    size_t a_bytes = 0, a_before = 0, b_bytes = 0, b_before = 0;
    if (is_empty(a) || is_empty(b)) return SJ_OK;
    if (in_place_allowed && same_layout(a, b)) return SJ_OK;
    (void)extent(a, &a_bytes, &a_before);
    (void)extent(b, &b_bytes, &b_before);
    const uintptr_t a_low = (uintptr_t)a->data - a_before, b_low = (uintptr_t)b->data - b_before;
    if (a_low + a_bytes <= b_low || b_low + b_bytes <= a_low || interleaved(a, b)) return SJ_OK;
    return sj_fail(error, SJ_BAD_OVERLAP, "%s overlaps %s; expected %s", out.name, in.name,
                   in_place_allowed ? "separate memory, or the same data, dtype and strides" : "separate memory");
}

sj_status sj_check_options(const sj_options *options, bool derivative, sj_error *error) {
    if (options->nonfinite != SJ_IEEE && options->nonfinite != SJ_LIMIT && options->nonfinite != SJ_ZERO)
        return sj_fail(error, SJ_BAD_OPTION, "options.nonfinite: %d; expected SJ_IEEE, SJ_LIMIT or SJ_ZERO",
                       (int)options->nonfinite);
    if (options->given != SJ_GIVEN_LOGITS && options->given != SJ_GIVEN_SOFTMAX)
        return sj_fail(error, SJ_BAD_OPTION, "options.given: %d; expected SJ_GIVEN_LOGITS or SJ_GIVEN_SOFTMAX",
                       (int)options->given);
    if (options->given == SJ_GIVEN_SOFTMAX && !derivative)
        return sj_fail(error, SJ_BAD_OPTION, "options.given: SJ_GIVEN_SOFTMAX in a forward call; expected logits");
    if (options->mode != SJ_DEFAULT && options->mode != SJ_EXACT)
        return sj_fail(error, SJ_BAD_OPTION, "options.mode: %d; expected SJ_DEFAULT or SJ_EXACT", (int)options->mode);
    if (options->threads < 0)
        return sj_fail(error, SJ_BAD_OPTION, "options.threads: %d; expected 0 or more", options->threads);
    return SJ_OK;
}
