/* edges.c: see edges.h. */
#include "edges.h"

#include <float.h>
#include <math.h>

#define INF INFINITY
#define LN2 0.69314718055994530942
#define LARGEST EDGE_LARGEST
#define SMALLEST EDGE_SMALLEST
#define DEEPEST EDGE_DEEPEST
#define COUNT(array) (sizeof(array) / sizeof *(array))

#define ROW_OF_NAN                                                                                                     \
    { NAN, NAN, NAN, NAN }
#define ROW_OF_ZERO                                                                                                    \
    { 0, 0, 0, 0 }
#define ROW_OF_MINUS                                                                                                   \
    { -INF, -INF, -INF, -INF }

static const edge one_class[] = {
    {"finite", SJ_IEEE, 1, {3}, {1}, {0}, 3, EDGE_OF_SOFTMAX},
    {"NaN", SJ_IEEE, 1, {NAN}, {NAN}, {NAN}, NAN, EDGE_ALL_NAN},
    {"+inf", SJ_IEEE, 1, {INF}, {NAN}, {NAN}, INF, EDGE_ALL_NAN},
    {"-inf", SJ_IEEE, 1, {-INF}, {NAN}, {NAN}, -INF, EDGE_ALL_NAN},
    {"NaN", SJ_LIMIT, 1, {NAN}, {NAN}, {NAN}, NAN, EDGE_ALL_NAN},
    {"+inf", SJ_LIMIT, 1, {INF}, {1}, {0}, INF, EDGE_OF_SOFTMAX},
    {"-inf", SJ_LIMIT, 1, {-INF}, {NAN}, {NAN}, -INF, EDGE_ALL_NAN},
    {"NaN", SJ_ZERO, 1, {NAN}, {NAN}, {NAN}, NAN, EDGE_ALL_NAN},
    {"+inf", SJ_ZERO, 1, {INF}, {NAN}, {NAN}, INF, EDGE_ALL_NAN},
    {"-inf", SJ_ZERO, 1, {-INF}, {0}, {-INF}, -INF, EDGE_ALL_ZERO},
};

static const edge nan_in_row[] = {
    {"first", SJ_IEEE, 3, {NAN, 1, 2}, ROW_OF_NAN, ROW_OF_NAN, NAN, EDGE_ALL_NAN},
    {"between", SJ_IEEE, 3, {2, NAN, 1}, ROW_OF_NAN, ROW_OF_NAN, NAN, EDGE_ALL_NAN},
    {"last", SJ_IEEE, 3, {1, 2, NAN}, ROW_OF_NAN, ROW_OF_NAN, NAN, EDGE_ALL_NAN},
    {"all", SJ_IEEE, 3, ROW_OF_NAN, ROW_OF_NAN, ROW_OF_NAN, NAN, EDGE_ALL_NAN},
    {"beside +inf", SJ_IEEE, 3, {INF, NAN, 0}, ROW_OF_NAN, ROW_OF_NAN, NAN, EDGE_ALL_NAN},
    {"beside -inf", SJ_IEEE, 2, {-INF, NAN}, ROW_OF_NAN, ROW_OF_NAN, NAN, EDGE_ALL_NAN},
    {"beside the largest", SJ_IEEE, 2, {LARGEST, NAN}, ROW_OF_NAN, ROW_OF_NAN, NAN, EDGE_ALL_NAN},
    {"beside +inf", SJ_LIMIT, 3, {INF, 0, NAN}, ROW_OF_NAN, ROW_OF_NAN, NAN, EDGE_ALL_NAN},
    {"beside -inf", SJ_LIMIT, 2, {-INF, NAN}, ROW_OF_NAN, ROW_OF_NAN, NAN, EDGE_ALL_NAN},
    {"beside +inf", SJ_ZERO, 3, {NAN, 0, INF}, ROW_OF_NAN, ROW_OF_NAN, NAN, EDGE_ALL_NAN},
    {"beside -inf", SJ_ZERO, 2, {NAN, -INF}, ROW_OF_NAN, ROW_OF_NAN, NAN, EDGE_ALL_NAN},
};

static const edge plus_infinity[] = {
    {"once", SJ_IEEE, 3, {0, INF, 0}, ROW_OF_NAN, ROW_OF_NAN, INF, EDGE_ALL_NAN},
    {"twice", SJ_IEEE, 3, {INF, 0, INF}, ROW_OF_NAN, ROW_OF_NAN, INF, EDGE_ALL_NAN},
    {"beside -inf", SJ_IEEE, 2, {INF, -INF}, ROW_OF_NAN, ROW_OF_NAN, INF, EDGE_ALL_NAN},
    {"once", SJ_LIMIT, 3, {0, INF, 5}, {0, 1, 0}, {-INF, 0, -INF}, INF, EDGE_OF_SOFTMAX},
    {"twice", SJ_LIMIT, 3, {INF, 9, INF}, {0.5, 0, 0.5}, {-LN2, -INF, -LN2}, INF, EDGE_OF_SOFTMAX},
    {"beside -inf", SJ_LIMIT, 3, {INF, -INF, INF}, {0.5, 0, 0.5}, {-LN2, -INF, -LN2}, INF, EDGE_OF_SOFTMAX},
    {"beside the largest", SJ_LIMIT, 2, {LARGEST, INF}, {0, 1}, {-INF, 0}, INF, EDGE_OF_SOFTMAX},
    {"all four",
     SJ_LIMIT,
     4,
     {INF, INF, INF, INF},
     {0.25, 0.25, 0.25, 0.25},
     {-2 * LN2, -2 * LN2, -2 * LN2, -2 * LN2},
     INF,
     EDGE_OF_SOFTMAX},
    {"once", SJ_ZERO, 2, {0, INF}, ROW_OF_NAN, ROW_OF_NAN, INF, EDGE_ALL_NAN},
    {"beside -inf", SJ_ZERO, 2, {-INF, INF}, ROW_OF_NAN, ROW_OF_NAN, INF, EDGE_ALL_NAN},
};

static const edge only_minus_infinity[] = {
    {"three", SJ_IEEE, 3, ROW_OF_MINUS, ROW_OF_NAN, ROW_OF_NAN, -INF, EDGE_ALL_NAN},
    {"three", SJ_LIMIT, 3, ROW_OF_MINUS, ROW_OF_NAN, ROW_OF_NAN, -INF, EDGE_ALL_NAN},
    {"three", SJ_ZERO, 3, ROW_OF_MINUS, ROW_OF_ZERO, ROW_OF_MINUS, -INF, EDGE_ALL_ZERO},
};

static const edge some_minus_infinity[] = {
    {"between", SJ_IEEE, 3, {4, -INF, 4}, {0.5, 0, 0.5}, {-LN2, -INF, -LN2}, 4 + LN2, EDGE_OF_SOFTMAX},
    {"first", SJ_LIMIT, 3, {-INF, 7, 7}, {0, 0.5, 0.5}, {-INF, -LN2, -LN2}, 7 + LN2, EDGE_OF_SOFTMAX},
    {"all but one", SJ_ZERO, 3, {-INF, 5, -INF}, {0, 1, 0}, {-INF, 0, -INF}, 5, EDGE_OF_SOFTMAX},
    {"far from 0", SJ_IEEE, 3, {-INF, 1e8, -1e8}, {0, 1, 0}, {-INF, 0, -2e8}, 1e8, EDGE_OF_SOFTMAX},
};

static const edge underflow[] = {
    {"last", SJ_IEEE, 2, {0, DEEPEST}, {1, SMALLEST}, {-SMALLEST, DEEPEST}, SMALLEST, EDGE_OF_SOFTMAX},
    {"first", SJ_IEEE, 2, {DEEPEST, 0}, {SMALLEST, 1}, {DEEPEST, -SMALLEST}, SMALLEST, EDGE_OF_SOFTMAX},
    {"deeper", SJ_IEEE, 2, {0, -2048}, {1, 0}, {0, -2048}, 0, EDGE_OF_SOFTMAX},
};

static const edge near_largest[] = {
    {"equal", SJ_IEEE, 2, {LARGEST, LARGEST}, {0.5, 0.5}, {-LN2, -LN2}, LARGEST, EDGE_OF_SOFTMAX},
    {"apart", SJ_IEEE, 2, {LARGEST, -LARGEST}, {1, 0}, {0, -INF}, LARGEST, EDGE_OF_SOFTMAX},
    {"negative", SJ_IEEE, 2, {-LARGEST, -LARGEST}, {0.5, 0.5}, {-LN2, -LN2}, -LARGEST, EDGE_OF_SOFTMAX},
    {"beside 0", SJ_IEEE, 2, {0, LARGEST}, {0, 1}, {-LARGEST, 0}, LARGEST, EDGE_OF_SOFTMAX},
    {"below 0", SJ_IEEE, 2, {0, -LARGEST}, {1, 0}, {0, -LARGEST}, 0, EDGE_OF_SOFTMAX},
};

const edge_topic edge_topics[] = {
    {"One class", "s = 1, log s = +0 and J = +0 where the logit is finite.", one_class, COUNT(one_class)},
    {"NaN in a row", "Makes the whole row NaN, under every policy, and no other row.", nan_in_row, COUNT(nan_in_row)},
    {"+inf in a row",
     "A NaN row and logsumexp = +inf; with `limit` the +inf entries share the mass, as equal logits growing together.",
     plus_infinity, COUNT(plus_infinity)},
    {"Only -inf", "A NaN row and logsumexp = -inf; with `zero` s = 0, log s = -inf and derivatives 0.",
     only_minus_infinity, COUNT(only_minus_infinity)},
    {"Some -inf", "s = 0 there; its row and column of J are +0.", some_minus_infinity, COUNT(some_minus_infinity)},
    {"Underflow", "Gradual, down to the smallest subnormal.", underflow, COUNT(underflow)},
    {"Near the largest finite number",
     "Finite results wherever the exact one fits the dtype; a log softmax that does "
     "not fit is -inf.",
     near_largest, COUNT(near_largest)},
};
const size_t edge_topic_count = COUNT(edge_topics);

const given_edge given_edges[] = {
    {"one class", 1, {1}, EDGE_OF_SOFTMAX},
    {"NaN first", 3, {NAN, 0.5, 0.5}, EDGE_ALL_NAN},
    {"NaN last", 3, {0.5, 0.5, NAN}, EDGE_ALL_NAN},
    {"NaN row", 3, ROW_OF_NAN, EDGE_ALL_NAN},
    {"only 0", 3, ROW_OF_ZERO, EDGE_ALL_ZERO},
    {"0 beside a half", 3, {0.5, 0, 0.5}, EDGE_OF_SOFTMAX},
    {"smallest beside 1", 2, {1, SMALLEST}, EDGE_OF_SOFTMAX},
};
const size_t given_edge_count = COUNT(given_edges);

const empty_edge empty_edges[] = {
    {"no classes", 3, 0, 3, -INF},
    {"no rows", 0, 3, 0, 0},
    {"neither", 0, 0, 0, 0},
};
const size_t empty_edge_count = COUNT(empty_edges);

double edge_value(double x, sj_dtype dtype) {
    const int narrow = dtype == SJ_F32;
    if (fabs(x) == LARGEST) return copysign(narrow ? (double)FLT_MAX : DBL_MAX, x);
    if (fabs(x) == SMALLEST) return copysign(narrow ? 0x1p-149 : 0x1p-1074, x);
    if (x == DEEPEST) return narrow ? -103 : -745;
    return narrow ? (double)(float)x : x;
}
