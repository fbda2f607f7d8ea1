/* onednn_worker.c: oneDNN 3 in a process of its own: two versions in one would share symbols. It loads the library that
 * SOFTJAC_ONEDNN names, answers worker.c by the protocol of worker.py, and times inside. The declarations are those of
 * its C interface that it uses, because Debian's headers are of version 2. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { CPU = 1, STREAM_IN_ORDER = 1, F32 = 3, TRAINING = 64, INFERENCE = 96, SOFTMAX = 0x30000, LOG_SOFTMAX = 0x30001 };
enum { ARG_SRC = 1, ARG_DST = 17, ARG_DIFF_SRC = 129, ARG_DIFF_DST = 145 };

typedef void *handle;
typedef int64_t extents[12];

typedef struct argument {
    int index;
    handle memory;
} argument;

typedef struct version {
    int major, minor, patch;
} version;

static struct {
    int (*engine_create)(handle *, int, size_t);
    int (*stream_create)(handle *, handle, unsigned);
    int (*stream_wait)(handle);
    int (*memory_desc_create_with_strides)(handle *, int, const extents, int, const extents);
    int (*memory_desc_destroy)(handle);
    int (*memory_create)(handle *, handle, handle, void *);
    int (*memory_destroy)(handle);
    int (*softmax_forward_primitive_desc_create)(handle *, handle, int, int, handle, handle, int, handle);
    int (*softmax_backward_primitive_desc_create)(handle *, handle, int, handle, handle, handle, int, handle, handle);
    int (*primitive_desc_destroy)(handle);
    int (*primitive_create)(handle *, handle);
    int (*primitive_execute)(handle, handle, int, const argument *);
    int (*primitive_destroy)(handle);
    const version *(*version)(void);
} dnnl;

static handle engine, stream;

/* POSIX's way from an object pointer to a function. */
static bool find(void *library, const char *name, void *function) {
    char symbol[80];
    snprintf(symbol, sizeof symbol, "dnnl_%s", name);
    void *found = dlsym(library, symbol);
    if (found != NULL) memcpy(function, &found, sizeof found);
    return found != NULL;
}

#define FIND(name) find(library, #name, &dnnl.name)

static bool load(const char *path) {
    void *library = path == NULL ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "oneDNN: %s\n", path == NULL ? "SOFTJAC_ONEDNN is not set" : dlerror());
        return false;
    }
    return FIND(engine_create) && FIND(stream_create) && FIND(stream_wait) && FIND(memory_desc_create_with_strides) &&
           FIND(memory_desc_destroy) && FIND(memory_create) && FIND(memory_destroy) &&
           FIND(softmax_forward_primitive_desc_create) && FIND(softmax_backward_primitive_desc_create) &&
           FIND(primitive_desc_destroy) && FIND(primitive_create) && FIND(primitive_execute) &&
           FIND(primitive_destroy) && FIND(version) && dnnl.engine_create(&engine, CPU, 0) == 0 &&
           dnnl.stream_create(&stream, engine, STREAM_IN_ORDER) == 0;
}

typedef struct job {
    bool forward_runs, backward_runs;
    char *file;
    size_t file_bytes;
    void *scratch; /* s between forward and backward */
    handle shape, forward_desc, forward, backward, source, softmax, cotangent, result;
} job;

static void close_job(job *j) {
    const handle memories[] = {j->source, j->softmax, j->cotangent, j->result};
    for (size_t i = 0; i < 4; i++) {
        if (memories[i] != NULL) dnnl.memory_destroy(memories[i]);
    }
    if (j->forward != NULL) dnnl.primitive_destroy(j->forward);
    if (j->backward != NULL) dnnl.primitive_destroy(j->backward);
    if (j->forward_desc != NULL) dnnl.primitive_desc_destroy(j->forward_desc);
    if (j->shape != NULL) dnnl.memory_desc_destroy(j->shape);
    if (j->file != NULL) munmap(j->file, j->file_bytes);
    free(j->scratch);
    *j = (job){.file = NULL};
}

static bool make_backward(job *j, int axis) {
    handle desc;
    if (dnnl.softmax_backward_primitive_desc_create(&desc, engine, SOFTMAX, j->shape, j->shape, j->shape, axis,
                                                    j->forward_desc, NULL) != 0)
        return false;
    const bool made = dnnl.primitive_create(&j->backward, desc) == 0;
    dnnl.primitive_desc_destroy(desc);
    return made;
}

static bool map_file(job *j, const char *path) {
    const int file = open(path, O_RDWR);
    if (file < 0) return false;
    void *base = mmap(NULL, j->file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    j->file = base == MAP_FAILED ? NULL : base;
    return j->file != NULL;
}

static bool make_memories(job *j, size_t entries, size_t stride) {
    void *s = j->forward_runs ? j->file + 3 * stride : j->file + stride;
    if (j->forward_runs && j->backward_runs)
        s = j->scratch = aligned_alloc(64, (entries * sizeof(float) + 63) / 64 * 64);
    return s != NULL && dnnl.memory_create(&j->source, j->shape, engine, j->file) == 0 &&
           dnnl.memory_create(&j->softmax, j->shape, engine, s) == 0 &&
           dnnl.memory_create(&j->cotangent, j->shape, engine, j->file + 2 * stride) == 0 &&
           dnnl.memory_create(&j->result, j->shape, engine, j->file + 3 * stride) == 0;
}

/* "MODULE OP DTYPE ROWS N AXIS STRIDE BYTES FILE" */
static bool open_job(job *j, const char *request) {
    char op[24], dtype[12], path[80];
    size_t rows, n, stride;
    int axis;
    *j = (job){.file = NULL};
    if (sscanf(request, "%*s %23s %11s %zu %zu %d %zu %zu %79s", op, dtype, &rows, &n, &axis, &stride, &j->file_bytes,
               path) != 8)
        return false;
    j->backward_runs = strcmp(op, "vjp") == 0 || strcmp(op, "vjp-of-softmax") == 0;
    j->forward_runs = strcmp(op, "vjp-of-softmax") != 0;
    const bool log = strcmp(op, "log-softmax") == 0;
    if (strcmp(dtype, "float32") != 0 || (!j->backward_runs && !log && strcmp(op, "softmax") != 0)) return false;
    const size_t outer = axis == 0 ? n : rows, inner = axis == 0 ? rows : n;
    const extents dims = {(int64_t)outer, (int64_t)inner}, strides = {(int64_t)inner, 1};
    const int kind = j->backward_runs ? TRAINING : INFERENCE;
    return map_file(j, path) && dnnl.memory_desc_create_with_strides(&j->shape, 2, dims, F32, strides) == 0 &&
           make_memories(j, rows * n, stride) &&
           dnnl.softmax_forward_primitive_desc_create(&j->forward_desc, engine, kind, log ? LOG_SOFTMAX : SOFTMAX,
                                                      j->shape, j->shape, axis, NULL) == 0 &&
           dnnl.primitive_create(&j->forward, j->forward_desc) == 0 && (!j->backward_runs || make_backward(j, axis));
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double run(const job *j, size_t calls) {
    const argument forward[] = {{ARG_SRC, j->source}, {ARG_DST, j->softmax}};
    const argument backward[] = {{ARG_DST, j->softmax}, {ARG_DIFF_DST, j->cotangent}, {ARG_DIFF_SRC, j->result}};
    int failures = 0;
    const double start = now();
    for (size_t i = 0; i < calls; i++) {
        if (j->forward_runs) failures |= dnnl.primitive_execute(j->forward, stream, 2, forward);
        if (j->backward_runs) failures |= dnnl.primitive_execute(j->backward, stream, 3, backward);
        failures |= dnnl.stream_wait(stream);
    }
    return failures ? -1 : now() - start;
}

int main(void) {
    char line[400];
    job j = {.file = NULL};
    const bool loaded = load(getenv("SOFTJAC_ONEDNN"));
    if (loaded) {
        const version *v = dnnl.version();
        printf(" onednn=%d.%d.%d\n", v->major, v->minor, v->patch);
    } else {
        printf(" onednn=-\n");
    }
    fflush(stdout);
    while (loaded && fgets(line, sizeof line, stdin) != NULL) {
        double answer = 1;
        if (strncmp(line, "open ", 5) == 0) {
            answer = open_job(&j, line + 5);
            if (answer == 0) close_job(&j);
        } else if (strncmp(line, "run ", 4) == 0) {
            const char *calls = strrchr(line, ' ');
            answer = run(&j, (size_t)strtoull(calls, NULL, 10));
        } else {
            close_job(&j);
        }
        printf("%.0f\n", answer);
        fflush(stdout);
    }
    return 0;
}
