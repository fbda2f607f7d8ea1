/* test_workers.c: the threads of a call are the caller's in all but name: they round and flush as it does and are left
 * as they were. Small calls and nested ones use none. Callers on several threads do not disturb each other, nor forks.
 */
#include "processors.h"
#include "support.h"

#include <errno.h>
#include <fenv.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef _OPENMP
#include <omp.h>
#endif
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#define ROWS 1500
#define N 100
#define ENTRIES ((size_t)ROWS * N) /* worth seven threads and more */

static float z[ENTRIES], expected[ENTRIES];

static sj_status softmax_into(float *out, size_t rows, int threads) {
    sj_options options = SJ_OPTIONS_INIT;
    options.threads = threads;
    return sj_softmax(sj_matrix_f32(z, rows, N), sj_matrix_f32(out, rows, N), &options);
}

static int prepare(void **state) {
    (void)state;
    fill_random(z, SJ_F32, ENTRIES, 5);
    return softmax_into(expected, ROWS, 1) != SJ_OK;
}

static void check_result(const float *out) { assert_memory_equal(out, expected, sizeof expected); }

static void large_calls_use_the_threads_they_may(void **state) {
    static float out[ENTRIES];
    (void)state;
#ifdef _OPENMP
    errno = 42;
    assert_int_equal(softmax_into(out, ROWS, 7), SJ_OK);
    assert_int_equal(errno, 42);
    check_result(out);
    const unsigned threads = threads_of_process();
    if (threads > 0) assert_in_range(threads, 7, PROCESSORS);
    assert_in_range(sj_threads(), 1, PROCESSORS);
#else
    (void)out;
    assert_int_equal(sj_threads(), 1);
#endif
}

static void small_calls_and_one_thread_do_not_ask_the_runtime(void **state) {
    static float out[ENTRIES];
    const unsigned long before = processors_asked();
    (void)state;
    assert_int_equal(softmax_into(out, 1, 0), SJ_OK);
    assert_int_equal(softmax_into(out, 100, 7), SJ_OK);
    assert_int_equal(softmax_into(out, ROWS, 1), SJ_OK);
    assert_int_equal(processors_asked(), before);
    assert_int_equal(softmax_into(out, ROWS, 2), SJ_OK);
#ifdef _OPENMP
    assert_int_equal(processors_asked(), before + 1);
#else
    assert_int_equal(processors_asked(), before);
#endif
}

static void workers_round_to_nearest(void **state) {
    static const int directions[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    static float out[ENTRIES];
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        memset(out, 0, sizeof out);
        assert_int_equal(fesetround(directions[i]), 0);
        const sj_status status = softmax_into(out, ROWS, 3);
        const int direction = fegetround();
        assert_int_equal(fesetround(FE_TONEAREST), 0);
        assert_int_equal(status, SJ_OK);
        assert_int_equal(direction, directions[i]);
        check_result(out);
    }
}

#ifdef _OPENMP
static int other_modes(void) {
    int count = 0;
#pragma omp parallel num_threads(3) reduction(+ : count)
    count += fegetround() != (omp_get_thread_num() > 0 ? FE_UPWARD : FE_TONEAREST);
    return count;
}

/* The library's workers are the program's, which may round as it likes. LLVM's runtime does not let it. */
static void workers_keep_a_rounding_mode_of_their_own(void **state) {
    static float out[ENTRIES];
    (void)state;
#pragma omp parallel num_threads(3)
    if (omp_get_thread_num() > 0) (void)fesetround(FE_UPWARD);
    const bool kept_by_runtime = other_modes() == 0;
    const sj_status status = softmax_into(out, ROWS, 3);
    const bool kept = other_modes() == 0;
#pragma omp parallel num_threads(3)
    (void)fesetround(FE_TONEAREST);
    assert_int_equal(status, SJ_OK);
    assert_int_equal(kept, kept_by_runtime);
    check_result(out);
}

static void calls_from_a_parallel_region_use_one_thread(void **state) {
    static float out[3][ENTRIES];
    const unsigned long before = processors_asked();
    const int levels = omp_get_max_active_levels();
    int failures = 0;
    (void)state;
    omp_set_max_active_levels(4);
#pragma omp parallel num_threads(3) reduction(+ : failures)
    {
        failures += softmax_into(out[omp_get_thread_num()], ROWS, 2) != SJ_OK;
        failures += sj_threads() != 1;
    }
    omp_set_max_active_levels(levels);
    assert_int_equal(failures, 0);
    assert_int_equal(processors_asked(), before);
    for (int i = 0; i < 3; i++) check_result(out[i]);
}
#endif

#if defined(__SSE2__)
/* A tangent below the normal numbers: zeros for a caller that flushes it, on whatever thread. */
static void workers_flush_to_zero_as_the_caller_does(void **state) {
    enum { FLUSH = 0x8040 }; /* results and operands */
    static float low[ENTRIES], small[ENTRIES], one[ENTRIES], three[ENTRIES];
    const sj_view logits = sj_matrix_f32(low, ROWS, N), t = sj_matrix_f32(small, ROWS, N);
    random_stream r = {9};
    size_t zeros = 0;
    (void)state;
    sj_options options = SJ_OPTIONS_INIT;
    for (size_t i = 0; i < ENTRIES; i++) {
        low[i] = i % N ? (float)random_uniform(&r, -100, -88) : 0;
        small[i] = i % N ? (float)random_uniform(&r, 0x1p-140, 0x1p-127) : 0;
    }
    const unsigned before = _mm_getcsr();
    _mm_setcsr(before | FLUSH);
    if ((_mm_getcsr() & FLUSH) != FLUSH) skip(); /* valgrind's processor does not flush */
    options.threads = 1;
    assert_int_equal(sj_log_softmax_jvp(logits, t, sj_matrix_f32(one, ROWS, N), &options), SJ_OK);
    options.threads = 3;
    assert_int_equal(sj_log_softmax_jvp(logits, t, sj_matrix_f32(three, ROWS, N), &options), SJ_OK);
    assert_int_equal(_mm_getcsr() & FLUSH, FLUSH);
    _mm_setcsr(before);
    assert_memory_equal(one, three, sizeof one);
    for (size_t i = 0; i < ENTRIES; i++) zeros += one[i] == 0;
    assert_true(zeros > ENTRIES / 2);
}
#endif

static void *call_repeatedly(void *argument) {
    float *out = argument;
    size_t failures = 0;
    for (int i = 0; i < 20; i++) failures += softmax_into(out, ROWS, i % 4) != SJ_OK;
    return failures ? NULL : out;
}

static void four_callers_at_once(void **state) {
    static float out[4][ENTRIES];
    pthread_t callers[4];
    (void)state;
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&callers[i], NULL, call_repeatedly, out[i]), 0);
    for (int i = 0; i < 4; i++) {
        void *result;
        assert_int_equal(pthread_join(callers[i], &result), 0);
        assert_ptr_equal(result, out[i]);
        check_result(out[i]);
    }
}

/* The workers are not in the child: a call that waits for them is ended by the alarm. */
static void the_child_of_a_fork_computes(void **state) {
    static float out[ENTRIES];
    int status;
    (void)state;
    assert_int_equal(softmax_into(out, ROWS, 3), SJ_OK);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)alarm(60);
        memset(out, 0, sizeof out);
        _exit(softmax_into(out, ROWS, 3) != SJ_OK || memcmp(out, expected, sizeof expected) != 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_calls_use_the_threads_they_may),
        cmocka_unit_test(small_calls_and_one_thread_do_not_ask_the_runtime),
        cmocka_unit_test(workers_round_to_nearest),
#ifdef _OPENMP
        cmocka_unit_test(workers_keep_a_rounding_mode_of_their_own),
        cmocka_unit_test(calls_from_a_parallel_region_use_one_thread),
#endif
#if defined(__SSE2__)
        cmocka_unit_test(workers_flush_to_zero_as_the_caller_does),
#endif
        cmocka_unit_test(four_callers_at_once),
        cmocka_unit_test(the_child_of_a_fork_computes),
    };
    const int unusable = require_kernel_set();
    return unusable ? unusable : cmocka_run_group_tests(tests, prepare, NULL);
}
