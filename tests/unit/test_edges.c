/* test_edges.c: the edge-case table: rows that finite arithmetic does not define, through every form and dtype, alone
 * and within longer rows. One table says what softmax, its logarithm, logsumexp and the derivatives must be. */
#include "support.h"

#include <float.h>
#include <math.h>

#define MOST 4
#define INF INFINITY
#define LARGEST DBL_MAX /* stands for the largest finite number of the dtype */
#define LN2 0.69314718055994530942

typedef enum derivatives {
    ALL_NAN,
    ALL_ZERO,
    OF_SOFTMAX /* as the formulas give them from s: it is made of powers of two, so they are exact */
} derivatives;

typedef struct edge {
    const char *name;
    sj_nonfinite policy;
    size_t n;
    double z[MOST], s[MOST], log_s[MOST], logsumexp;
    derivatives derivatives;
} edge;

#define ROW_OF_NAN                                                                                                     \
    { NAN, NAN, NAN, NAN }
#define ROW_OF_ZERO                                                                                                    \
    { 0, 0, 0, 0 }
#define ROW_OF_MINUS                                                                                                   \
    { -INF, -INF, -INF, -INF }

static const edge edges[] = {
    {"one class", SJ_IEEE, 1, {3}, {1}, {0}, 3, OF_SOFTMAX},
    {"one NaN", SJ_IEEE, 1, {NAN}, {NAN}, {NAN}, NAN, ALL_NAN},
    {"one +inf", SJ_IEEE, 1, {INF}, {NAN}, {NAN}, INF, ALL_NAN},
    {"one -inf", SJ_IEEE, 1, {-INF}, {NAN}, {NAN}, -INF, ALL_NAN},
    {"one +inf, limit", SJ_LIMIT, 1, {INF}, {1}, {0}, INF, OF_SOFTMAX},
    {"one -inf, zero", SJ_ZERO, 1, {-INF}, {0}, {-INF}, -INF, ALL_ZERO},
    {"NaN first", SJ_IEEE, 3, {NAN, 1, 2}, ROW_OF_NAN, ROW_OF_NAN, NAN, ALL_NAN},
    {"NaN between", SJ_IEEE, 3, {2, NAN, 1}, ROW_OF_NAN, ROW_OF_NAN, NAN, ALL_NAN},
    {"NaN last", SJ_IEEE, 3, {1, 2, NAN}, ROW_OF_NAN, ROW_OF_NAN, NAN, ALL_NAN},
    {"NaN beside +inf", SJ_IEEE, 3, {INF, NAN, 0}, ROW_OF_NAN, ROW_OF_NAN, NAN, ALL_NAN},
    {"NaN beside +inf, limit", SJ_LIMIT, 3, {INF, 0, NAN}, ROW_OF_NAN, ROW_OF_NAN, NAN, ALL_NAN},
    {"NaN beside -inf", SJ_IEEE, 2, {-INF, NAN}, ROW_OF_NAN, ROW_OF_NAN, NAN, ALL_NAN},
    {"NaN beside -inf, zero", SJ_ZERO, 2, {NAN, -INF}, ROW_OF_NAN, ROW_OF_NAN, NAN, ALL_NAN},
    {"+inf once", SJ_IEEE, 3, {0, INF, 0}, ROW_OF_NAN, ROW_OF_NAN, INF, ALL_NAN},
    {"+inf twice", SJ_IEEE, 3, {INF, 0, INF}, ROW_OF_NAN, ROW_OF_NAN, INF, ALL_NAN},
    {"+inf and -inf", SJ_IEEE, 2, {INF, -INF}, ROW_OF_NAN, ROW_OF_NAN, INF, ALL_NAN},
    {"+inf, zero", SJ_ZERO, 2, {0, INF}, ROW_OF_NAN, ROW_OF_NAN, INF, ALL_NAN},
    {"+inf once, limit", SJ_LIMIT, 3, {0, INF, 5}, {0, 1, 0}, {-INF, 0, -INF}, INF, OF_SOFTMAX},
    {"+inf twice, limit", SJ_LIMIT, 3, {INF, 9, INF}, {0.5, 0, 0.5}, {-LN2, -INF, -LN2}, INF, OF_SOFTMAX},
    {"+inf and -inf, limit", SJ_LIMIT, 3, {INF, -INF, INF}, {0.5, 0, 0.5}, {-LN2, -INF, -LN2}, INF, OF_SOFTMAX},
    {"+inf four times, limit",
     SJ_LIMIT,
     4,
     {INF, INF, INF, INF},
     {0.25, 0.25, 0.25, 0.25},
     {-2 * LN2, -2 * LN2, -2 * LN2, -2 * LN2},
     INF,
     OF_SOFTMAX},
    {"all -inf", SJ_IEEE, 3, ROW_OF_MINUS, ROW_OF_NAN, ROW_OF_NAN, -INF, ALL_NAN},
    {"all -inf, limit", SJ_LIMIT, 3, ROW_OF_MINUS, ROW_OF_NAN, ROW_OF_NAN, -INF, ALL_NAN},
    {"all -inf, zero", SJ_ZERO, 3, ROW_OF_MINUS, ROW_OF_ZERO, ROW_OF_MINUS, -INF, ALL_ZERO},
    {"-inf between", SJ_IEEE, 3, {4, -INF, 4}, {0.5, 0, 0.5}, {-LN2, -INF, -LN2}, 4 + LN2, OF_SOFTMAX},
    {"-inf but for one", SJ_ZERO, 3, {-INF, 5, -INF}, {0, 1, 0}, {-INF, 0, -INF}, 5, OF_SOFTMAX},
    {"-inf beside finite, limit", SJ_LIMIT, 3, {-INF, 7, 7}, {0, 0.5, 0.5}, {-INF, -LN2, -LN2}, 7 + LN2, OF_SOFTMAX},
    {"far maximum and -inf", SJ_IEEE, 3, {-INF, 1e8, -1e8}, {0, 1, 0}, {-INF, 0, -2e8}, 1e8, OF_SOFTMAX},
    {"largest", SJ_IEEE, 2, {LARGEST, LARGEST}, {0.5, 0.5}, {-LN2, -LN2}, LARGEST, OF_SOFTMAX},
    {"largest apart", SJ_IEEE, 2, {LARGEST, -LARGEST}, {1, 0}, {0, -INF}, LARGEST, OF_SOFTMAX},
    {"smallest", SJ_IEEE, 2, {-LARGEST, -LARGEST}, {0.5, 0.5}, {-LN2, -LN2}, -LARGEST, OF_SOFTMAX},
};

/* An edge within n entries: `before` of -inf, its own, and -inf to the end. Under every policy that changes no result
 * but adds entries of s = 0. */
typedef struct padded {
    const edge *edge;
    sj_dtype dtype;
    size_t n;
    double *z, *g, *s, *log_s;
    double total_g, total_size, mean; /* sums of g_k, |g_k|, s_k g_k */
} padded;

static double of_dtype(sj_dtype dtype, double x) {
    if (dtype == SJ_F64 || !isfinite(x)) return x;
    return fabs(x) == LARGEST ? copysign((double)FLT_MAX, x) : (double)(float)x;
}

static padded pad(const edge *e, sj_dtype dtype, size_t before, size_t after) {
    padded p = {e, dtype, before + e->n + after, NULL, NULL, NULL, NULL, 0, 0, 0};
    double **const arrays[] = {&p.z, &p.g, &p.s, &p.log_s};
    for (size_t i = 0; i < 4; i++) *arrays[i] = new_elements(SJ_F64, p.n);
    for (size_t k = 0; k < p.n; k++) {
        const bool own = k >= before && k < before + e->n;
        const bool nan = isnan(e->s[0]), empty = e->derivatives == ALL_ZERO;
        p.z[k] = own ? of_dtype(dtype, e->z[k - before]) : -INF;
        p.s[k] = own ? e->s[k - before] : nan ? NAN : 0;
        p.log_s[k] = own ? e->log_s[k - before] : nan && !empty ? NAN : -INF;
        p.g[k] = (double)(k % 5) - 1.5; /* sums of these are exact */
        p.total_g += p.g[k];
        p.total_size += fabs(p.g[k]);
        p.mean += p.s[k] * p.g[k];
    }
    return p;
}

static void unpad(padded *p) {
    free(p->z);
    free(p->g);
    free(p->s);
    free(p->log_s);
}

/* Entry i of the result, by the textbook formula, exact for these s. */
static double derivative_of_softmax(form_id id, const padded *p, size_t q, size_t i) {
    const size_t row = forms[id].result == RESULT_MATRIX ? i / p->n : q, r = i % p->n;
    const double delta = row == r;
    switch (id) {
    case FORM_GRADIENT:
    case FORM_JACOBIAN:
        return p->s[row] * (delta - p->s[r]);
    case FORM_LOG_GRADIENT:
    case FORM_LOG_JACOBIAN:
        return delta - p->s[r];
    case FORM_LOG_VJP:
        return p->g[i] - p->s[i] * p->total_g;
    case FORM_LOG_JVP:
        return p->g[i] - p->mean;
    default:
        return p->s[i] * (p->g[i] - p->mean);
    }
}

static double expected(form_id id, const padded *p, size_t q, size_t i) {
    if (id == FORM_SOFTMAX) return p->s[i];
    if (id == FORM_LOG_SOFTMAX) return p->log_s[i];
    if (id == FORM_LOGSUMEXP) return of_dtype(p->dtype, p->edge->logsumexp);
    if (p->edge->derivatives == OF_SOFTMAX) return derivative_of_softmax(id, p, q, i);
    return p->edge->derivatives == ALL_NAN ? NAN : 0;
}

/* What the error of entry i is relative to: itself, as 4 ulp are at most 8 u; of a product, no less than its condition,
 * in which |g_k - g_m| is at most 4. Nothing where s = 0: there the result is exact. */
static double scale_of(form_id id, const padded *p, size_t i, double want) {
    if (!forms[id].takes_g || p->s[i] == 0) return id == FORM_LOG_JVP ? 8 : fabs(want);
    if (id != FORM_LOG_VJP) return p->s[i] * 8 + (id == FORM_LOG_JVP ? 8 : 0);
    return fabs(p->g[i]) + p->s[i] * p->total_size;
}

static bool agrees(double got, double want, sj_dtype dtype, double scale) {
    const double u = dtype == SJ_F32 ? 0x1p-24 : 0x1p-53;
    if (isnan(want)) return isnan(got);
    return isfinite(want) ? fabs(got - want) <= 8 * u * scale : got == want;
}

/* An entry of s = 0 makes no -0: not in s, not in its row or column of the Jacobian. */
static bool is_unsigned_zero(form_id id) {
    return id == FORM_SOFTMAX || id == FORM_GRADIENT || id == FORM_JACOBIAN || id == FORM_LOG_JACOBIAN ||
           id == FORM_LOG_GRADIENT;
}

static void check_form(form_id id, const padded *p, size_t q) {
    const sj_options options = {sizeof options, p->edge->policy, SJ_GIVEN_LOGITS, 0, NULL};
    const size_t entries = form_entries(&forms[id], p->n);
    double *got = new_elements(SJ_F64, entries);
    form_row_with(&options, id, p->dtype, p->z, p->g, q, p->n, got);
    for (size_t i = 0; i < entries; i++) {
        const double want = expected(id, p, q, i);
        if (!agrees(got[i], want, p->dtype, scale_of(id, p, i, want)) ||
            (want == 0 && is_unsigned_zero(id) && signbit(got[i])))
            fail_msg("%s: %s %s, n = %zu, q = %zu, entry %zu: %a; expected %a", p->edge->name, forms[id].name,
                     dtype_name(p->dtype), p->n, q, i, got[i], want);
    }
    free(got);
}

static void check_padded(const edge *e, sj_dtype dtype, size_t before, size_t after) {
    padded p = pad(e, dtype, before, after);
    for (int id = 0; id < FORM_COUNT; id++) {
        if (forms[id].result == RESULT_MATRIX && p.n > 100) continue;
        for (size_t k = 0; k < (forms[id].takes_class ? e->n : 1); k++) check_form((form_id)id, &p, before + k);
        if (forms[id].takes_class) check_form((form_id)id, &p, 0);
    }
    unpad(&p);
}

static void check_table(size_t before, size_t after) {
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++)
        for (int t = 0; t < 2; t++) check_padded(&edges[i], dtypes[t], before, after);
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

static void no_classes(void **state) {
    const size_t empty[2] = {3, 0}, blocks[3] = {3, 0, 0};
    (void)state;
    for (int t = 0; t < 2; t++)
        for (int id = 0; id < FORM_COUNT; id++) {
            double out[3] = {7, 7, 7};
            form_arguments a = {sj_array(NULL, dtypes[t], 2, empty), sj_array(NULL, dtypes[t], 2, empty), 0, SJ_BLOCKS,
                                sj_array(out, dtypes[t], 2, empty)};
            if (forms[id].result == RESULT_MATRIX) a.out = sj_array(out, dtypes[t], 3, blocks);
            if (forms[id].result == RESULT_SCALAR) a.out = sj_array(out, dtypes[t], 1, empty);
            assert_int_equal(forms[id].call(&a, NULL), SJ_OK);
            for (size_t i = 0; i < 3 && forms[id].result == RESULT_SCALAR; i++)
                assert_true(element_get(out, dtypes[t], i) == -INF);
            for (size_t i = 0; i < 3 && forms[id].result != RESULT_SCALAR; i++) assert_true(out[i] == 7);
        }
}

static void no_rows(void **state) {
    const size_t empty[2] = {0, 3}, blocks[3] = {0, 3, 3};
    (void)state;
    for (int id = 0; id < FORM_COUNT; id++) {
        double out[1] = {7};
        form_arguments a = {sj_array(NULL, SJ_F64, 2, empty), sj_array(NULL, SJ_F64, 2, empty), 1, SJ_BLOCKS,
                            sj_array(out, SJ_F64, 2, empty)};
        if (forms[id].result == RESULT_MATRIX) a.out = sj_array(out, SJ_F64, 3, blocks);
        if (forms[id].result == RESULT_SCALAR) a.out = sj_array(out, SJ_F64, 1, empty);
        assert_int_equal(forms[id].call(&a, NULL), SJ_OK);
        assert_true(out[0] == 7);
    }
}

/* A row of each kind in one batch: every row as if it were alone. */
static void undefined_rows_leave_the_others_alone(void **state) {
    enum { rows = 4, n = 3 };
    static const double z[rows * n] = {1, 2, 3, NAN, 0, 1, 3, INF, 1, 2, -INF, 1}, g[rows * n] = {1, 0, 2, 1, 1, 0};
    (void)state;
    for (int t = 0; t < 2; t++)
        for (int id = 0; id < FORM_COUNT; id++) {
            const size_t entries = form_entries(&forms[id], n), shape[2] = {rows, n};
            size_t result[3] = {0};
            const int ndim = result_shape((form_id)id, 2, 1, shape, result);
            void *logits = typed(dtypes[t], z, rows * n), *cotangent = typed(dtypes[t], g, rows * n);
            void *out = new_elements(dtypes[t], rows * entries);
            const form_arguments a = {sj_array(logits, dtypes[t], 2, shape), sj_array(cotangent, dtypes[t], 2, shape),
                                      1, SJ_BLOCKS, sj_array(out, dtypes[t], ndim, result)};
            assert_int_equal(forms[id].call(&a, NULL), SJ_OK);
            for (size_t i = 0; i < rows; i++) {
                double alone[n * n];
                form_row((form_id)id, dtypes[t], z + i * n, g + i * n, 1, n, alone);
                void *typed_alone = typed(dtypes[t], alone, entries);
                for (size_t k = 0; k < entries; k++)
                    assert_true(same_bits(dtypes[t], out, i * entries + k, typed_alone, k));
                free(typed_alone);
            }
            free(logits);
            free(cotangent);
            free(out);
        }
}

static void underflow_is_gradual_to_the_smallest_subnormal(void **state) {
    const double deepest[2][2] = {{0, -103}, {0, -745}}, smallest[2] = {0x1p-149, 0x1p-1074};
    (void)state;
    for (int t = 0; t < 2; t++) {
        double out[4];
        form_row(FORM_SOFTMAX, dtypes[t], deepest[t], NULL, 0, 2, out);
        assert_true(out[0] == 1 && out[1] == smallest[t]);
        form_row(FORM_JACOBIAN, dtypes[t], deepest[t], NULL, 0, 2, out);
        assert_true(out[0] == smallest[t] && out[1] == -smallest[t] && out[3] == smallest[t]);
    }
}

/* What a backward pass that kept only s may hold. */
static void given_softmax_of_an_undefined_row(void **state) {
    const sj_options given = {sizeof given, SJ_IEEE, SJ_GIVEN_SOFTMAX, 0, NULL};
    const double nan[3] = {NAN, 0.5, 0.5}, zero[3] = {0, 0, 0}, g[3] = {1, -2, 3};
    (void)state;
    for (int t = 0; t < 2; t++)
        for (int id = FORM_GRADIENT; id < FORM_COUNT; id++) {
            double out[9];
            const size_t entries = form_entries(&forms[id], 3);
            form_row_with(&given, (form_id)id, dtypes[t], nan, g, 1, 3, out);
            for (size_t i = 0; i < entries; i++) assert_true(isnan(out[i]));
            form_row_with(&given, (form_id)id, dtypes[t], zero, g, 1, 3, out);
            for (size_t i = 0; i < entries; i++) assert_true(out[i] == 0);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_alone),
                                       cmocka_unit_test(within_rows_of_a_few_vectors),
                                       cmocka_unit_test(within_rows_of_several_pieces),
                                       cmocka_unit_test(no_classes),
                                       cmocka_unit_test(no_rows),
                                       cmocka_unit_test(undefined_rows_leave_the_others_alone),
                                       cmocka_unit_test(underflow_is_gradual_to_the_smallest_subnormal),
                                       cmocka_unit_test(given_softmax_of_an_undefined_row)};
    return run_for_set(tests);
}
