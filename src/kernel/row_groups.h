/* row_groups.h: long rows several at a time: a stage of all of them, then the next, so that the dependent steps at the
 * ends of a row (its maximum, the sum of the lanes, the inverse) run beside the sweeps of its neighbours. The
 * operations of a row are those of long_rows.h, and so are its bits. Called by forward.h; calls short_rows.h.
 *
 * Only plain rows: near, shallow, without NaN. The others are left to the functions of one row. */
#ifndef SJ_KERNEL_ROW_GROUPS_H
#define SJ_KERNEL_ROW_GROUPS_H

#include "short_rows.h"

/* What the weights of a group are for. */
typedef enum group_keep {
    GROUP_SUM,  /* their sum; they are kept */
    GROUP_REST, /* the sum of all but the argmax's; none is kept */
    GROUP_PAIRS /* as GROUP_SUM; they are kept with what their rounding left, and the argmax is asked for */
} group_keep;

/* Rows of a group, and entries of theirs: 4 KiB of weights, or 8 where they are not kept or as pairs. Longer stages
 * would keep memory waiting beyond the caches; log(1 + T) of float64 wants several rows. */
#define GROUP_ROWS ((size_t)16)
#define GROUP_ENTRIES(keep) (((keep) == GROUP_SUM ? 4096 : 8192) / sizeof(real))

/* What is known of each row of a group. Its weights are in the scratch of one row. */
typedef struct row_group {
    const sj_run *run;
    size_t first, count; /* rows first .. first + count of the run */
    bool left[GROUP_ROWS];
    _Alignas(V_BYTES) real max[GROUP_ROWS];
    row_state states[GROUP_ROWS];
    dd logs[GROUP_ROWS]; /* log(1 + T) */
    vtable tables[GROUP_ROWS];
    vec begun[GROUP_ROWS][SUM_PARTS];
    real *w, *low, *x_scratch;
} row_group;

/* The results of row i of a group. */
typedef void group_function(const row_group *group, size_t i);

/* Entries from a row's weights to the next. */
static inline size_t group_pitch(size_t n) { return (n + SUM_LANES - 1) / SUM_LANES * SUM_LANES; }

/* How many rows of a run are taken at a time; 0: none is taken. */
static inline size_t group_size(const sj_run *run, bool given, group_keep keep) {
    const bool direct = chunk_is_direct(&run->z, run->z.class_stride);
    const bool served = run->given == SJ_GIVEN_LOGITS || given;
    if (!direct || !served || run->n == 0 || run->n > CHUNK) return 0;
    const size_t fit = GROUP_ENTRIES(keep) / group_pitch(run->n);
    if (fit == 0) return 1;
    return fit < GROUP_ROWS ? fit : GROUP_ROWS;
}

static inline const real *group_logits(const row_group *group, size_t i) {
    const sj_operand *z = &group->run->z;
    return (const real *)(const void *)chunk_at(z->data, z, z->row_stride, group->first + i);
}

static inline weights group_weights(const row_group *group, size_t i) {
    return weights_at((weights){group->w, group->low}, i * group_pitch(group->run->n));
}

static inline char *group_out(const row_group *group, size_t i) {
    const sj_operand *out = &group->run->out;
    return chunk_at(out->data, out, out->row_stride, group->first + i);
}

/* Stands for the state of a row that is left, where all of a group are worked on: it raises no flag. */
static const row_state row_is_left = {.top = {1, 0}, .rest = {1, 0}};

/* What logits are times, where they are weighed by a scale; 0 elsewhere. Of one below 0 no row is taken. */
V_INLINE double group_times(const row_group *group, weighing how) {
    return is_scaled(how) ? group->run->reading->scale : 0;
}

/* Maxima, and what the weights and their sums are relative to. how: WEIGH_SHALLOW or WEIGH_SCALED_SHALLOW. */
V_INLINE void group_begin(row_group *group, group_keep keep, weighing how) {
    const double times = group_times(group, how);
    const size_t n = group->run->n;
    for (size_t i = 0; i < group->count; i++) {
        const real *z = group_logits(group, i);
        const extremes of = chunk_extremes(z, n);
        group->left[i] = !is_near_times(of.max, times) || weighing_near_times(of.min, of.max, times) != how;
        group->max[i] = group->left[i] ? 0 : of.max;
        group->states[i] = row_is_left;
        if (group->left[i]) continue;
        const reference ref = reference_near_times(of.max, times);
        const size_t m = keep == GROUP_SUM ? n : chunk_argmax(z, n, &of), skip = keep == GROUP_REST ? m : n;
        group->states[i] = (row_state){.argmax = m, .max = of.max};
        group->tables[i] = ref.table;
        sums_begin(z, n, skip, &of, &ref, how, group->begun[i]);
    }
}

/* Where the results of row i go: a store waits where no cache has its line. Where they are no rows, or go past the
 * caches, something that is at hand. */
static inline const char *group_awaited(const row_group *group, size_t i) {
    const sj_operand *out = &group->run->out;
    const bool stored = out->data && chunk_is_direct(out, out->class_stride) && !group->run->stream;
    return stored ? group_out(group, i) : (const char *)group_logits(group, i);
}

/* The weights of z[0..n), into `to`, in whole vectors, where they are kept, and the sum of all of them or of all but
 * entry `skip`. The same as chunk_weigh, but no branch depends on where the maximum stands. awaited: lines for which
 * the caches are asked meanwhile. */
V_INLINE dd plain_weigh(const real *z, const char *awaited, weights to, size_t n, size_t skip,
                        const vec begun[SUM_PARTS], const reference *ref, group_keep keep, weighing how) {
    vsum sums[SUM_PARTS];
    vec from_skip[SUM_PARTS];
    for (size_t part = 0; part < SUM_PARTS; part++) {
        sums[part] = (vsum){begun[part], v_zero()};
        const size_t first = part * V_LANES;
        from_skip[part] = v_sub(v_numbers(), v_set1((real)skip - (real)first));
    }
    for (size_t i = 0; i + SUM_LANES <= n; i += SUM_LANES) {
        entries_ahead(z + i, SUM_LANES);
        v_prefetch_near(awaited + i * sizeof(real));
        for (size_t part = 0; part < SUM_PARTS; part++) {
            const size_t at = i + part * V_LANES;
            weight_parts e = weigh_parts(v_load(z + at), ref, how);
            if (keep == GROUP_REST) e.scaled = v_keep(v_not(v_eq(from_skip[part], v_zero())), e.scaled);
            const vec weight = parts_weight(e);
            if (keep != GROUP_REST) v_store(to.w + at, weight);
            if (keep == GROUP_PAIRS) v_store(to.low + at, parts_low(e, weight));
            sum_weight(&sums[part], weight, e);
            from_skip[part] = v_add(from_skip[part], v_set1(SUM_LANES));
        }
    }
    for (size_t part = 0, at = n - n % SUM_LANES; part < SUM_PARTS && at < n; part++, at += V_LANES) {
        const size_t lanes = n - at < V_LANES ? n - at : V_LANES;
        weight_parts e = weigh_parts(v_load_n(z + at, lanes, z[at]), ref, how);
        e.scaled = v_first(e.scaled, lanes);
        if (keep == GROUP_REST) e.scaled = v_keep(v_not(v_eq(from_skip[part], v_zero())), e.scaled);
        const vec weight = parts_weight(e);
        if (keep != GROUP_REST) v_store(to.w + at, weight);
        if (keep == GROUP_PAIRS) v_store(to.low + at, parts_low(e, weight));
        sum_weight(&sums[part], weight, e);
    }
    return vsum_total(sums, begun);
}

/* Weights and their sums. */
V_INLINE void group_weigh(row_group *group, group_keep keep, weighing how) {
    const vpair factor = spread((dd){group_times(group, how), 0});
    for (size_t i = 0; i < group->count; i++) {
        if (group->left[i]) continue;
        row_state *state = &group->states[i];
        const reference ref = {.table = group->tables[i], .factor = factor};
        const size_t n = group->run->n;
        state->rest = plain_weigh(group_logits(group, i), group_awaited(group, i), group_weights(group, i), n,
                                  state->argmax, group->begun[i], &ref, keep, how);
        group->left[i] = state->rest.hi != state->rest.hi;
        if (group->left[i]) *state = row_is_left;
    }
}

/* Weights of the maxima, a row a lane. */
V_INLINE void group_top(row_group *group, weighing how) {
    const vpair factor = spread((dd){group_times(group, how), 0});
    real hi[GROUP_ROWS], lo[GROUP_ROWS];
    for (size_t i = 0; i < group->count; i += V_LANES) {
        const vec max = v_load(group->max + i);
        const reference ref =
            is_scaled(how) ? reference_scaled(max, factor, WEIGH_SCALED_LANES) : reference_near(max, WEIGH_LANES);
        const vpair w = weight_pair(max, &ref, is_scaled(how) ? WEIGH_SCALED_LANES : WEIGH_LANES);
        v_store(hi + i, w.hi), v_store(lo + i, w.lo);
    }
    for (size_t i = 0; i < group->count; i++) group->states[i].top = two_sum((double)hi[i], (double)lo[i]);
}

/* The same as state_log1p, in float64 a row a lane. */
V_INLINE void group_log1p(row_group *group) {
    dd ratios[GROUP_ROWS];
    real hi[GROUP_ROWS] = {0}, lo[GROUP_ROWS] = {0};
    if (REAL_MANTISSA == 23) {
        for (size_t i = 0; i < group->count; i++) group->logs[i] = (dd){state_log1p_double(&group->states[i]), 0};
        return;
    }
    for (size_t i = 0; i < group->count; i++) {
        ratios[i] = state_ratio(&group->states[i]);
        hi[i] = (real)(ratios[i].hi * power_of_two(-WEIGHT_BIAS));
        lo[i] = (real)(ratios[i].lo * power_of_two(-WEIGHT_BIAS));
    }
    for (size_t i = 0; i < group->count; i += V_LANES) {
        const vpair log = vpair_log1p((vpair){v_load(hi + i), v_load(lo + i)});
        v_store(hi + i, log.hi), v_store(lo + i, log.lo);
    }
    for (size_t i = 0; i < group->count; i++) group->logs[i] = log1p_of_ratio(ratios[i], (double)hi[i], (double)lo[i]);
}

/* Of the rows of a run; its members are those of `r`, which is a row's own scratch. */
static inline void group_start(row_group *group, row *r) {
    group->run = r->run;
    group->w = r->w;
    group->low = r->low;
    group->x_scratch = r->x_scratch;
    memset(group->max, 0, sizeof group->max);
}

/* The rows that are left. */
V_INLINE void group_singles(const row_group *group, row *r, row_function *single) {
    for (size_t i = 0; i < group->count; i++) {
        if (!group->left[i]) continue;
        row_seek(r, group->first + i);
        single(r);
    }
}

V_INLINE void group_serve(row_group *group, row *r, group_keep keep, weighing how, group_function *emit,
                          row_function *single) {
    group_begin(group, keep, how);
    group_weigh(group, keep, how);
    if (keep == GROUP_REST) {
        group_top(group, how);
        group_log1p(group);
    }
    for (size_t i = 0; i < group->count; i++)
        if (!group->left[i]) emit(group, i);
    group_singles(group, r, single);
}

/* Every row of a run. */
V_INLINE void group_rows(row *r, group_keep keep, weighing how, group_function *emit, row_function *single) {
    const size_t size = group_size(r->run, false, keep);
    if (size == 0 || (is_scaled(how) && r->run->reading->scale < 0)) {
        long_rows(r, single);
        return;
    }
    row_group group;
    group_start(&group, r);
    for (group.first = 0; group.first < r->run->rows; group.first += size) {
        group.count = chunk_piece(r->run->rows, group.first, size);
        group_serve(&group, r, keep, how, emit, single);
    }
}

#endif
