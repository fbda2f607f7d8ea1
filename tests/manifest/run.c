/* run.c: see run.h. */
#include "run.h"

#include <stdio.h>
#include <stdlib.h>

/* An array in memory of some order. */
typedef struct placed {
    sj_view view;
    void *memory;
    size_t count;
} placed;

static size_t item(sj_dtype dtype) { return dtype == SJ_F32 ? sizeof(float) : sizeof(double); }

static placed place(memory_order order, sj_dtype dtype, int ndim, const size_t *shape) {
    placed array = {.view = sj_array(NULL, dtype, ndim, shape), .count = 1};
    ptrdiff_t stride = order == ORDER_STEP ? 3 : 1, first = 0;
    for (int i = 0; i < ndim; i++) {
        const int d = order == ORDER_CLASS_FIRST ? i : ndim - 1 - i;
        array.view.strides[d] = order == ORDER_REVERSED ? -stride : stride;
        if (order == ORDER_REVERSED) first += stride * (ptrdiff_t)(shape[d] - 1);
        stride *= (ptrdiff_t)shape[d];
        array.count *= shape[d];
    }
    array.memory = calloc((size_t)stride + 1, item(dtype));
    if (array.memory) array.view.data = (char *)array.memory + (size_t)first * item(dtype);
    return array;
}

/* Element `index` in C order. */
static void *at(const placed *array, size_t index) {
    ptrdiff_t offset = 0;
    for (int d = array->view.ndim - 1; d >= 0; d--) {
        offset += (ptrdiff_t)(index % array->view.shape[d]) * array->view.strides[d];
        index /= array->view.shape[d];
    }
    return (char *)array->view.data + offset * (ptrdiff_t)item(array->view.dtype);
}

static void set_all(const placed *array, const double *values) {
    for (size_t i = 0; i < array->count; i++) {
        if (array->view.dtype == SJ_F32)
            *(float *)at(array, i) = (float)values[i];
        else
            *(double *)at(array, i) = values[i];
    }
}

static void get_all(const placed *array, double *values) {
    for (size_t i = 0; i < array->count; i++)
        values[i] = array->view.dtype == SJ_F32 ? (double)*(float *)at(array, i) : *(double *)at(array, i);
}

static int result_shape(const bit_case *bits, size_t n, size_t shape[4]) {
    const size_t dense[4] = {bits->rows, n, bits->rows, n}, blocks[4] = {bits->rows, n, n, 1};
    const bool is_dense = forms[bits->form].result == RESULT_MATRIX && bits->layout == SJ_DENSE;
    for (int d = 0; d < 4; d++) shape[d] = is_dense ? dense[d] : blocks[d];
    if (is_dense) return 4;
    return forms[bits->form].result == RESULT_MATRIX ? 3 : forms[bits->form].result == RESULT_ROW ? 2 : 1;
}

/* Row `row` alone, as a batch of one. */
static sj_view one_row(sj_view view, size_t row) {
    view.data = (char *)view.data + (ptrdiff_t)row * view.strides[0] * (ptrdiff_t)item(view.dtype);
    view.shape[0] = 1;
    return view;
}

/* A loss of every row, or its gradient. */
static sj_status compute_loss(const bit_case *bits, const form_arguments *call, const sj_options *options) {
    const bool gradient = forms[bits->form].result == RESULT_ROW;
    const size_t rows = call->z.shape[0], n = call->z.shape[1];
    int32_t labels[3];
    sj_loss_options how = SJ_LOSS_OPTIONS_INIT;
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) labels[i] = (int32_t)(i % n);
    if (bits->target == OF_PROBABILITIES) how.label_smoothing = 0.125, how.z_loss = 0x1p-10;
    const sj_view target = bits->target == OF_LABELS ? sj_array(labels, SJ_I32, 1, &rows) : call->g;
    return sj_cross_entropy(call->z, target, gradient ? NULL : &call->out, gradient ? &call->out : NULL, &how, options);
}

static bool compute(const bit_case *bits, size_t n, sj_mode mode, form_arguments call) {
    const form_arguments batch = call;
    sj_error error = {SJ_OK, ""};
    sj_options options = SJ_OPTIONS_INIT;
    options.nonfinite = bits->nonfinite, options.given = bits->given, options.error = &error, options.mode = mode;
    for (size_t row = 0; row < (bits->row_by_row ? bits->rows : 1); row++) {
        if (bits->row_by_row) {
            call.z = one_row(batch.z, row);
            call.g = one_row(batch.g, row);
            call.out = one_row(batch.out, row);
        }
        const sj_status status =
            bits->target == NO_LOSS ? forms[bits->form].call(&call, &options) : compute_loss(bits, &call, &options);
        if (status == SJ_OK) continue;
        fprintf(stderr, "%s, n = %zu: %s: %s\n", bits->name, n, sj_strerror(status), error.message);
        return false;
    }
    return true;
}

bool case_run(const bit_case *bits, size_t n, sj_mode mode, case_result *result) {
    const size_t shape[2] = {bits->rows, n};
    size_t out_shape[4];
    const int ndim = result_shape(bits, n, out_shape);
    bit_stream z_bits = {n}, g_bits = {n + 1000000};
    placed z = place(bits->order, bits->z, 2, shape), g = place(bits->order, bits->g, 2, shape);
    placed out = place(bits->order, bits->out, ndim, out_shape);
    const placed *written = bits->place == IN_PLACE_OF_Z ? &z : bits->place == IN_PLACE_OF_G ? &g : &out;
    *result = (case_result){malloc(z.count * sizeof(double)), malloc(g.count * sizeof(double)),
                            malloc(out.count * sizeof(double)), 0};
    bool done = z.memory && g.memory && out.memory && result->z && result->g && result->out;
    if (done) {
        for (size_t row = 0; row < bits->rows; row++) {
            bits->fill(result->z + row * n, n, bits->z, &z_bits);
            fill_cotangent(result->g + row * n, n, bits->g, &g_bits);
        }
        set_all(&z, result->z);
        set_all(&g, result->g);
        done = compute(bits, n, mode, (form_arguments){z.view, g.view, n / 2, bits->layout, written->view});
        get_all(written, result->out);
        result->entries = written->count;
    } else {
        fprintf(stderr, "%s, n = %zu: out of memory\n", bits->name, n);
    }
    free(z.memory);
    free(g.memory);
    free(out.memory);
    return done;
}

void case_result_free(case_result *result) {
    free(result->z);
    free(result->g);
    free(result->out);
}
