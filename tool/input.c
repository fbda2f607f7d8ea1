/* input.c: the inputs of input.h. Elements on demand are checked against their rule and narrowed to what the library
 * takes as they are read, a small buffer at a time. */
#include "input.h"
#include "memory.h"
#include "spill.h"

#include "io/fail.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { NARROWED_AT_ONCE = 2048 };

static int failed(const arguments *args, const io_error *error) {
    return fail(args, error->exit_code, "%s", error->message);
}

/* What is small enough to be turned in memory is read as other formats are. */
static bool turned_in_memory(const arguments *args, const npy_input *file) {
    const npy_header *header = &file->header;
    return header->data_bytes + header->elements * io_item(file->dtype) <= memory_allowed(args) / 4;
}

int input_open(const arguments *args, const char *path, input *in) {
    io_error error;
    *in = (input){.given = true, .rule.name = path};
    if (!npy_is_file(path)) return read_array(args, path, &in->array);
    if (!npy_open(&in->file, path, &error)) return failed(args, &error);
    in->in_file = true;
    const npy_header *header = &in->file.header;
    const bool integers = header->kind != 'f';
    if (header->fortran_order && header->ndim > 1 && turned_in_memory(args, &in->file)) {
        input_close(in);
        return read_array(args, path, &in->array);
    }
    if (header->fortran_order && header->ndim > 1) {
        const int code = spill_transposed(args, &in->file);
        if (code != EXIT_DONE) return code;
    }
    in->array.dtype = in->file.dtype;
    in->array.ndim = header->ndim;
    in->array.integers = integers;
    memcpy(in->array.shape, header->shape, sizeof header->shape);
    return EXIT_DONE;
}

static void store(void *to, sj_dtype dtype, size_t i, double x) {
    if (dtype == SJ_BOOL)
        ((uint8_t *)to)[i] = x != 0;
    else if (dtype == SJ_I64)
        ((int64_t *)to)[i] = (int64_t)x;
    else if (dtype == SJ_F32)
        ((float *)to)[i] = (float)x;
    else
        ((double *)to)[i] = x;
}

static bool obeys(const input_rule *rule, double x) {
    return !rule->whole || (x >= rule->least && x <= rule->most && x == floor(x));
}

static bool refuse(const input_rule *rule, const io_array *from, size_t i, double x, io_error *error) {
    char place[SHAPE_TEXT];
    size_t index[IO_MAX_NDIM];
    for (int d = from->ndim - 1; d >= 0; d--) index[d] = i % from->shape[d], i /= from->shape[d];
    shape_text(from->ndim, index, place);
    if (rule->least < 0)
        return io_fail(error, EXIT_BAD_DATA, rule->name, "found %g at %s, expected a whole number%s", x, place,
                       rule->advice);
    return io_fail(error, EXIT_BAD_DATA, rule->name, "found %g at %s, expected a whole number from 0 to %.0f%s", x,
                   place, rule->most, rule->advice);
}

int input_check(const arguments *args, const input_rule *rule, const io_array *array) {
    io_error error;
    const size_t count = rule->whole ? io_elements(array) : 0;
    for (size_t i = 0; i < count; i++) {
        const double x = io_element(array->data, array->dtype, i);
        if (obeys(rule, x)) continue;
        refuse(rule, array, i, x, &error);
        return failed(args, &error);
    }
    return EXIT_DONE;
}

static bool fill_narrowed(const input *in, size_t first, size_t count, void *out, io_error *error) {
    double read[NARROWED_AT_ONCE];
    for (size_t done = 0; done < count;) {
        const size_t next = count - done < NARROWED_AT_ONCE ? count - done : NARROWED_AT_ONCE;
        if (!npy_read(&in->file, first + done, next, read, error)) return false;
        for (size_t i = 0; i < next; i++) {
            const double x = io_element(read, in->file.dtype, i);
            if (!obeys(&in->rule, x)) return refuse(&in->rule, &in->array, first + done + i, x, error);
            store(out, in->array.dtype, done + i, x);
        }
        done += next;
    }
    return true;
}

static void fill_broadcast(const input *in, size_t first, size_t count, void *out) {
    const io_array *from = &in->from, *to = &in->array;
    size_t index[IO_MAX_NDIM] = {0}, strides[IO_MAX_NDIM] = {0}, stride = 1, at = 0;
    for (int d = 1; d <= from->ndim; d++) {
        const size_t extent = from->shape[from->ndim - d];
        strides[to->ndim - d] = extent == 1 ? 0 : stride;
        stride *= extent;
    }
    for (int d = to->ndim - 1; d >= 0; d--) {
        index[d] = first % to->shape[d];
        first /= to->shape[d];
        at += index[d] * strides[d];
    }
    for (size_t i = 0; i < count; i++) {
        store(out, to->dtype, i, io_element(from->data, from->dtype, at));
        for (int d = to->ndim - 1; d >= 0; d--) {
            at += strides[d];
            if (++index[d] < to->shape[d]) break;
            at -= index[d] * strides[d];
            index[d] = 0;
        }
    }
}

static void keep_causal(const input *in, size_t first, size_t count, int64_t *lengths) {
    for (size_t i = 0; i < count; i++) {
        const int64_t reach = (int64_t)((first + i) % in->cycle) + 1;
        if (lengths[i] > reach) lengths[i] = reach;
    }
}

bool input_fill(const input *in, size_t first, size_t count, void *out, io_error *error) {
    const size_t item = io_item(in->array.dtype);
    if (count == 0) return true;
    if (in->array.data)
        memcpy(out, (const char *)in->array.data + first * item, count * item);
    else if (in->in_file && (in->rule.whole || in->array.dtype != in->file.dtype)) {
        if (!fill_narrowed(in, first, count, out, error)) return false;
    } else if (in->in_file) {
        if (!npy_read(&in->file, first, count, out, error)) return false;
    } else
        fill_broadcast(in, first, count, out);
    if (in->cycle) keep_causal(in, first, count, out);
    return true;
}

bool input_unchanged(const input *in, io_error *error) { return !in->in_file || npy_unchanged(&in->file, error); }

int input_load(const arguments *args, input *in) {
    io_error error;
    if (!in->given || in->array.data) return EXIT_DONE;
    io_array loaded = in->array;
    int code = allocate_array(args, &loaded, "");
    if (code != EXIT_DONE) return code;
    if (!input_fill(in, 0, io_elements(&loaded), loaded.data, &error) || !input_unchanged(in, &error)) {
        io_array_free(&loaded);
        return failed(args, &error);
    }
    input_close(in);
    *in = (input){.given = true, .array = loaded};
    return EXIT_DONE;
}

int input_keep_row(const arguments *args, input *in, const grid *around, size_t row) {
    io_error error;
    const size_t step = around->inner, first = row / step * around->n * step + row % step;
    if (!in->given) return EXIT_DONE;
    io_array kept = {.dtype = in->array.dtype, .ndim = 1, .shape = {around->n}, .integers = in->array.integers};
    const int code = allocate_array(args, &kept, "");
    if (code != EXIT_DONE) return code;
    const size_t item = io_item(kept.dtype), run = step == 1 ? around->n : 1;
    for (size_t q = 0; q < around->n; q += run) {
        if (input_fill(in, first + q * step, run, (char *)kept.data + q * item, &error)) continue;
        io_array_free(&kept);
        return failed(args, &error);
    }
    input_close(in);
    *in = (input){.given = true, .array = kept};
    return EXIT_DONE;
}

void input_close(input *in) {
    if (in->in_file) npy_close(&in->file);
    in->in_file = false;
    io_array_free(&in->from);
    if (!in->mapped) io_array_free(&in->array);
    in->array.data = NULL;
}
