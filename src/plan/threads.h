/* threads.h: the work of a call, divided among threads. Called by plan.c, which says what the work is; knows nothing of
 * rows and operations. The only place that knows OpenMP is threads.c. */
#ifndef SJ_PLAN_THREADS_H
#define SJ_PLAN_THREADS_H

#include <stdbool.h>
#include <stddef.h>

/* Work in items that may be done in any order and by any thread, because none reads what another writes. What an item
 * is must not depend on the number of threads: then no result does. */
typedef struct sj_work {
    size_t items;
    double cost; /* of all items, in entries of a float32 softmax */
    /* Does items first .. first + count. */
    void (*perform)(const void *context, size_t first, size_t count);
    const void *context;
} sj_work;

/* Whether work of this cost may be given to more than one thread. */
bool sj_threads_pay(double cost, int most);

/* Does every item once, in the caller's floating-point environment. Uses as many threads as the work pays for, `most`
 * at most unless that is 0, each for one contiguous block of items. */
void sj_threads_perform(const sj_work *work, int most);

/* Threads that work of this cost, in as many items as it likes, would be given now. */
int sj_threads_for(double cost, int most);

/* Threads that work of any size could use now, called from here. */
int sj_threads_available(void);

#endif
