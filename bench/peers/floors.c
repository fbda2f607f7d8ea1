/* floors.c: what a call must do at least by the algorithms of the kernels, timed beside the call: parts of the kernels
 * alone, in the first cache (floors/), or over the call's own arrays. rules.c tells by them which targets are below
 * what the accuracy allows. */
#include "floors/core.h"
#include "peer.h"

#include <stdlib.h>
#include <string.h>

#define JOIN(a, b, c) a##b##c
#define SET(name) extern const floor_core JOIN(floor_core_, name, _f32), JOIN(floor_core_, name, _f64);
SJ_KERNEL_SETS
#undef SET
#define SET(name) extern const floor_core JOIN(floor_exact_core_, name, );
SJ_KERNEL_SETS
#undef SET
#if defined(BENCH_HAVE_ROW_SET)
extern const floor_core floor_core_row_f32, floor_core_row_f64;
#endif

#define SET(name) &JOIN(floor_core_, name, _f32), &JOIN(floor_core_, name, _f64),
static const floor_core *const cores[] = {SJ_KERNEL_SETS NULL};
#undef SET
#define SET(name) &JOIN(floor_exact_core_, name, ),
static const floor_core *const exact_cores[] = {SJ_KERNEL_SETS NULL};
#undef SET

/* As many entries as are timed at most; the time of a call is as much longer as it has more. */
#define SAMPLE_ENTRIES ((size_t)1 << 17)

typedef enum floor_kind {
    FLOOR_ENTRIES,
    FLOOR_EXACT,
    FLOOR_TURNING,
    FLOOR_KERNEL,
    FLOOR_COPIES,
    FLOOR_LINES
} floor_kind;

typedef struct job {
    const floor_core *core;
    floor_case what;
    floor_kind kind;
    size_t entries; /* of the call */
    sj_run run;
    /* with room for the whole vectors that a block's last row is read in */
    _Alignas(64) char z[FLOOR_BYTES + 512], g[FLOOR_BYTES + 512], out[FLOOR_BYTES + 512];
} job;

static const char *version(const peer *self) {
    (void)self;
    return sj_kernel_set();
}

/* list: NULL past its last. */
static const floor_core *core_of(const floor_core *const *list, sj_dtype dtype) {
    while (*list && ((*list)->dtype != dtype || strcmp((*list)->set, sj_kernel_set()) != 0)) list++;
    return *list;
}

static const floor_core *find_core(floor_kind kind, const bench_case *what) {
    if (kind == FLOOR_EXACT) return core_of(exact_cores, what->dtype);
#if defined(BENCH_HAVE_ROW_SET)
    const bool wide = strcmp(sj_kernel_set(), "scalar") != 0;
    if (kind == FLOOR_KERNEL && wide) return what->dtype == SJ_F32 ? &floor_core_row_f32 : &floor_core_row_f64;
#endif
    return core_of(cores, what->dtype);
}

static sj_operand operand_of(const workload *w, void *array) {
    const ptrdiff_t n = (ptrdiff_t)w->what.n, rows = (ptrdiff_t)w->what.rows;
    return (sj_operand){array, w->what.dtype, w->what.first_axis ? 1 : n, w->what.first_axis ? rows : 1, 0};
}

static void set_run(job *j, const workload *w) {
    const bool given = w->what.op == OP_VJP_OF_SOFTMAX;
    j->run = (sj_run){.rows = w->what.rows, .n = w->what.n, .given = given ? SJ_GIVEN_SOFTMAX : SJ_GIVEN_LOGITS};
    j->run.z = operand_of(w, given ? w->s : w->z);
    j->run.out = operand_of(w, w->out);
    if (floor_has_cotangent(w->what.op)) j->run.g = operand_of(w, w->g);
}

/* Whether the part is one of such a call. */
static bool applies(floor_kind kind, const bench_case *what) {
    const bool small = what->rows * what->n <= 16, jacobian = what->op == OP_JACOBIAN;
    switch (kind) {
    case FLOOR_KERNEL:
        return small && !what->first_axis;
    case FLOOR_EXACT:
        return !small && what->dtype == SJ_F32;
    case FLOOR_TURNING:
        return !small && !what->first_axis && what->n <= 64 && !jacobian && what->op != OP_LOGSUMEXP;
    case FLOOR_COPIES:
        return what->first_axis && what->n > 16 && what->n <= 4096 && !jacobian && what->op != OP_LOGSUMEXP;
    case FLOOR_LINES:
        return jacobian && what->n > 8 && what->n <= 2048;
    default:
        return !small;
    }
}

static floor_kind kind_of(const peer *self) { return (floor_kind)(*(const int *)self->detail); }

static void fill(char *to, size_t room, const void *from, size_t bytes) {
    for (size_t at = 0; at < room; at += bytes) memcpy(to + at, from, room - at < bytes ? room - at : bytes);
}

static void *open_job(const peer *self, const workload *w) {
    const floor_kind kind = kind_of(self);
    const floor_core *core = find_core(kind, &w->what);
    if (w->what.threads != 1 || !bench_is_plain(&w->what) || core == NULL || !applies(kind, &w->what)) return NULL;
    job *j = aligned_alloc(64, (sizeof *j + 63) / 64 * 64);
    if (j == NULL) return NULL;
    j->core = core;
    j->kind = kind;
    j->entries = bench_entries(&w->what);
    const size_t bytes = w->logits * w->item < FLOOR_BYTES ? w->logits * w->item : FLOOR_BYTES;
    fill(j->z, sizeof j->z, w->what.op == OP_VJP_OF_SOFTMAX ? w->s : w->z, bytes);
    fill(j->g, sizeof j->g, w->g, bytes);
    j->what = (floor_case){w->what.op, w->what.n, w->what.first_axis, j->z, j->g, j->out};
    set_run(j, w);
    return j;
}

/* One time tells how many entries there are of it. */
static double time_part(job *j, size_t calls) {
    size_t (*const part)(const floor_case *, size_t) = j->kind == FLOOR_TURNING ? j->core->turning : j->core->entries;
    const size_t each = part(&j->what, 1), most = j->entries < SAMPLE_ENTRIES ? j->entries : SAMPLE_ENTRIES;
    const size_t times = most / each + 1;
    const double start = bench_now();
    for (size_t i = 0; i < calls; i++) (void)part(&j->what, times);
    return (bench_now() - start) * (double)j->entries / (double)(times * each);
}

static void run_once(const job *j) {
    if (j->kind == FLOOR_KERNEL) j->core->kernel(j->what.op, &j->run);
    if (j->kind == FLOOR_COPIES) j->core->copies(&j->run);
    if (j->kind == FLOOR_LINES) j->core->lines(&j->run);
}

static double run(void *opened, size_t calls) {
    job *j = opened;
    if (j->kind == FLOOR_ENTRIES || j->kind == FLOOR_EXACT || j->kind == FLOOR_TURNING) return time_part(j, calls);
    const double start = bench_now();
    for (size_t i = 0; i < calls; i++) run_once(j);
    return bench_now() - start;
}

static const int entries_kind = FLOOR_ENTRIES, exact_kind = FLOOR_EXACT, turning_kind = FLOOR_TURNING,
                 kernel_kind = FLOOR_KERNEL, copies_kind = FLOOR_COPIES, lines_kind = FLOOR_LINES;

#define FLOOR(name, kind, detail)                                                                                      \
    { name, kind, peer_never_missing, version, open_job, run, free, detail }
const peer peer_floor_entries = FLOOR("entries", PEER_FLOOR, &entries_kind);
const peer peer_floor_turning = FLOOR("turning", PEER_FLOOR, &turning_kind);
const peer peer_floor_kernel = FLOOR("kernel", PEER_FLOOR, &kernel_kind);
const peer peer_floor_copies = FLOOR("copies", PEER_FLOOR, &copies_kind);
const peer peer_floor_lines = FLOOR("lines", PEER_FLOOR, &lines_kind);
const peer peer_floor_exact = FLOOR("exact entries", PEER_EXACT_FLOOR, &exact_kind);
