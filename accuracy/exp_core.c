/* exp_core.c: the float32 exponential of the kernels of one set, made callable. Compiled once per set with its flags
 * and -DSJ_SET=<name>, -DSJ_REAL_f32; swept over every input by exp_sweep.c. */
#include "exp_core.h"

#include "kernel/math/exp.h"

#include <math.h>

#define TEXT(x) #x
#define SET_NAME(set) TEXT(set)
#define JOIN(a, b) a##b
#define CORE_NAME(set) JOIN(exp_core_, set)

V_INLINE void sweep(const float *z, const reference *ref, weighing how, float *weight, float *rest) {
    for (size_t i = 0; i < EXP_BLOCK; i += V_LANES) {
        const vpair w = weight_pair(v_load(z + i), ref, how);
        v_store(weight + i, w.hi);
        v_store(rest + i, w.lo);
    }
}

static void weights(const float *z, float a, int far, float *weight, float *rest) {
    const reference ref = far ? reference_far(a) : reference_near(v_set1(a), WEIGH_NEAR);
    if (far)
        sweep(z, &ref, WEIGH_FAR, weight, rest);
    else
        sweep(z, &ref, WEIGH_NEAR, weight, rest);
}

#define LANES 16 /* independent maxima, so that the loop is one over vectors */

/* One over the ulp of float32 at a normal x. */
static inline double per_ulp(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits = ((uint64_t)(23 + 2 * 1023) << 52) - (bits & UINT64_C(0x7ff0000000000000));
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void worst(const float *weight, const float *rest, const double *want, double factor, double most[EXP_KINDS]) {
    double ulp[LANES] = {0}, relative[LANES] = {0}, pair[LANES] = {0}, any_nan[LANES] = {0};
    for (size_t i = 0; i < EXP_BLOCK; i += LANES)
        for (size_t j = 0; j < LANES; j++) {
            const double truth = want[i + j] * factor, off = (double)weight[i + j] - truth;
            const double off_pair = off + (double)rest[i + j];
            const double in_ulp = fabs(off) * per_ulp(truth), in_u = fabs(off) / truth,
                         pair_in_u = fabs(off_pair) / truth;
            ulp[j] = in_ulp > ulp[j] ? in_ulp : ulp[j];
            relative[j] = in_u > relative[j] ? in_u : relative[j];
            pair[j] = pair_in_u > pair[j] ? pair_in_u : pair[j];
            any_nan[j] += off_pair - off_pair;
        }
    most[EXP_ULP] = most[EXP_U] = most[EXP_PAIR_U] = 0;
    for (size_t j = 0; j < LANES; j++) {
        most[EXP_ULP] = fmax(most[EXP_ULP], ulp[j]) + any_nan[j];
        most[EXP_U] = fmax(most[EXP_U], 0x1p24 * relative[j]) + any_nan[j];
        most[EXP_PAIR_U] = fmax(most[EXP_PAIR_U], 0x1p24 * pair[j]) + any_nan[j];
    }
}

static int integer(float a) {
    const reference ref = reference_near(v_set1(a), WEIGH_NEAR);
    return (int)reference_integer(&ref);
}

extern const exp_core CORE_NAME(SJ_SET);

const exp_core CORE_NAME(SJ_SET) = {.set = SET_NAME(SJ_SET),
                                    .scale = EXP_SCALE,
                                    .bias = WEIGHT_BIAS,
                                    .low = (float)NEAR_LOW,
                                    .high = (float)NEAR_HIGH,
                                    .depth = (float)WEIGHT_DEPTH,
                                    .integer = integer,
                                    .weights = weights,
                                    .worst = worst};
