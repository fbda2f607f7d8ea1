/* compute.h: one library operation over a whole array, slice by slice so that progress can be shown.
 * The commands describe a job; compute.c makes the views of each slice and calls the library. */
#ifndef TOOL_COMPUTE_H
#define TOOL_COMPUTE_H

#include "beside.h"
#include "command.h"

/* What a row of n logits becomes, and so how the result is indexed. */
typedef enum result_kind { RESULT_ROWS, RESULT_REDUCED, RESULT_BLOCKS, RESULT_DENSE } result_kind;

typedef struct batch_job batch_job;

/* z, g and out view one slice: z and g (outer, n, inner) with class axis 1; out by the kind of the result. */
typedef sj_status (*job_call)(const batch_job *job, sj_view z, sj_view g, sj_view out, const sj_options *options);

struct batch_job {
    const arguments *args;
    const io_array *z, *g; /* g is NULL where the operation takes none */
    beside_arrays beside;
    grid around;
    result_kind kind;
    io_array out; /* dtype, shape and data are set by job_prepare */
    job_call call;
};

/* Reads the inputs and what stands beside them, agrees their shapes, sets the grid. `z` and `g` are filled in any case
 * and freed by the caller. */
int job_read(batch_job *job, const arguments *args, io_array *z, io_array *g);

/* Sets the result's dtype and shape from the kind, checks that it can go where it shall, allocates it. */
int job_prepare(batch_job *job);

/* Runs every slice. EXIT_DONE, or the exit code with the library's message printed. */
int job_run(batch_job *job);

/* Frees all but the inputs. */
void job_free(batch_job *job);

/* A library failure as an exit code, with its message printed. */
int library_failure(const arguments *args, sj_status status, const sj_error *error);

#endif
