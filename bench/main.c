/* main.c: the benchmark's command line: which operations, dtypes, shapes and contenders, and what to do with the
 * result. Runs harness.c once per workload and prints each as it is done. */
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PEERS 16
#define MAX_MEASUREMENTS (OP_COUNT * 2 * (BENCH_SHAPES + 1) * MAX_PEERS)
#define QUICK_ENTRIES ((size_t)1 << 22)

static const char usage[] =
    "bench                         every operation, dtype and shape against every contender found\n"
    "bench --quick                 shapes up to 2^22 logits, fewer rounds\n"
    "bench --op vjp --shape 4096x1024 --dtype f32\n"
    "bench --json FILE             also writes the figures to FILE\n"
    "bench --check                 softmax only; exit 1 if softjac is slower than SciPy on any shape\n"
    "\n"
    "operations: softmax, vjp-of-softmax (from the kept softmax), vjp (from the logits), jacobian (blocks)\n"
    "SOFTJAC_PYTHON: the Python that has SciPy and PyTorch (/usr/bin/python3). SOFTJAC_ISA: kernel set of softjac.\n";

static const char legend[] =
    "One thread. Shapes are rows x classes. Times are medians over interleaved rounds.\n"
    "  /copy      times a memcpy of the same array in the same rounds; for a Jacobian, a fill of the result\n"
    "  bandwidth  of the bytes that must move, as a part of the copy's\n"
    "  spread     the slowest round over the fastest\n"
    "  error      the worst on a sample of rows: in ulp; for a vjp in u * sum |J| |g - g_m|\n";

typedef struct arguments {
    bool quick, check;
    int op;            /* -1: all */
    sj_dtype dtype;    /* 0: both */
    bench_shape shape; /* rows 0: all */
    const char *json;
} arguments;

static bool parse_op(const char *text, arguments *a) {
    for (a->op = 0; a->op < OP_COUNT; a->op++) {
        if (strcmp(bench_op_names[a->op], text) == 0) return true;
    }
    return false;
}

static bool parse_dtype(const char *text, arguments *a) {
    if (strcmp(text, "f32") != 0 && strcmp(text, "f64") != 0) return false;
    a->dtype = strcmp(text, "f32") == 0 ? SJ_F32 : SJ_F64;
    return true;
}

/* "4096x1024", up to 2^28 logits. */
static bool parse_shape(const char *text, arguments *a) {
    const unsigned long long most = 1ull << 28;
    char *times, *end;
    const unsigned long long rows = strtoull(text, &times, 10);
    if (*times != 'x') return false;
    const unsigned long long n = strtoull(times + 1, &end, 10);
    a->shape = (bench_shape){(size_t)rows, (size_t)n};
    return *end == '\0' && rows > 0 && n > 0 && rows <= most && n <= most / rows;
}

static bool parse_option(const char *name, const char *value, arguments *a) {
    if (strcmp(name, "--op") == 0) return parse_op(value, a);
    if (strcmp(name, "--dtype") == 0) return parse_dtype(value, a);
    if (strcmp(name, "--shape") == 0) return parse_shape(value, a);
    a->json = value;
    return strcmp(name, "--json") == 0;
}

static bool parse(int argc, char **argv, arguments *a) {
    *a = (arguments){.op = -1};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) {
            a->quick = true;
        } else if (strcmp(argv[i], "--check") == 0) {
            a->check = true;
        } else if (i + 1 >= argc || !parse_option(argv[i], argv[i + 1], a)) {
            return false;
        } else {
            i++;
        }
    }
    if (a->check) a->op = OP_SOFTMAX;
    return true;
}

/* Prints what the columns mean, who takes part and, by name, who does not and why. In a check only SciPy and softjac
 * matter. */
static void choose_peers(const arguments *a, bool *takes) {
    fputs(legend, stdout);
    for (size_t i = 0; i < peer_count; i++) {
        const bool wanted = !a->check || !peers[i]->computes || strcmp(peers[i]->name, "softjac") == 0 ||
                            strcmp(peers[i]->name, "SciPy") == 0;
        const char *why = wanted ? peers[i]->missing() : NULL;
        takes[i] = wanted && why == NULL;
        if (takes[i]) printf("%s %s\n", peers[i]->name, peers[i]->version());
        if (why != NULL) printf("%s: left out: %s\n", peers[i]->name, why);
    }
    if (peers_not_built[0] != '\0') printf("not found when this was built: %s\n", peers_not_built);
    printf("\n");
}

static size_t list_shapes(const arguments *a, bench_shape *shapes) {
    size_t count = 0;
    if (a->shape.rows > 0) {
        shapes[0] = a->shape;
        return 1;
    }
    for (size_t i = 0; i < BENCH_SHAPES; i++) {
        if (!a->quick || bench_shapes[i].rows * bench_shapes[i].n <= QUICK_ENTRIES) shapes[count++] = bench_shapes[i];
    }
    return count;
}

static size_t run_all(const arguments *a, const plan *how, measurement *all) {
    bench_shape shapes[BENCH_SHAPES];
    const size_t shape_count = list_shapes(a, shapes);
    size_t count = 0;
    for (bench_op op = 0; op < OP_COUNT; op++) {
        if (a->op >= 0 && op != (bench_op)a->op) continue;
        for (sj_dtype dtype = SJ_F32; dtype <= SJ_F64; dtype++) {
            if (a->dtype != 0 && dtype != a->dtype) continue;
            for (size_t i = 0; i < shape_count; i++) {
                const bench_shape shape = workload_shape(op, shapes[i]);
                if (shape.rows == 0) continue;
                const size_t found = harness_run(op, dtype, shape, how, all + count);
                report_table_rows(all + count, found);
                count += found;
            }
        }
    }
    return count;
}

/* One workload of a check: the copy, softjac and SciPy, in this order. Judged by the fastest rounds: whatever else the
 * machine does only adds time, and a check must not depend on it. */
static bool not_slower_than_scipy(const measurement *m, size_t left) {
    if (left < 3 || strcmp(m[1].contender->name, "softjac") != 0 || strcmp(m[2].contender->name, "SciPy") != 0) {
        printf("not compared: %zu x %zu\n", m->shape.rows, m->shape.n);
        return false;
    }
    if (m[1].fastest <= m[2].fastest) return true;
    printf("slower than SciPy: %s %zu x %zu: %.4g against %.4g ns\n", m->dtype == SJ_F32 ? "f32" : "f64", m->shape.rows,
           m->shape.n, m[1].fastest, m[2].fastest);
    return false;
}

static int check(const measurement *all, size_t count) {
    size_t workloads = 0, good = 0;
    for (size_t i = 0; i < count; i++) {
        if (all[i].contender->computes) continue;
        workloads++;
        if (not_slower_than_scipy(all + i, count - i)) good++;
    }
    printf("softjac (%s): not slower than SciPy in %zu of %zu\n", sj_kernel_set(), good, workloads);
    return workloads > 0 && good == workloads ? 0 : 1;
}

int main(int argc, char **argv) {
    static measurement all[MAX_MEASUREMENTS];
    bool takes[MAX_PEERS];
    arguments a;
    if (!parse(argc, argv, &a)) {
        fputs(usage, stderr);
        return 2;
    }
    choose_peers(&a, takes);
    const plan how = {a.quick ? 5 : 15, a.quick ? 2e6 : 4e6, takes};
    report_table_head();
    const size_t count = run_all(&a, &how, all);
    if (a.json != NULL && !report_json(a.json, all, count)) return 1;
    return a.check ? check(all, count) : 0;
}
