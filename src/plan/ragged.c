/* ragged.c: packed rows of different lengths: long ones where they are, and short ones, sorted by length, through a
 * stage, where those of one length are a run. Called by plan.c. */
#include "ragged.h"

#include "operand.h"

#include <string.h>

size_t sj_ragged_from(const sj_ragged *ragged, size_t item) {
    size_t low = 0, high = ragged->rows;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if ((size_t)sj_ragged_at(ragged, middle) + middle < item)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void sj_ragged_seek(const sj_ragged *ragged, size_t row, const sj_run *run, sj_run *one, sj_reading *reading) {
    const ptrdiff_t start = (ptrdiff_t)sj_ragged_at(ragged, row);
    one->n = sj_ragged_length(ragged, row);
    one->rows = run->rows;
    one->z.data = run->z.data;
    one->g.data = run->g.data;
    one->out.data = run->out.data;
    advance(&one->z, start * run->z.class_stride);
    advance(&one->g, start * run->g.class_stride);
    advance(&one->out, ragged->numbers ? (ptrdiff_t)row * ragged->step : start * run->out.class_stride);
    if (!run->reading) return;
    *reading = *run->reading;
    one->reading = reading;
    for (int i = 0; i < SJ_BESIDES; i++) advance(&reading->beside[i], start * reading->beside[i].class_stride);
}

/* Entries of the longest row that goes through the stage: as long as those that kernels take in blocks. */
#define SHORT ((size_t)64)

/* Rows among which others of the same length are looked for: enough for whole blocks of most lengths, and few enough
 * that what was read for one length is in cache for the next. */
#define WINDOW 1024

/* Entries of a row that may go past the caches: it ends with a wait for what is on its way. */
#define STREAMED ((size_t)4096)

#define STAGE_BYTES ((size_t)1 << 14)

typedef struct stage {
    _Alignas(64) char z[STAGE_BYTES], g[STAGE_BYTES], out[STAGE_BYTES];
} stage;

/* The short ones of up to WINDOW rows: of each length the first, and of each row the next of its length. */
typedef struct window {
    const sj_ragged *ragged;
    size_t first;
    uint16_t head[SHORT + 1], next[WINDOW];
} window;

#define NONE WINDOW

/* Some of one length: where they begin along the class axis, and which they are. */
typedef struct equals {
    size_t rows, n;
    ptrdiff_t start[WINDOW], row[WINDOW];
} equals;

/* Two pieces that overlap in the middle cost less than a call, or a loop that ends where nobody foresees it. */
static inline void copy_near(const char *from, char *to, size_t bytes) {
    if (bytes >= 16) {
        for (size_t i = 0; i < bytes - 16; i += 16) memcpy(to + i, from + i, 16);
        memcpy(to + bytes - 16, from + bytes - 16, 16);
    } else if (bytes >= 8) {
        memcpy(to, from, 8);
        memcpy(to + bytes - 8, from + bytes - 8, 8);
    } else {
        memcpy(to, from, bytes);
    }
}

static inline void copy_of(size_t size, const char *from, ptrdiff_t from_step, char *to, ptrdiff_t to_step, size_t n) {
    for (size_t k = 0; k < n; k++) memcpy(to + (ptrdiff_t)k * to_step, from + (ptrdiff_t)k * from_step, size);
}

/* Of known size a copy is an instruction. */
static void copy_apart(const char *from, ptrdiff_t from_step, char *to, ptrdiff_t to_step, size_t size, size_t n) {
    if (size == sizeof(double))
        copy_of(sizeof(double), from, from_step, to, to_step, n);
    else if (size == sizeof(float))
        copy_of(sizeof(float), from, from_step, to, to_step, n);
    else
        copy_of(sizeof(uint16_t), from, from_step, to, to_step, n);
}

/* To the stage, where there is something. */
static sj_operand gather(const equals *e, const sj_operand *array, char *to) {
    const size_t size = sj_dtype_size(array->dtype), pitch = size * e->n;
    const ptrdiff_t item = (ptrdiff_t)size, step = item * array->class_stride;
    if (!array->data) return *array;
    for (size_t r = 0; r < e->rows; r++) {
        const char *row = array->data + e->start[r] * step;
        if (array->class_stride == 1)
            copy_near(row, to + r * pitch, pitch);
        else
            copy_apart(row, step, to + r * pitch, item, size, e->n);
    }
    return (sj_operand){to, array->dtype, (ptrdiff_t)e->n, 1, 0};
}

/* And back. */
static void scatter(const equals *e, const sj_ragged *ragged, const sj_operand *array, const char *from) {
    const size_t size = sj_dtype_size(array->dtype), n = ragged->numbers ? 1 : e->n, pitch = size * n;
    const ptrdiff_t item = (ptrdiff_t)size, step = item * array->class_stride;
    const ptrdiff_t *place = ragged->numbers ? e->row : e->start, along = ragged->numbers ? item * ragged->step : step;
    for (size_t r = 0; r < e->rows; r++) {
        char *row = array->data + place[r] * along;
        if (array->class_stride == 1)
            copy_near(from + r * pitch, row, pitch);
        else
            copy_apart(from + r * pitch, item, row, step, size, n);
    }
}

/* The rows of one length, in the first row of a run. */
static void serve_equal(const sj_ragged_server *server, const window *w, size_t n, const sj_run *run, stage *s) {
    const size_t room = STAGE_BYTES / sizeof(double) / (n > 0 ? n : 1);
    equals e;
    sj_run part = *run;
    part.stream = false;
    e.n = n;
    for (size_t i = w->head[n]; i != NONE;) {
        for (e.rows = 0; i != NONE && e.rows < room; i = w->next[i], e.rows++) {
            e.row[e.rows] = (ptrdiff_t)(w->first + i);
            e.start[e.rows] = (ptrdiff_t)sj_ragged_at(w->ragged, w->first + i);
        }
        part.rows = e.rows;
        part.n = n;
        part.z = gather(&e, &run->z, s->z);
        part.g = gather(&e, &run->g, s->g);
        part.out = (sj_operand){s->out, run->out.dtype, w->ragged->numbers ? 1 : (ptrdiff_t)n, 1, 0};
        server->serve(server, &part);
        scatter(&e, w->ragged, &run->out, s->out);
    }
}

/* Every row of `run`, one after the other. */
static void serve_window(const sj_ragged_server *server, const window *w, size_t longest, const sj_run *run) {
    stage s;
    sj_run one = *run;
    for (size_t i = 0; i < run->rows; i++) {
        for (size_t n = w->ragged->numbers ? 0 : 1; n <= longest; n++)
            if (w->head[n] != NONE) serve_equal(server, w, n, &one, &s);
        advance(&one.z, one.z.row_stride);
        advance(&one.g, one.g.row_stride);
        advance(&one.out, one.out.row_stride);
    }
}

static void serve_where_it_is(const sj_ragged_server *server, const sj_ragged *ragged, size_t row, const sj_run *run,
                              sj_run *one) {
    sj_reading reading;
    sj_ragged_seek(ragged, row, run, one, &reading);
    one->stream = run->stream && one->n >= STREAMED;
    if (one->n > 0 || ragged->numbers) server->serve(server, one);
}

/* Something of each entry stands beside the logits, and is not brought to the stage. */
static bool reads_beside(const sj_run *run) {
    if (!run->reading) return false;
    return run->reading->beside[SJ_BESIDE_MASK].data || run->reading->beside[SJ_BESIDE_BIAS].data;
}

void sj_ragged_rows(const sj_ragged_server *server, const sj_ragged *ragged, size_t first, size_t end, size_t most,
                    const sj_run *run) {
    const bool stages = run->rows < server->block && !reads_beside(run);
    window w;
    sj_run one = *run;
    w.ragged = ragged;
    for (w.first = first; w.first < end; w.first += WINDOW) {
        const size_t count = end - w.first < WINDOW ? end - w.first : WINDOW;
        size_t longest = 0;
        for (size_t n = 0; n <= SHORT; n++) w.head[n] = NONE;
        for (size_t i = count; i-- > 0;) {
            const size_t n = sj_ragged_length(ragged, w.first + i);
            if (!stages || n > SHORT) {
                if (n <= most) serve_where_it_is(server, ragged, w.first + i, run, &one);
                continue;
            }
            w.next[i] = w.head[n];
            w.head[n] = (uint16_t)i;
            longest = n > longest ? n : longest;
        }
        if (stages) serve_window(server, &w, longest, run);
    }
}
