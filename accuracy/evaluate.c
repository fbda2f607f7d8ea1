/* evaluate.c: see evaluate.h. */
#include "evaluate.h"

#include "memory.h"

static void *grown(void *array, size_t *bytes, size_t wanted) {
    if (wanted <= *bytes) return array;
    free(array);
    *bytes = wanted;
    return new_array(wanted, 1);
}

static void reserve(batch *b, size_t elements) {
    const size_t bytes = elements * sizeof(double);
    if (bytes > b->input_bytes) {
        size_t same = b->input_bytes;
        b->g = grown(b->g, &same, bytes);
    }
    b->z = grown(b->z, &b->input_bytes, bytes);
    b->cut = grown(b->cut, &b->cut_count, bytes);
}

void batch_set(batch *b, sj_dtype dtype, const candidate *rows, size_t count) {
    const size_t n = rows[0].n;
    b->dtype = dtype;
    b->rows = count;
    b->n = n;
    b->q = rows[0].q;
    reserve(b, count * n);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < n; k++) {
            element_set(b->z, dtype, i * n + k, rows[i].z[k]);
            element_set(b->g, dtype, i * n + k, rows[i].g[k]);
        }
        const double *read = candidate_logits(&rows[i], dtype, true, b->cut + i * n);
        filter_row(&b->filters[i], rows[i].z, n);
        filter_cotangent(&b->filters[i], rows[i].g);
        b->is_cut[i] = read != rows[i].z;
        b->is_vague[i] = b->is_cut[i] && candidate_is_vague(&rows[i], dtype);
        if (!b->is_cut[i]) continue;
        filter_row(&b->cut_filters[i], read, n);
        filter_cotangent(&b->cut_filters[i], rows[i].g);
    }
}

static void call(batch *b, form_id id, sj_mode mode) {
    const size_t shape[2] = {b->rows, b->n};
    size_t result[3] = {0};
    sj_error error = {SJ_OK, ""};
    sj_options options = SJ_OPTIONS_INIT;
    options.mode = mode;
    options.threads = 1;
    options.error = &error;
    const int ndim = result_shape(id, 2, 1, shape, result);
    b->result = grown(b->result, &b->result_bytes, b->rows * form_entries(&forms[id], b->n) * sizeof(double));
    const form_arguments a = {.z = sj_array(b->z, b->dtype, 2, shape),
                              .g = sj_array(b->g, b->dtype, 2, shape),
                              .q = b->q,
                              .layout = SJ_BLOCKS,
                              .out = sj_array(b->result, b->dtype, ndim, result)};
    if (forms[id].call(&a, &options) == SJ_OK) return;
    (void)fprintf(stderr, "accuracy: %s: %s\n", forms[id].name, error.message);
    exit(1);
}

double batch_result(const batch *b, form_id id, size_t row, size_t i) {
    return element_get(b->result, b->dtype, row * form_entries(&forms[id], b->n) + i);
}

void batch_measure(batch *b, form_id id, sj_mode mode, double threshold, worst_entry *worst) {
    const size_t entries = form_entries(&forms[id], b->n);
    call(b, id, mode);
    for (size_t row = 0; row < b->rows; row++) {
        const filter *f = forms[id].takes_g && b->is_cut[row] ? &b->cut_filters[row] : &b->filters[row];
        worst_entry w = {-1, 0, 0};
        const bool skipped = forms[id].takes_g && b->is_vague[row] && mode == SJ_DEFAULT;
        for (size_t i = 0; i < entries && !skipped; i++) {
            const double error = filter_error(f, id, b->q, i, batch_result(b, id, row, i), b->dtype);
            if (!(error <= threshold)) w.doubtful++;
            if (error <= w.error) continue;
            w.error = error;
            w.entry = i;
        }
        worst[row] = w;
    }
}

void batch_free(batch *b) {
    free(b->z);
    free(b->g);
    free(b->result);
    free(b->cut);
    for (size_t i = 0; i < BATCH; i++) {
        filter_free(&b->filters[i]);
        filter_free(&b->cut_filters[i]);
    }
    *b = (batch){0};
}
