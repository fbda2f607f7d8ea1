/* plan.h: which workloads a run times. Made by plan.c from the command line's selection, walked by main.c. */
#ifndef SJ_BENCH_PLAN_H
#define SJ_BENCH_PLAN_H

#include "workload.h"

/* No half precision. */
#define PLAN_WHOLE (1u << SJ_F32 | 1u << SJ_F64)

typedef struct selection {
    bool full;       /* every operation on every shape, both axes, one and two threads */
    bool quick;      /* nothing beyond 2^22 entries */
    bool curve;      /* with the shapes that differ in n alone */
    int op;          /* -1: all */
    unsigned dtypes; /* bits of sj_dtype; 0: as planned */
    int axis;        /* 0 first, 1 last, -1: as planned */
    int threads;     /* 0: as planned */
    size_t rows, n;  /* rows 0: as planned */
} selection;

#define PLAN_MAX_CASES 4096

/* Writes the cases in the order they are to run; returns how many. */
size_t plan_cases(const selection *wanted, bench_case *cases);

/* The n's curve: rows of n for about 2^20 logits. */
size_t plan_curve_rows(size_t n);

#endif
