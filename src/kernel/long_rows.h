/* long_rows.h: the reduction of one row spread over the lanes: its sweeps, chunk by chunk, and the rows that finite
 * arithmetic does not define. Called by forward.h and all above it; calls row.h and state.h. */
#ifndef SJ_KERNEL_LONG_ROWS_H
#define SJ_KERNEL_LONG_ROWS_H

#include "row.h"

/* What becomes of a row, decided by its maximum. */
typedef enum row_kind {
    ROW_FINITE,
    ROW_NAN,   /* every result NaN */
    ROW_EMPTY, /* no mass: no entries, or only -inf under SJ_ZERO */
} row_kind;

static inline dd row_weigh_chunk(const row *r, const real *z, weights pairs, size_t count, size_t skip,
                                 const extremes *of, weighing how) {
    const weights alone = {pairs.w, NULL};
    const bool both = r->keep == KEEP_PAIRS && r->run->n <= CHUNK;
    if (how == WEIGH_GIVEN) return chunk_weigh(z, alone, count, skip, of, &r->ref, WEIGH_GIVEN);
    if (how == WEIGH_FAR) return chunk_weigh(z, pairs, count, skip, of, &r->ref, WEIGH_FAR);
    if (how == WEIGH_PAIRED) return chunk_weigh(z, pairs, count, skip, of, &r->ref, WEIGH_PAIRED);
    if (how == WEIGH_NEAR) return chunk_weigh(z, both ? pairs : alone, count, skip, of, &r->ref, WEIGH_NEAR);
    if (how == WEIGH_SCALED) return chunk_weigh(z, both ? pairs : alone, count, skip, of, &r->ref, WEIGH_SCALED);
    if (how == WEIGH_SCALED_SHALLOW)
        return chunk_weigh(z, both ? pairs : alone, count, skip, of, &r->ref, WEIGH_SCALED_SHALLOW);
    if (both) return chunk_weigh(z, pairs, count, skip, of, &r->ref, WEIGH_SHALLOW);
    return chunk_weigh(z, alone, count, skip, of, &r->ref, WEIGH_SHALLOW);
}

/* How many entries the room is to hold. Of a row far longer than it, its part would be gone from the cache. */
static inline size_t row_holds(const row *r) {
    const size_t n = r->run->n;
    if (!r->room || (r->keep != KEEP_SUM && r->keep != KEEP_REST) || n <= CHUNK || n > 2 * ROOM_ENTRIES) return 0;
    return n < ROOM_ENTRIES ? n : ROOM_ENTRIES;
}

/* Weights that the room holds, relative to what those of the row are: of a shallow row, so that none is subnormal. */
static inline const real *row_held_weights(row *r, size_t start, size_t count) {
    const real *held = r->room->weights + start;
    const real shift = r->room->integers[start / CHUNK] - reference_integer(&r->ref);
    if (shift == 0) return held;
    const real power = (real)power_of_two((double)shift);
    for (size_t i = 0; i < count; i++) r->w[i] = held[i] * power;
    return r->w;
}

/* Weights of entries [start, start + count), and in r->low + (r->kept ? start : 0) what their rounding left, where that
 * is kept: from the reduction, or made again. */
static inline const real *row_weights(row *r, size_t start, size_t count) {
    const weights to = {r->w, r->keep == KEEP_PAIRS ? r->low : NULL};
    if (r->kept) return r->w + start;
    if (start < r->held) return row_held_weights(r, start, count);
    if (r->keep == KEEP_STORED) return chunk_read(r->out, &r->run->out, start, count, r->w);
    const real *z = row_logits(r, start, count);
    if (r->how == WEIGH_GIVEN) return z;
    if (r->how == WEIGH_FAR)
        chunk_weights(z, to, count, &r->ref, WEIGH_FAR);
    else if (r->how == WEIGH_PAIRED)
        chunk_weights(z, to, count, &r->ref, WEIGH_PAIRED);
    else if (r->how == WEIGH_NEAR)
        chunk_weights(z, to, count, &r->ref, WEIGH_NEAR);
    else if (r->how == WEIGH_SCALED)
        chunk_weights(z, to, count, &r->ref, WEIGH_SCALED);
    else if (r->how == WEIGH_SCALED_SHALLOW)
        chunk_weights(z, to, count, &r->ref, WEIGH_SCALED_SHALLOW);
    else
        chunk_weights(z, to, count, &r->ref, WEIGH_SHALLOW);
    return r->w;
}

static inline const real *row_lows(const row *r, size_t start) { return r->kept ? r->low + start : r->low; }

/* State of one chunk whose maximum is near. Leaves its weights in r->w or in the room. */
static inline row_state row_reduce_chunk(row *r, const real *z, size_t start, size_t count, const extremes *of) {
    const weighing how = weighing_near_times(of->min, of->max, r->times);
    const real integer = reference_integer(&r->ref);
    const bool held = start < r->held;
    const weights to = {held ? r->room->weights + start : r->w, r->low};
    if (held) r->room->integers[start / CHUNK] = integer;
    if (r->whole) return (row_state){start, of->max, integer, {0, 0}, row_weigh_chunk(r, z, to, count, count, of, how)};
    const size_t m = chunk_argmax(z, count, of);
    const dd rest = row_weigh_chunk(r, z, to, count, m, of, how);
    return (row_state){start + m, of->max, integer, entry_weight(of->max, &r->ref, how), rest};
}

/* One sweep over entries [start, end), each chunk relative to its own maximum, states merged in order. False when a
 * maximum is infinite or far: then the row needs row_reduce_other. */
static bool row_reduce_span(row *r, size_t start, size_t end, vec *min) {
    const size_t first = start;
    *min = v_set1(REAL(INFINITY));
    for (; start < end; start += CHUNK) {
        const size_t count = row_piece(r, start);
        const real *z = row_logits(r, start, count);
        const extremes of = chunk_extremes(z, count);
        if (!is_near_times(of.max, r->times)) return false;
        r->ref = reference_near_times(of.max, r->times);
        const row_state part = row_reduce_chunk(r, z, start, count, &of);
        r->state = start == first ? part : state_merge(r->state, part);
        *min = v_min(of.min, *min);
    }
    return true;
}

/* What row_reduce_span leaves of one span. */
typedef struct span_state {
    row_state state;
    real min;
    bool near;
} span_state;

typedef struct span_states {
    span_state *spans;
} span_states;

static void reduce_span(row *r, const void *context, span s) {
    const span_states *states = context;
    vec min;
    const bool near = row_reduce_span(r, s.start, s.end, &min);
    states->spans[s.index] = (span_state){r->state, v_min_lane(min), near};
}

V_OUTLINE bool row_reduce_spans(row *r, vec *min) {
    span_state spans[MOST_SPANS];
    const span_states states = {spans};
    const size_t count = row_spans(r);
    row_sweep(r, reduce_span, &states);
    bool near = spans[0].near;
    row_state whole = spans[0].state;
    *min = v_set1(spans[0].min);
    for (size_t i = 1; i < count && near; i++) {
        near = spans[i].near;
        if (near) whole = state_merge(whole, spans[i].state);
        *min = v_min(v_set1(spans[i].min), *min);
    }
    r->state = whole;
    return near;
}

/* The row so, span by span. */
static inline bool row_reduce_near(row *r) {
    vec min;
    if (r->run->n > SPAN ? !row_reduce_spans(r, &min) : !row_reduce_span(r, 0, r->run->n, &min)) return false;
    r->kept = r->run->n <= CHUNK;
    r->how = weighing_near_times(min, r->state.max, r->times);
    if (!is_shallow(r->how)) r->held = 0;
    if (!r->kept) r->ref = reference_near_times(r->state.max, r->times);
    return true;
}

/* Extremes of entries [start, end) of a row, and where the first piece with the maximum begins. */
typedef struct survey {
    real max, min;
    size_t start;
} survey;

V_INLINE survey row_survey(row *r, size_t start, size_t end) {
    survey of = {-REAL(INFINITY), REAL(INFINITY), start};
    vec min = v_set1(of.min);
    for (; start < end; start += CHUNK) {
        const size_t count = row_piece(r, start);
        const extremes part = chunk_extremes(row_logits(r, start, count), count);
        if (part.max > of.max) of.max = part.max, of.start = start;
        min = v_min(part.min, min);
    }
    of.min = v_min_lane(min);
    return of;
}

/* What the survey leaves of each span. */
typedef struct surveys {
    survey *spans;
} surveys;

static void survey_span(row *r, const void *context, span s) {
    const surveys *of = context;
    of->spans[s.index] = row_survey(r, s.start, s.end);
}

V_OUTLINE survey row_survey_spans(row *r) {
    survey spans[MOST_SPANS];
    const size_t count = row_spans(r);
    row_sweep(r, survey_span, &(surveys){spans});
    survey whole = spans[0];
    for (size_t i = 1; i < count; i++) {
        if (spans[i].max > whole.max) whole.max = spans[i].max, whole.start = spans[i].start;
        if (spans[i].min < whole.min) whole.min = spans[i].min;
    }
    return whole;
}

static inline survey row_survey_whole(row *r) {
    return r->run->n > SPAN ? row_survey_spans(r) : row_survey(r, 0, r->run->n);
}

/* The first entry that is `max`, which the piece at `start` holds. */
static inline size_t row_find_from(row *r, size_t start, real max) {
    const size_t count = row_piece(r, start);
    return start + chunk_find(row_logits(r, start, count), count, max);
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

/* The largest of scale (z - base) + bias, as a pair, if it is above `most`. */
static dd row_largest_pair(row *r, dd most) {
    for (size_t start = 0; start < row_width(r); start += CHUNK) {
        const size_t count = row_within(r, start, row_piece(r, start));
        const real *z = row_read_logits(r, start, count);
        for (size_t i = 0; i < count; i++) {
            const dd x = {(double)z[i], (double)z[i + PAIRED_APART]};
            if (is_larger(x, most)) most = x;
        }
    }
    return most;
}

/* The extremum of the logits that take part, in the direction of the scale. */
static double row_extremum(row *r, bool up) {
    const real infinite = REAL(INFINITY), lowest = up ? -infinite : infinite;
    real best = lowest;
    for (size_t start = 0; start < row_width(r); start += CHUNK) {
        const size_t count = row_within(r, start, row_piece(r, start));
        const sj_fill fill = up ? SJ_FILL_LOW : SJ_FILL_HIGH;
        const real *z = read_entries(r->run, r->index, r->z, &r->run->z, start, count, fill, r->z_scratch);
        const real *bias = row_bias(r, start, count, r->z_scratch + PAIRED_APART);
        for (size_t i = 0; bias && i < count; i++) r->z_scratch[i] = bias[i] == -infinite ? lowest : z[i];
        const extremes of = chunk_extremes(bias ? r->z_scratch : z, count);
        const real part = up ? of.max : v_min_lane(of.min);
        if (up ? part > best : part < best) best = part;
    }
    return (double)best;
}

/* What the logits of a row are scaled by: two sweeps where there is a bias, else one. */
static void row_find_scaling(row *r) {
    const sj_reading *of = r->run->reading;
    const bool up = of->scale > 0;
    const double extremum = row_extremum(r, up), lowest = up ? -(double)INFINITY : (double)INFINITY;
    r->scale = scaling_of(of->scale, extremum, up);
    dd most = {extremum == lowest ? -(double)INFINITY : 0, 0};
    if (of->beside[SJ_BESIDE_BIAS].data) most = row_largest_pair(r, (dd){-(double)INFINITY, 0});
    if (r->run->sunk) {
        const char *sink = beside_row(r->run, SJ_BESIDE_SINK, r->index);
        const double value = (double)chunk_load(sink, of->beside[SJ_BESIDE_SINK].dtype, 0);
        r->scale.sink = less_pair(value, scaled_base(&r->scale, of->scale));
        if (is_larger(r->scale.sink, most)) most = r->scale.sink;
    }
    r->scale.is_shifted = true;
    if (!(fabs(most.hi) <= DBL_MAX)) return;
    r->scale.shift = most;
    if (fabs(r->scale.sink.hi) <= DBL_MAX) r->scale.sink = dd_add(r->scale.sink, (dd){-most.hi, -most.lo});
}

/* The rows row_reduce_near leaves: not finite, far from zero, given as softmax, or stored meanwhile. */
static inline row_kind row_reduce_other(row *r) {
    const sj_nonfinite policy = r->run->nonfinite;
    const bool given = r->run->given == SJ_GIVEN_SOFTMAX;
    r->held = 0;
    const survey of = row_survey(r, 0, r->run->n);
    real max = of.max;
    const bool finite = max >= -REAL_LARGEST && max <= REAL_LARGEST;
    if ((!finite || (max == 0 && given)) && row_has_nan(r))
        max = REAL(NAN); /* elsewhere the sum of the weights shows it */
    if (max == REAL(INFINITY) && policy == SJ_LIMIT && !given) {
        r->shared = true;
        max = 0;
    }
    const bool empty = given ? max == 0 : max == -REAL(INFINITY);
    if (empty && (given || policy == SJ_ZERO || row_is_blank(r->run, r->index))) return ROW_EMPTY;
    if (!(max >= -REAL_LARGEST && max <= REAL_LARGEST)) {
        r->state.max = max;
        return ROW_NAN;
    }
    const bool near = is_near(max);
    r->ref = near ? reference_near(v_set1(max), WEIGH_NEAR) : reference_far(max);
    r->how = given       ? WEIGH_GIVEN
             : !near     ? WEIGH_FAR
             : r->shared ? WEIGH_NEAR
             : r->scaled ? WEIGH_PAIRED
                         : weighing_near(v_set1(of.min), max);
    if (given) r->ref.least = v_zero(), memset(r->low, 0, sizeof r->low);
    row_reduce_at(r, max);
    return ROW_FINITE;
}

/* Entries that count as none weigh WEIGHT_LEAST at most in the sum: where that shows, T is summed again without them.
 */
static inline bool drops_uncounted(const row_state *state, size_t n, weighing how) {
    const double shows = (double)WEIGHT_LEAST * (double)n * (double)((real_bits)8 << REAL_MANTISSA);
    return how != WEIGH_GIVEN && !is_shallow(how) && !(state->rest.hi > shows);
}

static inline void row_drop_uncounted(row *r) {
    if (!drops_uncounted(&r->state, r->run->n, r->how)) return;
    double counted = 0;
    for (size_t start = 0; start < r->run->n; start += CHUNK) {
        const size_t count = row_piece(r, start);
        counted += chunk_counted(row_weights(r, start, count), count, r->state.argmax - start);
    }
    r->state.rest = (dd){counted, 0};
}

/* Of a row with a scale, what is not near is read as pairs. */
static inline void row_leave_scale(row *r) {
    r->times = 0;
    r->turns = false;
    r->by_row = r->scaled = true;
    row_find_scaling(r);
}

/* reduce -> state -> scalars, for the row sought last. */
static inline row_kind row_reduce(row *r, keeping keep) {
    r->shared = false;
    r->kept = false;
    const bool given = r->run->given == SJ_GIVEN_SOFTMAX;
    r->keep = keep == KEEP_PRODUCT ? KEEP_PAIRS : keep;
    r->held = row_holds(r);
    r->whole = keep == KEEP_SUM || keep == KEEP_STORED || (keep == KEEP_PRODUCT && !given);
    r->how = WEIGH_NEAR;
    if (r->run->n == 0) return ROW_EMPTY;
    if (r->scaled) row_find_scaling(r);
    if (keep == KEEP_STORED || given || r->scaled || !row_reduce_near(r)) {
        if (r->times != 0) row_leave_scale(r);
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

/* Whether the softmax of the maximum may be above 1/2, from the sum of all weights: there the rounding of its weight
 * could show in a 1. Below, where several entries may be the maximum, all are treated alike. Its weight is at most
 * 2 WEIGHT_ONE. */
static inline bool may_exceed_half(dd sum) { return sum.hi < 4 * (double)WEIGHT_ONE; }

/* Whether it is, from its weight: a little above, so that two equal logits are not told apart by a rounding. */
static inline bool exceeds_half(dd top, dd sum) { return 2 * top.hi > (1 + 0x1p-10) * sum.hi; }

/* Its argmax. The logits of rows kept in the output are gone, but then it is known. */
static inline size_t row_find(row *r) {
    const size_t start = r->state.argmax;
    return r->keep == KEEP_STORED ? start : row_find_from(r, start, r->state.max);
}

/* Every row of a run, one after the other. */
static inline void long_rows(row *r, row_function *single) {
    for (size_t i = 0; i < r->run->rows; i++) {
        row_seek(r, i);
        single(r);
    }
}

#endif
