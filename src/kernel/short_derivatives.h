/* short_derivatives.h: the same derivatives as long_derivatives.h and jacobian.h for a block of short rows. Called by
 * derivatives.h.
 */
#ifndef SJ_KERNEL_SHORT_DERIVATIVES_H
#define SJ_KERNEL_SHORT_DERIVATIVES_H

#include "jacobian.h"

/* The longest rows whose blocks are turned. */
#define LINES_TURNED (REAL_MANTISSA == 23 ? 8 : 5)

/* The constants of row q of every Jacobian of the block, off its diagonal. */
static inline emission block_jacobian_emission(const block *b, block_entry e) {
    const vec unbias = v_set1(b->unbias), small = v_set1(REAL(SMALL_SOFTMAX));
    const vec lift = v_select(v_gt(small, v_mul(e.s.hi, unbias)), v_set1((real)small_lift((double)b->unbias)), unbias);
    return (emission){.factor = vpair_scale(vpair_mul(e.s, block_inverse(b)), lift),
                      .last = descent_by(v_mul(unbias, v_div(unbias, lift))),
                      .least = block_is_given(b) ? v_zero() : weight_lost_beside(e.s.hi)};
}

/* As jacobian_row_is_plain, of all lanes. */
static inline bool block_jacobian_is_plain(const block *b, const emission *off) {
    const vec least = v_mul(off->factor.hi, v_set1(WEIGHT_SHALLOW));
    return b->how == WEIGH_SHALLOW_LANES && !v_any(v_not(v_ge(least, off->last.edge)));
}

/* Row q of every Jacobian of the block, into `line`; softmax: its emission, the same for every q. */
V_INLINE void block_jacobian_row(const block *b, size_t q, vpair complement, const emission *softmax, bool log,
                                 vec *line) {
    const block_entry e = block_softmax(b, q, complement);
    const emission off = log ? *softmax : block_jacobian_emission(b, e);
    const bool plain = block_jacobian_is_plain(b, &off);
    for (size_t k = 0; k < b->run->n; k++) {
        const entries in = {b->w[k], b->low[k], b->w[k]};
        line[k] = plain ? emit_plain_off_diagonal(in, &off) : emit_off_diagonal(in, &off);
    }
    line[q] = log ? v_mul(vpair_round(e.c), e.unbias)
                  : v_descend(vpair_mul(vpair_scale(e.s, e.unbias), e.c).hi, &softmax->last);
}

/* What was computed to where it belongs; scaled: times the factor of the run. + 0: 0 has no sign. */
V_INLINE void block_end(const block *b, vec *computed, bool scaled) {
    const vec factor = v_set1(scaled ? (real)b->run->reading->factor : 1);
    for (size_t k = 0; k < b->vectors && scaled; k++) computed[k] = v_add(v_mul(computed[k], factor), v_zero());
    block_store_row(b, computed);
}

V_INLINE void block_gradient(const block *b, bool log, bool scaled) {
    vec line[SHORT_ROW];
    const emission softmax = block_softmax_emission(b);
    block_jacobian_row(b, b->run->q, block_complement(b), &softmax, log, line);
    block_end(b, line, scaled);
}

/* The softmax of every row as pairs, or (log) -s in place of their first parts, and the diagonal. The rows whose
 * entries these give are those that are plain, or all. */
typedef struct block_lines {
    vec hi[SHORT_ROW], lo[SHORT_ROW], diagonal[SHORT_ROW];
    vmask plain;
} block_lines;

V_INLINE void block_lines_make(const block *b, const emission *softmax, bool log, block_lines *to) {
    const vec lost = block_lost(b), least = v_set1(PLAIN_LEAST);
    const vpair complement = block_complement(b), s_m = vpair_mul(b->top, b->inverse);
    const vec at_max = v_descend(log ? vpair_round(complement) : vpair_times(s_m, complement), &softmax->last);
    to->plain = v_not(v_none());
    for (size_t k = 0; k < b->run->n; k++) {
        const vmask counts = v_gt(b->w[k], lost);
        const vpair s = vpair_mul((vpair){v_keep(counts, b->w[k]), v_keep(counts, b->low[k])}, b->inverse);
        if (!log) to->plain = v_and(to->plain, v_not(v_and(counts, v_gt(least, s.hi))));
        to->hi[k] = log ? emit_off_diagonal((entries){b->w[k], b->low[k], b->w[k]}, softmax) : s.hi;
        to->lo[k] = s.lo;
        to->diagonal[k] = v_select(v_eq(b->argmax, v_set1((real)k)), at_max, plain_diagonal(s, log));
    }
}

/* Entry [q, k] of every plain row. */
V_INLINE vec block_lines_entry(const block_lines *from, size_t q, size_t k, bool log) {
    if (q == k) return from->diagonal[q];
    if (log) return from->hi[k];
    const vec zero = v_zero();
    return plain_off_diagonal((vpair){from->hi[k], from->lo[k]},
                              (vpair){v_sub(zero, from->hi[q]), v_sub(zero, from->lo[q])});
}

/* What the lines of a block are made from; `all` rows of it are plain. */
typedef struct block_jacobians {
    const block_lines *of;
    vpair complement;
    emission softmax;
    bool all;
} block_jacobians;

/* Line q of every Jacobian. */
V_INLINE void block_line(const block *b, const block_jacobians *j, size_t q, bool log, vec *line) {
    if (!j->all) block_jacobian_row(b, q, j->complement, &j->softmax, log, line);
    for (size_t k = 0; k < b->run->n; k++) {
        const vec plain = block_lines_entry(j->of, q, k, log);
        line[k] = j->all ? plain : v_select(j->of->plain, plain, line[k]);
    }
}

/* Small blocks whose entries lie side by side are turned as rows of n n entries. */
V_INLINE void block_lines_turn(const block *b, const block_jacobians *j, bool log) {
    const size_t n = b->run->n;
    const turning turn = turning_of(n * n);
    vec lines[LINES_TURNED * LINES_TURNED + V_LANES];
    for (size_t q = 0; q < n; q++) block_line(b, j, q, log, lines + q * n);
    for (size_t k = n * n; k % V_LANES != 0; k++) lines[k] = v_zero();
    (void)block_store_direct(b, lines, &turn, 1);
}

#define LINE_PITCH (SHORT_ROW + 2 * V_LANES) /* not a power of two: rows stay out of each other's cache sets */

/* What is in block_lines, row after row. */
typedef struct line_rows {
    _Alignas(64) real hi[V_LANES * LINE_PITCH];
    real lo[V_LANES * LINE_PITCH], diagonal[V_LANES * LINE_PITCH];
} line_rows;

/* Vectors k < n as V_LANES rows, in whole vectors. */
V_INLINE void rows_spread(const vec *turned, size_t n, real *rows) {
    for (size_t k = 0; k < n; k += V_LANES) {
        vec tile[V_LANES];
        for (size_t i = 0; i < V_LANES; i++) tile[i] = k + i < n ? turned[k + i] : v_zero();
        tile_turn(tile);
        for (size_t i = 0; i < V_LANES; i++) v_store(rows + i * LINE_PITCH + k, tile[i]);
    }
}

/* Others line by line, where entries of a line lie side by side. */
V_INLINE void block_lines_store(const block *b, const block_lines *from, bool log) {
    const sj_operand *out = &b->run->out;
    const size_t n = b->run->n;
    line_rows rows;
    rows_spread(from->hi, n, rows.hi);
    rows_spread(from->diagonal, n, rows.diagonal);
    if (!log) rows_spread(from->lo, n, rows.lo);
    const bool follow = out->class_stride == (ptrdiff_t)n;
    for (size_t lane = 0; lane < b->rows; lane++) {
        if (v_holds(b->left, lane) || !v_holds(from->plain, lane)) continue;
        const pairs s = {rows.hi + lane * LINE_PITCH, rows.lo + lane * LINE_PITCH};
        const line_tile all = {0, n, s, rows.diagonal + lane * LINE_PITCH};
        real *to = (real *)(void *)chunk_at(out->data, out, out->row_stride, b->first + lane);
        if (follow) {
            const bool next = out->row_stride == (ptrdiff_t)(n * n); /* rows not stored here are stored later */
            lines_follow(&all, s, n, next ? (b->rows - lane) * n * n : n * n, log, to);
            continue;
        }
        for (size_t q = 0; q < n; q++) {
            line_store(s, line_factor(&all, q, log), n, n, log, to + (ptrdiff_t)q * out->class_stride);
            to[(ptrdiff_t)q * out->class_stride + (ptrdiff_t)q] = all.diagonal[q];
        }
    }
}

/* And the rows that are not `stored`; `aside`: entries of a line lie side by side. */
V_INLINE void block_lines_others(const block *b, const block_jacobians *j, vmask stored, bool aside, bool log) {
    const sj_operand *out = &b->run->out;
    const size_t n = b->run->n;
    for (size_t q = 0; q < n; q++) {
        const ptrdiff_t offset = (ptrdiff_t)q * out->class_stride;
        vec line[SHORT_ROW];
        block_line(b, j, q, log, line);
        if (!aside) {
            block_store_others(b, stored, line, n, offset, out->input_stride);
            continue;
        }
        _Alignas(64) real rows[V_LANES * LINE_PITCH];
        rows_spread(line, n, rows);
        for (size_t lane = 0; lane < b->rows; lane++) {
            if (v_holds(stored, lane)) continue;
            real *to = (real *)(void *)chunk_at(out->data, out, out->row_stride, b->first + lane);
            line_store((pairs){rows + lane * LINE_PITCH, NULL}, j->complement, n, n, true, to + offset);
        }
    }
}

V_INLINE void block_jacobian(const block *b, bool log) {
    const sj_operand *out = &b->run->out;
    const size_t n = b->run->n;
    block_lines lines;
    block_jacobians j = {.of = &lines, .complement = block_complement(b), .softmax = block_softmax_emission(b)};
    block_lines_make(b, &j.softmax, log, &lines);
    j.all = !v_any(v_not(lines.plain));
    const bool aside = out->dtype == REAL_DTYPE && out->input_stride == 1;
    if (n <= LINES_TURNED && out->class_stride == (ptrdiff_t)n && block_rows_follow(b, n * n, out->input_stride)) {
        block_lines_turn(b, &j, log);
        return;
    }
    if (aside) block_lines_store(b, &lines, log);
    if (!aside || !j.all) block_lines_others(b, &j, aside ? v_or(b->left, lines.plain) : b->left, aside, log);
}

static void gradient_block(block *b) { block_gradient(b, false, false); }
static inline void scaled_gradient_block(block *b) { block_gradient(b, false, true); }
static void log_gradient_block(block *b) { block_gradient(b, true, false); }
static inline void scaled_log_gradient_block(block *b) { block_gradient(b, true, true); }
static void jacobian_block(block *b) { block_jacobian(b, false); }
static void log_jacobian_block(block *b) { block_jacobian(b, true); }

/* Factors of the weights, one a lane. */
typedef struct block_split {
    vec a, b;
    vpair f;
} block_split;

/* Factors f / lift of each lane, as split_factor has them in cotangent.h. A lifted f is below 2^100. */
static inline block_split block_split_factor(const block *b, vpair f, vec lift) {
    const vec one = v_set1(1), step = v_set1(REAL(0x1p-24));
    const vec least = v_mul(v_set1(REAL(SPLIT_LEAST)), lift), most = v_set1(REAL(SPLIT_MOST));
    const vec above = v_min(v_max(v_power_below(v_size(f.hi)), least), most), whole = v_div(above, lift);
    const vec below = v_select(v_gt(v_set1(REAL(0x1p20)), whole), step, one);
    return (block_split){v_mul(v_mul(whole, v_set1(b->unbias)), v_set1(REAL(0x1p24))), below,
                         vpair_scale(f, v_div(step, v_mul(above, below)))};
}

/* g_m, and the sum over k != m of w_k d_k scale. Rows whose d calls for another scale are left. */
typedef struct block_cotangent {
    vec at_max;
    vec size; /* the largest |g| */
    vpair dot;
    real scale;
} block_cotangent;

BLOCK_INLINE vec block_size(const block *b) {
    vec size = v_zero();
    for (size_t k = 0; k < b->vectors; k++) size = v_max(v_size(b->g[k]), size);
    return block_largest(size);
}

/* Leaves the rows in which some |d| of an entry that has weight is above `limit`. size: of their |g|. */
BLOCK_INLINE void block_leave_large(block *b, vec size, real limit) {
    if (!v_any(v_gt(size, v_set1(limit / 2)))) return; /* differences of two such numbers are within the limit */
    const vec g_m = block_at_argmax(b, b->g);
    vec largest = v_max(v_size(g_m), v_zero()); /* NaN shows in G */
    for (size_t k = 0; k < b->vectors; k++) {
        const vec d = v_sub(cotangent_counted(b->w[k], b->g[k], g_m, b->ref.least), g_m);
        largest = v_max(v_size(d), largest);
    }
    if (block_leave_outside(b, block_largest(largest), 0, limit)) block_silence(b, b->g, b->vectors);
}

/* all_count: every entry of every row has weight. */
V_INLINE vsum block_dot(const block *b, const block_cotangent *c, vec g_m, bool all_count) {
    vsum dot = vsum_zero();
    for (size_t k = 0; k < b->vectors; k++) { /* 0 at the argmax */
        foresee(b, b->g_ahead, k);
        const vec g = all_count ? b->g[k] : cotangent_counted(b->w[k], b->g[k], g_m, b->ref.least);
        const dot_term t = dot_term_of(b->w[k], &b->low[k], g, v_set1(c->scale), c->at_max);
        block_add(&dot, t.x, t.lost, block_terms(b, k));
    }
    return dot;
}

BLOCK_INLINE block_cotangent block_cotangent_reduce(block *b) {
    const bool given = block_is_given(b);
    block_cotangent c; /* not cleared first: a string instruction is slow to start */
    c.scale = given ? GIVEN_SCALE : PRODUCT_SCALE;
    b->g_ahead = block_load(b, &b->run->g, b->g);
    c.size = block_size(b);
    block_leave_large(b, c.size, (given ? GIVEN_LIMIT : DOT_LIMIT) / c.scale);
    const vec g_m = block_at_argmax(b, b->g);
    c.at_max = v_mul(g_m, v_set1(c.scale));
    const vsum dot = b->how == WEIGH_SHALLOW_LANES ? block_dot(b, &c, g_m, true) : block_dot(b, &c, g_m, false);
    c.dot = vpair_fast_sum(dot.sum, dot.error);
    return c;
}

/* G = g_m + D times power, as in long_derivatives.h: hi + down (lo + rest). */
typedef struct block_mean {
    vec hi, lo, rest, down;
    vmask plain; /* of G; the row must be shallow too */
} block_mean;

/* As mean_is_plain in long_derivatives.h, lane by lane. */
V_INLINE vmask block_plain(vec d, vpair left, vmask tiny, real power) {
    if (!NATIVE_FMA) return v_none();
    const vec small = v_mul(v_size(d), v_set1(power / 64)), u = v_set1(REAL(PLAIN_REST * 64));
    const vmask plain = v_and(v_ge(small, v_size(left.hi)), v_ge(v_mul(small, u), v_size(left.lo)));
    return v_and(v_not(tiny), plain);
}

/* dot: over the sum of the weights. */
BLOCK_INLINE block_mean block_mean_from(const block_cotangent *c, vpair dot, real power) {
    const vpair sum = vpair_sum(c->at_max, dot.hi);
    const vpair left = vpair_scale(vpair_sum(sum.lo, dot.lo), v_set1(power));
    const vec one = v_set1(1);
    const vmask tiny = v_gt(v_set1(MEAN_SMALL), v_size(left.hi));
    const vec lift = v_select(tiny, v_set1(MEAN_LIFT), one);
    return (block_mean){.hi = v_mul(sum.hi, v_set1(power)),
                        .lo = v_mul(left.hi, lift),
                        .rest = v_mul(left.lo, lift),
                        .down = v_select(tiny, v_set1(1 / MEAN_LIFT), one),
                        .plain = block_plain(dot.hi, left, tiny, power)};
}

BLOCK_INLINE block_mean block_mean_of(const block *b, const block_cotangent *c, real power) {
    return block_mean_from(c, vpair_mul(c->dot, b->inverse), power);
}

/* Every row by the formula that is its own, whatever its neighbours are. */
BLOCK_INLINE void block_emit_products(block *b, const emission *e, vmask plain) {
    for (size_t k = 0; k < b->vectors; k++) {
        /* a huge g without weight is nothing to either formula */
        const vec counted = v_keep(v_gt(b->w[k], e->least), b->g[k]);
        const entries in = {b->w[k], b->low[k], counted};
        b->w[k] = v_select(plain, emit_plain_product(in, e), emit_deep_product(in, e));
    }
}

V_INLINE void block_product(block *b, bool scaled) {
    const block_cotangent c = block_cotangent_reduce(b);
    const block_mean at = block_mean_of(b, &c, EMIT_LIFT);
    const real scale = c.scale * EMIT_LIFT;
    block_leave_outside(b, at.hi, -REAL_LARGEST, REAL_LARGEST); /* a cotangent that is not finite has weight */
    const emission e = {.factor = block_inverse(b),
                        .a = v_set1(scale),
                        .b = at.hi,
                        .c = at.lo,
                        .last = descent_by(v_set1(b->unbias / scale)),
                        .rest = at.rest,
                        .down = at.down,
                        .least = block_is_given(b) ? v_zero() : weight_lost(c.size)};
    const vmask plain = v_and(at.plain, b->shallow);
    if (v_any(v_not(plain)))
        block_emit_products(b, &e, plain);
    else
        block_emit(b, emit_plain_product, &e, b->g);
    block_end(b, b->w, scaled);
}

BLOCK_INLINE void product_block(block *b) { block_product(b, false); }
static inline void scaled_product_block(block *b) { block_product(b, true); }

V_INLINE void block_log_jvp(block *b, bool scaled) {
    const block_cotangent c = block_cotangent_reduce(b);
    const block_mean at = block_mean_of(b, &c, 1 / c.scale);
    const vec one = v_set1(1);
    const emission e = {.a = one, .b = at.hi, .c = v_mul(at.lo, at.down), .d = one};
    block_emit(b, emit_log_jvp, &e, b->g);
    block_end(b, b->w, scaled);
}

BLOCK_INLINE void log_jvp_block(block *b) { block_log_jvp(b, false); }
static inline void scaled_log_jvp_block(block *b) { block_log_jvp(b, true); }

V_INLINE void block_log_vjp(block *b, bool scaled) {
    vsum sum = vsum_zero();
    b->g_ahead = block_load(b, &b->run->g, b->g);
    if (block_leave_outside(b, block_size(b), 0, REAL_LARGEST * REAL(0x1p-40))) block_silence(b, b->g, b->run->n);
    const vec g_m = block_at_argmax(b, b->g), one = v_set1(1), unbias = v_set1(b->unbias);
    for (size_t k = 0; k < b->run->n; k++) {
        foresee(b, b->g_ahead, k);
        vsum_add(&sum, v_sub(b->g[k], v_keep(v_eq(b->argmax, v_set1((real)k)), b->g[k])));
    }
    const vpair others = vpair_sum(sum.sum, sum.error), all = vpair_sum(g_m, others.hi), near_one = block_inverse(b);
    const vpair total = vpair_fast_sum(all.hi, v_add(all.lo, others.lo));
    /* as in log_vjp_row, lifted where all of it is small */
    const vmask small = v_gt(v_set1(REAL(LIFTED_COTANGENT)), v_max(v_size(g_m), v_size(others.hi)));
    const vec lift = v_select(small, v_exp2(v_set1(WEIGHT_BIAS)), one);
    const block_split factor = block_split_factor(b, vpair_mul(vpair_scale(total, lift), near_one), lift);
    const vpair complement = block_complement(b), s_m = vpair_mul(b->top, b->inverse);
    const vpair own = vpair_mul(complement, (vpair){v_mul(g_m, v_mul(lift, unbias)), v_zero()});
    const vpair rest = vpair_mul(s_m, vpair_scale(others, v_sub(v_zero(), lift)));
    const vpair both = vpair_sum(own.hi, rest.hi);
    const vec at_max = v_div(v_add(both.hi, v_add(both.lo, v_add(own.lo, rest.lo))), lift);
    const emission e = {.factor = factor.f, .a = factor.a, .last = descent_by(factor.b), .least = b->ref.least};
    block_emit(b, emit_log_vjp, &e, b->g);
    for (size_t k = 0; k < b->run->n; k++) b->w[k] = v_select(v_eq(b->argmax, v_set1((real)k)), at_max, b->w[k]);
    block_end(b, b->w, scaled);
}

static void log_vjp_block(block *b) { block_log_vjp(b, false); }
static inline void scaled_log_vjp_block(block *b) { block_log_vjp(b, true); }

#endif
