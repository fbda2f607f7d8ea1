/* transfer.h: what workers do around the library's calls: elements of a place from an input and to a result, and what
 * failed first. Used by run.c and pieces.c. */
#ifndef TOOL_TRANSFER_H
#define TOOL_TRANSFER_H

#include "compute.h"

/* A view of what the place has of an input: where it is in memory, or of `buffer`, into which it is read. */
bool transfer_in(const input *in, const placement *place, void *buffer, sj_view *view, io_error *error);

/* Writes the packed elements of `buffer` to their place in the file of a result. */
bool transfer_out(const result *to, const placement *place, void *buffer, io_error *error);

/* Of the first unit that failed on one worker. */
typedef struct work_failure {
    bool failed;
    size_t unit;
    sj_status status; /* SJ_OK: `transfer` says what failed */
    sj_error library;
    io_error transfer;
} work_failure;

/* What one thread alone would have met first; `a` may be NULL, and so may the result. */
const work_failure *failure_before(const work_failure *a, const work_failure *b);

/* The exit code of a failure, with its message printed; EXIT_DONE for NULL. */
int failure_report(const arguments *args, const work_failure *failure);

#endif
