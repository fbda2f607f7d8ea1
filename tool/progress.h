/* progress.h: a progress bar on stderr, for a person at a terminal and only when the job lasts over a second, with the
 * time left and, of files, the rate. Commands that work in chunks begin one, update it after each chunk, and end it. */
#ifndef TOOL_PROGRESS_H
#define TOOL_PROGRESS_H

#include <stdbool.h>
#include <time.h>

struct arguments;

typedef struct progress {
    const char *label; /* what is being done: "jacobian" */
    double total;
    double bytes; /* of all that is read, for the rate; 0 shows none */
    bool enabled; /* stderr is a terminal, and not --quiet */
    bool shown;
    struct timespec start, last;
} progress;

void progress_begin(progress *bar, const struct arguments *args, const char *label, double total);
/* `done` of the total. */
void progress_update(progress *bar, double done);

/* Erases the bar, if one was shown. */
void progress_end(progress *bar);

#endif
