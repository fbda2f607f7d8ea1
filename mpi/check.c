/* check.c: what a rank was given, before anything is sent: as the library checks it, so that no call of the library
 * fails once ranks have agreed. Stricter in one thing: views that interleave overlap. Called by request.c. */
#include "internal.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#define CHECK(condition) /* the first failure is that of the caller */                                                 \
    do {                                                                                                               \
        const sj_status status_ = (condition);                                                                         \
        if (status_) return status_;                                                                                   \
    } while (0)

sj_status sj_mpi_fail(sj_error *error, sj_status status, const char *format, ...) {
    va_list arguments;
    if (!error) return status;
    va_start(arguments, format);
    error->status = status;
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it is not, va_start is above */
    (void)vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    return status;
}

static bool is_empty(const sj_view *view) {
    for (int d = 0; d < view->ndim; d++)
        if (view->shape[d] == 0) return true;
    return false;
}

static size_t magnitude(ptrdiff_t stride) { return stride < 0 ? 0 - (size_t)stride : (size_t)stride; }

/* The bytes a view touches, from `low` up to `high`; false where they leave the address space. */
static bool extent(const sj_view *view, uintptr_t *low, uintptr_t *high) {
    const size_t bytes = sj_mpi_item(view->dtype);
    size_t below = 0, above = bytes;
    for (int d = 0; d < view->ndim; d++) {
        size_t reach;
        if (__builtin_mul_overflow(view->shape[d] - 1, magnitude(view->strides[d]), &reach) ||
            __builtin_mul_overflow(reach, bytes, &reach) || reach > (size_t)PTRDIFF_MAX - above ||
            reach > (size_t)PTRDIFF_MAX - below)
            return false;
        *(view->strides[d] < 0 ? &below : &above) += reach;
    }
    *low = (uintptr_t)view->data - below;
    *high = (uintptr_t)view->data + above;
    return true;
}

static sj_status check_memory(named v, sj_error *error) {
    const sj_view *view = v.view;
    uintptr_t low, high;
    if (view->ndim < 0 || view->ndim > SJ_MAX_NDIM)
        return sj_mpi_fail(error, SJ_BAD_SHAPE, "%s: %d dimensions; expected 0 to %d", v.name, view->ndim, SJ_MAX_NDIM);
    if (is_empty(view)) return SJ_OK;
    if (!extent(view, &low, &high))
        return sj_mpi_fail(error, SJ_BAD_STRIDE, "%s: shape and strides reach beyond the address space", v.name);
    if (!view->data || (uintptr_t)view->data % sj_mpi_item(view->dtype) != 0)
        return sj_mpi_fail(error, SJ_BAD_POINTER, "%s: data is NULL, or not aligned to %zu bytes", v.name,
                           sj_mpi_item(view->dtype));
    return SJ_OK;
}

sj_status sj_mpi_check_view(named v, sj_error *error) {
    if (v.view->dtype < SJ_F32 || v.view->dtype > SJ_BF16)
        return sj_mpi_fail(error, SJ_BAD_DTYPE, "%s: dtype %d; expected SJ_F32, SJ_F64, SJ_F16 or SJ_BF16", v.name,
                           (int)v.view->dtype);
    return check_memory(v, error);
}

sj_status sj_mpi_check_integers(named v, sj_error *error) {
    if (v.view->dtype != SJ_I32 && v.view->dtype != SJ_I64)
        return sj_mpi_fail(error, SJ_BAD_DTYPE, "%s: dtype %d; expected SJ_I32 or SJ_I64", v.name, (int)v.view->dtype);
    return check_memory(v, error);
}

/* The logits are this rank's part of the group. */
static sj_status check_part(const sj_mpi *group, call *of, sj_error *error) {
    const sj_view *z = &of->z;
    size_t rows = 1;
    CHECK(sj_mpi_check_view((named){"z", z}, error));
    if (z->ndim == 0 || z->axis < -z->ndim || z->axis >= z->ndim)
        return sj_mpi_fail(error, z->ndim == 0 ? SJ_BAD_SHAPE : SJ_BAD_AXIS, "z: axis %d of %d dimensions", z->axis,
                           z->ndim);
    of->axis = z->axis < 0 ? z->axis + z->ndim : z->axis;
    if (z->shape[of->axis] != group->classes)
        return sj_mpi_fail(error, SJ_BAD_SHAPE, "z: %zu classes; expected %zu, as the group was made with",
                           z->shape[of->axis], group->classes);
    for (int d = 0; d < z->ndim; d++)
        if (d != of->axis && __builtin_mul_overflow(rows, z->shape[d], &rows)) rows = SIZE_MAX;
    if (rows != group->rows)
        return sj_mpi_fail(error, SJ_BAD_SHAPE, "z: %zu rows; expected %zu, as the group was made with", rows,
                           group->rows);
    return SJ_OK;
}

/* The shape of z, without its class axis where `whole` is not set. */
sj_status sj_mpi_check_shape(named v, const call *of, bool whole, sj_error *error) {
    const int ndim = of->z.ndim - (whole ? 0 : 1);
    if (v.view->ndim != ndim)
        return sj_mpi_fail(error, SJ_BAD_SHAPE, "%s: %d dimensions; expected %d", v.name, v.view->ndim, ndim);
    for (int d = 0, e = 0; d < of->z.ndim; d++) {
        if (d == of->axis && !whole) continue;
        if (v.view->shape[e] != of->z.shape[d])
            return sj_mpi_fail(error, SJ_BAD_SHAPE, "%s: size %zu in dimension %d; expected %zu", v.name,
                               v.view->shape[e], e, of->z.shape[d]);
        e++;
    }
    return SJ_OK;
}

/* With the dimensions in order of stride, each step must clear everything the smaller ones reach. */
sj_status sj_mpi_check_output(named out, sj_error *error) {
    const sj_view *view = out.view;
    int order[SJ_MAX_NDIM], count = 0;
    size_t reach = 0;
    if (is_empty(view)) return SJ_OK;
    for (int d = 0; d < view->ndim; d++) {
        if (view->shape[d] == 1) continue;
        int at = count++;
        for (; at > 0 && magnitude(view->strides[order[at - 1]]) > magnitude(view->strides[d]); at--)
            order[at] = order[at - 1];
        order[at] = d;
    }
    for (int i = 0; i < count; i++) {
        const size_t step = magnitude(view->strides[order[i]]);
        if (step <= reach)
            return sj_mpi_fail(error, SJ_BAD_STRIDE, "%s: stride %td of dimension %d may visit an element twice",
                               out.name, view->strides[order[i]], order[i]);
        reach += (view->shape[order[i]] - 1) * step;
    }
    return SJ_OK;
}

static bool is_in_place(const sj_view *a, const sj_view *b) {
    bool same = a->data == b->data && a->dtype == b->dtype && a->ndim == b->ndim;
    for (int d = 0; same && d < a->ndim; d++)
        same = a->shape[d] == b->shape[d] && (a->shape[d] == 1 || a->strides[d] == b->strides[d]);
    return same;
}

sj_status sj_mpi_check_overlap(named out, named in, bool in_place, sj_error *error) {
    uintptr_t a_low = 0, a_high = 0, b_low = 0, b_high = 0;
    if (is_empty(out.view) || is_empty(in.view) || (in_place && is_in_place(out.view, in.view))) return SJ_OK;
    (void)extent(out.view, &a_low, &a_high);
    (void)extent(in.view, &b_low, &b_high);
    if (a_high <= b_low || b_high <= a_low) return SJ_OK;
    return sj_mpi_fail(error, SJ_BAD_OVERLAP, "%s overlaps %s; expected %s", out.name, in.name,
                       in_place ? "separate memory, or the same data, dtype and strides" : "separate memory");
}

/* A Jacobian's shape: of z without the class axis, then twice the classes; or of z twice. */
static sj_status check_blocks(const call *of, sj_error *error) {
    size_t shape[2 * SJ_MAX_NDIM];
    int ndim = 0;
    for (int d = 0; d < of->z.ndim; d++)
        if (d != of->axis || of->layout == SJ_DENSE) shape[ndim++] = of->z.shape[d];
    for (int d = 0; d < of->z.ndim && of->layout == SJ_DENSE; d++) shape[ndim++] = of->z.shape[d];
    for (int i = 0; i < 2 && of->layout == SJ_BLOCKS; i++) shape[ndim++] = of->z.shape[of->axis];
    if (of->layout != SJ_BLOCKS && of->layout != SJ_DENSE)
        return sj_mpi_fail(error, SJ_BAD_OPTION, "layout: %d; expected SJ_BLOCKS or SJ_DENSE", (int)of->layout);
    bool same = of->out.ndim == ndim;
    for (int d = 0; same && d < ndim; d++) same = of->out.shape[d] == shape[d];
    return same ? SJ_OK : sj_mpi_fail(error, SJ_BAD_SHAPE, "out: not the shape of a Jacobian of z in this layout");
}

static size_t classes_of(const sj_mpi *group) { return is_divided(group) ? group->total : group->classes; }

/* What of the options each operation has. */
static sj_status check_options(const sj_mpi *group, const call *of, sj_error *error) {
    const sj_options *o = &of->options;
    const bool forward = of->operation <= OPERATION_LOGSUMEXP || of->operation >= OPERATION_CROSS_ENTROPY;
    if (!of->readable) return sj_mpi_fail(error, SJ_BAD_OPTION, "options.size is not that of SJ_OPTIONS_INIT");
    if (o->nonfinite < SJ_IEEE || o->nonfinite > SJ_ZERO)
        return sj_mpi_fail(error, SJ_BAD_OPTION, "options.nonfinite: %d; expected SJ_IEEE, SJ_LIMIT or SJ_ZERO",
                           (int)o->nonfinite);
    if (o->mode != SJ_DEFAULT && o->mode != SJ_EXACT)
        return sj_mpi_fail(error, SJ_BAD_OPTION, "options.mode: %d; expected SJ_DEFAULT or SJ_EXACT", (int)o->mode);
    if (o->threads < 0) return sj_mpi_fail(error, SJ_BAD_OPTION, "options.threads: %d; expected 0 or more", o->threads);
    if (o->given != SJ_GIVEN_LOGITS && (forward || o->given != SJ_GIVEN_SOFTMAX))
        return sj_mpi_fail(error, SJ_BAD_OPTION, "options.given: %d; expected SJ_GIVEN_LOGITS", (int)o->given);
    if (!is_divided(group)) return SJ_OK;
    if (of->operation >= OPERATION_LOG_VJP && of->operation <= OPERATION_LOG_JACOBIAN)
        return sj_mpi_fail(error, SJ_BAD_OPTION, "this operation, where classes are divided; expected divided rows");
    if (o->given != SJ_GIVEN_LOGITS || sj_mpi_reads(o))
        return sj_mpi_fail(error, SJ_BAD_OPTION,
                           "options: given, scale, bias, sink, mask, lengths, causal or offsets, where classes are "
                           "divided; expected none of them");
    return SJ_OK;
}

bool sj_mpi_reads(const sj_options *options) {
    return options->scale != 1 || options->bias || options->sink || options->mask || options->lengths ||
           options->causal || options->offsets;
}

/* Of results without the class axis, ragged rows change the shape, which the library will see to; and of Jacobians. */
static sj_status check_result(const call *of, sj_error *error) {
    const named z = {"z", &of->z}, g = {of->g_name, &of->g}, out = {"out", &of->out};
    const bool number = of->operation == OPERATION_LOGSUMEXP;
    const bool matrix = of->operation == OPERATION_JACOBIAN || of->operation == OPERATION_LOG_JACOBIAN;
    const bool whole = !number && !matrix;
    CHECK(sj_mpi_check_view(out, error));
    if (matrix)
        CHECK(check_blocks(of, error));
    else if (whole || !of->options.offsets)
        CHECK(sj_mpi_check_shape(out, of, whole, error));
    CHECK(sj_mpi_check_output(out, error));
    CHECK(sj_mpi_check_overlap(out, z, whole, error));
    if (g.name) CHECK(sj_mpi_check_overlap(out, g, whole, error));
    return SJ_OK;
}

sj_status sj_mpi_check(const sj_mpi *group, call *of, sj_error *error) {
    const named g = {of->g_name, &of->g};
    CHECK(check_options(group, of, error));
    CHECK(check_part(group, of, error));
    if (takes_class(of->operation) && of->q >= classes_of(group) && classes_of(group) > 0)
        return sj_mpi_fail(error, SJ_BAD_CLASS, "q: %zu; expected below n = %zu", of->q, classes_of(group));
    if (g.name) {
        CHECK(sj_mpi_check_view(g, error));
        CHECK(sj_mpi_check_shape(g, of, true, error));
    }
    if (of->operation == OPERATION_PREPARE) return SJ_OK;
    return of->operation == OPERATION_CROSS_ENTROPY ? sj_mpi_check_losses(group, of, error) : check_result(of, error);
}
