/* row.h: one row of exact mode: its pieces, what becomes of it where finite arithmetic does not define it, and its
 * state, exact but for one rounding to a pair. Called by exact/emit.h and above; calls weight.h, sum.h, chunk.h. */
#ifndef SJ_KERNEL_EXACT_ROW_H
#define SJ_KERNEL_EXACT_ROW_H

#include "logarithm.h"
#include "../select.h"
#include "sum.h"
#include "weight.h"

#include <math.h>

typedef enum exact_kind {
    EXACT_FINITE,
    EXACT_NAN,   /* every result NaN */
    EXACT_EMPTY, /* no mass: no entries, or only -inf under SJ_ZERO */
} exact_kind;

typedef struct exact_row {
    const sj_run *run;
    const char *z, *g;
    char *out;
    size_t index; /* of the run */
    bool given;
    bool shared; /* SJ_LIMIT: entries of +inf are read as 0, all others as -inf */
    bool kept;   /* `weights` are those of the whole row */
    origin from;
    size_t argmax;
    double max;
    wide top, rest; /* weight of the argmax, and the sum of all others: T = rest / top */
    wide inverse;   /* 1 / (top + rest): s_q = w_q inverse */
    exact_sum sum;
    weights weights;
    double z_scratch[EXACT_PIECE], g_scratch[EXACT_PIECE];
} exact_row;

static void exact_seek(exact_row *r, size_t index) {
    r->index = index;
    chunk_seek(r->run, index, &r->z, &r->g, &r->out);
}

static inline size_t exact_piece(const exact_row *r, size_t start) {
    return chunk_piece(r->run->n, start, EXACT_PIECE);
}

V_INLINE const double *exact_read(const exact_row *r, const char *row, const sj_operand *array, size_t start,
                                  size_t count, double *scratch) {
    const sj_fill fill = array == &r->run->g || r->run->given == SJ_GIVEN_SOFTMAX ? SJ_FILL_ZERO : SJ_FILL_LOW;
    if (r->run->read != SJ_READ_BY_ROW) return chunk_read(row, array, start, count, scratch);
    return read_entries(r->run, r->index, row, array, start, count, fill, scratch);
}

static const double *exact_logits(exact_row *r, size_t start, size_t count) {
    const double *z = exact_read(r, r->z, &r->run->z, start, count, r->z_scratch);
    if (!r->shared) return z;
    for (size_t i = 0; i < count; i++) r->z_scratch[i] = z[i] == (double)INFINITY ? 0 : -(double)INFINITY;
    return r->z_scratch;
}

static inline const double *exact_g(exact_row *r, size_t start, size_t count) {
    return exact_read(r, r->g, &r->run->g, start, count, r->g_scratch);
}

static inline void exact_set(exact_row *r, ptrdiff_t offset, double value) {
    chunk_store(r->out, r->run->out.dtype, offset, value);
}

/* Entries [start, start + count) of the row, and their weights. */
static const double *exact_weigh(exact_row *r, size_t start, size_t count) {
    const double *z = exact_logits(r, start, count);
    if (!r->given) {
        weigh_chunk(z, count, &r->from, &r->weights);
        return z;
    }
    for (size_t i = 0; i < count; i++) {
        const wide s = z[i] > -(double)INFINITY ? wide_of(z[i]) : (wide){0, 0, 0};
        r->weights.hi[i] = s.hi;
        r->weights.lo[i] = s.lo;
        r->weights.exponent[i] = s.exponent;
    }
    return z;
}

static inline void exact_weigh_again(exact_row *r, size_t start, size_t count) {
    if (!r->kept) (void)exact_weigh(r, start, count);
}

static inline wide weight_at(const exact_row *r, size_t i) {
    return (wide){r->weights.hi[i], r->weights.lo[i], r->weights.exponent[i]};
}

/* The weight of one entry of the row. */
static wide exact_weight_of(exact_row *r, size_t q) {
    if (r->kept) return weight_at(r, q);
    (void)exact_weigh(r, q, 1);
    return weight_at(r, 0);
}

/* Maximum of the row, NaN if any entry is. */
static double exact_survey(exact_row *r) {
    double max = -(double)INFINITY;
    for (size_t start = 0; start < r->run->n; start += EXACT_PIECE) {
        const size_t count = exact_piece(r, start);
        const double *z = exact_logits(r, start, count);
        for (size_t i = 0; i < count; i++) {
            if (z[i] != z[i]) return z[i];
            max = z[i] > max ? z[i] : max;
        }
    }
    return max;
}

/* Weights, state and scalars of a row whose maximum is finite. */
static void exact_state(exact_row *r) {
    bool found = false;
    exact_clear(&r->sum);
    for (size_t start = 0; start < r->run->n; start += EXACT_PIECE) {
        const size_t count = exact_piece(r, start);
        const double *z = exact_weigh(r, start, count);
        for (size_t i = 0; i < count; i++) {
            const wide w = weight_at(r, i);
            if (!found && z[i] == r->max) {
                found = true;
                r->argmax = start + i;
                r->top = wide_normal(w.hi, w.lo, w.exponent);
            } else if (w.hi != 0) {
                exact_add(&r->sum, w.hi, w.lo, w.exponent);
            }
        }
        exact_carry(&r->sum);
    }
    r->kept = r->run->n <= EXACT_PIECE;
    r->rest = exact_total(&r->sum);
    r->inverse = r->given ? (wide){1, 0, 0} : wide_inverse(wide_add(r->top, r->rest));
}

/* Beyond the depth of the widest dtype of the call a logit has s = 0. Without a cotangent that shows only as a side of
 * a midpoint, and the deeper serves both. */
static inline double exact_depth(const sj_run *run) {
    const bool single = run->z.dtype != SJ_F64 && run->out.dtype != SJ_F64 && run->g.dtype != SJ_F64;
    return run->g.data && single ? 128 : 1024;
}

/* What becomes of the row by its maximum, and what its weights are relative to. */
static exact_kind exact_begin(exact_row *r, double max, double depth) {
    const sj_nonfinite policy = r->run->nonfinite;
    r->max = max;
    if (r->max == (double)INFINITY && policy == SJ_LIMIT && !r->given) {
        r->shared = true;
        r->max = 0;
    }
    const bool empty = r->given ? r->max == 0 : r->max == -(double)INFINITY;
    if (empty && (r->given || policy == SJ_ZERO || row_is_blank(r->run, r->index))) return EXACT_EMPTY;
    if (!(r->max >= -REAL_LARGEST && r->max <= REAL_LARGEST)) return EXACT_NAN;
    r->from = origin_of(r->max, depth);
    return EXACT_FINITE;
}

/* reduce -> state -> scalars, for the row sought last. */
static exact_kind exact_reduce(exact_row *r) {
    r->given = r->run->given == SJ_GIVEN_SOFTMAX;
    r->shared = false;
    r->kept = false;
    if (r->run->n == 0) return EXACT_EMPTY;
    const exact_kind kind = exact_begin(r, exact_survey(r), exact_depth(r->run));
    if (kind == EXACT_FINITE) exact_state(r);
    return kind;
}

/* c_m = T / (1 + T) */
static inline wide exact_complement(const exact_row *r) { return wide_mul(r->rest, r->inverse); }

/* log(1 + T) */
static inline wide exact_log1p(const exact_row *r) {
    return r->rest.hi == 0 ? r->rest : wide_log1p(wide_mul(r->rest, wide_inverse(r->top)));
}

#endif
