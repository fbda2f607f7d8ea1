/* watch.c: what a rank that is killed leaves behind is removed by a process that outlives it. It is made before MPI
 * starts, for MPI may not like a process to be copied, and learns of the end of its rank by the end of a pipe. */
#include "command.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROOM = 1 << 14, DESCRIPTORS = 1024 };

static const char all_is_well = 1;
static int pipe_to = -1;

/* Names, each ended by a 0, and all_is_well where nothing is to be done. */
static void watch(int from) {
    static const char told[] = "softjac-mpi: stopped before the end; no output was written\n";
    static char names[ROOM];
    size_t length = 0;
    (void)setsid();                       /* launchers kill whole groups */
    for (int i = 0; i < DESCRIPTORS; i++) /* the launcher's pipes end with the rank */
        if (i != from && i != STDERR_FILENO) (void)close(i);
    for (ssize_t got = 1; got > 0 && length<ROOM - 1; length += got> 0 ? (size_t)got : 0)
        got = read(from, names + length, ROOM - 1 - length);
    if (length == 0 || names[length - 1] == all_is_well) _exit(0);
    for (size_t at = 0; at < length; at += strlen(names + at) + 1) (void)unlink(names + at);
    if (write(STDERR_FILENO, told, sizeof told - 1) < 0) _exit(1);
    _exit(0);
}

void watch_start(void) {
    int ends[2];
    if (pipe(ends) != 0) return;
    const pid_t watcher = fork();
    if (watcher == 0) {
        (void)close(ends[1]);
        watch(ends[0]);
    }
    (void)close(ends[0]);
    if (watcher > 0)
        pipe_to = ends[1];
    else
        (void)close(ends[1]);
}

/* Without a watcher, a killed job leaves its temporary, which never has the name of the output. */
static void tell(const void *bytes, size_t length) {
    if (pipe_to >= 0 && write(pipe_to, bytes, length) < 0) watch_end();
}

void watch_for(const char *temporary) { tell(temporary, strlen(temporary) + 1); }

void watch_end(void) {
    const int to = pipe_to;
    pipe_to = -1;
    if (to < 0) return;
    if (write(to, &all_is_well, 1) < 0) return;
    (void)close(to);
}
