/* test_threads.c: eight threads make the same calls at once, the very first call of the process among them, and get the
 * same bits. Built with ThreadSanitizer it shows that calls share nothing they write. */
#include "support.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define THREADS 8
#define ROWS 5
#define MOST 2500 /* more than a kernel takes in one piece */

static const size_t lengths[] = {3, 16, 100, MOST};
#define LENGTHS (sizeof lengths / sizeof *lengths)

typedef struct inputs {
    void *z[2], *g[2]; /* of each dtype */
} inputs;

typedef struct worker {
    const inputs *shared;
    pthread_t thread;
    atomic_int *waiting;
    void *results[2][FORM_COUNT][LENGTHS];
    int failures;
} worker;

static size_t result_entries(int id, size_t n) { return ROWS * form_entries(&forms[id], n); }

static bool is_run(int id, size_t n) { return forms[id].result != RESULT_MATRIX || n <= 100; }

/* No assertion here: cmocka's belong to the main thread. */
static void *work(void *argument) {
    worker *w = argument;
    atomic_fetch_sub(w->waiting, 1);
    while (atomic_load(w->waiting) > 0) (void)sched_yield(); /* all begin at once */
    for (int t = 0; t < 2; t++)
        for (int id = 0; id < FORM_COUNT; id++)
            for (size_t i = 0; i < LENGTHS; i++) {
                if (!is_run(id, lengths[i])) continue;
                const size_t shape[2] = {ROWS, lengths[i]};
                size_t result[3] = {0};
                const int ndim = result_shape((form_id)id, 2, 1, shape, result);
                const form_arguments a = {sj_array(w->shared->z[t], dtypes[t], 2, shape),
                                          sj_array(w->shared->g[t], dtypes[t], 2, shape), 2, SJ_BLOCKS,
                                          sj_array(w->results[t][id][i], dtypes[t], ndim, result)};
                w->failures += forms[id].call(&a, NULL) != SJ_OK;
            }
    return NULL;
}

static void prepare(worker *w, const inputs *shared, atomic_int *waiting) {
    w->shared = shared;
    w->waiting = waiting;
    w->failures = 0;
    for (int t = 0; t < 2; t++)
        for (int id = 0; id < FORM_COUNT; id++)
            for (size_t i = 0; i < LENGTHS; i++)
                w->results[t][id][i] =
                    is_run(id, lengths[i]) ? new_elements(dtypes[t], result_entries(id, lengths[i])) : NULL;
}

static void compare_and_free(worker *w, const worker *first) {
    assert_int_equal(w->failures, 0);
    for (int t = 0; t < 2; t++)
        for (int id = 0; id < FORM_COUNT; id++)
            for (size_t i = 0; i < LENGTHS; i++) {
                if (!is_run(id, lengths[i])) continue;
                assert_memory_equal(w->results[t][id][i], first->results[t][id][i],
                                    result_entries(id, lengths[i]) * dtype_bytes(dtypes[t]));
                if (w != first) free(w->results[t][id][i]);
            }
}

static void same_bits_from_eight_threads(void **state) {
    static worker workers[THREADS];
    atomic_int waiting = THREADS;
    inputs shared;
    (void)state;
    for (int t = 0; t < 2; t++) {
        shared.z[t] = new_elements(dtypes[t], ROWS * MOST);
        shared.g[t] = new_elements(dtypes[t], ROWS * MOST);
        fill_random(shared.z[t], dtypes[t], ROWS * MOST, 1);
        fill_random(shared.g[t], dtypes[t], ROWS * MOST, 2);
    }
    for (size_t i = 0; i < THREADS; i++) prepare(&workers[i], &shared, &waiting);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    for (size_t i = 0; i < THREADS; i++) assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    for (size_t i = THREADS; i-- > 0;) compare_and_free(&workers[i], &workers[0]);
    for (int t = 0; t < 2; t++) {
        for (int id = 0; id < FORM_COUNT; id++)
            for (size_t i = 0; i < LENGTHS; i++) free(workers[0].results[t][id][i]);
        free(shared.z[t]);
        free(shared.g[t]);
    }
}

/* The set is looked up after the threads' first calls, so that choosing it is part of the race. */
int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_bits_from_eight_threads)};
    const int failed = cmocka_run_group_tests(tests, NULL, NULL), unusable = require_kernel_set();
    return unusable ? unusable : failed;
}
