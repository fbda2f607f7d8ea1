/* long_rows.h: one row spread over the lanes: its sweeps, chunk by chunk, and the rows that finite arithmetic does not
 * define. Called by forward.h and all above it; calls state.h and chunk.h. */
#ifndef SJ_KERNEL_LONG_ROWS_H
#define SJ_KERNEL_LONG_ROWS_H

#include "chunk.h"
#include "state.h"

/* What becomes of a row, decided by its maximum. */
typedef enum row_kind {
    ROW_FINITE,
    ROW_NAN,   /* every result NaN */
    ROW_EMPTY, /* no mass: no entries, or only -inf under SJ_ZERO */
} row_kind;

typedef struct row {
    const sj_run *run;
    const char *z, *g;
    char *out;
    weighing how;
    bool shared; /* SJ_LIMIT: entries of +inf are read as 0, all others as -inf */
    bool kept;   /* w holds the weights of the whole row */
    bool stored; /* the output holds them, until the results replace them */
    reference ref;
    row_state state;
    row_scalars scalars;
    real z_scratch[CHUNK], w[CHUNK], x_scratch[CHUNK];
} row;

static inline void row_seek(row *r, size_t index) {
    const sj_run *run = r->run;
    r->z = chunk_at(run->z.data, &run->z, run->z.row_stride, index);
    r->out = chunk_at(run->out.data, &run->out, run->out.row_stride, index);
    if (run->g.data) r->g = chunk_at(run->g.data, &run->g, run->g.row_stride, index);
}

static inline size_t row_piece(const row *r, size_t start) {
    return r->run->n - start < CHUNK ? r->run->n - start : CHUNK;
}

static inline const real *row_logits(row *r, size_t start, size_t count) {
    const real *z = chunk_read(r->z, &r->run->z, start, count, r->z_scratch);
    if (!r->shared) return z;
    for (size_t i = 0; i < count; i++) r->z_scratch[i] = z[i] == REAL(INFINITY) ? 0 : -REAL(INFINITY);
    return r->z_scratch;
}

static inline const real *row_g(row *r, size_t start, size_t count) {
    return chunk_read(r->g, &r->run->g, start, count, r->x_scratch);
}

static inline dd row_weigh_chunk(const row *r, const real *z, real *w, size_t count, size_t skip) {
    switch (r->how) {
    case WEIGH_NEAR:
        return chunk_weigh(z, w, count, skip, &r->ref, WEIGH_NEAR);
    case WEIGH_FAR:
        return chunk_weigh(z, w, count, skip, &r->ref, WEIGH_FAR);
    default:
        return chunk_weigh(z, w, count, skip, &r->ref, WEIGH_GIVEN);
    }
}

/* Weights of entries [start, start + count): kept from the reduction, or made again. */
static inline const real *row_weights(row *r, size_t start, size_t count) {
    if (r->kept) return r->w + start;
    if (r->stored) return chunk_read(r->out, &r->run->out, start, count, r->w);
    const real *z = row_logits(r, start, count);
    if (r->how == WEIGH_GIVEN) return z;
    if (r->how == WEIGH_FAR)
        chunk_weights(z, r->w, count, &r->ref, WEIGH_FAR);
    else
        chunk_weights(z, r->w, count, &r->ref, WEIGH_NEAR);
    return r->w;
}

/* State of one chunk whose maximum `max` is finite. Leaves its weights in r->w. */
static inline row_state row_reduce_chunk(row *r, const real *z, size_t start, size_t count, real max) {
    const size_t m = chunk_find(z, count, max);
    const dd rest = row_weigh_chunk(r, z, r->w, count, m);
    return (row_state){start + m, max, reference_integer(&r->ref), entry_weight(max, &r->ref, r->how), rest};
}

/* One sweep over the row, each chunk relative to its own maximum, states merged in order. False when a maximum is
 * NaN, infinite or far: then the row needs row_reduce_other. */
static inline bool row_reduce_near(row *r) {
    for (size_t start = 0; start < r->run->n; start += CHUNK) {
        const size_t count = row_piece(r, start);
        const real *z = row_logits(r, start, count);
        const real max = chunk_max(z, count);
        if (!(max >= -REAL(WEIGHT_NEAR) && max <= REAL(WEIGHT_NEAR))) return false;
        r->ref = reference_near(v_set1(max));
        const row_state part = row_reduce_chunk(r, z, start, count, max);
        r->state = start == 0 ? part : state_merge(r->state, part);
    }
    r->kept = r->run->n <= CHUNK;
    if (!r->kept) r->ref = reference_near(v_set1(r->state.max));
    return true;
}

/* Maximum of the whole row, NaN if any entry is. */
static inline real row_survey(row *r) {
    real max = -REAL(INFINITY);
    for (size_t start = 0; start < r->run->n; start += CHUNK) {
        const size_t count = row_piece(r, start);
        const real part = chunk_max(row_logits(r, start, count), count);
        if (part != part) return part;
        max = part > max ? part : max;
    }
    return max;
}

/* A second sweep relative to the known maximum of the row: no merge, so no rounding of a difference of maxima. */
static inline void row_reduce_at(row *r, real max) {
    bool found = false;
    r->state = (row_state){0, max, reference_integer(&r->ref), entry_weight(max, &r->ref, r->how), {0, 0}};
    for (size_t start = 0; start < r->run->n; start += CHUNK) {
        const size_t count = row_piece(r, start);
        const real *z = row_logits(r, start, count);
        size_t skip = count;
        if (!found && chunk_max(z, count) == max) {
            skip = chunk_find(z, count, max);
            r->state.argmax = start + skip;
            found = true;
        }
        const sj_operand *out = &r->run->out;
        real *w = r->stored ? chunk_begin(r->out, out, out->class_stride, start, r->w) : r->w;
        r->state.rest = dd_add(r->state.rest, row_weigh_chunk(r, z, w, count, skip));
        if (r->stored) chunk_end(r->out, out, out->class_stride, start, count, w);
    }
    r->kept = r->run->n <= CHUNK && r->how != WEIGH_GIVEN;
}

/* The rows row_reduce_near leaves: not finite, far from zero, given as softmax, or stored meanwhile. */
static inline row_kind row_reduce_other(row *r) {
    const sj_nonfinite policy = r->run->nonfinite;
    const bool given = r->run->given == SJ_GIVEN_SOFTMAX;
    real max = row_survey(r);
    if (max == REAL(INFINITY) && policy == SJ_LIMIT && !given) {
        r->shared = true;
        max = 0;
    }
    const bool empty = given ? max == 0 : max == -REAL(INFINITY);
    if (empty && (given || policy == SJ_ZERO)) return ROW_EMPTY;
    if (!(max >= -REAL_LARGEST && max <= REAL_LARGEST)) {
        r->state.max = max;
        return ROW_NAN;
    }
    const bool near = max >= -REAL(WEIGHT_NEAR) && max <= REAL(WEIGHT_NEAR);
    r->ref = near ? reference_near(v_set1(max)) : reference_far(max);
    r->how = given ? WEIGH_GIVEN : near ? WEIGH_NEAR : WEIGH_FAR;
    row_reduce_at(r, max);
    return ROW_FINITE;
}

/* reduce -> state -> scalars, for the row sought last. `store`: the output may hold the weights meanwhile. */
static inline row_kind row_reduce(row *r, bool store) {
    r->shared = false;
    r->kept = false;
    r->stored = store;
    r->how = WEIGH_NEAR;
    if (r->run->n == 0) return ROW_EMPTY;
    if (store || r->run->given == SJ_GIVEN_SOFTMAX || !row_reduce_near(r)) {
        const row_kind kind = row_reduce_other(r);
        if (kind != ROW_FINITE) return kind;
    }
    r->scalars = state_finish(&r->state, r->how);
    return ROW_FINITE;
}

/* Entry i of an operand's row, as the kernel's dtype. */
static inline real row_entry(const char *from, const sj_operand *array, size_t i) {
    return chunk_load(from, array->dtype, (ptrdiff_t)i * array->class_stride);
}

static inline void row_set(row *r, size_t i, double value) {
    chunk_store(r->out, r->run->out.dtype, (ptrdiff_t)i * r->run->out.class_stride, (real)value);
}

#endif
