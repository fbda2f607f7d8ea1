/* offsets.h: the offsets of packed rows, checked and described for plan/. Used by call.c. */
#ifndef SJ_API_OFFSETS_H
#define SJ_API_OFFSETS_H

#include "call.h"
#include "plan/plan.h"

/* Checks that they are an array of one dimension, of an operation that takes them, apart from a checked output. */
sj_status sj_check_offsets(const sj_call *call, const sj_view *offsets, sj_error *error);

/* Checks every one of them, and what else is asked for beside them, once the views are checked; `axis` is the class
 * axis. Describes them in *ragged and batch->ragged. */
sj_status sj_read_offsets(const sj_call *call, const sj_options *options, int axis, sj_ragged *ragged, sj_batch *batch);

#endif
