/* worker.c: contenders that live in processes of their own: what Python offers (worker.py) and oneDNN 3
 * (onednn_worker.c). The harness asks for a sample a round and the worker times it inside. A worker maps the workload's
 * file, so that every contender has the same input and shows its result. One process for each number of threads, since
 * some libraries read that once. The protocol stands in worker.py. */
#include "peer.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef BENCH_PYTHON_WORKER
#error "BENCH_PYTHON_WORKER is the path of worker.py, BENCH_ONEDNN_WORKER of the program"
#endif

#define MAX_THREADS 8

typedef enum host { SYSTEM_PYTHON, PEERS_PYTHON, ONEDNN_PROGRAM, HOST_COUNT } host;

typedef struct worker {
    bool started, running;
    FILE *to, *from;
    char greeting[400]; /* name=version of what it has, "-" where not installed */
} worker;

/* Started on first use; they end when their pipe closes. */
static worker workers[HOST_COUNT][MAX_THREADS + 1];

typedef struct module {
    const char *name; /* in the worker */
    host preferred;   /* SYSTEM_PYTHON where the preferred one is not there; oneDNN and the second PyTorch have one */
    bool only;
} module;

static const char *variable(const char *name) {
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static const char *python_of(host where) {
    if (where == PEERS_PYTHON) return variable("SOFTJAC_PEERS_PYTHON");
    return variable("SOFTJAC_PYTHON") != NULL ? variable("SOFTJAC_PYTHON") : "/usr/bin/python3";
}

static bool possible(host where) {
#ifndef __linux__
    return false; /* a worker finds the arrays through /proc */
#endif
    return where == ONEDNN_PROGRAM ? variable("SOFTJAC_ONEDNN") != NULL : python_of(where) != NULL;
}

/* The packages of PyPI put the libraries that it needs, and the OpenCL that its SYCL runs on, into its folder. */
static void find_neighbours(const char *library) {
    char folder[400], opencl[440];
    const char *slash = strrchr(library, '/');
    if (slash == NULL) return;
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - library), library);
    snprintf(opencl, sizeof opencl, "%s/libintelocl.so", folder);
    setenv("LD_LIBRARY_PATH", folder, 1);
    if (access(opencl, R_OK) == 0) setenv("OCL_ICD_FILENAMES", opencl, 1);
}

/* SYCL's and XLA's pools are as large as the set of processors they may use, whatever they are told. */
static void limit_processors(int threads) {
#ifdef __linux__
    cpu_set_t allowed, chosen;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
    CPU_ZERO(&chosen);
    for (size_t i = CPU_SETSIZE; i-- > 0 && CPU_COUNT(&chosen) < threads;) {
        if (CPU_ISSET(i, &allowed)) CPU_SET(i, &chosen);
    }
    sched_setaffinity(0, sizeof chosen, &chosen);
#else
    (void)threads;
#endif
}

static void become_worker(host where, int threads, const int to[2], const int from[2]) {
    char count[16];
    const char *python = python_of(where);
    snprintf(count, sizeof count, "%d", threads);
    dup2(to[0], STDIN_FILENO);
    dup2(from[1], STDOUT_FILENO);
    close(to[1]);
    close(from[0]);
    limit_processors(threads);
    setenv("OMP_NUM_THREADS", count, 1);
    setenv("NPROC", count, 1);       /* XLA's threads */
    setenv("KMP_BLOCKTIME", "1", 1); /* waiting threads must not take the core from the next contender */
    unsetenv("OPENBLAS_CORETYPE");   /* they choose kernels for another processor */
    unsetenv("OPENBLAS_L2_SIZE");
    if (where == ONEDNN_PROGRAM) {
        find_neighbours(variable("SOFTJAC_ONEDNN"));
        execl(BENCH_ONEDNN_WORKER, BENCH_ONEDNN_WORKER, count, (char *)NULL);
    } else {
        execlp(python, python, "-B", "-W", "ignore", BENCH_PYTHON_WORKER, count, (char *)NULL);
    }
    _exit(127);
}

static bool start(worker *x, host where, int threads) {
    int to[2], from[2];
    signal(SIGPIPE, SIG_IGN); /* a worker that died shows as a failed write */
    if (pipe(to) != 0 || pipe(from) != 0) return false;
    /* a later worker must not hold this one's pipe open */
    fcntl(to[1], F_SETFD, FD_CLOEXEC);
    fcntl(from[0], F_SETFD, FD_CLOEXEC);
    const pid_t child = fork();
    if (child < 0) return false;
    if (child == 0) become_worker(where, threads, to, from);
    close(to[0]);
    close(from[1]);
    x->to = fdopen(to[1], "w");
    x->from = fdopen(from[0], "r");
    return x->to != NULL && x->from != NULL && fgets(x->greeting, sizeof x->greeting, x->from) != NULL;
}

static worker *get_worker(host where, int threads) {
    if (threads > MAX_THREADS || !possible(where)) return NULL;
    worker *x = &workers[where][threads];
    if (!x->started) x->running = start(x, where, threads);
    x->started = true;
    return x->running ? x : NULL;
}

static bool find_version(const worker *x, const char *name, char *text, size_t room) {
    char key[40];
    snprintf(key, sizeof key, " %s=", name);
    const char *found = x == NULL ? NULL : strstr(x->greeting, key);
    if (found == NULL) return false;
    found += strlen(key);
    snprintf(text, room, "%.*s", (int)strcspn(found, " \n"), found);
    return strcmp(text, "-") != 0;
}

static host place(const module *m) { return m->only || possible(m->preferred) ? m->preferred : SYSTEM_PYTHON; }

static const char *missing(const peer *self) {
    const module *m = self->detail;
    char text[40];
    if (!possible(place(m)))
        return m->preferred == ONEDNN_PROGRAM ? "SOFTJAC_ONEDNN names no libdnnl.so.3"
                                              : "SOFTJAC_PEERS_PYTHON is not set";
    return find_version(get_worker(place(m), 1), m->name, text, sizeof text) ? NULL
           : place(m) == ONEDNN_PROGRAM                                      ? "it cannot be loaded"
                                                                             : "not installed for its Python";
}

static const char *version(const peer *self) {
    static char text[40];
    const module *m = self->detail;
    return find_version(get_worker(place(m), 1), m->name, text, sizeof text) ? text : "";
}

typedef struct job {
    worker *at;
    const char *module;
} job;

/* Sends one line; the answer's number, or -1. */
static double ask(worker *x, const char *request) {
    char line[80], *end;
    if (fputs(request, x->to) == EOF || fflush(x->to) != 0) return -1;
    if (fgets(line, sizeof line, x->from) == NULL) return -1;
    const double answer = strtod(line, &end);
    return end == line ? -1 : answer;
}

static const char *dtype_name(sj_dtype dtype) {
    return dtype == SJ_F32 ? "float32" : dtype == SJ_F64 ? "float64" : dtype == SJ_F16 ? "float16" : "bfloat16";
}

static void *open_job(const peer *self, const workload *w) {
    const module *m = self->detail;
    const bench_case *c = &w->what;
    char request[240];
    worker *at = get_worker(place(m), c->threads);
    job *j = at == NULL ? NULL : malloc(sizeof *j);
    if (j == NULL) return NULL;
    *j = (job){at, m->name};
    /* /proc: the only name of a file without a name; a worker that was started before has no descriptor of it */
    snprintf(request, sizeof request, "open %s %s %s %zu %zu %d %zu %zu /proc/%ld/fd/%d\n", m->name,
             bench_op_names[c->op], dtype_name(c->dtype), c->rows, c->n, c->first_axis ? 0 : 1, w->stride,
             w->file_bytes, (long)getpid(), w->file);
    if (ask(at, request) == 1) return j;
    free(j);
    return NULL;
}

static double run(void *opened, size_t calls) {
    const job *j = opened;
    char request[80];
    snprintf(request, sizeof request, "run %s %zu\n", j->module, calls);
    return ask(j->at, request);
}

static void close_job(void *opened) {
    job *j = opened;
    char request[80];
    snprintf(request, sizeof request, "close %s\n", j->module);
    ask(j->at, request);
    free(j);
}

#define WORKER_PEER(variable, name, module_name, host_name, only)                                                      \
    static const module variable##_module = {module_name, host_name, only};                                            \
    const peer variable = {name, PEER_OTHER, missing, version, open_job, run, close_job, &variable##_module}

WORKER_PEER(peer_onednn_new, "oneDNN new", "onednn", ONEDNN_PROGRAM, true);
WORKER_PEER(peer_pytorch, "PyTorch", "torch", SYSTEM_PYTHON, true);
WORKER_PEER(peer_pytorch_new, "PyTorch new", "torch", PEERS_PYTHON, true);
WORKER_PEER(peer_onnxruntime, "ONNX Runtime", "onnxruntime", PEERS_PYTHON, false);
WORKER_PEER(peer_jax, "JAX", "jax", PEERS_PYTHON, false);
WORKER_PEER(peer_scipy, "SciPy", "scipy", PEERS_PYTHON, false);
WORKER_PEER(peer_autograd, "autograd", "autograd", PEERS_PYTHON, false);
