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

void sj_ragged_seek(const sj_ragged *ragged, size_t row, const sj_run *run, sj_run *one) {
    const ptrdiff_t start = (ptrdiff_t)sj_ragged_at(ragged, row);
    one->n = sj_ragged_length(ragged, row);
    one->rows = run->rows;
    one->z.data = run->z.data;
    one->g.data = run->g.data;
    one->out.data = run->out.data;
    advance(&one->z, start * run->z.class_stride);
    advance(&one->g, start * run->g.class_stride);
    advance(&one->out, ragged->numbers ? (ptrdiff_t)row * ragged->step : start * run->out.class_stride);
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

/* n elements, strides in bytes. */
static inline void copy_of(size_t size, const char *from, ptrdiff_t from_step, char *to, ptrdiff_t to_step, size_t n) {
    for (size_t k = 0; k < n; k++) memcpy(to + (ptrdiff_t)k * to_step, from + (ptrdiff_t)k * from_step, size);
}

/* Of known size a copy is an instruction. */
static void copy(size_t size, const char *from, ptrdiff_t from_step, char *to, ptrdiff_t to_step, size_t n) {
    if (size == 8)
        copy_of(8, from, from_step, to, to_step, n);
    else
        copy_of(4, from, from_step, to, to_step, n);
}

/* Rows of n entries from `i` on, as many as fit, between an array and its part of the stage: from there on first goes
 * what follows. */
typedef struct chain {
    const window *window;
    size_t i, rows, n;
} chain;

static char *row_start(const chain *c, size_t i, const sj_operand *array) {
    const size_t row = c->window->first + i;
    const ptrdiff_t start = (ptrdiff_t)sj_ragged_at(c->window->ragged, row);
    return array->data + start * array->class_stride * (ptrdiff_t)sj_dtype_size(array->dtype);
}

static sj_operand gather(const chain *c, const sj_operand *array, char *to) {
    const size_t size = sj_dtype_size(array->dtype), pitch = size * c->n;
    const ptrdiff_t item = (ptrdiff_t)size;
    if (!array->data) return *array;
    for (size_t r = 0, i = c->i; r < c->rows; r++, i = c->window->next[i])
        copy(size, row_start(c, i, array), item * array->class_stride, to + r * pitch, item, c->n);
    return (sj_operand){to, array->dtype, (ptrdiff_t)c->n, 1, 0};
}

static void scatter(const chain *c, const sj_operand *array, const char *from) {
    const sj_ragged *ragged = c->window->ragged;
    const size_t size = sj_dtype_size(array->dtype), pitch = size * (ragged->numbers ? 1 : c->n);
    const ptrdiff_t item = (ptrdiff_t)size;
    for (size_t r = 0, i = c->i; r < c->rows; r++, i = c->window->next[i]) {
        const ptrdiff_t row = (ptrdiff_t)(c->window->first + i);
        if (ragged->numbers)
            copy(size, from + r * pitch, item, array->data + row * ragged->step * item, item, 1);
        else
            copy(size, from + r * pitch, item, row_start(c, i, array), item * array->class_stride, c->n);
    }
}

/* The rows of one length, in the first row of a run. */
static void serve_equal(const sj_ragged_server *server, const window *w, size_t n, const sj_run *run, stage *s) {
    const size_t room = STAGE_BYTES / sizeof(double) / (n > 0 ? n : 1);
    sj_run part = *run;
    part.stream = false;
    for (size_t i = w->head[n], end; i != NONE; i = end) {
        chain c = {w, i, 0, n};
        for (end = i; end != NONE && c.rows < room; end = w->next[end]) c.rows++;
        part.rows = c.rows;
        part.n = n;
        part.z = gather(&c, &run->z, s->z);
        part.g = gather(&c, &run->g, s->g);
        part.out = (sj_operand){s->out, run->out.dtype, w->ragged->numbers ? 1 : (ptrdiff_t)n, 1, 0};
        server->serve(server, &part);
        scatter(&c, &run->out, s->out);
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
    sj_ragged_seek(ragged, row, run, one);
    one->stream = run->stream && one->n >= STREAMED;
    if (one->n > 0 || ragged->numbers) server->serve(server, one);
}

void sj_ragged_rows(const sj_ragged_server *server, const sj_ragged *ragged, size_t first, size_t end, size_t most,
                    const sj_run *run) {
    const bool stages = run->rows < server->block;
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
