/* forward.h: softmax, log-softmax, logsumexp of every row of a run. Called through table.c. */
#ifndef SJ_KERNEL_FORWARD_H
#define SJ_KERNEL_FORWARD_H

#include "long_columns.h"

/* Every entry of the result row set to `value`. */
static inline void row_fill(row *r, double value) {
    const sj_reading *reading = r->run->reading;
    for (size_t i = 0; i < row_width(r); i++)
        row_put(r, i, reading && row_masks(r->run, r->index, i) ? reading->masked : value);
}

/* One emit function over a span; x is what it reads beside the weights. */
typedef enum emit_reads { READS_WEIGHTS, READS_LOGITS, READS_G } emit_reads;

/* Of a row with a factor: of the entries computed those that have results, times it, to where they belong. + 0: 0 has
 * no sign. */
V_OUTLINE void row_end_times(row *r, size_t start, size_t count, real *computed) {
    const sj_operand *out = &r->run->out;
    const size_t within = row_within(r, start, count);
    const real factor = (real)r->run->reading->factor;
    for (size_t i = 0; i < within && factor != 1; i++) computed[i] = computed[i] * factor + 0;
    chunk_end(r->out, out, out->class_stride, start, within, computed);
}

V_INLINE void span_emit(row *r, emit_function *emit, const emission *e, emit_reads reads, span s) {
    const sj_operand *out = &r->run->out;
    for (size_t start = s.start; start < s.end; start += CHUNK) {
        const size_t count = row_piece(r, start);
        const real *w = reads == READS_LOGITS ? NULL : row_weights(r, start, count), *x = w;
        if (reads == READS_LOGITS) w = x = row_logits(r, start, count);
        if (reads == READS_G) x = row_g(r, start, count);
        const real *low = r->keep == KEEP_PAIRS ? row_lows(r, start) : w;
        if (r->scaled && reads == READS_LOGITS) low = w + PAIRED_APART;
        real *to = r->by_row ? r->x_scratch : chunk_begin(r->out, out, out->class_stride, start, r->x_scratch);
        const bool stream = r->run->stream && to != r->x_scratch && !row_has_factor(r);
        emit_chunk(emit, e, w, low, x, to, count, stream ? EMIT_STREAM : EMIT_AHEAD);
        if (row_has_factor(r))
            row_end_times(r, start, count, to);
        else
            chunk_end(r->out, out, out->class_stride, start, count, to);
    }
}

V_INLINE void span_softmax(row *r, const void *e, span s) { span_emit(r, emit_softmax, e, READS_WEIGHTS, s); }
V_INLINE void span_deep_softmax(row *r, const void *e, span s) { span_emit(r, emit_deep_softmax, e, READS_WEIGHTS, s); }
V_INLINE void span_paired_log(row *r, const void *e, span s) { span_emit(r, emit_paired_log, e, READS_LOGITS, s); }
V_INLINE void span_scaled_log(row *r, const void *e, span s) { span_emit(r, emit_scaled_log, e, READS_LOGITS, s); }
V_INLINE void span_log_softmax(row *r, const void *e, span s) { span_emit(r, emit_log_softmax, e, READS_LOGITS, s); }

/* A span's emission over the whole row. */
V_INLINE void row_emit(row *r, span_sweep *emit, const emission *e) {
    if (r->run->n > SPAN)
        row_sweep(r, emit, e);
    else
        emit(r, e, (span){0, 0, r->run->n});
}

/* The same over a block; the result replaces the weights. */
V_INLINE void block_emit(block *b, emit_function *emit, const emission *e, const vec *x) {
    for (size_t k = 0; k < b->vectors; k++) b->w[k] = emit((entries){b->w[k], b->low[k], x[k]}, e);
}

/* Weights up to this have a softmax of 0. */
static inline vec row_lost(const row *r) { return v_set1(r->how == WEIGH_GIVEN ? 0 : WEIGHT_ZERO); }

static inline emission softmax_emission(const row *r) {
    const double unbias = r->scalars.unbias;
    return (emission){.factor = spread(dd_scale(r->scalars.inverse, 1 / unbias)),
                      .last = descent_by(v_set1((real)unbias)),
                      .least = row_lost(r)};
}

/* The same of a row whose entries all have a normal softmax. */
static inline emission plain_softmax_emission(const row *r) { return (emission){.factor = spread(r->scalars.inverse)}; }

static inline emission block_softmax_emission(const block *b) {
    return (emission){.factor = block_inverse(b), .last = descent_by(v_set1(b->unbias)), .least = block_lost(b)};
}

/* The results of a reduced row, or of a part of one of n entries. */
static inline void softmax_emit(row *r, size_t n) {
    const bool plain = is_shallow(r->how) && n <= PLAIN_ROW;
    const emission e = plain ? plain_softmax_emission(r) : softmax_emission(r);
    const bool here = r->state.argmax < r->run->n && may_exceed_half(r->state.rest);
    const dd top = here ? row_top(r) : (dd){0, 0};
    const size_t argmax = exceeds_half(top, r->state.rest) ? row_find(r) : r->run->n;
    if (plain)
        row_emit(r, span_softmax, &e);
    else
        row_emit(r, span_deep_softmax, &e);
    if (argmax < r->run->n) row_set(r, argmax, dd_mul(top, r->scalars.inverse).hi);
}

static void softmax_row(row *r) {
    const bool store =
        !NATIVE_FMA && !r->by_row && r->times == 0 && r->run->n > CHUNK && r->run->out.dtype == REAL_DTYPE;
    const row_kind kind = row_reduce(r, store ? KEEP_STORED : KEEP_SUM);
    if (kind != ROW_FINITE) {
        row_fill(r, kind == ROW_NAN ? NAN : 0);
        return;
    }
    softmax_emit(r, r->run->n);
}

/* Entries equal to the maximum come from the pair: one class has s = 1, two equal ones 1/2. */
V_INLINE void block_emit_softmax(block *b, emit_function *emit) {
    const emission e = block_softmax_emission(b);
    const vec top = emit_softmax_pair((entries){b->top.hi, b->top.lo, b->max}, &e);
    for (size_t k = 0; k < b->vectors; k++) {
        const vec s = emit((entries){b->w[k], b->w[k], b->z[k]}, &e);
        b->w[k] = v_select(v_eq(b->z[k], b->max), top, s);
    }
}

BLOCK_INLINE void softmax_block(block *b) {
    if (b->how == WEIGH_SHALLOW_LANES)
        block_emit_softmax(b, emit_shallow_softmax);
    else
        block_emit_softmax(b, emit_deep_softmax);
    block_store_row(b, b->w);
}

static inline emission scaled_log_emission(vec max, vpair factor, vec log) {
    const vpair a = v_scaled(max, factor);
    return (emission){.factor = factor, .a = a.hi, .b = log, .c = a.lo};
}

/* As softmax_emit; how many entries the row has does not matter. */
static inline void log_softmax_emit(row *r, size_t n) {
    (void)n;
    const vec max = v_set1(r->state.max), b = v_set1((real)state_log1p(&r->state).hi);
    const emission e = r->times != 0 ? scaled_log_emission(max, r->ref.factor, b) : (emission){.a = max, .b = b};
    if (r->how == WEIGH_PAIRED)
        row_emit(r, span_paired_log, &e);
    else if (r->times != 0)
        row_emit(r, span_scaled_log, &e);
    else
        row_emit(r, span_log_softmax, &e);
}

static void log_softmax_row(row *r) {
    const row_kind kind = row_reduce(r, KEEP_WEIGHTS);
    if (kind != ROW_FINITE) {
        row_fill(r, kind == ROW_NAN ? NAN : -INFINITY);
        return;
    }
    log_softmax_emit(r, r->run->n);
}

BLOCK_INLINE void log_softmax_block(block *b) {
    const emission e = {.a = b->max, .b = block_log1p(b).hi};
    block_emit(b, emit_log_softmax, &e, b->z);
    block_store_row(b, b->w);
}

static inline void scaled_log_softmax_block(block *b) {
    const emission e = scaled_log_emission(b->max, b->ref.factor, block_log1p(b).hi);
    block_emit(b, emit_scaled_log, &e, b->z);
    block_store_row(b, b->w);
}

/* The largest logit times the size of a scale. */
static inline dd scaled_max(real max, double times) {
    const double x = (double)max * times;
    return (dd){x, product_error((double)max, times, x)};
}

/* a + log(1 + T), a the maximum, of a reduced row. */
static inline dd row_logsumexp(const row *r, row_kind kind) {
    if (kind == ROW_EMPTY) return (dd){-(double)INFINITY, 0};
    if (kind == ROW_NAN) return (dd){(double)r->state.max, 0}; /* NaN or the infinity itself */
    if (r->shared) return (dd){(double)INFINITY, 0};
    const dd log = state_log1p(&r->state);
    if (r->times != 0) return dd_add(scaled_max(r->state.max, r->times), log);
    if (!r->scaled) return dd_add((dd){(double)r->state.max, 0}, log);
    const dd base = scaled_base(&r->scale, r->run->reading->scale);
    if (!(fabs(base.hi) <= DBL_MAX)) return base;
    return dd_add(base, dd_add(r->scale.shift, log));
}

static inline void logsumexp_emit(row *r, size_t n) {
    (void)n;
    row_put(r, 0, row_logsumexp(r, ROW_FINITE).hi);
}

static void logsumexp_row(row *r) { row_put(r, 0, row_logsumexp(r, row_reduce(r, KEEP_WEIGHTS)).hi); }

/* low: that of the maxima and of the logarithm. */
BLOCK_INLINE void block_logsumexp(block *b, vec max, vec log, vec low) {
    const vpair hi = vpair_sum(max, log);
    const vec sum = v_add(hi.hi, v_add(hi.lo, low));
    block_store(b, &sum, 1, 0, 1);
}

BLOCK_INLINE void logsumexp_block(block *b) {
    const vpair log = block_log1p(b);
    block_logsumexp(b, b->max, log.hi, log.lo);
}

static inline void scaled_logsumexp_block(block *b) {
    const vpair log = block_log1p(b), max = v_scaled(b->max, b->ref.factor);
    block_logsumexp(b, max.hi, log.hi, v_add(log.lo, max.lo));
}

/* What the entries of a row are made from. */
typedef struct sources {
    const real *w, *low, *x;
} sources;

/* out[0..n) of row i of a group, but for what is to stand at `argmax` < n. */
V_INLINE void group_emit(const row_group *group, size_t i, emit_function *emit, const emission *e, sources from,
                         size_t argmax, real at_argmax) {
    const sj_operand *out = &group->run->out;
    const size_t n = group->run->n;
    char *row_out = group_out(group, i);
    real *to = chunk_begin(row_out, out, out->class_stride, 0, group->x_scratch);
    const bool stream = group->run->stream && to != group->x_scratch;
    emit_chunk(emit, e, from.w, from.low, from.x, to, n, stream ? EMIT_STREAM : EMIT_AT_HAND);
    if (argmax < n) to[argmax] = at_argmax;
    chunk_end(row_out, out, out->class_stride, 0, n, to);
}

V_INLINE void group_softmax_by(const row_group *group, size_t i, weighing how) {
    const dd sum = group->states[i].rest, inverse = dd_inverse(sum);
    const emission e = {.factor = spread(inverse)};
    dd top = {0, 0};
    if (may_exceed_half(sum)) {
        const reference ref = reference_near_times(group->max[i], group_times(group, how));
        top = entry_weight(group->max[i], &ref, how);
    }
    const size_t n = group->run->n;
    const size_t argmax = exceeds_half(top, sum) ? chunk_find(group_logits(group, i), n, group->max[i]) : n;
    const real *w = group_weights(group, i).w;
    group_emit(group, i, emit_softmax, &e, (sources){w, w, w}, argmax, (real)dd_mul(top, inverse).hi);
}

V_INLINE void group_softmax(const row_group *group, size_t i) { group_softmax_by(group, i, WEIGH_SHALLOW); }
V_INLINE void scaled_group_softmax(const row_group *group, size_t i) {
    group_softmax_by(group, i, WEIGH_SCALED_SHALLOW);
}

V_INLINE void group_log_softmax(const row_group *group, size_t i) {
    const emission e = {.a = v_set1(group->max[i]), .b = v_set1((real)group->logs[i].hi)};
    const real *z = group_logits(group, i);
    group_emit(group, i, emit_log_softmax, &e, (sources){z, z, z}, SIZE_MAX, 0);
}

V_INLINE void scaled_group_log_softmax(const row_group *group, size_t i) {
    const vpair factor = spread((dd){group_times(group, WEIGH_SCALED), 0});
    const emission e = scaled_log_emission(v_set1(group->max[i]), factor, v_set1((real)group->logs[i].hi));
    const real *z = group_logits(group, i);
    group_emit(group, i, emit_scaled_log, &e, (sources){z, z, z}, SIZE_MAX, 0);
}

V_INLINE void group_store(const row_group *group, size_t i, double value) {
    chunk_store(group_out(group, i), group->run->out.dtype, 0, (real)value);
}

V_INLINE void group_logsumexp(const row_group *group, size_t i) {
    group_store(group, i, dd_add((dd){(double)group->max[i], 0}, group->logs[i]).hi);
}

V_INLINE void scaled_group_logsumexp(const row_group *group, size_t i) {
    group_store(group, i, dd_add(scaled_max(group->max[i], group_times(group, WEIGH_SCALED)), group->logs[i]).hi);
}

static void softmax_long_rows(row *r) { group_rows(r, GROUP_SUM, WEIGH_SHALLOW, group_softmax, softmax_row); }
static void log_softmax_long_rows(row *r) {
    group_rows(r, GROUP_REST, WEIGH_SHALLOW, group_log_softmax, log_softmax_row);
}
static void logsumexp_long_rows(row *r) { group_rows(r, GROUP_REST, WEIGH_SHALLOW, group_logsumexp, logsumexp_row); }

static void softmax_rows(const sj_run *run) {
    if (!ACROSS && run->n > CHUNK && long_columns_serve(run, true))
        long_columns_rows(run, KEEP_SUM, true, softmax_emit, softmax_row);
    else
        serve_rows(run, softmax_rows, block_reduce_whole, softmax_block, softmax_row, softmax_long_rows);
}

static void log_softmax_rows(const sj_run *run) {
    if (!ACROSS && run->n > CHUNK && long_columns_serve(run, true))
        long_columns_rows(run, KEEP_WEIGHTS, true, log_softmax_emit, log_softmax_row);
    else
        serve_rows(run, log_softmax_rows, block_reduce, log_softmax_block, log_softmax_row, log_softmax_long_rows);
}

static void logsumexp_rows(const sj_run *run) {
    if (!ACROSS && run->n > CHUNK && long_columns_serve(run, false))
        long_columns_rows(run, KEEP_WEIGHTS, false, logsumexp_emit, logsumexp_row);
    else
        serve_rows(run, logsumexp_rows, block_reduce, logsumexp_block, logsumexp_row, logsumexp_long_rows);
}

#endif
