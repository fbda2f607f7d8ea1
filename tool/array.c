/* array.c: arrays as the commands see them: read, grouped around the class axis, allocated only where they fit.
 * Sits between io/ (files) and the library's views. */
#include "command.h"
#include "memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool checked_multiply(size_t a, size_t b, size_t *product) {
    if (a != 0 && b > SIZE_MAX / a) return false;
    *product = a * b;
    return true;
}

const char *dtype_name(sj_dtype dtype) {
    static const char *const names[] = {
        [SJ_F32] = "float32", [SJ_F64] = "float64", [SJ_F16] = "float16", [SJ_BOOL] = "bool", [SJ_I64] = "int64"};
    return names[dtype];
}

const char *shape_text(int ndim, const size_t *shape, char text[SHAPE_TEXT]) {
    size_t used = (size_t)snprintf(text, SHAPE_TEXT, "(");
    for (int d = 0; d < ndim && used < SHAPE_TEXT; d++)
        used += (size_t)snprintf(text + used, SHAPE_TEXT - used, d ? ", %zu" : "%zu", shape[d]);
    if (used < SHAPE_TEXT) snprintf(text + used, SHAPE_TEXT - used, ndim == 1 ? ",)" : ")");
    return text;
}

int read_array(const arguments *args, const char *path, io_array *array) {
    io_error error;
    if (io_read(path, array, &error)) return EXIT_DONE;
    return fail(args, error.exit_code, "%s", error.message);
}

int convert_array(const arguments *args, io_array *array, sj_dtype dtype) {
    if (array->dtype == dtype) return EXIT_DONE;
    io_array converted = *array;
    converted.dtype = dtype;
    const int code = allocate_array(args, &converted, "");
    if (code != EXIT_DONE) return code;
    const size_t count = io_elements(array);
    if (dtype == SJ_F32) {
        for (size_t i = 0; i < count; i++) ((float *)converted.data)[i] = (float)((double *)array->data)[i];
    } else {
        for (size_t i = 0; i < count; i++) ((double *)converted.data)[i] = ((float *)array->data)[i];
    }
    io_array_free(array);
    *array = converted;
    return EXIT_DONE;
}

int grid_of(const arguments *args, const io_array *array, grid *around) {
    const int ndim = array->ndim;
    const char *name = args->input_count ? args->inputs[0] : "the input";
    if (ndim == 0) return fail(args, EXIT_BAD_DATA, "%s: found a single number, expected an array with rows", name);
    if (args->axis < -ndim || args->axis >= ndim) {
        char shape[SHAPE_TEXT];
        return fail(args, EXIT_WRONG_USE, "--axis: found %d, expected %d to %d for the shape %s of %s", args->axis,
                    -ndim, ndim - 1, shape_text(ndim, array->shape, shape), name);
    }
    *around = (struct grid){1, 1, 1, args->axis < 0 ? args->axis + ndim : args->axis};
    /* The array is in memory, so no product of some of its extents overflows, unless another extent is 0. */
    const bool empty = io_elements(array) == 0;
    for (int d = 0; d < ndim; d++) {
        size_t *extent = d < around->axis ? &around->outer : d > around->axis ? &around->inner : &around->n;
        if (!checked_multiply(*extent, array->shape[d], extent) && !empty)
            return fail(args, EXIT_BAD_DATA, "%s: the shape does not fit the address space", name);
    }
    if (empty && around->n != 0) around->outer = 0;
    return EXIT_DONE;
}

sj_view grid_view(const void *data, sj_dtype dtype, const grid *around) {
    const size_t shape[3] = {around->outer, around->n, around->inner};
    sj_view view = sj_array(data, dtype, 3, shape);
    view.axis = 1;
    return view;
}

bool few_elements(const io_array *array) {
    size_t count = 1;
    for (int d = 0; d < array->ndim; d++)
        if (!checked_multiply(count, array->shape[d], &count) || count > MOST_FROM_EMPTY) return false;
    return true;
}

bool array_bytes(const io_array *array, size_t *bytes) {
    *bytes = io_item(array->dtype);
    for (int d = 0; d < array->ndim; d++) {
        if (array->shape[d] == 0) return *bytes = 0, true;
    }
    for (int d = 0; d < array->ndim; d++) {
        if (!checked_multiply(*bytes, array->shape[d], bytes)) return false;
    }
    return *bytes <= PTRDIFF_MAX;
}

int allocate_array(const arguments *args, io_array *array, const char *advice) {
    char shape[SHAPE_TEXT];
    const char *separator = *advice ? "; " : "";
    size_t bytes;
    shape_text(array->ndim, array->shape, shape);
    array->data = NULL;
    if (!array_bytes(array, &bytes)) {
        fail(args, EXIT_NO_MEMORY, "a %s array of shape %s needs more bytes than an address can count%s%s",
             dtype_name(array->dtype), shape, separator, advice);
        return EXIT_NO_MEMORY;
    }
    const size_t available = memory_available();
    if (bytes <= available) array->data = calloc(bytes ? bytes : 1, 1);
    if (array->data) return EXIT_DONE;
    fail(args, EXIT_NO_MEMORY, "a %s array of shape %s needs %zu bytes, and %zu are available%s%s",
         dtype_name(array->dtype), shape, bytes, available, separator, advice);
    return EXIT_NO_MEMORY;
}
