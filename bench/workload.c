/* workload.c: makes the inputs of one timing, the same on every machine, in memory that worker processes share.
 * Called by harness.c. */
#include "workload.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const char *const bench_op_names[OP_COUNT] = {
    "softmax", "log-softmax", "logsumexp",     "gradient",       "vjp-of-softmax", "vjp",
    "jvp",     "jacobian",    "cross-entropy", "masked-softmax", "causal-softmax"};

#define PAGE 4096

size_t bench_item(sj_dtype dtype) { return is_half(dtype) ? 2 : dtype == SJ_F32 ? 4 : 8; }

const char *bench_dtype_name(sj_dtype dtype) {
    return dtype == SJ_F32 ? "f32" : dtype == SJ_F64 ? "f64" : dtype == SJ_F16 ? "f16" : "bf16";
}

bool bench_is_plain(const bench_case *what) { return what->op <= OP_JACOBIAN && !is_half(what->dtype); }

static size_t result_entries(const bench_case *what) {
    const size_t logits = what->rows * what->n;
    return what->op == OP_JACOBIAN ? logits * what->n : what->op == OP_LOGSUMEXP ? what->rows : logits;
}

size_t bench_entries(const bench_case *what) {
    return what->op == OP_LOGSUMEXP ? what->rows * what->n : result_entries(what);
}

/* Under the diagonal of a causal mask, and on it. */
static size_t causal_entries(const bench_case *what) {
    const size_t ramp = what->rows < what->n ? what->rows : what->n;
    return ramp * (ramp + 1) / 2 + (what->rows - ramp) * what->n;
}

double bench_compulsory_bytes(const bench_case *what) {
    const bool two_inputs = what->op == OP_VJP_OF_SOFTMAX || what->op == OP_VJP || what->op == OP_JVP;
    const size_t logits = what->rows * what->n;
    const size_t inputs = what->op == OP_CAUSAL_SOFTMAX ? causal_entries(what) : logits * (two_inputs ? 2 : 1);
    const size_t mask = what->op == OP_MASKED_SOFTMAX ? logits : 0;
    const size_t labels = what->op == OP_CROSS_ENTROPY ? what->rows * sizeof(int64_t) : 0;
    return (double)((inputs + result_entries(what)) * bench_item(what->dtype) + mask + labels);
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
    element_store(array, w->what.dtype, (ptrdiff_t)at, value);
}

/* Three of four entries take part. */
static void write_second_input(const workload *w, size_t at, double random) {
    if (w->what.op == OP_CROSS_ENTROPY) {
        if (at < w->what.rows) ((int64_t *)w->g)[at] = (int64_t)(random * (double)w->what.n);
    } else if (w->what.op == OP_MASKED_SOFTMAX) {
        ((uint8_t *)w->g)[at] = random < 0.75;
    } else {
        write_entry(w, w->g, at, 2 * random - 1);
    }
}

/* Logits: sums of four uniforms, close to a normal distribution of deviation 3, within 10.4 of 0. */
static bool fill(workload *w, size_t out_entries) {
    uint64_t state = 1;
    for (size_t i = 0; i < w->logits; i++) {
        const double sum = uniform(&state) + uniform(&state) + uniform(&state) + uniform(&state);
        write_entry(w, w->z, i, (sum - 2) * 5.196);
        write_second_input(w, i, uniform(&state));
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
    const size_t labels = what->rows * sizeof(int64_t), array = w->logits * w->item;
    /* A page of slack: some peers read a vector past the end. */
    w->stride = ((array > labels ? array : labels) / PAGE + 2) * PAGE;
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
