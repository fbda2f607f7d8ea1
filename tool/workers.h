/* workers.h: independent pieces of work on several threads, while the calling thread waits, shows progress and alone
 * receives the signals that end the command. Used by whatever calls the library or streams files. */
#ifndef TOOL_WORKERS_H
#define TOOL_WORKERS_H

#include <stdbool.h>
#include <stddef.h>

/* Does unit `unit`; `worker` counts the thread it runs on. False ends the work: units below this one are still done,
 * others need not be. */
typedef bool (*work_call)(void *context, int worker, size_t unit);

/* Called by the waiting thread from time to time, and last when all is done, with how many units are. */
typedef void (*work_watch)(void *context, size_t done);

/* False where no thread can be started. */
bool workers_run(int workers, size_t units, work_call work, work_watch watch, void *context);

#endif
