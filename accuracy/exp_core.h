/* exp_core.h: the exponential of one kernel set, as exp_sweep.c calls it. exp_core.c is compiled once per set. */
#ifndef SJ_ACCURACY_EXP_CORE_H
#define SJ_ACCURACY_EXP_CORE_H

#include <stddef.h>

#define EXP_BLOCK 4096 /* inputs of a call */

/* What is measured: a weight in ulp and in u = 2^-24 of it, and the weight with what its rounding left. */
enum { EXP_ULP, EXP_U, EXP_PAIR_U, EXP_KINDS };

typedef struct exp_core {
    const char *set;
    double scale;            /* EXP_SCALE of src/kernel/math/exp.h */
    int bias;                /* WEIGHT_BIAS */
    float low, high, depth;  /* near references, and how far below them a logit has weight */
    int (*integer)(float a); /* K of a near reference */
    /* Weights of z[EXP_BLOCK] relative to a, and what their rounding left. */
    void (*weights)(const float *z, float a, int far, float *weight, float *rest);
    /* The largest errors of a block against want[i] * factor: NaN if one is. */
    void (*worst)(const float *weight, const float *rest, const double *want, double factor, double worst[EXP_KINDS]);
} exp_core;

#endif
