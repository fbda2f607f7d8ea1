/* instructions.c: one call of each case under callgrind, between two marks, so that what the program does beside it is
 * not counted. scripts/callgrind runs it and divides by the entries of the case's name; run alone it shows nothing. */
#include <softjac.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <valgrind/callgrind.h>

#define LOGITS 16384 /* about as many in a case: long enough for whole tiles, short under valgrind */

typedef sj_status one_call(sj_view z, sj_view g, sj_view out, size_t n, const sj_options *options);

static sj_status softmax(sj_view z, sj_view g, sj_view out, size_t n, const sj_options *options) {
    (void)g, (void)n;
    return sj_softmax(z, out, options);
}

static sj_status log_softmax(sj_view z, sj_view g, sj_view out, size_t n, const sj_options *options) {
    (void)g, (void)n;
    return sj_log_softmax(z, out, options);
}

static sj_status logsumexp(sj_view z, sj_view g, sj_view out, size_t n, const sj_options *options) {
    (void)g, (void)n;
    out.ndim = 1;
    out.shape[0] = z.shape[z.axis == 0 ? 1 : 0];
    out.strides[0] = 1;
    return sj_logsumexp(z, out, options);
}

static sj_status gradient(sj_view z, sj_view g, sj_view out, size_t n, const sj_options *options) {
    (void)g;
    return sj_softmax_gradient(z, n / 2, out, options);
}

static sj_status vjp(sj_view z, sj_view g, sj_view out, size_t n, const sj_options *options) {
    (void)n;
    return sj_softmax_vjp(z, g, out, options);
}

static sj_status jvp(sj_view z, sj_view g, sj_view out, size_t n, const sj_options *options) {
    (void)n;
    return sj_softmax_jvp(z, g, out, options);
}

/* The result is n times as large: fewer rows. */
static sj_status jacobian(sj_view z, sj_view g, sj_view out, size_t n, const sj_options *options) {
    const size_t shape[3] = {z.shape[0], n, n};
    (void)g;
    return sj_softmax_jacobian(z, SJ_BLOCKS, sj_array(out.data, z.dtype, 3, shape), options);
}

typedef struct form {
    const char *name;
    one_call *call;
    sj_given given;
    sj_mode mode;
    int axis;
    double about; /* where the logits are */
    size_t n[8];  /* up to a 0 */
} form;

static const form forms[] = {
    {"softmax", softmax, SJ_GIVEN_LOGITS, SJ_DEFAULT, -1, 0, {2, 5, 10, 16, 33, 256, 1024, 16384}},
    {"log-softmax", log_softmax, SJ_GIVEN_LOGITS, SJ_DEFAULT, -1, 0, {5, 33, 1024}},
    {"logsumexp", logsumexp, SJ_GIVEN_LOGITS, SJ_DEFAULT, -1, 0, {5, 33, 1024}},
    {"gradient", gradient, SJ_GIVEN_LOGITS, SJ_DEFAULT, -1, 0, {5, 33, 1024}},
    {"vjp", vjp, SJ_GIVEN_LOGITS, SJ_DEFAULT, -1, 0, {2, 5, 10, 16, 33, 1024, 16384}},
    {"vjp-of-softmax", vjp, SJ_GIVEN_SOFTMAX, SJ_DEFAULT, -1, 0, {2, 5, 10, 16, 33, 1024, 16384}},
    {"jvp", jvp, SJ_GIVEN_LOGITS, SJ_DEFAULT, -1, 0, {5, 1024}},
    {"jacobian", jacobian, SJ_GIVEN_LOGITS, SJ_DEFAULT, -1, 0, {5, 10, 64}},
    {"softmax-first-axis", softmax, SJ_GIVEN_LOGITS, SJ_DEFAULT, 0, 0, {5, 64, 1024}},
    {"vjp-of-softmax-first-axis", vjp, SJ_GIVEN_SOFTMAX, SJ_DEFAULT, 0, 0, {5, 64, 1024}},
    {"softmax-exact", softmax, SJ_GIVEN_LOGITS, SJ_EXACT, -1, 0, {5, 33, 1024}},
    {"softmax-far", softmax, SJ_GIVEN_LOGITS, SJ_DEFAULT, -1, -2000, {5, 33, 1024}},
    {"vjp-far", vjp, SJ_GIVEN_LOGITS, SJ_DEFAULT, -1, -2000, {5, 33}},
    {"softmax-exact-far", softmax, SJ_GIVEN_LOGITS, SJ_EXACT, -1, -2000, {5, 33, 1024}},
};

static void fill(void *array, sj_dtype dtype, size_t count, uint32_t seed, double width, double about) {
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        const double value = ((double)(seed >> 8) * 0x1p-24 - 0.5) * width + about;
        if (dtype == SJ_F32) {
            ((float *)array)[i] = (float)value;
        } else {
            ((double *)array)[i] = value;
        }
    }
}

static sj_view matrix(const void *data, sj_dtype dtype, const form *f, size_t rows, size_t n) {
    const size_t shape[2] = {f->axis == 0 ? n : rows, f->axis == 0 ? rows : n};
    sj_view view = sj_array(data, dtype, 2, shape);
    view.axis = f->axis;
    return view;
}

/* The mark's text becomes the counted part's name: operation, dtype, n, entries. The call before it takes what happens
 * only once, such as the choice of the kernels. */
static sj_status count(const form *f, sj_dtype dtype, size_t n, double *memory) {
    const size_t of_row = f->call == jacobian ? n * n : n, rows = LOGITS / of_row > 0 ? LOGITS / of_row : 1;
    double *z = memory, *s = memory + 2 * LOGITS, *g = memory + 4 * LOGITS, *out = memory + 6 * LOGITS;
    sj_options options = SJ_OPTIONS_INIT;
    char text[80];
    fill(z, dtype, rows * n, 1, 20, f->about);
    fill(g, dtype, rows * n, 2, 2, 0);
    options.threads = 1; /* here too: threads that wait would be counted */
    sj_status status = sj_softmax(matrix(z, dtype, f, rows, n), matrix(s, dtype, f, rows, n), &options);
    const sj_view from = matrix(f->given == SJ_GIVEN_SOFTMAX ? s : z, dtype, f, rows, n);
    const sj_view given = matrix(g, dtype, f, rows, n), result = matrix(out, dtype, f, rows, n);
    options.given = f->given;
    options.mode = f->mode;
    if (status == SJ_OK) status = f->call(from, given, result, n, &options);
    snprintf(text, sizeof text, "%s %s %zu %zu", f->name, dtype == SJ_F32 ? "f32" : "f64", n, rows * of_row);
    CALLGRIND_ZERO_STATS;
    if (status == SJ_OK) status = f->call(from, given, result, n, &options);
    CALLGRIND_DUMP_STATS_AT(text);
    if (status != SJ_OK) fprintf(stderr, "instructions: %s: %s\n", text, sj_strerror(status));
    return status;
}

int main(void) {
    double *memory = calloc(8 * LOGITS, sizeof *memory);
    bool failed = memory == NULL;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0] && !failed; i++) {
        for (sj_dtype dtype = SJ_F32; dtype <= SJ_F64; dtype++) {
            for (size_t k = 0; k < 8 && forms[i].n[k] > 0 && !failed; k++) {
                failed = count(&forms[i], dtype, forms[i].n[k], memory) != SJ_OK;
            }
        }
    }
    free(memory);
    return failed;
}
