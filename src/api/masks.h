/* masks.h: the options that say which entries take part, checked and described for plan/. Used by call.c. */
#ifndef SJ_API_MASKS_H
#define SJ_API_MASKS_H

#include "call.h"
#include "plan/plan.h"

/* Whether entries are as they stand in memory, wherever rows begin. */
static inline bool sj_reads_plainly(const sj_options *options) {
    return !options->mask && !options->lengths && !options->causal && !options->bias && !options->sink &&
           options->scale == 1;
}

/* Refuses them for a function that does not serve them; options of this version's size, or NULL. what: "a loss" */
sj_status sj_refuse_masks(const sj_options *options, const char *what);

/* The same, and exact mode. */
sj_status sj_refuse_readings(const sj_options *options, const char *what);

/* Checks them beside views that are checked; `axis` is the class axis. Describes them in *reading, and how they go
 * along in batch->beside. */
sj_status sj_read_masks(const sj_call *call, const sj_options *options, int axis, sj_reading *reading, sj_batch *batch);

#endif
