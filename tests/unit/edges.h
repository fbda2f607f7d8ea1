/* edges.h: the one table of edge cases: rows that finite arithmetic does not define or can barely hold, and what every
 * operation makes of them. test_edges.c checks it; edge_table.c prints it as docs/edge-cases.md. */
#ifndef SJ_TEST_EDGES_H
#define SJ_TEST_EDGES_H

#include <softjac.h>

#include <stddef.h>

#define EDGE_MOST 4

/* Numbers in the table that stand for one of the dtype. None of them is otherwise in it. */
#define EDGE_LARGEST 0x1p1000   /* the largest finite number */
#define EDGE_SMALLEST 0x1p-1000 /* the smallest subnormal */
#define EDGE_DEEPEST (-1000.5)  /* the last whole logit below 0 that has a softmax: -103 or -745 */

typedef enum edge_derivatives {
    EDGE_ALL_NAN,
    EDGE_ALL_ZERO,
    EDGE_OF_SOFTMAX /* as the formulas give them from s: its entries are powers of two, so they are exact */
} edge_derivatives;

/* One row of logits. */
typedef struct edge {
    const char *name;
    sj_nonfinite policy;
    size_t n;
    double z[EDGE_MOST], s[EDGE_MOST], log_s[EDGE_MOST], logsumexp;
    edge_derivatives derivatives;
} edge;

/* Edges that one sentence covers. */
typedef struct edge_topic {
    const char *title, *rule;
    const edge *edges;
    size_t count;
} edge_topic;

extern const edge_topic edge_topics[];
extern const size_t edge_topic_count;

/* A row given as softmax, of which only derivatives are taken. */
typedef struct given_edge {
    const char *name;
    size_t n;
    double s[EDGE_MOST];
    edge_derivatives derivatives;
} given_edge;

extern const given_edge given_edges[];
extern const size_t given_edge_count;

/* An array without elements: every call succeeds. */
typedef struct empty_edge {
    const char *name;
    size_t rows, n;
    size_t written;   /* numbers that logsumexp writes; nothing else writes any */
    double logsumexp; /* each of them */
} empty_edge;

extern const empty_edge empty_edges[];
extern const size_t empty_edge_count;

/* The number of the dtype that a number of the table stands for. */
double edge_value(double x, sj_dtype dtype);

#endif
