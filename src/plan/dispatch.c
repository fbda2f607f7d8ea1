/* dispatch.c: CPU detection and the table of kernel sets. The only source file that knows which sets exist: a set
 * is a line of src/CMakeLists.txt, and here its table and the CPU features it needs. Called by plan.c and build.c. */
#include "dispatch.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define DECLARE_SET(set)                                                                                               \
    extern const sj_kernels sj_kernels_##set##_f32, sj_kernels_##set##_f64, sj_kernels_##set##_exact
#define SET(set)                                                                                                       \
    { #set, &sj_kernels_##set##_f32, &sj_kernels_##set##_f64, &sj_kernels_##set##_exact }

DECLARE_SET(scalar);
#if defined(SJ_HAVE_AVX2)
DECLARE_SET(avx2);
#endif
#if defined(SJ_HAVE_AVX512)
DECLARE_SET(avx512);
#endif

static const sj_kernel_sets sets[] = {
    SET(scalar),
#if defined(SJ_HAVE_AVX2)
    SET(avx2),
#endif
#if defined(SJ_HAVE_AVX512)
    SET(avx512),
#endif
};

static bool cpu_runs(const char *name) {
#if defined(SJ_HAVE_AVX2)
    if (strcmp(name, "avx2") == 0) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
#if defined(SJ_HAVE_AVX512)
    if (strcmp(name, "avx512") == 0)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("fma");
#endif
    return strcmp(name, "scalar") == 0;
}

const sj_kernel_sets *sj_dispatch_built(size_t i) { return i < sizeof sets / sizeof sets[0] ? &sets[i] : NULL; }

static const sj_kernel_sets *choose(void) {
    const char *wanted = getenv("SOFTJAC_ISA");
    const sj_kernel_sets *widest = &sets[0];
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        if (!cpu_runs(sets[i].name)) continue;
        widest = &sets[i];
        if (wanted && strcmp(wanted, sets[i].name) == 0) return widest;
    }
    return widest;
}

const sj_kernel_sets *sj_dispatch(void) {
    /* A cache of a choice every thread would make alike: a race stores the same pointer twice. */
    static _Atomic(const sj_kernel_sets *) chosen;
    const sj_kernel_sets *set = atomic_load_explicit(&chosen, memory_order_acquire);
    if (!set) {
        set = choose();
        atomic_store_explicit(&chosen, set, memory_order_release);
    }
    return set;
}
