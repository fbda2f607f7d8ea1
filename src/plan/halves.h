/* halves.h: rows of half precision as rows of float32. Called by plan.c. */
#ifndef SJ_PLAN_HALVES_H
#define SJ_PLAN_HALVES_H

#include "kernel/table.h"

typedef void sj_perform(const sj_kernels *kernels, sj_operation operation, sj_run *run);

/* Whether a run is better staged as floats. */
bool sj_stages_halves(const sj_kernels *kernels, const sj_run *run);

/* Every row of such a run, some at a time, by `perform`. The run is used up. */
void sj_perform_halves(const sj_kernels *kernels, sj_operation operation, sj_run *run, sj_perform *perform);

#endif
