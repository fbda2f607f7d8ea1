/* test_edges.c: every cell of the edge-case table (edges.h): each row through every form, dtype and mode, alone and
 * within longer rows; arrays without elements; rows given as softmax; undefined rows beside others. */
#include "edges.h"
#include "support.h"

#include <math.h>
#include <stdio.h>

#define INF INFINITY

static const sj_mode modes[2] = {SJ_DEFAULT, SJ_EXACT};

static const char *mode_name(sj_mode mode) { return mode == SJ_EXACT ? "exact" : "default"; }

/* What a cell is computed with. */
typedef struct setting {
    const char *name;
    sj_dtype dtype;
    sj_options options;
} setting;

static setting setting_of(const char *name, sj_dtype dtype, sj_mode mode, sj_nonfinite policy) {
    sj_options options = SJ_OPTIONS_INIT;
    options.nonfinite = policy;
    options.mode = mode;
    return (setting){name, dtype, options};
}

/* An edge within n entries: `before` of -inf, its own, and -inf to the end. Under every policy that changes no result
 * but adds entries of s = 0. */
typedef struct padded {
    size_t n, m; /* m: the first of the largest s */
    double *z, *g, *s, *log_s;
    double logsumexp;
    edge_derivatives derivatives;
    double total_g, total_size, drift; /* sums of g_k, |g_k|, s_k (g_k - g_m) */
} padded;

static padded pad(size_t n, edge_derivatives derivatives) {
    padded p = {.n = n, .derivatives = derivatives};
    double **const arrays[] = {&p.z, &p.g, &p.s, &p.log_s};
    for (size_t i = 0; i < 4; i++) *arrays[i] = new_elements(SJ_F64, n);
    return p;
}

static void unpad(padded *p) {
    free(p->z);
    free(p->g);
    free(p->s);
    free(p->log_s);
}

/* Cotangents, and the sums of them that the derivatives are made of; exact, as s holds powers of two. */
static void add_cotangent(padded *p) {
    for (size_t k = 0; k < p->n; k++) {
        if (p->s[k] > p->s[p->m]) p->m = k;
        p->g[k] = (double)(k % 5) - 1.5;
        p->total_g += p->g[k];
        p->total_size += fabs(p->g[k]);
    }
    for (size_t k = 0; k < p->n; k++) p->drift += p->s[k] * (p->g[k] - p->g[p->m]);
}

static padded pad_edge(const edge *e, sj_dtype dtype, size_t before, size_t after) {
    padded p = pad(before + e->n + after, e->derivatives);
    const bool nan = isnan(e->s[0]), empty = e->derivatives == EDGE_ALL_ZERO;
    for (size_t k = 0; k < p.n; k++) {
        const bool own = k >= before && k < before + e->n;
        p.z[k] = own ? edge_value(e->z[k - before], dtype) : -INF;
        p.s[k] = own ? edge_value(e->s[k - before], dtype) : nan ? NAN : 0;
        p.log_s[k] = own ? edge_value(e->log_s[k - before], dtype) : nan && !empty ? NAN : -INF;
    }
    p.logsumexp = edge_value(e->logsumexp, dtype);
    add_cotangent(&p);
    return p;
}

/* 1 - s_k, as the sum of the others. */
static double complement(const padded *p, size_t k) {
    double sum = 0;
    for (size_t i = 0; i < p->n; i++)
        if (i != k) sum += p->s[i];
    return sum;
}

/* Entry i of the result, by the textbook formula. */
static double derivative_of_softmax(form_id id, const padded *p, size_t q, size_t i) {
    const bool matrix = forms[id].result == RESULT_MATRIX && p->n > 0;
    const size_t row = matrix ? i / p->n : q, r = matrix ? i % p->n : i;
    const double d = p->g[r] - p->g[p->m];
    switch (id) {
    case FORM_GRADIENT:
    case FORM_JACOBIAN:
        return row == r ? p->s[row] * complement(p, row) : -(p->s[row] * p->s[r]);
    case FORM_LOG_GRADIENT:
    case FORM_LOG_JACOBIAN:
        return row == r ? complement(p, row) : -p->s[r];
    case FORM_LOG_VJP:
        return p->g[i] - p->s[i] * p->total_g;
    case FORM_LOG_JVP:
        return d - p->drift;
    default:
        return p->s[i] * (d - p->drift);
    }
}

static double expected(form_id id, const padded *p, size_t q, size_t i) {
    if (id == FORM_SOFTMAX) return p->s[i];
    if (id == FORM_LOG_SOFTMAX) return p->log_s[i];
    if (id == FORM_LOGSUMEXP) return p->logsumexp;
    if (p->derivatives == EDGE_OF_SOFTMAX) return derivative_of_softmax(id, p, q, i);
    return p->derivatives == EDGE_ALL_NAN ? NAN : 0;
}

/* The condition of a product, or more: |g_k - g_m| is at most 4, and the s add up to 1. Nothing where s = 0: there the
 * result is exact. */
static double condition(form_id id, const padded *p, size_t i) {
    if (id == FORM_LOG_VJP) return fabs(p->g[i]) + p->s[i] * p->total_size;
    return id == FORM_LOG_JVP ? 8 : p->s[i] * 8;
}

/* Products: 4u and 1u of their condition and half a subnormal; where the table's s is the smallest subnormal it is
 * itself rounded by half of one, times g.
 * Entries: 2 ulp are at most 4u. In exact mode float32 must be the number of the table, which is rounded correctly; in
 * float64 0.51 ulp may be its neighbour, 2u away. */
static double allowed(form_id id, const padded *p, const setting *with, size_t i, double want) {
    const bool narrow = with->dtype == SJ_F32, exact = with->options.mode == SJ_EXACT;
    const double u = narrow ? 0x1p-24 : 0x1p-53, smallest = narrow ? 0x1p-149 : 0x1p-1074;
    if (!forms[id].takes_g) return (exact ? (narrow ? 0 : 2) : 4) * u * fabs(want);
    if (p->s[i] == 0 && id != FORM_LOG_VJP && id != FORM_LOG_JVP) return 0;
    const double rounded_s = id == FORM_LOG_VJP ? p->total_size : 4;
    return (exact ? 1 : 4) * u * condition(id, p, i) + smallest * (1 + rounded_s);
}

/* An entry of s = 0 makes no -0: not in s, not in its row or column of the Jacobian. Nor does a single class. */
static bool is_unsigned_zero(form_id id, size_t n) {
    return id == FORM_SOFTMAX || id == FORM_GRADIENT || id == FORM_JACOBIAN || id == FORM_LOG_JACOBIAN ||
           id == FORM_LOG_GRADIENT || (id == FORM_LOG_SOFTMAX && n == 1);
}

static void check_form(form_id id, const padded *p, const setting *with, size_t q) {
    const size_t entries = form_entries(&forms[id], p->n);
    const double *z = with->options.given == SJ_GIVEN_SOFTMAX ? p->s : p->z;
    double *got = new_elements(SJ_F64, entries);
    form_row_with(&with->options, id, with->dtype, z, p->g, q, p->n, got);
    for (size_t i = 0; i < entries; i++) {
        const double want = expected(id, p, q, i);
        const bool agrees = isnan(want)      ? isnan(got[i])
                            : isfinite(want) ? fabs(got[i] - want) <= allowed(id, p, with, i, want)
                                             : got[i] == want;
        if (!agrees || (want == 0 && is_unsigned_zero(id, p->n) && signbit(got[i])))
            fail_msg("%s, %s mode: %s %s, n = %zu, q = %zu, entry %zu: %a; expected %a", with->name,
                     mode_name(with->options.mode), forms[id].name, dtype_name(with->dtype), p->n, q, i, got[i], want);
    }
    free(got);
}

static void check_edge(const edge *e, const char *title, size_t before, size_t after) {
    char name[80];
    (void)snprintf(name, sizeof name, "%s: %s", title, e->name);
    for (int t = 0; t < 2; t++) {
        padded p = pad_edge(e, dtypes[t], before, after);
        for (int mode = 0; mode < 2; mode++)
            for (int id = 0; id < FORM_COUNT; id++) {
                const setting with = setting_of(name, dtypes[t], modes[mode], e->policy);
                if (forms[id].result == RESULT_MATRIX && p.n > 100) continue;
                for (size_t k = 0; k < (forms[id].takes_class ? e->n : 1); k++)
                    check_form((form_id)id, &p, &with, before + k);
                if (forms[id].takes_class) check_form((form_id)id, &p, &with, 0);
            }
        unpad(&p);
    }
}

static void check_table(size_t before, size_t after) {
    for (size_t t = 0; t < edge_topic_count; t++)
        for (size_t i = 0; i < edge_topics[t].count; i++)
            check_edge(&edge_topics[t].edges[i], edge_topics[t].title, before, after);
}

static void rows_alone(void **state) {
    (void)state;
    check_table(0, 0);
}

static void within_rows_of_a_few_vectors(void **state) {
    (void)state;
    check_table(0, 17);
    check_table(35, 0);
    check_table(7, 20);
}

static void within_rows_of_several_pieces(void **state) {
    (void)state;
    check_table(0, 2100);
    check_table(2046, 5);
    check_table(4200, 0);
}

static void check_given(const given_edge *row, const setting *with, size_t before, size_t after) {
    padded p = pad(before + row->n + after, row->derivatives);
    for (size_t k = 0; k < p.n; k++) {
        const bool own = k >= before && k < before + row->n;
        p.s[k] = own ? edge_value(row->s[k - before], with->dtype) : 0;
    }
    add_cotangent(&p);
    for (int id = FORM_GRADIENT; id < FORM_COUNT; id++)
        if (forms[id].result != RESULT_MATRIX || p.n <= 100) check_form((form_id)id, &p, with, before);
    unpad(&p);
}

/* What a backward pass that kept only s may hold; zeros around it are entries like any other. */
static void rows_given_as_softmax(void **state) {
    static const size_t padding[][2] = {{0, 0}, {0, 17}, {35, 0}, {2046, 5}};
    (void)state;
    for (size_t e = 0; e < given_edge_count; e++)
        for (size_t i = 0; i < sizeof padding / sizeof *padding; i++)
            for (int cell = 0; cell < 4; cell++) {
                setting with = setting_of(given_edges[e].name, dtypes[cell % 2], modes[cell / 2], SJ_IEEE);
                with.options.given = SJ_GIVEN_SOFTMAX;
                check_given(&given_edges[e], &with, padding[i][0], padding[i][1]);
            }
}

static void check_empty(const empty_edge *e, const setting *with, form_id id) {
    const size_t shape[2] = {e->rows, e->n};
    size_t result[3] = {0};
    const int ndim = result_shape(id, 2, 1, shape, result);
    void *out = typed(with->dtype, (const double[]){7, 7, 7, 7}, 4);
    const form_arguments a = {sj_array(NULL, with->dtype, 2, shape), sj_array(NULL, with->dtype, 2, shape), 0,
                              SJ_BLOCKS, sj_array(out, with->dtype, ndim, result)};
    const size_t written = id == FORM_LOGSUMEXP ? e->written : 0;
    assert_int_equal(forms[id].call(&a, &with->options), SJ_OK);
    for (size_t i = 0; i < 4; i++) {
        const double want = i < written ? e->logsumexp : 7, got = element_get(out, with->dtype, i);
        if (got != want) fail_msg("%s: %s, element %zu: %a; expected %a", e->name, forms[id].name, i, got, want);
    }
    free(out);
}

static void arrays_without_elements(void **state) {
    (void)state;
    for (size_t e = 0; e < empty_edge_count; e++)
        for (int cell = 0; cell < 4; cell++)
            for (int policy = SJ_IEEE; policy <= SJ_ZERO; policy++)
                for (int id = 0; id < FORM_COUNT; id++) {
                    const setting with = setting_of("", dtypes[cell % 2], modes[cell / 2], (sj_nonfinite)policy);
                    check_empty(&empty_edges[e], &with, (form_id)id);
                }
}

/* A row of each kind in one batch: every row as if it were alone. */
static void check_batch(const setting *with, form_id id) {
    enum { rows = 5, n = 3 };
    static const double z[rows * n] = {1, 2, 3, NAN, 0, 1, 3, INF, 1, 2, -INF, 1, -INF, -INF, -INF};
    static const double g[rows * n] = {1, 0, 2, 1, 1, 0};
    const sj_dtype dtype = with->dtype;
    const size_t entries = form_entries(&forms[id], n), shape[2] = {rows, n};
    size_t result[3] = {0};
    const int ndim = result_shape(id, 2, 1, shape, result);
    void *logits = typed(dtype, z, rows * n), *cotangent = typed(dtype, g, rows * n);
    void *out = new_elements(dtype, rows * entries);
    const form_arguments a = {sj_array(logits, dtype, 2, shape), sj_array(cotangent, dtype, 2, shape), 1, SJ_BLOCKS,
                              sj_array(out, dtype, ndim, result)};
    assert_int_equal(forms[id].call(&a, &with->options), SJ_OK);
    for (size_t i = 0; i < rows; i++) {
        double alone[n * n];
        form_row_with(&with->options, id, dtype, z + i * n, g + i * n, 1, n, alone);
        void *typed_alone = typed(dtype, alone, entries);
        for (size_t k = 0; k < entries; k++) assert_true(same_bits(dtype, out, i * entries + k, typed_alone, k));
        free(typed_alone);
    }
    free(logits);
    free(cotangent);
    free(out);
}

static void undefined_rows_leave_the_others_alone(void **state) {
    (void)state;
    for (int cell = 0; cell < 4; cell++)
        for (int policy = SJ_IEEE; policy <= SJ_ZERO; policy++)
            for (int id = 0; id < FORM_COUNT; id++) {
                const setting with = setting_of("", dtypes[cell % 2], modes[cell / 2], (sj_nonfinite)policy);
                check_batch(&with, (form_id)id);
            }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_alone),
                                       cmocka_unit_test(within_rows_of_a_few_vectors),
                                       cmocka_unit_test(within_rows_of_several_pieces),
                                       cmocka_unit_test(rows_given_as_softmax),
                                       cmocka_unit_test(arrays_without_elements),
                                       cmocka_unit_test(undefined_rows_leave_the_others_alone)};
    return run_for_set(tests);
}
