/* workload.c: makes the inputs of one timing, the same on every machine, in memory that worker processes share.
 * Called by harness.c. */
#include "workload.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const char *const bench_op_names[OP_COUNT] = {"softmax",        "log-softmax", "logsumexp", "gradient",
                                              "vjp-of-softmax", "vjp",         "jvp",       "jacobian"};

#define PAGE 4096

size_t bench_item(sj_dtype dtype) { return dtype == SJ_F32 ? 4 : 8; }

const char *bench_dtype_name(sj_dtype dtype) { return dtype == SJ_F32 ? "f32" : "f64"; }

static size_t result_entries(const bench_case *what) {
    const size_t logits = what->rows * what->n;
    return what->op == OP_JACOBIAN ? logits * what->n : what->op == OP_LOGSUMEXP ? what->rows : logits;
}

size_t bench_entries(const bench_case *what) {
    return what->op == OP_LOGSUMEXP ? what->rows * what->n : result_entries(what);
}

double bench_compulsory_bytes(const bench_case *what) {
    const bool two_inputs = what->op == OP_VJP_OF_SOFTMAX || what->op == OP_VJP || what->op == OP_JVP;
    const size_t inputs = what->rows * what->n * (two_inputs ? 2 : 1);
    return (double)(inputs + result_entries(what)) * (double)bench_item(what->dtype);
}

/* A file without a name, so that nothing is left behind. Linux keeps it in memory, elsewhere it is a temporary. */
static int anonymous_file(void) {
#ifdef __linux__
    return memfd_create("softjac-bench", MFD_CLOEXEC);
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

static void write_entry(const workload *w, void *array, size_t at, double value) {
    if (w->what.dtype == SJ_F32) {
        ((float *)array)[at] = (float)value;
    } else {
        ((double *)array)[at] = value;
    }
}

/* Logits: sums of four uniforms, close to a normal distribution of deviation 3, within 10.4 of 0. */
static bool fill(workload *w, size_t out_entries) {
    uint64_t state = 1;
    for (size_t i = 0; i < w->logits; i++) {
        const double sum = uniform(&state) + uniform(&state) + uniform(&state) + uniform(&state);
        write_entry(w, w->z, i, (sum - 2) * 5.196);
        write_entry(w, w->g, i, 2 * uniform(&state) - 1);
    }
    memset(w->out, 0, out_entries * w->item);
    sj_options options = SJ_OPTIONS_INIT;
    options.threads = w->what.threads; /* no waiting threads beside what is timed on one */
    return sj_softmax(workload_input(w, w->z), workload_input(w, w->s), &options) == SJ_OK;
}

bool workload_open(workload *w, const bench_case *what) {
    *w = (workload){.what = *what, .item = bench_item(what->dtype), .logits = what->rows * what->n};
    w->results = result_entries(what);
    /* room for a copy of the logits too */
    const size_t out_entries = w->results > w->logits ? w->results : w->logits;
    /* A page of slack: some peers read a vector past the end. */
    w->stride = (w->logits * w->item / PAGE + 2) * PAGE;
    w->file_bytes = 3 * w->stride + (out_entries * w->item / PAGE + 2) * PAGE;
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
    return fill(w, out_entries);
}

void workload_close(workload *w) {
    munmap(w->z, w->file_bytes);
    close(w->file);
}
