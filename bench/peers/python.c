/* python.c: SciPy and PyTorch, timed inside one Python worker (scipy_torch.py) that the harness asks for a sample a
 * round. The worker maps the workload's file, so that every contender has the same input and shows its result. */
#include "peer.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef BENCH_WORKER
#error "BENCH_WORKER is the path of scripts such as scipy_torch.py"
#endif

typedef struct worker {
    FILE *to, *from;
    char scipy[32], torch[32]; /* versions; "-" where not installed */
    char why[160];             /* why there is none */
} worker;

/* One worker serves both peers; started on first use, ends when the pipe closes at exit. */
static worker python;

static void become_worker(const int to[2], const int from[2]) {
    const char *program = getenv("SOFTJAC_PYTHON");
    if (program == NULL || program[0] == '\0') program = "/usr/bin/python3";
    dup2(to[0], STDIN_FILENO);
    dup2(from[1], STDOUT_FILENO);
    close(to[1]);
    close(from[0]);
    setenv("OMP_NUM_THREADS", "1", 1);
    unsetenv("OPENBLAS_CORETYPE"); /* they choose kernels for another processor */
    unsetenv("OPENBLAS_L2_SIZE");
    execlp(program, program, BENCH_WORKER, (char *)NULL);
    _exit(127);
}

static bool start_worker(void) {
    int to[2], from[2];
    char line[80];
    signal(SIGPIPE, SIG_IGN); /* a worker that died shows as a failed write */
    if (pipe(to) != 0 || pipe(from) != 0) return false;
    const pid_t child = fork();
    if (child < 0) return false;
    if (child == 0) become_worker(to, from);
    close(to[0]);
    close(from[1]);
    python.to = fdopen(to[1], "w");
    python.from = fdopen(from[0], "r");
    return python.to != NULL && python.from != NULL && fgets(line, sizeof line, python.from) != NULL &&
           sscanf(line, "scipy=%31s torch=%31s", python.scipy, python.torch) == 2;
}

static const char *missing_module(const char *name, const char *found) {
    static bool started, running;
#ifndef __linux__
    return "the worker finds the arrays through /proc";
#endif
    if (!started) running = start_worker();
    started = true;
    if (running && strcmp(found, "-") != 0) return NULL;
    snprintf(python.why, sizeof python.why, running ? "%s is not installed for that Python" : "no Python to run %s in",
             name);
    return python.why;
}

static const char *missing_scipy(void) { return missing_module("scipy", python.scipy); }
static const char *missing_torch(void) { return missing_module("torch", python.torch); }
static const char *version_scipy(void) { return python.scipy; }
static const char *version_torch(void) { return python.torch; }

/* Sends one line; the answer's number, or -1. */
static double ask(const char *request) {
    char line[80], *end;
    if (fputs(request, python.to) == EOF || fflush(python.to) != 0) return -1;
    if (fgets(line, sizeof line, python.from) == NULL) return -1;
    const double answer = strtod(line, &end);
    return end == line ? -1 : answer;
}

static void *open_job(const char *module, const workload *w) {
    char request[200];
    /* the only name of a file without a name; the worker was started before this workload and has no descriptor of it
     */
    snprintf(request, sizeof request, "open %s %s %s %zu %zu %zu %zu /proc/%ld/fd/%d\n", module, bench_op_names[w->op],
             w->dtype == SJ_F32 ? "float32" : "float64", w->rows, w->n, w->stride, w->file_bytes, (long)getpid(),
             w->file);
    return ask(request) == 1 ? (void *)module : NULL;
}

static void *open_scipy(const workload *w) { return open_job("scipy", w); }
static void *open_torch(const workload *w) { return open_job("torch", w); }

static double run(void *job, size_t calls) {
    char request[80];
    snprintf(request, sizeof request, "run %s %zu\n", (const char *)job, calls);
    return ask(request);
}

static void close_job(void *job) {
    char request[80];
    snprintf(request, sizeof request, "close %s\n", (const char *)job);
    ask(request);
}

const peer peer_scipy = {"SciPy", missing_scipy, version_scipy, open_scipy, run, close_job, true};
const peer peer_pytorch = {"PyTorch", missing_torch, version_torch, open_torch, run, close_job, true};
