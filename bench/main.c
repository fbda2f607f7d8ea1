/* main.c: the benchmark's command line: which workloads and contenders, and what to do with the result. Runs harness.c
 * once per workload and prints each as it is done, then the targets. */
#include "plan.h"
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_VERDICTS 8192

static const char usage[] =
    "bench                         the usual workloads against every contender found\n"
    "bench --full                  every operation, shape and n, both axes, one and two threads: an hour or more\n"
    "bench --quick                 nothing beyond 2^22 entries, no curve over n, fewer rounds\n"
    "bench --op vjp --dtype f32 --axis first --threads 2 --shape 4096x1024\n"
    "bench --rounds N              samples of each contender, 11 unless told\n"
    "bench --json FILE             also writes the figures to FILE\n"
    "bench --strict                exit 1 if a required target is missed\n"
    "bench --check                 softmax only; exit 1 if softjac is slower than SciPy on any shape\n"
    "\n"
    "operations: softmax, log-softmax, logsumexp, gradient, vjp-of-softmax (from the kept softmax), vjp and jvp (from "
    "the\n"
    "logits), jacobian (blocks), cross-entropy (mean and gradient in place), masked-softmax, causal-softmax\n"
    "dtypes: f32, f64, f16, bf16; more than one by repeating --dtype\n"
    "SOFTJAC_PYTHON: the Python of the system's PyTorch (/usr/bin/python3). SOFTJAC_PEERS_PYTHON: one with the newest\n"
    "PyTorch, JAX, ONNX Runtime, SciPy, autograd. SOFTJAC_ONEDNN: a libdnnl.so.3. SOFTJAC_ISA: kernel set of "
    "softjac.\n";

static const char legend[] =
    "Shapes are rows x classes, the last axis and one thread unless said. Times are medians over interleaved rounds.\n"
    "  /copy      times a memcpy of the logits in the same rounds; for a Jacobian, a memset of the result\n"
    "  bandwidth  of the bytes that must move, as a part of that\n"
    "  spread     the slowest round over the fastest\n"
    "  error      the worst on a sample of entries: in ulp; for products in u * sum |J| |g - g_m|; of cross-entropy "
    "the gradient's\n";

typedef struct arguments {
    selection wanted;
    bool check, strict;
    size_t rounds;
    const char *json;
} arguments;

static bool parse_op(const char *text, arguments *a) {
    for (a->wanted.op = 0; a->wanted.op < OP_COUNT; a->wanted.op++) {
        if (strcmp(bench_op_names[a->wanted.op], text) == 0) return true;
    }
    return false;
}

static bool parse_dtype(const char *text, arguments *a) {
    sj_dtype dtype = SJ_F32;
    while (dtype <= SJ_BF16 && strcmp(text, bench_dtype_name(dtype)) != 0) dtype++;
    a->wanted.dtypes |= 1u << dtype;
    return dtype <= SJ_BF16;
}

static bool parse_axis(const char *text, arguments *a) {
    a->wanted.axis = strcmp(text, "last") == 0 ? 1 : 0;
    return strcmp(text, a->wanted.axis == 1 ? "last" : "first") == 0;
}

/* "4096x1024", up to 2^28 logits. */
static bool parse_shape(const char *text, arguments *a) {
    const unsigned long long most = 1ull << 28;
    char *times, *end;
    const unsigned long long rows = strtoull(text, &times, 10);
    if (*times != 'x') return false;
    const unsigned long long n = strtoull(times + 1, &end, 10);
    a->wanted.rows = (size_t)rows;
    a->wanted.n = (size_t)n;
    return *end == '\0' && rows > 0 && n > 0 && rows <= most && n <= most / rows;
}

static bool parse_count(const char *text, size_t most, size_t *count) {
    char *end;
    const unsigned long long value = strtoull(text, &end, 10);
    *count = (size_t)value;
    return *end == '\0' && value > 0 && value <= most;
}

static bool parse_option(const char *name, const char *value, arguments *a) {
    size_t threads = 0;
    if (strcmp(name, "--op") == 0) return parse_op(value, a);
    if (strcmp(name, "--dtype") == 0) return parse_dtype(value, a);
    if (strcmp(name, "--axis") == 0) return parse_axis(value, a);
    if (strcmp(name, "--shape") == 0) return parse_shape(value, a);
    if (strcmp(name, "--rounds") == 0) return parse_count(value, BENCH_MAX_ROUNDS, &a->rounds);
    if (strcmp(name, "--threads") == 0) {
        const bool good = parse_count(value, 8, &threads);
        a->wanted.threads = (int)threads;
        return good;
    }
    a->json = value;
    return strcmp(name, "--json") == 0;
}

static bool *find_flag(arguments *a, const char *name) {
    if (strcmp(name, "--quick") == 0) return &a->wanted.quick;
    if (strcmp(name, "--full") == 0) return &a->wanted.full;
    if (strcmp(name, "--check") == 0) return &a->check;
    return strcmp(name, "--strict") == 0 ? &a->strict : NULL;
}

static bool parse(int argc, char **argv, arguments *a) {
    *a = (arguments){.wanted = {.op = -1, .axis = -1}};
    for (int i = 1; i < argc; i++) {
        bool *flag = find_flag(a, argv[i]);
        if (flag != NULL) {
            *flag = true;
        } else if (i + 1 >= argc || !parse_option(argv[i], argv[i + 1], a)) {
            return false;
        } else {
            i++;
        }
    }
    if (a->check) {
        a->wanted.op = OP_SOFTMAX;
        a->wanted.axis = a->wanted.threads = 1;
        if (a->wanted.dtypes == 0) a->wanted.dtypes = PLAN_WHOLE;
    }
    a->wanted.curve = !a->check && !a->wanted.quick;
    if (a->rounds == 0) a->rounds = a->wanted.quick ? 5 : 11;
    return true;
}

/* Prints what the columns mean, who takes part and, by name, who does not and why. In a check only SciPy and softjac
 * matter. */
static void choose_peers(const arguments *a, bool *takes) {
    fputs(legend, stdout);
    for (size_t i = 0; i < peer_count; i++) {
        const peer *p = peers[i];
        const bool wanted = !a->check || p->kind == PEER_LIMIT || p->kind == PEER_OURS || strcmp(p->name, "SciPy") == 0;
        const char *why = wanted ? p->missing(p) : NULL;
        takes[i] = wanted && why == NULL;
        const bool theirs = p->kind == PEER_OURS || p->kind == PEER_EXACT || p->kind == PEER_OTHER;
        if (takes[i] && theirs) printf("%s %s\n", p->name, p->version(p));
        if (why != NULL) printf("%s: left out: %s\n", p->name, why);
    }
    if (peers_not_built[0] != '\0') printf("not found when this was built: %s\n", peers_not_built);
}

static size_t run_all(const bench_case *cases, size_t case_count, const timing *how, measurement *all) {
    size_t count = 0;
    for (size_t i = 0; i < case_count; i++) {
        const size_t found = harness_run(&cases[i], how, all + count);
        report_workload(all + count, found);
        count += found;
    }
    return count;
}

/* Judged by the fastest rounds: whatever else the machine does only adds time, and a check must not depend on it. */
static int check(const measurement *all, size_t count) {
    size_t compared = 0, good = 0;
    for (size_t i = 0; i < count; i++) {
        if (all[i].contender->kind != PEER_OURS) continue;
        const measurement *scipy = rules_best_peer(all, count, &all[i].what);
        compared++;
        if (scipy != NULL && all[i].fastest <= scipy->fastest) {
            good++;
        } else {
            printf("%s than SciPy: %zu x %zu\n", scipy == NULL ? "not compared" : "slower", all[i].what.rows,
                   all[i].what.n);
        }
    }
    printf("softjac (%s): not slower than SciPy in %zu of %zu\n", sj_kernel_set(), good, compared);
    return compared > 0 && good == compared ? 0 : 1;
}

static int finish(const arguments *a, double seconds, const measurement *all, size_t count) {
    static verdict verdicts[MAX_VERDICTS];
    const run_facts facts = {a->rounds, seconds};
    if (a->check) return check(all, count);
    const size_t judged = rules_judge(all, count, verdicts, MAX_VERDICTS);
    const size_t missed = report_verdicts(verdicts, judged);
    printf("%.0f s\n", seconds);
    if (a->json != NULL && !report_json(a->json, &facts, all, count, verdicts, judged)) return 1;
    return a->strict && missed > 0 ? 1 : 0;
}

int main(int argc, char **argv) {
    static bench_case cases[PLAN_MAX_CASES];
    bool takes[BENCH_MAX_PEERS];
    arguments a;
    if (!parse(argc, argv, &a) || peer_count > BENCH_MAX_PEERS) {
        fputs(usage, stderr);
        return 2;
    }
    const double start = bench_now();
    choose_peers(&a, takes);
    const timing how = {a.rounds, a.wanted.quick ? 2e6 : 3e6, 4e8, takes};
    const size_t case_count = plan_cases(&a.wanted, cases);
    measurement *all = calloc(case_count * peer_count, sizeof *all);
    if (all == NULL) {
        fputs(case_count == 0 ? "bench: the plan has no such workload\n" : "bench: out of memory\n", stderr);
        return 1;
    }
    const size_t count = run_all(cases, case_count, &how, all);
    const int status = finish(&a, (bench_now() - start) / 1e9, all, count);
    free(all);
    return status;
}
