/* losses.h: cross-entropy and its gradient of rows of exact mode: every number formed as a wide one and rounded once.
 * Called through table.c; calls light_losses.h for labels of float32, and products.h and target.h.
 *
 * With P the sum of p and Z = 2 z_loss logsumexp, the gradient is s_q (P + Z) - p_q, but at the argmax, where that
 * would cancel, s_m (P - p_m + Z) - c_m p_m. For a label alone neither cancels: elsewhere s is at most 1/2. */
#ifndef SJ_KERNEL_EXACT_LOSSES_H
#define SJ_KERNEL_EXACT_LOSSES_H

#include "light_losses.h"
#include "products.h"

/* What a row's numbers are made of. The sums are wide: n roundings of 2^-104 show in none of them. */
typedef struct exact_loss {
    target of;
    wide kept, spread, scale; /* p_k = weight_k (kept y_k + spread); of the gradient */
    wide own, others;         /* p_m; the sum of the others */
    wide log, logsumexp;      /* log(1 + T) */
    wide sum;                 /* of p_k (-log s_k) */
    double infinite;          /* where not 0, what that sum is instead */
    bool finite;              /* p is, and the scale */
    bool plain;               /* p_k = y_k */
} exact_loss;

static inline wide wide_of_pair(const double pair[2]) { return wide_add(wide_of(pair[0]), wide_of(pair[1])); }

static inline bool is_finite_wide(wide a) { return is_finite(a.hi) && is_finite(a.lo); }

/* p_k; that of a class that has no part in the target is 0, whatever its weight. */
static wide exact_part(const exact_row *r, const exact_loss *l, const double *y, size_t i, size_t k) {
    const double part = y ? y[i] : k == l->of.label ? 1 : 0;
    if (part == 0 && l->spread.hi == 0) return l->spread;
    if (!is_finite(part)) return (wide){part, 0, 0};
    if (l->plain) return wide_of(part);
    const double weight = class_weight(r->run->losses, r->run->first + k);
    if (!is_finite(weight)) return (wide){weight, 0, 0};
    return wide_mul(wide_add(wide_mul(l->kept, wide_of(part)), l->spread), wide_of(weight));
}

/* The piece of probabilities that begins at `start`, NULL of labels. */
static inline const double *exact_probabilities(exact_row *r, size_t start, size_t count) {
    return r->run->g.data ? exact_g(r, start, count) : NULL;
}

/* Class k, of logit z, joins the sums. */
static void exact_loss_add(const exact_row *r, exact_loss *l, double z, wide p, size_t k) {
    const bool finite = is_finite_wide(p);
    if (p.hi == 0) return;
    if (finite && is_finite(z))
        l->sum = wide_add(l->sum, wide_mul(p, wide_add(wide_sub(wide_of(r->max), wide_of(z)), l->log)));
    else
        l->infinite += p.hi * (double)INFINITY;
    l->finite = l->finite && finite;
    if (!finite) return;
    if (k == r->argmax)
        l->own = p;
    else
        l->others = wide_add(l->others, p);
}

/* The sums of a row that has a state. */
static void exact_loss_sums(exact_row *r, exact_loss *l) {
    l->log = exact_log1p(r);
    l->logsumexp = wide_add(wide_of(r->max), l->log);
    for (size_t start = 0; start < r->run->n && !l->of.ignored; start += EXACT_PIECE) {
        const size_t count = exact_piece(r, start);
        const double *z = exact_logits(r, start, count), *y = exact_probabilities(r, start, count);
        for (size_t i = 0; i < count; i++) exact_loss_add(r, l, z[i], exact_part(r, l, y, i, start + i), start + i);
    }
}

/* z_loss times `factor`, which is logsumexp^2 or 2 logsumexp. */
static inline wide exact_z_part(const exact_row *r, wide factor) {
    return wide_mul(wide_of(r->run->losses->z_loss), factor);
}

/* A number of a row, rounded to its dtype; in a total it is summed with all its digits. */
static void exact_loss_put(const sj_run *run, int which, size_t index, wide value) {
    row_number_put(run, which, index, wide_round(value, run->numbers[which].dtype));
    if (which != SJ_ROW_LOSS || !run->losses->total) return;
    total_add(run->losses->total, ldexp(value.hi, value.exponent));
    total_add(run->losses->total, ldexp(value.lo, value.exponent));
}

static void exact_loss_emit(exact_row *r, const exact_loss *l) {
    const wide z = exact_z_part(r, (wide){l->logsumexp.hi, l->logsumexp.lo, l->logsumexp.exponent + 1});
    const bool grows = r->shared && r->run->losses->z_loss != 0; /* with a logsumexp that is infinite */
    if (!l->finite || !is_finite_wide(l->scale) || grows) {
        exact_fill(r, NAN);
        return;
    }
    const wide others = wide_mul(wide_add(l->others, z), l->scale), own = wide_mul(l->own, l->scale);
    const wide factor = wide_mul(wide_add(others, own), r->inverse), s_m = wide_mul(r->top, r->inverse);
    const wide at_max = wide_sub(wide_mul(s_m, others), wide_mul(exact_complement(r), own));
    for (size_t start = 0; start < r->run->n; start += EXACT_PIECE) {
        const size_t count = exact_piece(r, start);
        exact_weigh_again(r, start, count);
        const double *y = exact_probabilities(r, start, count);
        for (size_t i = 0; i < count; i++) {
            const wide p = wide_mul(exact_part(r, l, y, i, start + i), l->scale);
            const wide value = start + i == r->argmax ? at_max : wide_sub(wide_mul(weight_at(r, i), factor), p);
            exact_set(r, (ptrdiff_t)(start + i) * r->run->out.class_stride, exact_rounded(r, value));
        }
    }
}

/* A row whose target is ignored, or that has no state: NaN, or, without mass, an infinite loss unless no class of its
 * target has weight. */
static void exact_loss_stateless(exact_row *r, const exact_loss *l, exact_kind kind) {
    const bool weighs = !r->run->more[0].data || l->spread.hi != 0 || l->of.weight != 0;
    const double nothing = weighs && !l->of.ignored ? (double)INFINITY : 0;
    const bool is_nan = kind == EXACT_NAN && !l->of.ignored;
    loss_put(r->run, SJ_ROW_LOSS, r->index, is_nan ? (double)NAN : nothing);
    if (r->run->out.data) exact_fill(r, is_nan ? NAN : 0);
}

static exact_loss exact_loss_begin(const sj_run *run, size_t index) {
    const sj_losses *of = run->losses;
    const double above = row_number(run, SJ_ROW_UPSTREAM, index);
    exact_loss l = {.of = target_of_row(run, index), .infinite = 0, .finite = true};
    l.plain = of->kept[0] == 1 && of->spread[0] == 0 && !of->weights.data;
    l.kept = wide_of_pair(of->kept);
    l.spread = wide_of_pair(of->spread);
    l.scale = is_finite(of->scale[0]) && is_finite(above) ? wide_mul(wide_of_pair(of->scale), wide_of(above))
                                                          : (wide){NAN, 0, 0};
    return l;
}

/* Of a row that has been reduced, its sums formed where it has a state. idle: nothing of it is asked for. */
static void exact_loss_store(exact_row *r, exact_loss *l, exact_kind kind, bool idle) {
    const sj_run *run = r->run;
    const size_t index = r->index;
    const bool finite = kind == EXACT_FINITE && !r->shared;
    if (finite)
        exact_loss_put(run, SJ_ROW_LOGSUMEXP, index, l->logsumexp);
    else if (!idle)
        loss_put(run, SJ_ROW_LOGSUMEXP, index, r->shared ? (double)INFINITY : r->max);
    if (kind != EXACT_FINITE || l->of.ignored) {
        exact_loss_stateless(r, l, kind);
        return;
    }
    if (r->shared && run->losses->z_loss != 0) l->infinite += run->losses->z_loss * (double)INFINITY;
    if (l->infinite == 0)
        exact_loss_put(run, SJ_ROW_LOSS, index,
                       wide_add(l->sum, exact_z_part(r, wide_mul(l->logsumexp, l->logsumexp))));
    else
        loss_put(run, SJ_ROW_LOSS, index, l->infinite);
    if (run->out.data) exact_loss_emit(r, l);
}

static void exact_loss_row(exact_row *r, size_t index) {
    const sj_run *run = r->run;
    exact_loss l = exact_loss_begin(run, index);
    exact_seek(r, index);
    const bool idle = l.of.ignored && !run->numbers[SJ_ROW_LOGSUMEXP].data;
    const exact_kind kind = idle ? EXACT_EMPTY : exact_reduce(r);
    if (kind == EXACT_FINITE) exact_loss_sums(r, &l);
    exact_loss_store(r, &l, kind, idle);
}

/* Whether plain double decides the row, which is stored then. */
static bool light_loss_row(light_row *r, size_t index) {
    const target of = target_of_row(r->run, index);
    light_loss numbers = {{0, 0, 0}, 0, 0};
    if (of.ignored || !light_label(r, index, &of, &numbers)) return false;
    loss_put(r->run, SJ_ROW_LOGSUMEXP, index, (double)numbers.lse);
    if (r->run->losses->total)
        exact_loss_put(r->run, SJ_ROW_LOSS, index, numbers.loss);
    else
        loss_put(r->run, SJ_ROW_LOSS, index, (double)numbers.each);
    return true;
}

static void soft_loss_rows(const sj_run *run) {
    loss_part part;
    exact_row r;
    r.run = loss_part_begin(&part, run);
    for (size_t i = 0; i < run->rows; i++) exact_loss_row(&r, i);
    loss_part_end(&part, run);
    v_end();
}

static void label_loss_rows(const sj_run *run) {
    loss_part part;
    light_row light;
    exact_row r;
    if (!light_fits_labels(run)) {
        soft_loss_rows(run);
        return;
    }
    r.run = light.run = loss_part_begin(&part, run);
    light.pairs = &r;
    light.room = NULL;
    for (size_t i = 0; i < run->rows; i++)
        if (!light_loss_row(&light, i)) exact_loss_row(&r, i);
    loss_part_end(&part, run);
    v_end();
}

#endif
