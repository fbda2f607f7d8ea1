/* jacobian.h: the Jacobian of one row, line by line, and the gradient of one output. The softmax is made once, as
 * pairs, so that a line off its diagonal is -s_q s_r and nothing of a line waits for the line before. Called by
 * short_derivatives.h and derivatives.h. */
#ifndef SJ_KERNEL_JACOBIAN_H
#define SJ_KERNEL_JACOBIAN_H

#include "long_derivatives.h"

/* A row is plain where every softmax is 0 or at least this: no product of two is subnormal, nor of a first part and a
 * second. */
#if defined(SJ_REAL_f32)
#define PLAIN_LEAST 0x1p-46f
#else
#define PLAIN_LEAST 0x1p-400
#endif

/* s_q and c_q = 1 - s_q of one entry; no entry but the argmax has s > 1/2, so only there does 1 - s cancel. */
typedef struct entry {
    dd s; /* times the bias of the weights: normal where s_q is not */
    dd c;
    double unbias; /* c_q = c unbias: at the argmax c carries the bias too */
} entry;

static inline dd row_entry_weight(row *r, size_t q) {
    if (r->kept) return two_sum((double)r->w[q], (double)r->low[q]);
    if (r->scaled) {
        const real *w = row_weights(r, q, 1);
        return two_sum((double)w[0], (double)r->low[0]);
    }
    if (r->by_row && row_masks(r->run, r->index, q)) return (dd){0, 0};
    const real read = row_entry(r->z, &r->run->z, q), z = r->turns ? -read : read;
    return entry_weight(!r->shared ? z : z == REAL(INFINITY) ? 0 : -REAL(INFINITY), &r->ref, r->how);
}

static inline entry entry_of_weight(const row *r, size_t q, dd w) {
    entry e = {.unbias = 1};
    if (w.hi > (double)v_lane(row_lost(r))) e.s = dd_mul(w, row_inverse(r));
    if (q != r->state.argmax) {
        e.c = dd_complement(dd_scale(e.s, r->scalars.unbias));
    } else {
        e.c = row_complement(r);
        e.unbias = r->scalars.unbias;
    }
    return e;
}

static inline entry row_entry_softmax(row *r, size_t q) { return entry_of_weight(r, q, row_entry_weight(r, q)); }

/* Products of two softmax carry the bias of both where one of them is as small as this: but for a quarter of it in
 * float32, so that the power of two that takes it away is normal. Intel's processors take 150 cycles for a subnormal
 * factor. */
#define SMALL_SOFTMAX 0x1p-8
static inline double small_lift(double unbias) { return 2 * WEIGHT_BIAS > REAL_BIAS && unbias < 1 ? 0x1p-2 : 1; }

/* Constants of row q of the Jacobian off its diagonal. */
static inline emission jacobian_row(const row *r, entry e, bool log) {
    if (log) return softmax_emission(r);
    const double unbias = r->scalars.unbias, lift = e.s.hi * unbias < SMALL_SOFTMAX ? small_lift(unbias) : unbias;
    return (emission){.factor = spread(dd_scale(dd_mul(e.s, row_inverse(r)), lift)),
                      .last = descent_by(v_set1((real)(unbias * (unbias / lift)))),
                      .least = r->how == WEIGH_GIVEN ? v_zero() : weight_lost_beside(v_set1((real)e.s.hi))};
}

/* Whether all entries of the row of the Jacobian but the diagonal are normal. */
static inline bool jacobian_row_is_plain(const row *r, const emission *off) {
    return is_shallow(r->how) && v_lane(off->factor.hi) * WEIGHT_SHALLOW >= v_lane(off->last.edge);
}

static inline double diagonal(const row *r, entry e, bool log) {
    return log ? e.c.hi * e.unbias : dd_mul(dd_scale(e.s, e.unbias), e.c).hi * r->scalars.unbias;
}

/* e: entry q of the row, which may be beyond what the run has of it. */
static inline void gradient_emit(row *r, size_t q, entry e, bool log) {
    const emission off = jacobian_row(r, e, log);
    if (jacobian_row_is_plain(r, &off))
        row_emit(r, span_plain_off_diagonal, &off);
    else
        row_emit(r, span_off_diagonal, &off);
    if (q - r->run->first < r->run->n) row_set(r, q - r->run->first, diagonal(r, e, log));
}

static inline void gradient_row(row *r, bool log) { gradient_emit(r, r->run->q, row_entry_softmax(r, r->run->q), log); }

/* Entries of a row in two arrays of whole vectors, 0 past the last. */
typedef struct pairs {
    real *hi, *lo;
} pairs;

V_INLINE vpair pair_at(pairs from, size_t i) { return (vpair){v_load(from.hi + i), v_load(from.lo + i)}; }

/* V_LANES entries of a line: -s_q s_r off the diagonal, or with `log` what stands in `from.hi`. */
V_INLINE vec line_entries(pairs from, size_t i, vpair minus, bool log) {
    return log ? v_load(from.hi + i) : plain_off_diagonal(pair_at(from, i), minus);
}

/* `count` entries, in whole vectors while these end within `room`, which is `count` or more. */
V_INLINE void line_store(pairs from, vpair minus, size_t count, size_t room, bool log, real *to) {
    size_t i = 0;
    for (; i < count && i + V_LANES <= room; i += V_LANES) v_store(to + i, line_entries(from, i, minus, log));
    if (i < count) v_store_n(to + i, line_entries(from, i, minus, log), count - i);
}

/* Lines whose pairs and diagonal are made at a time. */
#define TILE_LINES ((size_t)256)

typedef struct line_tile {
    size_t first, count;
    pairs s;
    const real *diagonal;
} line_tile;

/* -s_q */
V_INLINE vpair line_factor(const line_tile *t, size_t i, bool log) {
    return log ? (vpair){v_zero(), v_zero()} : (vpair){v_set1(-t->s.hi[i]), v_set1(-t->s.lo[i])};
}

/* Lines of n entries that follow each other, each repairing what the one before spills; all up to to + room will be
 * written, here or later. One at a time: two share their loads, in cache a fifth less time, but beyond the caches two
 * streams of stores take up to three times as long as one. */
V_INLINE void lines_follow(const line_tile *t, pairs from, size_t n, size_t room, bool log, real *to) {
    for (size_t i = 0; i < t->count; i++) {
        line_store(from, line_factor(t, i, log), n, room - i * n, log, to + i * n);
        to[i * n + t->first + i] = t->diagonal[i];
    }
}

/* s_q c_q, or c_q, of an entry that is not the argmax. */
V_INLINE vec plain_diagonal(vpair s, bool log) {
    const vpair c = vpair_complement(s);
    return log ? vpair_round(c) : vpair_times(s, c);
}

/* Whether the row is. */
static inline bool row_is_plain(row *r) {
    const vec lost = row_lost(r), least = v_set1((real)((double)PLAIN_LEAST / r->scalars.inverse.hi));
    for (size_t start = 0; start < r->run->n; start += CHUNK) {
        const size_t count = row_piece(r, start);
        const real *w = row_weights(r, start, count);
        for (size_t i = 0; i < count; i += V_LANES) {
            const vec part = load_within(w, i, count);
            if (v_any(v_and(v_gt(part, lost), v_gt(least, part)))) return false;
        }
    }
    return true;
}

/* The softmax of entries [start, start + count). */
static inline void row_pairs(row *r, size_t start, size_t count, pairs to) {
    const vec lost = row_lost(r);
    const vpair inverse = spread(r->scalars.inverse);
    const real *w = row_weights(r, start, count), *low = row_lows(r, start);
    for (size_t i = 0; i < count; i += V_LANES) {
        const vec weight = load_within(w, i, count);
        const vmask counts = v_gt(weight, lost);
        const vpair s = vpair_mul((vpair){v_keep(counts, weight), v_keep(counts, load_within(low, i, count))}, inverse);
        v_store(to.hi + i, s.hi);
        v_store(to.lo + i, s.lo);
    }
}

/* The part of a tile of lines with r in [r0, r0 + count). */
V_INLINE void jacobian_tile(row *r, const line_tile *t, pairs from, size_t r0, size_t count, bool log) {
    const sj_operand *out = &r->run->out;
    const size_t n = r->run->n;
    if (chunk_is_direct(out, out->input_stride) && out->class_stride == (ptrdiff_t)n && count == n) {
        real *to = (real *)(void *)r->out + t->first * n;
        lines_follow(t, from, n, (n - t->first) * n, log, to);
        return;
    }
    for (size_t i = 0; i < t->count; i++) {
        const size_t q = t->first + i;
        char *line = chunk_at(r->out, out, out->class_stride, q);
        real *to = chunk_begin(line, out, out->input_stride, r0, r->x_scratch);
        line_store(from, line_factor(t, i, log), count, count, log, to);
        if (q - r0 < count) to[q - r0] = t->diagonal[i];
        chunk_end(line, out, out->input_stride, r0, count, to);
    }
}

typedef struct tile_scratch {
    real hi[TILE_LINES], lo[TILE_LINES], diagonals[TILE_LINES];
} tile_scratch;

/* Of softmax where the row is plain, or (log) of log-softmax. */
V_INLINE void jacobian_lines(row *r, bool log) {
    tile_scratch own;
    const size_t n = r->run->n, m = r->state.argmax;
    const real at_max = (real)diagonal(r, row_entry_softmax(r, m), log);
    const emission softmax = softmax_emission(r);
    const pairs here = {r->w, r->low};
    const bool paired = r->kept && !log; /* the pairs of the whole row take the place of its weights */
    if (paired) row_pairs(r, 0, n, here);
    for (size_t q0 = 0; q0 < n; q0 += TILE_LINES) {
        const size_t lines = chunk_piece(n, q0, TILE_LINES);
        const line_tile tile = {q0, lines, paired ? (pairs){r->w + q0, r->low + q0} : (pairs){own.hi, own.lo},
                                own.diagonals};
        if (!paired) row_pairs(r, q0, lines, tile.s);
        for (size_t i = 0; i < lines; i += V_LANES) v_store(own.diagonals + i, plain_diagonal(pair_at(tile.s, i), log));
        if (m - q0 < lines) own.diagonals[m - q0] = at_max;
        for (size_t r0 = 0; r0 < n; r0 += CHUNK) {
            const size_t count = row_piece(r, r0);
            if (log) {
                const real *w = row_weights(r, r0, count);
                emit_chunk(emit_off_diagonal, &softmax, w, row_lows(r, r0), w, r->z_scratch, count, EMIT_AT_HAND);
            } else if (!paired) {
                row_pairs(r, r0, count, here);
            }
            jacobian_tile(r, &tile, log ? (pairs){r->z_scratch, r->low} : here, r0, count, log);
        }
    }
}

/* Of softmax where the row is not plain. */
static inline void jacobian_deep(row *r) {
    const sj_operand *out = &r->run->out;
    for (size_t r0 = 0; r0 < r->run->n; r0 += CHUNK) {
        const size_t count = row_piece(r, r0);
        const real *w = row_weights(r, r0, count), *low = row_lows(r, r0);
        for (size_t q = 0; q < r->run->n; q++) {
            const entry e = row_entry_softmax(r, q);
            const emission off = jacobian_row(r, e, false);
            char *line = chunk_at(r->out, out, out->class_stride, q);
            real *to = chunk_begin(line, out, out->input_stride, r0, r->x_scratch);
            emit_chunk(emit_off_diagonal, &off, w, low, w, to, count, EMIT_AT_HAND);
            if (q - r0 < count) to[q - r0] = (real)diagonal(r, e, false);
            chunk_end(line, out, out->input_stride, r0, count, to);
        }
    }
}

/* Line by line, as gradients. */
static void jacobian_by_lines(row *r, bool log) {
    const sj_run *whole = r->run;
    char *first = r->out;
    sj_run line = *whole;
    line.out.class_stride = whole->out.input_stride;
    r->run = &line;
    for (line.q = 0; line.q < row_width(r); line.q++) {
        r->out = chunk_at(first, &whole->out, whole->out.class_stride, line.q);
        gradient_row(r, log);
    }
    r->run = whole;
}

static inline void jacobian_of_row(row *r, bool log) {
    if (r->by_row && r->run->reading->scales)
        jacobian_by_lines(r, log);
    else if (log)
        jacobian_lines(r, true);
    else if (row_is_plain(r))
        jacobian_lines(r, false);
    else
        jacobian_deep(r);
}

static inline void jacobian_fill(row *r, double value) {
    const sj_operand *out = &r->run->out;
    for (size_t q = 0; q < row_width(r); q++)
        for (size_t k = 0; k < row_width(r); k++)
            chunk_store(r->out, out->dtype, (ptrdiff_t)q * out->class_stride + (ptrdiff_t)k * out->input_stride,
                        (real)value);
}

#endif
