/* workers.c: the threads of workers.h. Units are taken in order, so that the first to fail is the first that would fail
 * if one thread did them all. */
#include "workers.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

enum { WATCH_NANOSECONDS = 5000000 };

typedef struct crew {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t next, units, done;
    int running;
    work_call work;
    void *context;
} crew;

typedef struct member {
    crew *of;
    int number;
    pthread_t thread;
} member;

static void *work_on(void *argument) {
    const member *self = argument;
    crew *of = self->of;
    pthread_mutex_lock(&of->lock);
    while (of->next < of->units) {
        const size_t unit = of->next++;
        pthread_mutex_unlock(&of->lock);
        const bool well = of->work(of->context, self->number, unit);
        pthread_mutex_lock(&of->lock);
        of->done++;
        if (!well) of->units = 0;
    }
    of->running--;
    pthread_cond_signal(&of->changed);
    pthread_mutex_unlock(&of->lock);
    return NULL;
}

static void wait_for(crew *of, work_watch watch) {
    struct timespec until;
    pthread_mutex_lock(&of->lock);
    while (of->running > 0) {
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += WATCH_NANOSECONDS;
        if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
        pthread_cond_timedwait(&of->changed, &of->lock, &until);
        const size_t done = of->done;
        pthread_mutex_unlock(&of->lock);
        watch(of->context, done);
        pthread_mutex_lock(&of->lock);
    }
    pthread_mutex_unlock(&of->lock);
}

/* Threads begin with the signals of the one that starts them, and so do those that the library starts from them. */
static int start(crew *of, member *members, int workers) {
    sigset_t all, before;
    int started = 0;
    sigfillset(&all);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGSEGV);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pthread_mutex_lock(&of->lock);
    for (int i = 0; i < workers; i++) {
        members[i].of = of;
        members[i].number = i;
        if (pthread_create(&members[i].thread, NULL, work_on, &members[i]) != 0) break;
        started++;
    }
    of->running = started;
    pthread_mutex_unlock(&of->lock);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

bool workers_run(int workers, size_t units, work_call work, work_watch watch, void *context) {
    crew of = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, units, 0, 0, work, context};
    member *members = calloc((size_t)workers, sizeof *members);
    if (!members) return false;
    const int started = start(&of, members, workers);
    wait_for(&of, watch);
    for (int i = 0; i < started; i++) pthread_join(members[i].thread, NULL);
    free(members);
    return started > 0;
}
