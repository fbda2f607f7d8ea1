/* states.h: public states: of rows reduced piece by piece, and results emitted from a state that other pieces have
 * joined. Called through table.c; calls losses.h. A row is served by itself, whatever its length. */
#ifndef SJ_KERNEL_STATES_H
#define SJ_KERNEL_STATES_H

#include "losses.h"

/* sj_state.rest is 2^STATE_BIAS T. */
#define STATE_BIAS 480

/* ---------------------------------------------------------------- reduce */

static inline sj_state state_of_row(const row *r, row_kind kind) {
    sj_state of = {.max = (double)r->state.max, .count = r->run->n};
    if (kind == ROW_NAN) return of;
    const dd rest = dd_scale(state_ratio(&r->state), 1 / power_of_two(WEIGHT_BIAS - STATE_BIAS));
    if (r->shared) of.max = (double)INFINITY;
    of.rest[0] = rest.hi;
    of.rest[1] = rest.lo;
    of.argmax = r->state.argmax;
    return of;
}

/* The policy is SJ_LIMIT: entries of +inf are counted, whatever becomes of them. */
static void state_row(row *r) {
    if (r->run->n == 0) return;
    const sj_state part = state_of_row(r, row_reduce(r, KEEP_WEIGHTS));
    r->run->join((sj_state *)(void *)r->out, &part);
}

/* ---------------------------------------------------------------- emit */

/* A row whose state is known, up to what is emitted from it. whole: the sum of all weights is asked for. */
static row_kind row_restore(row *r, const sj_state *from, bool whole) {
    const sj_nonfinite policy = r->run->nonfinite;
    r->kept = r->shared = false;
    r->held = 0;
    r->whole = whole;
    r->keep = KEEP_PAIRS;
    double max = from->count > 0 ? from->max : (double)NAN;
    r->state.max = (real)max;
    if (max == -(double)INFINITY && policy == SJ_ZERO) return ROW_EMPTY;
    if (max == (double)INFINITY && policy == SJ_LIMIT) {
        r->shared = true;
        max = 0;
        r->state.max = 0;
    }
    if (!(max >= -(double)REAL_LARGEST && max <= (double)REAL_LARGEST)) return ROW_NAN;
    const bool near = is_near((real)max);
    r->ref = near ? reference_near(v_set1((real)max), WEIGH_NEAR) : reference_far((real)max);
    r->how = near ? WEIGH_NEAR : WEIGH_FAR;
    const dd top = entry_weight((real)max, &r->ref, r->how), lifted = {from->rest[0], from->rest[1]};
    const dd rest = dd_scale(dd_mul(top, lifted), power_of_two(-STATE_BIAS)), sum = dd_add(rest, top);
    r->state = (row_state){from->argmax, (real)max, reference_integer(&r->ref), top, rest};
    r->scalars = state_finish(&r->state, r->how);
    if (whole) r->state.top = (dd){0, 0}, r->state.rest = sum;
    return ROW_FINITE;
}

static inline const sj_state *row_state_given(const row *r) {
    return (const sj_state *)(const void *)chunk_seek_more(r->run, 0, r->index);
}

static void state_softmax_row(row *r) {
    const sj_state *from = row_state_given(r);
    const row_kind kind = row_restore(r, from, false);
    if (kind != ROW_FINITE) {
        row_fill(r, kind == ROW_NAN ? NAN : 0);
        return;
    }
    r->keep = KEEP_WEIGHTS;
    const emission e = softmax_emission(r);
    row_emit(r, span_deep_softmax, &e);
    const size_t m = r->state.argmax - r->run->first; /* beyond n where it is in another piece */
    const dd top = r->state.top;
    if (m < r->run->n && exceeds_half(top, dd_add(top, r->state.rest)))
        row_set(r, m, dd_mul(top, r->scalars.inverse).hi);
}

static void state_log_softmax_row(row *r) {
    const row_kind kind = row_restore(r, row_state_given(r), false);
    if (kind != ROW_FINITE) {
        row_fill(r, kind == ROW_NAN ? NAN : -INFINITY);
        return;
    }
    const emission e = {.a = v_set1(r->state.max), .b = v_set1((real)state_log1p(&r->state).hi)};
    row_emit(r, span_log_softmax, &e);
}

/* The state stands where the logits would. */
static void state_logsumexp_row(row *r) {
    const sj_state *from =
        (const sj_state *)(const void *)chunk_at(r->run->z.data, &r->run->z, r->run->z.row_stride, r->index);
    double value = from->count > 0 ? from->max : -(double)INFINITY;
    if (from->count > 0 && row_restore(r, from, false) == ROW_FINITE && !r->shared)
        value = dd_add((dd){(double)r->state.max, 0}, state_log1p(&r->state)).hi;
    row_set(r, 0, value);
}

/* ---------------------------------------------------------------- one class */

static inline const sj_pick *row_pick(const row *r) {
    return (const sj_pick *)(const void *)chunk_seek_more(r->run, 1, r->index);
}

/* Its logit, as those of the row are read. */
static inline real pick_logit(const row *r, const sj_pick *from) {
    if (!r->shared) return (real)from->logit;
    return from->logit == (double)INFINITY ? 0 : -REAL(INFINITY);
}

static inline void state_gradient_of(row *r, bool log) {
    const sj_pick *from = row_pick(r);
    const row_kind kind = row_restore(r, &from->state, false);
    if (kind != ROW_FINITE) {
        row_fill(r, kind == ROW_NAN ? NAN : 0);
        return;
    }
    const dd w = entry_weight(pick_logit(r, from), &r->ref, r->how);
    gradient_emit(r, r->run->q, entry_of_weight(r, r->run->q, w), log);
}

static void state_gradient_row(row *r) { state_gradient_of(r, false); }
static void state_log_gradient_row(row *r) { state_gradient_of(r, true); }

static void state_loss_row(row *r) {
    const sj_pick *from = row_pick(r);
    r->of = target_of_row(r->run, r->index);
    const row_kind kind = row_restore(r, &from->state, false);
    r->keep = KEEP_WEIGHTS;
    const dd log = row_logsumexp(r, kind);
    loss_put(r->run, SJ_ROW_LOGSUMEXP, r->index, log.hi);
    if (r->of.ignored)
        ignored_loss(r);
    else
        label_loss_of(r, kind, log, pick_logit(r, from));
}

/* ---------------------------------------------------------------- products */

/* What a huge g or D is scaled down by, a power of two, so that they are within the limit of a sum. size: of all
 * that g - G is made of. */
static real state_scale(row *r, const sj_product *from, real *size) {
    const double mean = fabs(from->dot[0]), at_max = fabs(from->at_max), most = (double)DOT_LIMIT / 8;
    *size = 0;
    for (size_t start = 0; start < r->run->n; start += CHUNK) {
        const size_t count = row_piece(r, start);
        const real part = chunk_size(row_g(r, start, count), count);
        *size = part > *size ? part : *size;
    }
    const double others = mean > at_max ? mean : at_max;
    const double own = (double)(*size > (real)most / PRODUCT_SCALE ? cotangent_largest(r) : *size);
    const double largest = own > others ? own : others;
    if (others > (double)*size) *size = others < (double)REAL_LARGEST ? (real)others : REAL_LARGEST;
    if (!(largest > most / (double)PRODUCT_SCALE && largest <= (double)INFINITY)) return PRODUCT_SCALE;
    return (real)(most / power_below(largest));
}

/* The part of D of this piece joins that of the others. */
static void state_dot_row(row *r) {
    sj_product *to = (sj_product *)(void *)r->out;
    if (r->run->n == 0) return;
    const row_kind kind = row_restore(r, &to->state, true);
    if (kind == ROW_EMPTY) return;
    dd part = {(double)NAN, 0};
    if (kind == ROW_FINITE) {
        const cotangent c = cotangent_about(r, (real)to->at_max, true);
        part = dd_scale(dd_mul(c.dot, r->scalars.inverse), 1 / (double)c.scale);
    }
    const dd sum = dd_add((dd){to->dot[0], to->dot[1]}, part);
    to->dot[0] = sum.hi;
    to->dot[1] = sum.lo;
}

static void state_product_row(row *r) {
    const sj_product *from = (const sj_product *)(const void *)chunk_seek_more(r->run, 0, r->index);
    const row_kind kind = row_restore(r, &from->state, true);
    if (kind != ROW_FINITE) {
        row_fill(r, kind == ROW_NAN ? NAN : 0);
        return;
    }
    cotangent c = {.g_m = (real)from->at_max};
    c.scale = state_scale(r, from, &c.size);
    c.at_max = c.g_m * c.scale;
    const dd mean = {from->dot[0], from->dot[1]};
    c.dot = dd_mul(dd_scale(mean, (double)c.scale), r->state.rest);
    product_emit(r, &c);
}

/* ---------------------------------------------------------------- runs */

/* Rows side by side go to the stage, as whole ones do. */
V_OUTLINE void state_serve(const sj_run *run, run_function *run_rows, row_function *single) {
    if (columns_serve(run)) {
        column_rows(run, run_rows);
        v_end();
    } else {
        rows_alone(run, single, false);
    }
}

static void state_rows(const sj_run *run) { state_serve(run, state_rows, state_row); }
static void state_softmax_rows(const sj_run *run) { state_serve(run, state_softmax_rows, state_softmax_row); }
static void state_log_softmax_rows(const sj_run *run) {
    state_serve(run, state_log_softmax_rows, state_log_softmax_row);
}
static void state_logsumexp_rows(const sj_run *run) { rows_alone(run, state_logsumexp_row, false); }
static void state_dot_rows(const sj_run *run) { state_serve(run, state_dot_rows, state_dot_row); }
static void state_product_rows(const sj_run *run) { state_serve(run, state_product_rows, state_product_row); }
static void state_gradient_rows(const sj_run *run) { state_serve(run, state_gradient_rows, state_gradient_row); }
static void state_log_gradient_rows(const sj_run *run) {
    state_serve(run, state_log_gradient_rows, state_log_gradient_row);
}

static void state_loss_rows(const sj_run *run) {
    loss_part part;
    state_serve(loss_part_begin(&part, run), state_loss_rows, state_loss_row);
    loss_part_end(&part, run);
}

#endif
