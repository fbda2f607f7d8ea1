/* plan.c: the workloads: the anchor shapes, a curve over n at a constant number of logits, and for each regime with a
 * target a few shapes that show it. Called by main.c. */
#include "plan.h"

#include <string.h>

#define CURVE_LOGITS ((size_t)1 << 20)
#define QUICK_ENTRIES ((size_t)1 << 22)
#define MAX_JACOBIAN_ENTRIES ((size_t)1 << 24)
#define MAX_SHAPES 64

typedef struct shape {
    size_t rows, n;
} shape;

typedef enum shapes {
    ANCHORS,   /* from the article's batch, over classifiers and attention rows, to vocabularies and one huge row */
    FEW,       /* short, cached and long rows */
    INNER,     /* for the first axis, where rows lie beside each other */
    WIDE,      /* that pay for threads */
    SMALL,     /* one call of five logits */
    LABELLED,  /* digits, classifiers, vocabularies */
    HALVES,    /* the same kinds, of fewer logits: in half precision, and beside it in float32 */
    ATTENTION, /* a square, for masks */
    SHAPE_LISTS
} shapes;

static const shape lists[SHAPE_LISTS][8] = {
    [ANCHORS] = {{1000, 5}, {200000, 10}, {65536, 64}, {4096, 1024}, {512, 32000}, {64, 128256}, {1, (size_t)1 << 24}},
    [FEW] = {{1000, 5}, {4096, 1024}, {64, 128256}},
    [INNER] = {{200000, 10}, {65536, 64}, {4096, 1024}},
    [WIDE] = {{200000, 10}, {4096, 1024}, {512, 32000}, {1, (size_t)1 << 24}},
    [SMALL] = {{1, 5}},
    [LABELLED] = {{1000, 10}, {4096, 1024}, {512, 32000}},
    [HALVES] = {{1000, 10}, {1000, 1000}, {64, 32000}},
    [ATTENTION] = {{1000, 1000}},
};

static const size_t curve_full[] = {2,  3,  4,  5,  6,  7,  8,  9,   10,  11,   12,    13,    14,    15,
                                    16, 17, 18, 19, 20, 31, 33, 100, 257, 1000, 10000, 50257, 151936};
static const size_t curve_short[] = {2, 3, 5, 10, 16, 17, 33, 100, 257, 1000, 10000, 50257, 151936};

typedef struct group {
    unsigned ops;    /* bits of bench_op */
    unsigned dtypes; /* bits of sj_dtype */
    bool first_axis;
    int threads;
    shapes list;
    bool curve;
} group;

#define BIT(op) (1u << (op))
#define MAIN_OPS (BIT(OP_SOFTMAX) | BIT(OP_VJP_OF_SOFTMAX) | BIT(OP_VJP))
#define OTHER_OPS (BIT(OP_LOG_SOFTMAX) | BIT(OP_LOGSUMEXP) | BIT(OP_GRADIENT) | BIT(OP_JVP))
#define MASKED_OPS (BIT(OP_MASKED_SOFTMAX) | BIT(OP_CAUSAL_SOFTMAX))
#define ALL_OPS (BIT(OP_COUNT) - 1)
#define HALF (BIT(SJ_F16) | BIT(SJ_BF16))

static const group usual[] = {
    {MAIN_OPS, PLAN_WHOLE, false, 1, SMALL, false},
    {MAIN_OPS, PLAN_WHOLE, false, 1, ANCHORS, true},
    {OTHER_OPS, PLAN_WHOLE, false, 1, FEW, false},
    {BIT(OP_JACOBIAN), PLAN_WHOLE, false, 1, ANCHORS, false},
    {MAIN_OPS, PLAN_WHOLE, true, 1, INNER, false},
    {MAIN_OPS, PLAN_WHOLE, false, 2, WIDE, false},
    {BIT(OP_CROSS_ENTROPY), BIT(SJ_F32), false, 1, LABELLED, false},
    {BIT(OP_CROSS_ENTROPY), BIT(SJ_F32), false, 2, LABELLED, false},
    {BIT(OP_SOFTMAX) | BIT(OP_VJP), BIT(SJ_F32) | HALF, false, 1, HALVES, false},
    {MASKED_OPS, BIT(SJ_F32), false, 1, ATTENTION, false},
};
static const group everything[] = {
    {ALL_OPS, PLAN_WHOLE, false, 1, SMALL, false}, {ALL_OPS, PLAN_WHOLE, false, 1, ANCHORS, true},
    {ALL_OPS, PLAN_WHOLE, true, 1, ANCHORS, true}, {ALL_OPS, PLAN_WHOLE, false, 2, ANCHORS, true},
    {ALL_OPS, PLAN_WHOLE, true, 2, ANCHORS, true}, {ALL_OPS, BIT(SJ_F32) | HALF, false, 1, HALVES, false},
};

size_t plan_curve_rows(size_t n) { return n < CURVE_LOGITS ? CURVE_LOGITS / n : 1; }

static size_t list_shapes(const selection *wanted, const group *g, shape *found) {
    size_t count = 0;
    if (wanted->rows > 0) {
        found[0] = (shape){wanted->rows, wanted->n};
        return 1;
    }
    while (lists[g->list][count].rows > 0) {
        found[count] = lists[g->list][count];
        count++;
    }
    if (!g->curve || !wanted->curve) return count;
    const size_t *n = wanted->full ? curve_full : curve_short;
    const size_t points = wanted->full ? sizeof curve_full / sizeof *n : sizeof curve_short / sizeof *n;
    for (size_t i = 0; i < points; i++) found[count++] = (shape){plan_curve_rows(n[i]), n[i]};
    return count;
}

/* Rows are cut where a Jacobian would be too large; 0 rows if none fits, nor where the library has no such call. */
static size_t rows_for(bench_op op, bool first_axis, shape s) {
    if (op == OP_CAUSAL_SOFTMAX && first_axis) return 0;
    if (op != OP_JACOBIAN) return s.rows;
    const size_t most = s.n <= 4096 ? MAX_JACOBIAN_ENTRIES / (s.n * s.n) : 0;
    return s.rows < most ? s.rows : most;
}

static bool same(const bench_case *a, const bench_case *b) {
    return a->op == b->op && a->dtype == b->dtype && a->first_axis == b->first_axis && a->threads == b->threads &&
           a->rows == b->rows && a->n == b->n;
}

static size_t add_case(const selection *wanted, bench_case one, bench_case *cases, size_t count) {
    if (one.rows == 0 || count == PLAN_MAX_CASES) return count;
    if (wanted->quick && bench_entries(&one) > QUICK_ENTRIES) return count;
    for (size_t i = 0; i < count; i++) {
        if (same(&cases[i], &one)) return count;
    }
    cases[count] = one;
    return count + 1;
}

static size_t add_group(const selection *wanted, const group *g, bench_case *cases, size_t count) {
    shape found[MAX_SHAPES];
    const size_t shape_count = list_shapes(wanted, g, found);
    if (wanted->axis >= 0 && g->first_axis != (wanted->axis == 0)) return count;
    if (wanted->threads > 0 && g->threads != wanted->threads) return count;
    for (bench_op op = 0; op < OP_COUNT; op++) {
        if ((g->ops & BIT(op)) == 0 || (wanted->op >= 0 && op != (bench_op)wanted->op)) continue;
        for (sj_dtype dtype = SJ_F32; dtype <= SJ_BF16; dtype++) {
            if ((g->dtypes & BIT(dtype)) == 0) continue;
            if (wanted->dtypes != 0 && (wanted->dtypes & BIT(dtype)) == 0) continue;
            for (size_t i = 0; i < shape_count; i++) {
                const bench_case one = {
                    op, dtype, g->first_axis, g->threads, rows_for(op, g->first_axis, found[i]), found[i].n};
                count = add_case(wanted, one, cases, count);
            }
        }
    }
    return count;
}

size_t plan_cases(const selection *wanted, bench_case *cases) {
    const bool one_shape = wanted->rows > 0;
    const unsigned dtypes = wanted->dtypes != 0 ? wanted->dtypes : PLAN_WHOLE;
    const group asked = {ALL_OPS, dtypes, wanted->axis == 0, wanted->threads > 0 ? wanted->threads : 1, SMALL, false};
    const group *groups = one_shape ? &asked : wanted->full ? everything : usual;
    const size_t group_count = one_shape      ? 1
                               : wanted->full ? sizeof everything / sizeof everything[0]
                                              : sizeof usual / sizeof usual[0];
    size_t count = 0;
    for (size_t i = 0; i < group_count; i++) count = add_group(wanted, &groups[i], cases, count);
    return count;
}
