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

/* What the reduction of a row leaves of its weights. */
typedef enum keeping {
    KEEP_SUM,     /* as KEEP_WEIGHTS, and only the sum of all of them is asked for */
    KEEP_WEIGHTS, /* in w, where the row fits */
    KEEP_PAIRS,   /* in w and low */
    KEEP_STORED   /* as KEEP_SUM, but in the output, until the results replace them */
} keeping;

typedef struct row {
    const sj_run *run;
    const char *z, *g;
    char *out;
    weighing how;
    bool shared; /* SJ_LIMIT: entries of +inf are read as 0, all others as -inf */
    bool kept;   /* w (and low) hold the weights of the whole row */
    bool whole; /* the rest of the state is the sum of all weights, its top is 0; the argmax is at or after state.argmax
                 */
    keeping keep;
    reference ref;
    row_state state;
    row_scalars scalars;
    real z_scratch[CHUNK], w[CHUNK], low[CHUNK], x_scratch[CHUNK];
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

static inline dd row_weigh_chunk(const row *r, const real *z, weights pairs, size_t count, size_t skip,
                                 const extremes *of, weighing how) {
    const weights alone = {pairs.w, NULL};
    const bool both = r->keep == KEEP_PAIRS && r->run->n <= CHUNK;
    if (how == WEIGH_GIVEN) return chunk_weigh(z, alone, count, skip, of, &r->ref, WEIGH_GIVEN);
    if (how == WEIGH_FAR) return chunk_weigh(z, pairs, count, skip, of, &r->ref, WEIGH_FAR);
    if (how == WEIGH_NEAR) return chunk_weigh(z, both ? pairs : alone, count, skip, of, &r->ref, WEIGH_NEAR);
    if (both) return chunk_weigh(z, pairs, count, skip, of, &r->ref, WEIGH_SHALLOW);
    return chunk_weigh(z, alone, count, skip, of, &r->ref, WEIGH_SHALLOW);
}

/* Weights of entries [start, start + count), and in r->low + (r->kept ? start : 0) what their rounding left, where that
 * is kept: from the reduction, or made again. */
static inline const real *row_weights(row *r, size_t start, size_t count) {
    const weights to = {r->w, r->keep == KEEP_PAIRS ? r->low : NULL};
    if (r->kept) return r->w + start;
    if (r->keep == KEEP_STORED) return chunk_read(r->out, &r->run->out, start, count, r->w);
    const real *z = row_logits(r, start, count);
    if (r->how == WEIGH_GIVEN) return z;
    if (r->how == WEIGH_FAR)
        chunk_weights(z, to, count, &r->ref, WEIGH_FAR);
    else if (r->how == WEIGH_NEAR)
        chunk_weights(z, to, count, &r->ref, WEIGH_NEAR);
    else
        chunk_weights(z, to, count, &r->ref, WEIGH_SHALLOW);
    return r->w;
}

static inline const real *row_lows(const row *r, size_t start) { return r->kept ? r->low + start : r->low; }

static inline bool is_near(real max) { return max >= REAL(NEAR_LOW) && max <= REAL(NEAR_HIGH); }

/* How entries between min and a maximum that is near are weighed. */
static inline weighing weighing_near(vec min, real max) {
    return v_any(v_gt(v_set1(max - REAL(SHALLOW_DEPTH)), min)) ? WEIGH_NEAR : WEIGH_SHALLOW;
}

/* State of one chunk whose maximum is near. Leaves its weights in r->w. */
static inline row_state row_reduce_chunk(row *r, const real *z, size_t start, size_t count, const extremes *of) {
    const weighing how = weighing_near(of->min, of->max);
    const real integer = reference_integer(&r->ref);
    const weights to = {r->w, r->low};
    if (r->whole) return (row_state){start, of->max, integer, {0, 0}, row_weigh_chunk(r, z, to, count, count, of, how)};
    const size_t m = chunk_find(z, count, of->max);
    const dd rest = row_weigh_chunk(r, z, to, count, m, of, how);
    return (row_state){start + m, of->max, integer, entry_weight(of->max, &r->ref, how), rest};
}

/* One sweep over the row, each chunk relative to its own maximum, states merged in order. False when a maximum is
 * infinite or far: then the row needs row_reduce_other. */
static inline bool row_reduce_near(row *r) {
    vec min = v_set1(REAL(INFINITY));
    for (size_t start = 0; start < r->run->n; start += CHUNK) {
        const size_t count = row_piece(r, start);
        const real *z = row_logits(r, start, count);
        const extremes of = chunk_extremes(z, count);
        if (!is_near(of.max)) return false;
        r->ref = reference_near(v_set1(of.max), WEIGH_NEAR);
        const row_state part = row_reduce_chunk(r, z, start, count, &of);
        r->state = start == 0 ? part : state_merge(r->state, part);
        min = v_min(of.min, min);
    }
    r->kept = r->run->n <= CHUNK;
    r->how = weighing_near(min, r->state.max);
    if (!r->kept) r->ref = reference_near(v_set1(r->state.max), WEIGH_NEAR);
    return true;
}

/* Extremes of the whole row, but for the classes. */
static inline extremes row_survey(row *r) {
    extremes of = {.max = -REAL(INFINITY), .min = v_set1(REAL(INFINITY))};
    for (size_t start = 0; start < r->run->n; start += CHUNK) {
        const size_t count = row_piece(r, start);
        const extremes part = chunk_extremes(row_logits(r, start, count), count);
        of.max = part.max > of.max ? part.max : of.max;
        of.min = v_min(part.min, of.min);
    }
    return of;
}

static inline bool row_has_nan(row *r) {
    bool nan = false;
    for (size_t start = 0; start < r->run->n && !nan; start += CHUNK) {
        const size_t count = row_piece(r, start);
        nan = chunk_has_nan(row_logits(r, start, count), count);
    }
    return nan;
}

/* A second sweep relative to the known maximum of the row: no merge, so no rounding of a difference of maxima. */
static inline void row_reduce_at(row *r, real max) {
    bool found = false;
    const dd top = r->whole ? (dd){0, 0} : entry_weight(max, &r->ref, r->how);
    r->state = (row_state){r->run->n, max, reference_integer(&r->ref), top, {0, 0}};
    for (size_t start = 0; start < r->run->n; start += CHUNK) {
        const size_t count = row_piece(r, start);
        const real *z = row_logits(r, start, count);
        const extremes of = chunk_extremes(z, count);
        size_t skip = count;
        if (!found && of.max == max) {
            const size_t m = chunk_find(z, count, max);
            r->state.argmax = start + m;
            if (!r->whole) skip = m;
            found = true;
        }
        const sj_operand *out = &r->run->out;
        const bool stored = r->keep == KEEP_STORED;
        real *w = stored ? chunk_begin(r->out, out, out->class_stride, start, r->w) : r->w;
        r->state.rest = dd_add(r->state.rest, row_weigh_chunk(r, z, (weights){w, r->low}, count, skip, &of, r->how));
        if (stored) chunk_end(r->out, out, out->class_stride, start, count, w);
    }
    r->kept = r->run->n <= CHUNK && r->how != WEIGH_GIVEN && r->keep != KEEP_STORED;
}

/* The rows row_reduce_near leaves: not finite, far from zero, given as softmax, or stored meanwhile. */
static inline row_kind row_reduce_other(row *r) {
    const sj_nonfinite policy = r->run->nonfinite;
    const bool given = r->run->given == SJ_GIVEN_SOFTMAX;
    const extremes of = row_survey(r);
    real max = of.max;
    const bool finite = max >= -REAL_LARGEST && max <= REAL_LARGEST;
    if ((!finite || max == 0) && row_has_nan(r)) max = REAL(NAN); /* elsewhere the sum of the weights shows it */
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
    const bool near = is_near(max);
    r->ref = near ? reference_near(v_set1(max), WEIGH_NEAR) : reference_far(max);
    r->how = given ? WEIGH_GIVEN : !near ? WEIGH_FAR : r->shared ? WEIGH_NEAR : weighing_near(of.min, max);
    if (given) r->ref.least = v_zero(), memset(r->low, 0, sizeof r->low);
    row_reduce_at(r, max);
    return ROW_FINITE;
}

/* Entries that count as none weigh WEIGHT_LEAST at most in the sum: where that shows, T is summed again without them.
 */
static inline void row_drop_uncounted(row *r) {
    const double shows = (double)WEIGHT_LEAST * (double)r->run->n * (double)((real_bits)8 << REAL_MANTISSA);
    if (r->how == WEIGH_GIVEN || r->how == WEIGH_SHALLOW || r->state.rest.hi > shows) return;
    double counted = 0;
    for (size_t start = 0; start < r->run->n; start += CHUNK) {
        const size_t count = row_piece(r, start);
        counted += chunk_counted(row_weights(r, start, count), count, r->state.argmax - start);
    }
    r->state.rest = (dd){counted, 0};
}

/* reduce -> state -> scalars, for the row sought last. */
static inline row_kind row_reduce(row *r, keeping keep) {
    r->shared = false;
    r->kept = false;
    r->keep = keep;
    r->whole = keep == KEEP_SUM || keep == KEEP_STORED;
    r->how = WEIGH_NEAR;
    if (r->run->n == 0) return ROW_EMPTY;
    if (keep == KEEP_STORED || r->run->given == SJ_GIVEN_SOFTMAX || !row_reduce_near(r)) {
        const row_kind kind = row_reduce_other(r);
        if (kind != ROW_FINITE) return kind;
    }
    if (r->state.rest.hi != r->state.rest.hi) { /* an entry is NaN */
        r->state.max = REAL(NAN);
        return ROW_NAN;
    }
    row_drop_uncounted(r);
    r->scalars = state_finish(&r->state, r->how);
    return ROW_FINITE;
}

/* Of a row of which only the sum was asked for. The weight of the maximum. */
static inline dd row_top(const row *r) { return entry_weight(r->state.max, &r->ref, r->how); }

/* Whether the softmax of the maximum may be above 1/2: there the rounding of its weight could show in a 1. Below, where
 * several entries may be the maximum, all are treated alike. */
static inline bool row_may_exceed_half(const row *r) {
    const vec bound = r->how == WEIGH_FAR ? weight_bound(v_set1(r->state.max), &r->ref, true)
                                          : weight_bound(v_set1(r->state.max), &r->ref, false);
    return r->state.rest.hi < 2 * (double)v_lane(bound);
}

/* Its argmax. The logits of rows kept in the output are gone, but then it is known. */
static inline size_t row_find(row *r) {
    const size_t start = r->state.argmax;
    if (r->keep == KEEP_STORED) return start;
    const size_t count = row_piece(r, start);
    return start + chunk_find(row_logits(r, start, count), count, r->state.max);
}

/* Entry i of an operand's row, as the kernel's dtype. */
static inline real row_entry(const char *from, const sj_operand *array, size_t i) {
    return chunk_load(from, array->dtype, (ptrdiff_t)i * array->class_stride);
}

static inline void row_set(row *r, size_t i, double value) {
    chunk_store(r->out, r->run->out.dtype, (ptrdiff_t)i * r->run->out.class_stride, (real)value);
}

#endif
