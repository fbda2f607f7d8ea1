/* threads.c: decides how many threads the work of a call deserves and runs a block of it on each, by OpenMP where the
 * library is built with it. Called by plan.c and build.c. */
#include "threads.h"

#ifdef _OPENMP
#include <errno.h>
#include <fenv.h>
#include <omp.h>
#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

/* Least cost of a thread's block: about 6 us of work, a few times what waking the thread takes. */
#define LEAST_COST 16384.0

/* The process that first used threads; 0 before. In a fork of it GNU's runtime would wait, for ever, for threads that
 * only the parent has. */
static _Atomic long first_process;

static bool is_forked(void) {
    const long first = atomic_load(&first_process);
    return first != 0 && first != (long)getpid();
}

static void note_process(void) {
    long none = 0;
    (void)atomic_compare_exchange_strong(&first_process, &none, (long)getpid());
}

static int smaller(int a, int b) { return a < b ? a : b; }

/* Threads of a team that may be formed now, `most` at most unless that is 0. */
static int allowed(int most) {
    if (omp_in_parallel() || is_forked()) return 1;
    return smaller(most > 0 ? most : omp_get_max_threads(), omp_get_num_procs());
}

static int team_size(size_t items, double cost, int most) {
    const int threads = allowed(most);
    const double worth = cost / LEAST_COST;
    const int useful = items < (size_t)threads ? (int)items : threads;
    return worth < useful ? (int)worth : useful;
}

/* Block `index` of `blocks`, whose sizes differ by one item at most. */
static void perform_block(const sj_work *work, size_t index, size_t blocks) {
    const size_t share = work->items / blocks, longer = work->items % blocks;
    const size_t first = index * share + (index < longer ? index : longer);
    work->perform(work->context, first, share + (index < longer));
}

/* A thread of the team computes as the caller does: its rounding mode, its flush to zero. It gets its own environment
 * back, since it may belong to a program that changed that. */
static void perform_as(const fenv_t *caller, const sj_work *work, size_t index, size_t blocks) {
    fenv_t own;
    (void)fegetenv(&own);
    (void)fesetenv(caller);
    perform_block(work, index, blocks);
    (void)fesetenv(&own);
}

static void perform_by_team(const sj_work *work, int threads) {
    fenv_t caller;
    (void)fegetenv(&caller);
    note_process();
    /* The team may be smaller than asked for. */
#pragma omp parallel num_threads(threads) default(none) shared(work, caller)
    {
        const size_t index = (size_t)omp_get_thread_num(), blocks = (size_t)omp_get_num_threads();
        if (index == 0)
            perform_block(work, 0, blocks);
        else
            perform_as(&caller, work, index, blocks);
    }
}

bool sj_threads_pay(double cost, int most) { return most != 1 && cost >= 2 * LEAST_COST; }

int sj_threads_for(double cost, int most) {
    if (!sj_threads_pay(cost, most)) return 1;
    const int error = errno, threads = team_size(SIZE_MAX, cost, most);
    errno = error;
    return threads;
}

/* Work not worth two threads is done without a word to the runtime, which may ask the system. */
void sj_threads_perform(const sj_work *work, int most) {
    if (work->items < 2 || !sj_threads_pay(work->cost, most)) {
        work->perform(work->context, 0, work->items);
        return;
    }
    const int error = errno; /* starting threads may set it, and asking for them */
    const int threads = team_size(work->items, work->cost, most);
    if (threads > 1)
        perform_by_team(work, threads);
    else
        work->perform(work->context, 0, work->items);
    errno = error;
}

int sj_threads_available(void) { return allowed(0); }
#else
bool sj_threads_pay(double cost, int most) {
    (void)cost;
    (void)most;
    return false;
}

int sj_threads_for(double cost, int most) {
    (void)cost;
    (void)most;
    return 1;
}

void sj_threads_perform(const sj_work *work, int most) {
    (void)most;
    work->perform(work->context, 0, work->items);
}

int sj_threads_available(void) { return 1; }
#endif
