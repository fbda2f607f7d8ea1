/* info.c: the command info: what this build holds and what this machine runs of it. */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef SOFTJAC_HAVE_AUTODIFF
#include "autodiff.h"
#endif

static void add_row(report *into, const char *what, const char *value) {
    report_text(into, "%s", what);
    report_text(into, "%s", value);
}

static void list_kernel_sets(char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; sj_kernel_set_built(i) && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", sj_kernel_set_built(i));
}

/* The features that decide among the kernel sets. */
static void list_cpu_features(char *text, size_t size) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    snprintf(text, size, "%s, %s, %s", __builtin_cpu_supports("avx2") ? "avx2" : "no avx2",
             __builtin_cpu_supports("fma") ? "fma" : "no fma", avx512 ? "avx512 (f, dq, bw, vl)" : "no avx512");
#elif defined(__aarch64__)
    snprintf(text, size, "neon");
#else
    snprintf(text, size, "none looked for on this architecture");
#endif
}

static const char *exact_arithmetic(void) {
#ifdef SOFTJAC_HAVE_MPFR
    return "MPFR";
#else
    return "not in this build: verify shows no exact errors";
#endif
}

static const char *automatic_differentiation(void) {
#ifdef SOFTJAC_HAVE_AUTODIFF
    return autodiff_name();
#else
    return "not in this build: verify shows no MAPE";
#endif
}

int command_info(const arguments *args) {
    static const char *const headings[] = {"item", "value"};
    char text[160];
    const char *forced = getenv("SOFTJAC_ISA");
    report *into = report_new(args);
    report_columns(into, 2, headings);
    add_row(into, "version", sj_version());
    list_kernel_sets(text, sizeof text);
    add_row(into, "kernel sets built", text);
    add_row(into, "kernel set in use", sj_kernel_set());
    add_row(into, "chosen by", forced && *forced ? "SOFTJAC_ISA" : "the CPU");
    list_cpu_features(text, sizeof text);
    add_row(into, "CPU features", text);
    snprintf(text, sizeof text, "%ld", sysconf(_SC_NPROCESSORS_ONLN));
    add_row(into, "processors", text);
    snprintf(text, sizeof text, "%d", sj_threads());
    add_row(into, "threads", text);
    add_row(into, "exact arithmetic", exact_arithmetic());
    add_row(into, "automatic differentiation", automatic_differentiation());
    return report_finish(into);
}
