/* memory.c: reads what Linux calls MemAvailable, which counts the caches it would give back; elsewhere free pages.
 * A process limit (ulimit -v) that is lower wins. */
#include "memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static size_t from_kernel(void) {
    static const char name[] = "MemAvailable:";
    char line[128];
    unsigned long long kib = 0;
    FILE *file = fopen("/proc/meminfo", "r");
    if (!file) return 0;
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, name, strlen(name)) == 0) kib = strtoull(line + strlen(name), NULL, 10);
    }
    fclose(file);
    return kib > SIZE_MAX / 1024 ? SIZE_MAX : (size_t)kib * 1024;
}

static size_t from_pages(void) {
#ifdef _SC_AVPHYS_PAGES
    const long pages = sysconf(_SC_AVPHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page > 0 && (size_t)pages <= SIZE_MAX / (size_t)page) return (size_t)pages * (size_t)page;
#endif
    return SIZE_MAX;
}

/* Bytes of address space this process has taken, which count against its limit; 0 where that cannot be known. */
static size_t address_space(void) {
    unsigned long long pages = 0;
    const long page = sysconf(_SC_PAGESIZE);
    char line[128];
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file) return 0;
    if (fgets(line, sizeof line, file)) pages = strtoull(line, NULL, 10);
    fclose(file);
    return page > 0 && pages <= SIZE_MAX / (size_t)page ? (size_t)pages * (size_t)page : 0;
}

size_t memory_available(void) {
    struct rlimit limit;
    size_t available = from_kernel();
    if (available == 0) available = from_pages();
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return available;
    const size_t used = address_space();
    const rlim_t left = limit.rlim_cur > used ? limit.rlim_cur - used : 0;
    return left < available ? (size_t)left : available;
}

static size_t memory_of_machine(void) {
#ifdef _SC_PHYS_PAGES
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page > 0 && (size_t)pages <= SIZE_MAX / (size_t)page) return (size_t)pages * (size_t)page;
#endif
    return (size_t)1 << 32;
}

size_t memory_allowed(const arguments *args) {
    if (args->memory) return args->memory;
    const size_t quarter = memory_of_machine() / 4, half = memory_available() / 2;
    const size_t allowed = quarter < half ? quarter : half;
    return allowed > MEMORY_LEAST ? allowed : MEMORY_LEAST;
}
