/* dispatch.h: the kernel sets built into the library and the one in use. Below plan.c, above kernel/. */
#ifndef SJ_PLAN_DISPATCH_H
#define SJ_PLAN_DISPATCH_H

#include "kernel/table.h"

typedef struct sj_kernel_sets {
    const char *name;
    const sj_kernels *f32, *f64;
    const sj_kernels *exact; /* of SJ_EXACT, for every dtype */
} sj_kernel_sets;

/* The set in use: the widest this CPU runs, or what SOFTJAC_ISA names if the CPU runs it. Decided at the first call. */
const sj_kernel_sets *sj_dispatch(void);

/* The i-th set built, narrowest first; NULL past the last. */
const sj_kernel_sets *sj_dispatch_built(size_t i);

#endif
