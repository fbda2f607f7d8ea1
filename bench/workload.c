/* workload.c: makes the inputs of one timing, the same on every machine, in memory that worker processes share.
 * Called by harness.c. */
#include "workload.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const char *const bench_op_names[OP_COUNT] = {"softmax", "vjp-of-softmax", "vjp", "jacobian"};

/* From the article's batch, over classifiers and attention rows, to vocabularies and one row larger than any cache. */
const bench_shape bench_shapes[BENCH_SHAPES] = {
    {1000, 5}, {200000, 10}, {65536, 64}, {4096, 1024}, {512, 32000}, {64, 128256}, {1, (size_t)1 << 24},
};

#define MAX_JACOBIAN_ENTRIES ((size_t)1 << 24)
#define PAGE 4096

bench_shape workload_shape(bench_op op, bench_shape shape) {
    if (op != OP_JACOBIAN) return shape;
    const size_t most = shape.n <= 4096 ? MAX_JACOBIAN_ENTRIES / (shape.n * shape.n) : 0;
    return (bench_shape){shape.rows < most ? shape.rows : most, shape.n};
}

/* A file without a name, so that nothing is left behind. Linux keeps it in memory, elsewhere it is a temporary. */
static int anonymous_file(void) {
#ifdef __linux__
    return memfd_create("softjac-bench", 0);
#else
    FILE *file = tmpfile();
    return file == NULL ? -1 : dup(fileno(file));
#endif
}

static uint64_t next_random(uint64_t *state) {
    uint64_t x = *state += 0x9e3779b97f4a7c15u; /* splitmix64 */
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static double uniform(uint64_t *state) { return (double)(next_random(state) >> 11) * 0x1p-53; }

static void write_entry(const workload *w, void *array, size_t i, double value) {
    if (w->dtype == SJ_F32) {
        ((float *)array)[i] = (float)value;
    } else {
        ((double *)array)[i] = value;
    }
}

double workload_read(const workload *w, const void *array, size_t i) {
    return w->dtype == SJ_F32 ? (double)((const float *)array)[i] : ((const double *)array)[i];
}

static sj_view matrix(const workload *w, const void *array) {
    const size_t shape[2] = {w->rows, w->n};
    return sj_array(array, w->dtype, 2, shape);
}

/* Logits: sums of four uniforms, close to a normal distribution of deviation 3, within 10.4 of 0. */
static bool fill(workload *w) {
    uint64_t state = 1;
    for (size_t i = 0; i < w->rows * w->n; i++) {
        const double sum = uniform(&state) + uniform(&state) + uniform(&state) + uniform(&state);
        write_entry(w, w->z, i, (sum - 2) * 5.196);
        write_entry(w, w->g, i, 2 * uniform(&state) - 1);
    }
    memset(w->out, 0, w->results * w->item);
    return sj_softmax(matrix(w, w->z), matrix(w, w->s), NULL) == SJ_OK;
}

bool workload_open(workload *w, bench_op op, sj_dtype dtype, bench_shape shape) {
    *w = (workload){.op = op, .dtype = dtype, .rows = shape.rows, .n = shape.n, .item = dtype == SJ_F32 ? 4 : 8};
    w->results = shape.rows * shape.n * (op == OP_JACOBIAN ? shape.n : 1);
    /* A page of slack: some peers read a vector past the end. */
    w->stride = (shape.rows * shape.n * w->item / PAGE + 2) * PAGE;
    w->file_bytes = 3 * w->stride + (w->results * w->item / PAGE + 2) * PAGE;
    w->file = anonymous_file();
    if (w->file < 0 || ftruncate(w->file, (off_t)w->file_bytes) != 0) return false;
    char *base = mmap(NULL, w->file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, w->file, 0);
    if (base == MAP_FAILED) {
        close(w->file);
        return false;
    }
    w->z = base;
    w->s = base + w->stride;
    w->g = base + 2 * w->stride;
    w->out = base + 3 * w->stride;
    return fill(w);
}

void workload_close(workload *w) {
    munmap(w->z, w->file_bytes);
    close(w->file);
}
