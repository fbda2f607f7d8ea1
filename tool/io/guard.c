/* guard.c: the names of guard.h in memory of fixed place, for a signal handler can neither lock nor trust a pointer
 * that another part of the program is about to free. */
#include "guard.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* A loss and its gradient; a path that is longer than the system's limit cannot be created. */
enum { NAMES = 2, NAME_ROOM = 4096 + 64 };

static char names[NAMES][NAME_ROOM];
static atomic_bool guarded[NAMES];

bool guard_add(const char *path) {
    const size_t length = strlen(path);
    for (int i = 0; i < NAMES && length < NAME_ROOM; i++) {
        if (atomic_load(&guarded[i])) continue;
        memcpy(names[i], path, length + 1);
        atomic_store(&guarded[i], true);
        return true;
    }
    return false;
}

void guard_drop(const char *path) {
    for (int i = 0; i < NAMES; i++) {
        if (atomic_load(&guarded[i]) && strcmp(names[i], path) == 0) atomic_store(&guarded[i], false);
    }
}

void guard_remove(void) {
    for (int i = 0; i < NAMES; i++) {
        if (atomic_load(&guarded[i])) unlink(names[i]);
    }
}

static void end_by(int number) {
    guard_remove();
    /* Default again by SA_RESETHAND: the process ends when this handler returns, as by the signal itself. */
    raise(number);
}

void guard_signals(void) {
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++) {
        struct sigaction before, action = {.sa_handler = end_by, .sa_flags = (int)SA_RESETHAND};
        sigemptyset(&action.sa_mask);
        /* What nohup and shells have silenced stays so. */
        if (sigaction(ending[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(ending[i], &action, NULL);
    }
}
