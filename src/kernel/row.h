/* row.h: one long row: where its arrays are, what is known of it, and scratch; its sweeps in spans, which several
 * threads may share. Called by long_rows.h and all above it; calls state.h and chunk.h. */
#ifndef SJ_KERNEL_ROW_H
#define SJ_KERNEL_ROW_H

#include "scaling.h"
#include "select.h"
#include "state.h"
#include "target.h"

#include <stddef.h>

/* What the reduction of a row leaves of its weights. */
typedef enum keeping {
    KEEP_REST,    /* as KEEP_WEIGHTS, or in the room */
    KEEP_SUM,     /* as KEEP_WEIGHTS, or in the room, and only the sum of all of them is asked for */
    KEEP_WEIGHTS, /* in w, where the row fits */
    KEEP_PAIRS,   /* in w and low */
    KEEP_PRODUCT, /* the same, and only the sum of all of them is asked for */
    KEEP_STORED   /* as KEEP_SUM, but in the output, until the results replace them */
} keeping;

/* Room for weights that the scratch of a row does not hold, 512 KiB on the stack: they are read again from the L2 cache
 * in less time than it takes to make them. Those of a piece are relative to its own maximum, a power of two apart from
 * those of the row. Pairs are not held: twice the bytes take as long as making them. */
#define ROOM_ENTRIES (((size_t)1 << 19) / sizeof(real))

typedef struct row_room {
    _Alignas(64) real weights[ROOM_ENTRIES];
    real integers[ROOM_ENTRIES / CHUNK]; /* K of each piece */
} row_room;

typedef struct row {
    const sj_run *run;
    const char *z, *g;
    char *out;
    size_t index; /* of the run */
    bool by_row;  /* entries are masked as they are read */
    bool scaled;  /* and become pairs by `scale`, the second parts PAIRED_APART after the first */
    double times; /* 0, or the size of a scale that nothing else is beside: weights are those of logits times it */
    bool turns;   /* where it is below 0: logits are read with their signs turned */
    scaling scale;
    target of; /* in losses */
    weighing how;
    bool shared;    /* SJ_LIMIT: entries of +inf are read as 0, all others as -inf */
    bool kept;      /* w (and low) hold the weights of the whole row */
    row_room *room; /* NULL: none */
    size_t held;    /* entries, the first of the row, whose weights the room holds */
    bool whole; /* the rest of the state is the sum of all weights, its top is 0; the argmax is at or after state.argmax
                 */
    keeping keep;
    reference ref;
    row_state state;
    row_scalars scalars;
    /* of the thread that sweeps */
    _Alignas(64) real z_scratch[CHUNK + PAIRED_APART], w[CHUNK], low[CHUNK], x_scratch[CHUNK];
} row;

/* A result computed for a single row. */
typedef void row_function(row *r);

static inline void row_seek(row *r, size_t index) {
    r->index = index;
    r->by_row = r->run->read == SJ_READ_BY_ROW;
    r->scaled = r->by_row && r->run->reading->scales && r->run->given == SJ_GIVEN_LOGITS;
    const double scale = r->run->read == SJ_READ_SCALED ? r->run->reading->scale : 0;
    r->times = fabs(scale);
    r->turns = scale < 0;
    chunk_seek(r->run, index, &r->z, &r->g, &r->out);
}

static inline size_t row_piece(const row *r, size_t start) { return chunk_piece(r->run->n, start, CHUNK); }

/* Entries of a row that have results: all but a sink. */
static inline size_t row_width(const row *r) { return r->run->n - r->run->sunk; }

/* Of `count` entries from `start` on, those. */
static inline size_t row_within(const row *r, size_t start, size_t count) {
    return count - (start + count > row_width(r));
}

/* The bias of entries, NULL where there is none. */
static inline const real *row_bias(const row *r, size_t start, size_t count, real *scratch) {
    const sj_operand *bias = &r->run->reading->beside[SJ_BESIDE_BIAS];
    if (!bias->data) return NULL;
    const char *from = beside_row(r->run, SJ_BESIDE_BIAS, r->index);
    return read_entries(r->run, r->index, from, bias, start, count, SJ_FILL_ZERO, scratch);
}

/* Entries of a given softmax or a cotangent, 0 where a bias of -inf masks them. */
V_OUTLINE const real *row_unmasked(const row *r, const real *x, size_t start, size_t count, real *into) {
    _Alignas(64) real scratch[CHUNK];
    const real *bias = row_bias(r, start, count, scratch);
    for (size_t i = 0; bias && i < count; i++) into[i] = bias[i] == -REAL(INFINITY) ? 0 : x[i];
    return bias ? into : x;
}

/* Of a row that is read as it is served. */
V_OUTLINE const real *row_read_logits(row *r, size_t start, size_t count) {
    const sj_run *run = r->run;
    real *low = r->z_scratch + PAIRED_APART;
    if (!r->scaled) {
        const bool given = run->given == SJ_GIVEN_SOFTMAX;
        const sj_fill fill = given ? SJ_FILL_ZERO : SJ_FILL_LOW;
        const real *z = read_entries(run, r->index, r->z, &run->z, start, count, fill, r->z_scratch);
        return given ? row_unmasked(r, z, start, count, r->z_scratch) : z;
    }
    const sj_fill fill = run->reading->scale > 0 ? SJ_FILL_LOW : SJ_FILL_HIGH;
    const size_t within = row_within(r, start, count);
    const real *z = read_entries(run, r->index, r->z, &run->z, start, within, fill, r->z_scratch);
    scale_entries(z, row_bias(r, start, within, low), within, &r->scale, r->z_scratch, low);
    if (within < count) {
        r->z_scratch[within] = (real)r->scale.sink.hi;
        low[within] = (real)((r->scale.sink.hi - (double)r->z_scratch[within]) + r->scale.sink.lo);
        if (!has_low(r->z_scratch[within], &r->scale)) low[within] = 0;
    }
    return r->z_scratch;
}

V_OUTLINE const real *row_read_g(row *r, size_t start, size_t count) {
    const size_t within = row_within(r, start, count);
    const real *read = read_entries(r->run, r->index, r->g, &r->run->g, start, within, SJ_FILL_ZERO, r->x_scratch);
    const real *g = row_unmasked(r, read, start, within, r->x_scratch);
    if (within == count) return g;
    memmove(r->x_scratch, g, within * sizeof(real));
    r->x_scratch[within] = 0;
    return r->x_scratch;
}

V_INLINE const real *row_logits(row *r, size_t start, size_t count) {
    const real *z =
        r->by_row ? row_read_logits(r, start, count) : chunk_read(r->z, &r->run->z, start, count, r->z_scratch);
    if (r->turns) {
        for (size_t i = 0; i < count; i++) r->z_scratch[i] = -z[i];
        return r->z_scratch;
    }
    if (!r->shared) return z;
    for (size_t i = 0; i < count; i++) r->z_scratch[i] = z[i] == REAL(INFINITY) ? 0 : -REAL(INFINITY);
    return r->z_scratch;
}

/* Whether what is computed for a row is not yet its result: derivatives are times the scale. */
static inline bool row_has_factor(const row *r) { return r->by_row || (r->times != 0 && r->run->reading->factor != 1); }

static inline void row_put(row *r, size_t i, double value) {
    chunk_store(r->out, r->run->out.dtype, (ptrdiff_t)i * r->run->out.class_stride, (real)value);
}

/* The same for what was computed; a sink has no result. + 0: 0 has no sign. */
static inline void row_set(row *r, size_t i, double value) {
    if (i >= row_width(r)) return;
    row_put(r, i, row_has_factor(r) ? value * r->run->reading->factor + 0 : value);
}

/* The cotangent; of a loss, it is made of the target. */
static inline const real *row_g(row *r, size_t start, size_t count) {
    if (r->run->losses) return target_cotangent(&r->of, r->run, r->g, start, count, r->x_scratch);
    return r->by_row ? row_read_g(r, start, count) : chunk_read(r->g, &r->run->g, start, count, r->x_scratch);
}

/* Entry i of an operand's row, as the kernel's dtype. */
static inline real row_entry(const char *from, const sj_operand *array, size_t i) {
    return chunk_load(from, array->dtype, (ptrdiff_t)i * array->class_stride);
}

/* Entry i of a row's cotangent; that of a sink is 0. */
static inline real row_g_at(row *r, size_t i) {
    if (r->run->losses) return row_g(r, i, 1)[0];
    return i < row_width(r) ? row_entry(r->g, &r->run->g, i) : 0;
}

/* Rows of more entries are swept span by span, in at least SPAN entries each: by their number alone, so that the bits
 * do not depend on who sweeps. A span is worth waking a thread for; what is left of each is held on the stack. */
#define SPAN (8 * CHUNK)
#define MOST_SPANS ((size_t)256)

typedef struct span {
    size_t index, start, end;
} span;

/* A span's part of a sweep. It writes what no other reads: its entries of the output, its element of an array. */
typedef void span_sweep(row *r, const void *context, span s);

static inline size_t row_span_size(const row *r) {
    const size_t least = (r->run->n - 1) / MOST_SPANS + 1;
    return least <= SPAN ? SPAN : ((least - 1) / CHUNK + 1) * CHUNK;
}

static inline size_t row_spans(const row *r) { return (r->run->n - 1) / row_span_size(r) + 1; }

static inline void spans_sweep(row *r, span_sweep *sweep, const void *context, size_t first, size_t count) {
    const size_t size = row_span_size(r);
    for (size_t i = first; i < first + count; i++) {
        const size_t start = i * size, left = r->run->n - start;
        sweep(r, context, (span){i, start, left < size ? r->run->n : start + size});
    }
}

typedef struct shared_sweep {
    const row *row;
    span_sweep *sweep;
    const void *context;
} shared_sweep;

/* Some spans by one thread of a team, which needs scratch of its own. */
static void sweep_some(const void *context, size_t first, size_t count) {
    const shared_sweep *shared = context;
    row own;
    memcpy(&own, shared->row, offsetof(row, z_scratch));
    if (own.how == WEIGH_GIVEN) memset(own.low, 0, sizeof own.low);
    spans_sweep(&own, shared->sweep, shared->context, first, count);
    if (own.run->stream) v_stream_end();
    v_end();
}

/* Every span of a row of more than SPAN entries. */
V_OUTLINE void row_sweep(row *r, span_sweep *sweep, const void *context) {
    const sj_team *team = r->run->team;
    const shared_sweep shared = {r, sweep, context};
    if (team)
        team->divide(team, row_spans(r), sweep_some, &shared);
    else
        spans_sweep(r, sweep, context, 0, row_spans(r));
}

#endif
