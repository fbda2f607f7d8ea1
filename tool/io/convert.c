/* convert.c: every supported dtype, byte order and array order to C-ordered float32 or float64.
 * Bits move by shifts and memcpy, so hosts of either byte order agree and NaN payloads survive. */
#include "convert.h"

#include "bytes.h"

#include <stdlib.h>
#include <string.h>

/* `count` elements, `step` bytes apart. */
typedef struct run {
    const unsigned char *source;
    size_t count, step, item;
    bool big_endian;
} run;

typedef void (*run_copy)(const run *r, void *out);

/* binary16 to the bits of binary32: exact, also for subnormals, which binary32 holds as normal numbers. */
static uint32_t widen_half(uint16_t half) {
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    const uint32_t exponent = half >> 10 & 0x1f;
    uint32_t fraction = half & 0x3ff;
    if (exponent == 0x1f) return sign | 0x7f800000 | fraction << 13;
    if (exponent != 0) return sign | (exponent + 112) << 23 | fraction << 13;
    if (fraction == 0) return sign;
    uint32_t shifted = 113;
    while (!(fraction & 0x400)) {
        fraction <<= 1;
        shifted--;
    }
    return sign | shifted << 23 | (fraction & 0x3ff) << 13;
}

double io_element(const void *data, sj_dtype dtype, size_t i) {
    if (dtype == SJ_F64) return ((const double *)data)[i];
    if (dtype == SJ_F32) return (double)((const float *)data)[i];
    const uint32_t bits = widen_half(((const uint16_t *)data)[i]);
    float x;
    memcpy(&x, &bits, sizeof x);
    return (double)x;
}

size_t io_item(sj_dtype dtype) {
    static const unsigned char sizes[] = {[SJ_F32] = 4, [SJ_F64] = 8, [SJ_F16] = 2, [SJ_BOOL] = 1, [SJ_I64] = 8};
    return sizes[dtype];
}

static void copy_half(const run *r, void *out) {
    unsigned char *to = out;
    for (size_t i = 0; i < r->count; i++) {
        const unsigned char *p = r->source + i * r->step;
        const uint32_t bits = widen_half(r->big_endian ? load16_be(p) : load16_le(p));
        memcpy(to + i * sizeof bits, &bits, sizeof bits);
    }
}

static void copy_single(const run *r, void *out) {
    unsigned char *to = out;
    for (size_t i = 0; i < r->count; i++) {
        const unsigned char *p = r->source + i * r->step;
        const uint32_t bits = r->big_endian ? load32_be(p) : load32_le(p);
        memcpy(to + i * sizeof bits, &bits, sizeof bits);
    }
}

static void copy_double(const run *r, void *out) {
    unsigned char *to = out;
    for (size_t i = 0; i < r->count; i++) {
        const unsigned char *p = r->source + i * r->step;
        const uint64_t bits = r->big_endian ? load64_be(p) : load64_le(p);
        memcpy(to + i * sizeof bits, &bits, sizeof bits);
    }
}

static uint64_t load_unsigned(const unsigned char *p, size_t item, bool big_endian) {
    uint64_t value = 0;
    for (size_t b = 0; b < item; b++) value = value << 8 | p[big_endian ? b : item - 1 - b];
    return value;
}

static void copy_unsigned(const run *r, void *out) {
    double *to = out;
    for (size_t i = 0; i < r->count; i++) {
        to[i] = (double)load_unsigned(r->source + i * r->step, r->item, r->big_endian);
    }
}

static void copy_signed(const run *r, void *out) {
    double *to = out;
    const uint64_t sign = (uint64_t)1 << (8 * r->item - 1);
    const uint64_t all = sign | (sign - 1);
    for (size_t i = 0; i < r->count; i++) {
        const uint64_t value = load_unsigned(r->source + i * r->step, r->item, r->big_endian);
        /* The magnitude is converted, as two's complement has one value more below zero than above. */
        to[i] = (value & sign) ? -(double)((~value & all) + 1) : (double)value;
    }
}

static void copy_boolean(const run *r, void *out) {
    double *to = out;
    for (size_t i = 0; i < r->count; i++) to[i] = r->source[i * r->step] != 0;
}

static run_copy choose_copy(const npy_header *header) {
    switch (header->kind) {
    case 'f':
        return header->item == 2 ? copy_half : header->item == 4 ? copy_single : copy_double;
    case 'i':
        return copy_signed;
    case 'u':
        return copy_unsigned;
    default:
        return copy_boolean;
    }
}

/* Fortran order: the last axis is the slowest in the file and the fastest in memory; one run per row of it. */
static void copy_transposed(const npy_header *header, run_copy copy, size_t out_item, run r, unsigned char *out) {
    const int last = header->ndim - 1;
    size_t index[IO_MAX_NDIM] = {0};
    size_t stride[IO_MAX_NDIM] = {0};
    size_t next = header->item;
    for (int d = 0; d <= last; d++) {
        stride[d] = next;
        next *= header->shape[d];
    }
    const unsigned char *base = r.source;
    r.count = header->shape[last];
    r.step = stride[last];
    for (size_t done = 0; done < header->elements; done += r.count) {
        size_t offset = 0;
        for (int d = 0; d < last; d++) offset += index[d] * stride[d];
        r.source = base + offset;
        copy(&r, out + done * out_item);
        for (int d = last - 1; d >= 0 && ++index[d] == header->shape[d]; d--) index[d] = 0;
    }
}

sj_dtype convert_dtype(const npy_header *header) { return header->kind == 'f' && header->item <= 4 ? SJ_F32 : SJ_F64; }

static bool host_is_big_endian(void) {
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 0;
}

bool convert_is_copy(const npy_header *header) {
    return header->kind == 'f' && header->item >= 4 && header->big_endian == host_is_big_endian();
}

void convert_little(void *elements, size_t item, size_t count) {
    unsigned char *bytes = elements;
    for (size_t i = 0; host_is_big_endian() && i < count; i++, bytes += item) {
        for (size_t b = 0; b < item / 2; b++) {
            const unsigned char low = bytes[b];
            bytes[b] = bytes[item - 1 - b];
            bytes[item - 1 - b] = low;
        }
    }
}

void convert_run(const npy_header *header, const unsigned char *data, size_t count, void *out) {
    const run r = {data, count, header->item, header->item, header->big_endian};
    choose_copy(header)(&r, out);
}

bool convert_elements(const npy_header *header, const unsigned char *data, io_array *array) {
    memset(array, 0, sizeof *array);
    array->dtype = convert_dtype(header);
    const size_t out_item = io_item(array->dtype);
    /* malloc(0) may return NULL, which would read as a failure. */
    array->data = malloc(header->elements ? header->elements * out_item : 1);
    if (!array->data) return false;
    array->integers = header->kind != 'f';
    array->ndim = header->ndim;
    memcpy(array->shape, header->shape, sizeof header->shape);
    if (header->elements == 0) return true;
    const run r = {data, header->elements, header->item, header->item, header->big_endian};
    if (header->fortran_order && header->ndim > 1) {
        copy_transposed(header, choose_copy(header), out_item, r, array->data);
    } else {
        convert_run(header, data, header->elements, array->data);
    }
    return true;
}
