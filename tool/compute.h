/* compute.h: one library operation over a whole array, slice by slice: each is read where its inputs are files,
 * computed, and written to its place where the result is one. The commands describe a job; compute.c does the rest. */
#ifndef TOOL_COMPUTE_H
#define TOOL_COMPUTE_H

#include "beside.h"
#include "map.h"
#include "output.h"
#include "slice.h"

typedef struct batch_job batch_job;

/* z, g and out view one slice: z and g (outer, n, inner) with class axis 1; out by the kind of the result. */
typedef sj_status (*job_call)(const batch_job *job, sj_view z, sj_view g, sj_view out, const sj_options *options);

/* What the row states of the library can make of a row that comes in pieces. */
typedef enum states_make {
    STATES_NOTHING,
    STATES_SOFTMAX,
    STATES_LOG_SOFTMAX,
    STATES_LOGSUMEXP,
    STATES_PRODUCT
} states_make;

struct batch_job {
    const arguments *args;
    input z, g; /* g is not given where the operation takes none */
    beside_inputs beside;
    grid around;
    result_kind kind;
    result out; /* dtype, shape and room are set by job_prepare */
    job_call call;
    states_make states;
    mappings maps; /* where rows are longer than the memory */
};

/* Opens the inputs and what stands beside them, agrees their shapes, sets the grid. To be freed in any case. */
int job_read(batch_job *job, const arguments *args);

/* Sets the result's dtype and shape from the kind, checks that it can go where it shall, makes room for it. */
int job_prepare(batch_job *job);

/* Runs every slice. EXIT_DONE, or the exit code with the library's message printed. */
int job_run(batch_job *job);

void job_free(batch_job *job);

/* The inputs in an order of their own, those that are not given too, and whether each has one number a row. */
enum { JOB_Z, JOB_G, JOB_MASK, JOB_BIAS, JOB_LENGTHS, JOB_SINK, JOB_INPUTS };
input *job_input(batch_job *job, int i, bool *of_rows);

/* Of the files that the inputs are read from. */
double job_bytes(batch_job *job);

/* Whether every file is still as long as it was. EXIT_DONE or the exit code. */
int job_inputs_unchanged(batch_job *job);

/* A library failure as an exit code, with its message printed. */
int library_failure(const arguments *args, sj_status status, const sj_error *error);

#endif
