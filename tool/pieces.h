/* pieces.h: rows longer than the memory, through the row states of the library: a pass over the pieces of a row for its
 * state, one more for the sum of a product, and one for the results. Called by run.c where a slice of one row is too
 * much.
 */
#ifndef TOOL_PIECES_H
#define TOOL_PIECES_H

#include "compute.h"

/* Whether the states serve this job: its operation and its options. Others need the whole row at once. */
bool pieces_serve(const batch_job *job);

/* Runs the job. EXIT_DONE or the exit code. Results are as accurate as job_run's; their bits may differ. */
int pieces_run(batch_job *job);

#endif
