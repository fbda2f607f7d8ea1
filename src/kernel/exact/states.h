/* states.h: rows of exact mode that come in pieces: once the maximum of the whole row is known, each piece adds the
 * digits of its sums to those of the others, in any order, and emits its entries with the bits of the whole row. Called
 * through table.c; calls losses.h. */
#ifndef SJ_KERNEL_EXACT_STATES_H
#define SJ_KERNEL_EXACT_STATES_H

#include "losses.h"

/* sj_exact.rest is the part of a sum of weights from this digit on: none is below 2^-1479, and its 106 binary places
 * end at 2^-1585. Upwards 2^64 of them, up to 2^2 each, end in digit 86. */
#define REST_FIRST_DIGIT 34

_Static_assert(REST_FIRST_DIGIT + SJ_REST_WORDS <= EXACT_DIGITS, "a part of a sum");
_Static_assert(SJ_DOT_WORDS == EXACT_DIGITS + 1, "a sum, and how many of its terms are not finite");

/* ---------------------------------------------------------------- reduce */

/* The maximum of the row, and what weights are relative to. */
static exact_kind exact_know(exact_row *r, const sj_state *state, double depth) {
    r->given = r->shared = r->kept = false;
    r->max = state->max;
    r->argmax = (size_t)state->argmax - r->run->first; /* beyond n where it is in another piece */
    if (state->count == 0) return EXACT_EMPTY;
    return exact_begin(r, state->max, depth);
}

/* Weights of the piece but that of the maximum. */
static void exact_rest_sum(exact_row *r) {
    exact_clear(&r->sum);
    for (size_t start = 0; start < r->run->n; start += EXACT_PIECE) {
        const size_t count = exact_piece(r, start);
        (void)exact_weigh(r, start, count);
        for (size_t i = 0; i < count; i++) {
            const wide w = weight_at(r, i);
            if (start + i != r->argmax && w.hi != 0) exact_add(&r->sum, w.hi, w.lo, w.exponent);
        }
        exact_carry(&r->sum);
    }
}

static void exact_words_add(const exact_sum *sum, int first, int64_t *words) {
    for (int i = sum->low; i <= sum->high && i < EXACT_DIGITS; i++) words[i - first] += sum->digits[i];
}

/* run->q: the depth */
static void exact_add_row(exact_row *r, size_t index) {
    exact_seek(r, index);
    sj_exact *to = (sj_exact *)(void *)r->out;
    if (exact_know(r, &to->state, (double)r->run->q) != EXACT_FINITE) return;
    exact_rest_sum(r);
    exact_words_add(&r->sum, REST_FIRST_DIGIT, to->rest);
    if (!r->run->g.data || !is_finite(to->at_max)) return;
    if (exact_dot_sum(r, to->at_max))
        exact_words_add(&r->sum, 0, to->dot);
    else
        to->dot[EXACT_DIGITS]++;
}

/* ---------------------------------------------------------------- emit */

static wide exact_words_total(exact_row *r, const int64_t *words, int first, int count) {
    exact_clear(&r->sum);
    memcpy(r->sum.digits + first, words, (size_t)count * sizeof *words);
    r->sum.low = first;
    r->sum.high = first + count - 1;
    return exact_total(&r->sum);
}

/* The state of a row, of which all pieces have been added. */
static exact_kind exact_restore(exact_row *r, const sj_exact *from) {
    const exact_kind kind = exact_know(r, &from->state, exact_depth(r->run));
    if (kind != EXACT_FINITE) return kind;
    weigh_chunk(&r->max, 1, &r->from, &r->weights);
    r->top = wide_normal(r->weights.hi[0], r->weights.lo[0], r->weights.exponent[0]);
    r->rest = exact_words_total(r, from->rest, REST_FIRST_DIGIT, SJ_REST_WORDS);
    r->inverse = wide_inverse(wide_add(r->top, r->rest));
    return kind;
}

/* The logit of the record, as those of the row are read. */
static double exact_own_logit(const exact_row *r, const sj_exact *from) {
    if (!r->shared) return from->logit;
    return from->logit == (double)INFINITY ? 0 : -(double)INFINITY;
}

static inline void exact_state_gradient_of(exact_row *r, const sj_exact *from, bool log) {
    const double z = exact_own_logit(r, from);
    weigh_chunk(&z, 1, &r->from, &r->weights);
    exact_jacobian_row(r, r->run->q - r->run->first, weight_at(r, 0), log, 0, r->run->out.class_stride);
}

static void exact_state_softmax(exact_row *r, const sj_exact *from) {
    (void)from;
    exact_softmax(r);
}

static void exact_state_log_softmax(exact_row *r, const sj_exact *from) {
    (void)from;
    exact_log_softmax(r);
}

static void exact_state_gradient(exact_row *r, const sj_exact *from) { exact_state_gradient_of(r, from, false); }
static void exact_state_log_gradient(exact_row *r, const sj_exact *from) { exact_state_gradient_of(r, from, true); }

static void exact_state_product(exact_row *r, const sj_exact *from) {
    if (!is_finite(from->at_max) || from->dot[EXACT_DIGITS] != 0) {
        exact_fill(r, NAN);
        return;
    }
    const wide dot = exact_words_total(r, from->dot, 0, EXACT_DIGITS);
    exact_product_emit(r, wide_of(from->at_max), wide_mul(dot, r->inverse));
}

static void exact_state_loss(exact_row *r, const sj_exact *from, size_t index) {
    const sj_run *run = r->run;
    exact_loss l = exact_loss_begin(run, index);
    const bool idle = l.of.ignored && !run->numbers[SJ_ROW_LOGSUMEXP].data;
    const exact_kind kind = idle ? EXACT_EMPTY : exact_restore(r, from);
    if (!l.of.ignored) l.of.label -= run->first;
    if (kind == EXACT_FINITE) {
        l.log = exact_log1p(r);
        l.logsumexp = wide_add(wide_of(r->max), l.log);
        if (!l.of.ignored)
            exact_loss_add(r, &l, exact_own_logit(r, from), exact_part(r, &l, NULL, 0, l.of.label), l.of.label);
    }
    exact_loss_store(r, &l, kind, idle);
}

/* ---------------------------------------------------------------- runs */

static inline const sj_exact *exact_record(const sj_run *run, size_t index) {
    return (const sj_exact *)(const void *)chunk_seek_more(run, 1, index);
}

typedef void exact_state_function(exact_row *r, const sj_exact *from);

static void exact_serve_states(const sj_run *run, exact_state_function *finite, double empty) {
    exact_row r;
    r.run = run;
    for (size_t i = 0; i < run->rows; i++) {
        const sj_exact *from = exact_record(run, i);
        exact_seek(&r, i);
        const exact_kind kind = exact_restore(&r, from);
        if (kind == EXACT_FINITE)
            finite(&r, from);
        else
            exact_fill(&r, kind == EXACT_NAN ? NAN : empty);
    }
    v_end();
}

static void state_dot_rows(const sj_run *run) {
    exact_row r;
    r.run = run;
    for (size_t i = 0; i < run->rows; i++) exact_add_row(&r, i);
    v_end();
}

static void state_softmax_rows(const sj_run *run) { exact_serve_states(run, exact_state_softmax, 0); }
static void state_log_softmax_rows(const sj_run *run) {
    exact_serve_states(run, exact_state_log_softmax, -(double)INFINITY);
}
static void state_product_rows(const sj_run *run) { exact_serve_states(run, exact_state_product, 0); }
static void state_gradient_rows(const sj_run *run) { exact_serve_states(run, exact_state_gradient, 0); }
static void state_log_gradient_rows(const sj_run *run) { exact_serve_states(run, exact_state_log_gradient, 0); }

/* The record stands where the logits would. */
static void state_logsumexp_rows(const sj_run *run) {
    exact_row r;
    r.run = run;
    for (size_t i = 0; i < run->rows; i++) {
        exact_seek(&r, i);
        const sj_exact *from = (const sj_exact *)(const void *)r.z;
        if (exact_restore(&r, from) == EXACT_FINITE)
            exact_logsumexp(&r);
        else
            exact_set(&r, 0, from->state.count == 0 ? -(double)INFINITY : from->state.max);
    }
    v_end();
}

static void state_loss_rows(const sj_run *run) {
    loss_part part;
    exact_row r;
    r.run = loss_part_begin(&part, run);
    for (size_t i = 0; i < r.run->rows; i++) {
        exact_seek(&r, i);
        exact_state_loss(&r, exact_record(r.run, i), i);
    }
    loss_part_end(&part, run);
    v_end();
}

#endif
