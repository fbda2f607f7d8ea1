/* product_groups.h: VJP and JVP of long rows several at a time, stage by stage as in row_groups.h: the operations of a
 * row are those of long_derivatives.h and given.h, and so are its bits. Called by derivatives.h.
 *
 * Only plain rows with a cotangent of usual size. The others are left to the functions of one row. */
#ifndef SJ_KERNEL_PRODUCT_GROUPS_H
#define SJ_KERNEL_PRODUCT_GROUPS_H

#include "given.h"

/* Pairs, one a row. */
typedef struct group_pairs {
    double hi[GROUP_ROWS], lo[GROUP_ROWS];
} group_pairs;

/* What is known of the rows of a group, so that the ends of several share registers. Where there is no row, or it is
 * left, it raises no flag. */
typedef struct product_group {
    row_group rows;
    double g_m[GROUP_ROWS];
    group_pairs sums, dots;
    product_ends ends[GROUP_ROWS / WIDE_LANES];
} product_group;

V_INLINE wide_pair group_pair(const group_pairs *of, size_t i) {
    return (wide_pair){v_wide_load(of->hi + i), v_wide_load(of->lo + i)};
}

static inline const real *group_g(const row_group *group, size_t i) {
    const sj_operand *g = &group->run->g;
    return (const real *)(const void *)chunk_at(g->data, g, g->row_stride, group->first + i);
}

/* Rows whose cotangent is larger than `most` are left. */
V_INLINE void group_cotangents(product_group *group, real most) {
    row_group *rows = &group->rows;
    for (size_t i = 0; i < rows->count; i++) {
        group->g_m[i] = 0;
        if (rows->left[i]) continue;
        const real *g = group_g(rows, i);
        const real g_m = g[rows->states[i].argmax];
        rows->left[i] = !(g_m >= -most && g_m <= most && chunk_size(g, rows->run->n) <= most);
        group->g_m[i] = rows->left[i] ? 0 : (double)g_m;
    }
}

V_INLINE dd group_dot(const product_group *group, size_t i, real scale, bool given) {
    const row_group *rows = &group->rows;
    const real g_m = (real)group->g_m[i];
    const char *awaited = given ? group_awaited(rows, i) : NULL; /* else asked for with the weights */
    const cotangent c = {.scale = scale, .g_m = g_m, .at_max = g_m * scale, .awaited = awaited};
    const weights of = group_weights(rows, i);
    const real *w = given ? group_logits(rows, i) : of.w, *low = given ? NULL : of.low;
    return dd_add((dd){0, 0}, chunk_dot(w, low, group_g(rows, i), rows->run->n, &c, v_zero(), true));
}

V_INLINE void group_set(product_group *group, size_t i, dd sum, dd dot) {
    group->sums.hi[i] = sum.hi, group->sums.lo[i] = sum.lo;
    group->dots.hi[i] = dot.hi, group->dots.lo[i] = dot.lo;
}

/* Sums of weights, where they are not given, and of their products with d. */
V_INLINE void group_sums(product_group *group, real scale, bool given) {
    row_group *rows = &group->rows;
    const dd one = {1, 0}, zero = {0, 0};
    for (size_t i = 0; i < rows->count; i++) {
        const dd dot = rows->left[i] ? zero : group_dot(group, i, scale, given);
        const bool nan = dot.hi != dot.hi;
        group_set(group, i, rows->left[i] || given ? one : rows->states[i].rest, nan ? zero : dot);
        rows->left[i] |= nan;
    }
    for (size_t i = rows->count; i % WIDE_LANES != 0; i++) group->g_m[i] = 0, group_set(group, i, one, zero);
}

/* The maxima of given rows, and where they are. */
V_INLINE void given_group_begin(row_group *rows) {
    const size_t n = rows->run->n;
    for (size_t i = 0; i < rows->count; i++) {
        const real *s = group_logits(rows, i);
        const extremes of = chunk_extremes(s, n);
        rows->left[i] = !(of.max >= REAL_LEAST_NORMAL && of.max <= 1) || v_any(v_gt(v_zero(), of.min));
        if (!rows->left[i]) rows->states[i].argmax = chunk_argmax(s, n, &of);
    }
}

/* The kinds of product. */
typedef enum product_kind { PRODUCT_OF_GIVEN, PRODUCT_OF_SOFTMAX, PRODUCT_OF_LOG } product_kind;

#define UNBIAS power_of_two(-WEIGHT_BIAS)

/* G of every row. Rows of which it is not plain are left, where it shows. */
V_INLINE void group_ends(product_group *group, double scale, product_kind kind) {
    row_group *rows = &group->rows;
    for (size_t i = 0; i < rows->count; i += WIDE_LANES) {
        product_ends *ends = &group->ends[i / WIDE_LANES];
        const wide_pair sum = group_pair(&group->sums, i), dot = group_pair(&group->dots, i);
        const vec_wide g_m = v_wide_load(group->g_m + i);
        if (kind == PRODUCT_OF_GIVEN) ends->at = means_of(g_m * v_wide_set1(scale), dot);
        if (kind == PRODUCT_OF_SOFTMAX) *ends = product_ends_of(sum, dot, g_m, scale, UNBIAS);
        if (kind == PRODUCT_OF_LOG) ends->at = log_means_of(sum, dot, g_m, scale, 1);
    }
    for (size_t i = 0; i < rows->count && kind != PRODUCT_OF_LOG; i++)
        rows->left[i] |= !group->ends[i / WIDE_LANES].at.plain[i % WIDE_LANES];
}

V_INLINE void product_row_emit(const product_group *group, size_t i, product_kind kind) {
    const row_group *rows = &group->rows;
    const product_ends *ends = &group->ends[i / WIDE_LANES];
    const size_t lane = i % WIDE_LANES;
    const real *g = group_g(rows, i), *s = group_logits(rows, i);
    const weights of = group_weights(rows, i);
    if (kind == PRODUCT_OF_GIVEN) {
        const emission e = given_emission(&ends->at, lane, GIVEN_SCALE);
        group_emit(rows, i, emit_product_of_softmax, &e, (sources){s, s, g}, SIZE_MAX, 0);
    } else if (kind == PRODUCT_OF_SOFTMAX) {
        const emission e = product_emission(ends, lane, (double)PRODUCT_SCALE, UNBIAS);
        group_emit(rows, i, emit_plain_product, &e, (sources){of.w, of.low, g}, SIZE_MAX, 0);
    } else {
        const emission e = log_jvp_emission(&ends->at, lane, 1);
        group_emit(rows, i, emit_log_jvp, &e, (sources){g, g, g}, SIZE_MAX, 0);
    }
}

V_INLINE void product_group_serve(product_group *group, product_kind kind) {
    const bool given = kind == PRODUCT_OF_GIVEN;
    const real scale = given ? GIVEN_SCALE : PRODUCT_SCALE;
    row_group *rows = &group->rows;
    if (given)
        given_group_begin(rows);
    else
        group_begin(rows, GROUP_PAIRS, WEIGH_SHALLOW);
    group_cotangents(group, given ? GIVEN_MOST : DOT_LIMIT / PRODUCT_SCALE / 2);
    if (!given) group_weigh(rows, GROUP_PAIRS, WEIGH_SHALLOW);
    group_sums(group, scale, given);
    group_ends(group, (double)scale, kind);
    for (size_t i = 0; i < rows->count; i++)
        if (!rows->left[i]) product_row_emit(group, i, kind);
}

/* How many rows of a run are taken at a time. Without fused arithmetic none is plain. */
static inline size_t product_group_size(const sj_run *run, product_kind kind) {
    if (!NATIVE_FMA || !chunk_is_direct(&run->g, run->g.class_stride)) return 0;
    return group_size(run, kind == PRODUCT_OF_GIVEN, GROUP_PAIRS);
}

/* Every row of a run. */
V_INLINE void product_groups(row *r, product_kind kind, row_function *single) {
    const sj_run *run = r->run;
    const size_t size = product_group_size(run, kind);
    if (size == 0) {
        long_rows(r, single);
        return;
    }
    product_group group;
    row_group *rows = &group.rows;
    group_start(rows, r);
    for (rows->first = 0; rows->first < run->rows; rows->first += size) {
        rows->count = chunk_piece(run->rows, rows->first, size);
        product_group_serve(&group, kind);
        group_singles(rows, r, single);
    }
}

#endif
