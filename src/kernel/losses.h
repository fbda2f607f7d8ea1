/* losses.h: cross-entropy of every row of a run, and its gradient, from the row state. Called through table.c; calls
 * short_losses.h for blocks of short rows, and log_vjp_less for targets that are not a single class. */
#ifndef SJ_KERNEL_LOSSES_H
#define SJ_KERNEL_LOSSES_H

#include "short_losses.h"

/* A sum whose first term may be infinite. */
static inline dd dd_above(double a, double b, dd log) {
    const double d = a - b;
    if (!(d <= DBL_MAX)) return (dd){d, 0};
    return dd_add(two_sum(a, -b), log);
}

/* -log s of an entry of a row that has a state: (z_m - z) + log(1 + T), neither below 0. */
static inline dd row_surprise(const row *r, real z, dd log) { return dd_above((double)r->state.max, (double)z, log); }

/* Logit k as the row is read. */
static inline real row_logit(row *r, size_t k) { return row_logits(r, k, 1)[0]; }

/* + z_loss logsumexp^2 */
static inline dd with_z_loss(dd loss, const sj_losses *of, dd log) {
    if (of->z_loss == 0) return loss;
    if (!(fabs(log.hi) <= DBL_MAX) || !(fabs(loss.hi) <= DBL_MAX))
        return (dd){loss.hi + of->z_loss * log.hi * log.hi, 0};
    return dd_add(loss, dd_mul(dd_mul(log, log), (dd){of->z_loss, 0}));
}

/* What z-loss adds to the factor of s in the gradient: 2 z_loss logsumexp scale. */
static inline dd z_factor(const sj_losses *of, dd log, dd scale) {
    if (of->z_loss == 0) return (dd){0, 0};
    return dd_mul(dd_mul(log, (dd){2 * of->z_loss, 0}), scale);
}

/* A row without a target, but for its logsumexp. */
static inline void ignored_loss(row *r) {
    loss_put(r->run, SJ_ROW_LOSS, r->index, 0);
    if (r->run->out.data) row_fill(r, 0);
}

static void ignored_row(row *r) {
    if (r->run->numbers[SJ_ROW_LOGSUMEXP].data)
        loss_put(r->run, SJ_ROW_LOGSUMEXP, r->index, row_logsumexp(r, row_reduce(r, KEEP_WEIGHTS)).hi);
    ignored_loss(r);
}

/* Of a row that has no state: NaN, or, empty under SJ_ZERO, infinite unless no class of its target has weight. */
static inline void stateless_loss(row *r, row_kind kind, bool weighs) {
    const double nothing = weighs ? (double)INFINITY : 0;
    loss_put(r->run, SJ_ROW_LOSS, r->index, kind == ROW_NAN ? (double)NAN : nothing);
    if (r->run->out.data) row_fill(r, kind == ROW_NAN ? NAN : 0);
}

/* ---------------------------------------------------------------- one class */

/* The gradient at the label: s z - c f, c the complement of s. */
static inline double label_gradient(const row *r, real z_t, dd f, dd z) {
    const double unbias = r->scalars.unbias;
    if (r->of.label == r->state.argmax) {
        const dd s = dd_mul(r->state.top, r->scalars.inverse);
        return dd_add(dd_scale(dd_mul(s, z), 1 / unbias), dd_mul(row_complement(r), (dd){-f.hi, -f.lo})).hi * unbias;
    }
    dd s = {0, 0};
    const dd w = entry_weight(z_t, &r->ref, r->how);
    if (w.hi > (double)v_lane(r->ref.least)) s = dd_mul(w, r->scalars.inverse);
    return dd_add(dd_mul(s, z), dd_mul(dd_complement(s), (dd){-f.hi, -f.lo})).hi;
}

V_INLINE void span_times(row *r, const void *e, span s) { span_emit(r, emit_times, e, READS_WEIGHTS, s); }

/* s_q F everywhere: with the weights as they are where that makes no number of them small, else as log_vjp_less does.
 */
static inline void emit_softmax_times(row *r, dd factor) {
    const double size = fabs(factor.hi), unbias = r->scalars.unbias;
    if (r->how == WEIGH_SHALLOW && (double)r->run->n <= (double)PLAIN_ROW * size && size <= 0x1p20) {
        const emission plain = {.factor = spread(dd_mul(r->scalars.inverse, factor))};
        row_emit(r, span_softmax, &plain);
        return;
    }
    const double lift = size < LIFTED_COTANGENT ? 0x1p480 : 1;
    const split of = split_factor(dd_mul(dd_scale(factor, lift), row_inverse(r)), 1 / lift, unbias);
    const emission e = {
        .factor = spread(of.f), .a = v_set1((real)of.a), .last = descent_by(v_set1((real)of.b)), .least = r->ref.least};
    row_emit(r, span_times, &e);
}

/* Entry q of the row, where the run has it. */
static inline void label_set(row *r, size_t q, double value) {
    if (q - r->run->first < r->run->n) row_set(r, q - r->run->first, value);
}

/* s_q (f + z), but for the label. The argmax, which may have nearly all mass, from its pair. */
static inline void label_emit(row *r, real z_t, dd f, dd z) {
    const dd factor = dd_add(f, z);
    if (!(fabs(factor.hi) <= (double)REAL_LARGEST)) {
        row_fill(r, NAN);
        return;
    }
    const double at_label = label_gradient(r, z_t, f, z);
    emit_softmax_times(r, factor);
    if (r->of.label != r->state.argmax) {
        const dd s_m = dd_mul(r->state.top, r->scalars.inverse);
        label_set(r, r->state.argmax, dd_mul(s_m, factor).hi);
    }
    label_set(r, r->of.label, at_label + 0.0);
}

/* Of a row whose target is a label, of logit z_t, once it is reduced, or without a state. */
static inline void label_loss_of(row *r, row_kind kind, dd log, real z_t) {
    const sj_losses *of = r->run->losses;
    if (kind != ROW_FINITE) {
        stateless_loss(r, kind, r->of.weight != 0);
        return;
    }
    const dd loss = weighted(row_surprise(r, z_t, state_log1p(&r->state)), (dd){r->of.weight, 0});
    loss_put(r->run, SJ_ROW_LOSS, r->index, with_z_loss(loss, of, log).hi);
    if (r->run->out.data)
        label_emit(r, z_t, dd_mul(r->of.scale, (dd){r->of.weight, 0}), z_factor(of, log, r->of.scale));
}

static void label_loss_row(row *r) {
    r->of = target_of_row(r->run, r->index);
    if (r->of.ignored) {
        ignored_row(r);
        return;
    }
    const row_kind kind = row_reduce(r, r->run->out.data ? KEEP_REST : KEEP_WEIGHTS);
    const dd log = row_logsumexp(r, kind);
    loss_put(r->run, SJ_ROW_LOGSUMEXP, r->index, log.hi);
    label_loss_of(r, kind, log, row_logit(r, r->of.label));
}

/* ---------------------------------------------------------------- several classes */

/* Sums of weight_k y_k (-log s_k) and of weight_k (-log s_k). */
typedef struct surprises {
    dd of_target, of_all;
} surprises;

/* A class of logit -inf that has weight makes its sum infinite, of which no error is kept. */
static inline dd surprise_add(dd a, dd b) {
    const double sum = a.hi + b.hi;
    return fabs(sum) <= DBL_MAX ? dd_add(a, b) : (dd){sum, 0};
}

V_INLINE surprises surprises_add(surprises a, surprises b) {
    return (surprises){surprise_add(a.of_target, b.of_target), surprise_add(a.of_all, b.of_all)};
}

typedef struct surprise_sums {
    dd log;
    surprises *spans;
} surprise_sums;

/* Entries [start, end) of a row, WIDE_LANES sums at a time. */
static surprises surprises_of(row *r, dd log, size_t start, size_t end) {
    const sj_losses *of = r->run->losses;
    const bool all = of->spread[0] != 0;
    _Alignas(64) real w_scratch[CHUNK];
    surprises sums = {{0, 0}, {0, 0}};
    for (; start < end; start += CHUNK) {
        const size_t count = row_piece(r, start);
        const real *z = row_logits(r, start, count), *y = NULL, *w = NULL;
        if (r->run->g.data) y = chunk_read(r->g, &r->run->g, start, count, r->x_scratch);
        if (of->weights.data) w = chunk_read(of->weights.data, &of->weights, start, count, w_scratch);
        if (y) sums.of_target = surprise_add(sums.of_target, chunk_surprise(z, y, w, count, (double)r->state.max, log));
        if (all) sums.of_all = surprise_add(sums.of_all, chunk_surprise(z, NULL, w, count, (double)r->state.max, log));
    }
    return sums;
}

static void span_surprise(row *r, const void *context, span s) {
    const surprise_sums *sums = context;
    sums->spans[s.index] = surprises_of(r, sums->log, s.start, s.end);
}

V_OUTLINE surprises surprises_of_spans(row *r, dd log) {
    surprises spans[MOST_SPANS];
    const surprise_sums context = {log, spans};
    const size_t count = row_spans(r);
    row_sweep(r, span_surprise, &context);
    surprises sums = spans[0];
    for (size_t i = 1; i < count; i++) sums = surprises_add(sums, spans[i]);
    return sums;
}

/* sum over k of p_k (-log s_k) */
static inline dd soft_loss(row *r) {
    const sj_losses *of = r->run->losses;
    const dd log = state_log1p(&r->state);
    surprises sums = {{0, 0}, {0, 0}};
    if (r->run->g.data || of->spread[0] != 0)
        sums = r->run->n > SPAN ? surprises_of_spans(r, log) : surprises_of(r, log, 0, r->run->n);
    if (!r->run->g.data)
        sums.of_target = weighted(row_surprise(r, row_logit(r, r->of.label), log), (dd){r->of.weight, 0});
    const dd kept = weighted(sums.of_target, (dd){of->kept[0], of->kept[1]});
    const dd spread = weighted(sums.of_all, (dd){of->spread[0], of->spread[1]});
    return kept.hi <= DBL_MAX && spread.hi <= DBL_MAX ? dd_add(kept, spread) : (dd){kept.hi + spread.hi, 0};
}

static void soft_loss_row(row *r) {
    const sj_run *run = r->run;
    r->of = target_of_row(run, r->index);
    if (r->of.ignored) {
        ignored_row(r);
        return;
    }
    const row_kind kind = row_reduce(r, run->out.data ? KEEP_PAIRS : KEEP_WEIGHTS);
    const dd log = row_logsumexp(r, kind);
    loss_put(run, SJ_ROW_LOGSUMEXP, r->index, log.hi);
    if (kind != ROW_FINITE) {
        stateless_loss(r, kind, true);
        return;
    }
    if (run->numbers[SJ_ROW_LOSS].data || run->losses->total)
        loss_put(run, SJ_ROW_LOSS, r->index, with_z_loss(soft_loss(r), run->losses, log).hi);
    if (run->out.data) log_vjp_less(r, z_factor(run->losses, log, r->of.scale));
}

/* ---------------------------------------------------------------- runs */

static inline void soft_rows(const sj_run *run, run_function *run_rows) {
    if (columns_serve(run)) {
        column_rows(run, run_rows);
        v_end();
    } else {
        rows_alone(run, soft_loss_row, false);
    }
}

V_INLINE void loss_rows(const sj_run *run, run_function *run_rows, bool soft) {
    loss_part part;
    const sj_run *own = loss_part_begin(&part, run);
    if (soft)
        soft_rows(own, run_rows);
    else
        serve(own, run_rows, block_reduce, label_loss_block, label_loss_row);
    loss_part_end(&part, run);
}

static void label_loss_rows(const sj_run *run) { loss_rows(run, label_loss_rows, false); }
static void soft_loss_rows(const sj_run *run) { loss_rows(run, soft_loss_rows, true); }

#endif
