/* guard.h: names of files that are not finished yet, removed when a signal ends the process. output.c guards what it
 * writes; main.c asks for it. */
#ifndef SJ_IO_GUARD_H
#define SJ_IO_GUARD_H

#include <stdbool.h>

/* From now on SIGINT, SIGTERM and SIGHUP, where they end the process, first remove what is guarded; and so does
 * guard_remove. The threads of a process that writes hold these signals, all but the one that opens outputs: otherwise
 * one could come between the name of a file and the file. */
void guard_signals(void);

/* `path` is removed if the process ends before guard_drop, to be called before the file is made. False where its name
 * is too long to keep, or too many are kept. */
bool guard_add(const char *path);
void guard_drop(const char *path);

/* Removes every guarded file. For signal handlers. */
void guard_remove(void);

#endif
