/* dispatch.c: CPU detection and the table of kernel sets. The only source file that knows the sets by name: the build
 * lists them, from narrow to wide, and here is what a CPU must have to run one. Called by plan.c and build.c. */
#include "dispatch.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define SET(set) extern const sj_kernels sj_kernels_##set##_f32, sj_kernels_##set##_f64, sj_kernels_##set##_exact;
SJ_KERNEL_SETS
#undef SET

#define SET(set) {#set, &sj_kernels_##set##_f32, &sj_kernels_##set##_f64, &sj_kernels_##set##_exact},
static const sj_kernel_sets sets[] = {SJ_KERNEL_SETS};
#undef SET

#if defined(__x86_64__)
/* No name that Clang's __builtin_cpu_supports knows. */
static bool cpu_converts_halves(void) {
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}
#endif

static bool cpu_runs(const char *name) {
#if defined(__x86_64__)
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && cpu_converts_halves();
    if (strcmp(name, "avx2") == 0) return avx2;
    if (strcmp(name, "avx512") == 0)
        return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
    /* what every CPU of its architecture has */
    return strcmp(name, "scalar") == 0 || strcmp(name, "neon") == 0 || strcmp(name, "wasm") == 0;
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
