/* plan.h: how a job is cut into slices so that what it holds in memory stays within --memory. Between compute.c, which
 * knows the job, and run.c, which runs it. */
#ifndef TOOL_PLAN_H
#define TOOL_PLAN_H

#include "compute.h"

typedef struct slice_plan {
    size_t outers, inners, inner_units, units; /* of a slice, and how many slices along inner and in all */
    int workers;                               /* slices at a time */
    int threads;                               /* of the library in each, as sj_options has it */
    bool fits;                                 /* false: a slice of one row exceeds the memory */
} slice_plan;

slice_plan plan_slices(batch_job *job);

row_slice plan_slice(const slice_plan *plan, const grid *around, size_t unit);

/* Whether elements come from or go to a file while the job runs. */
bool job_streams(batch_job *job);

#endif
