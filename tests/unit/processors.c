/* processors.c: see processors.h. */
#include "processors.h"

#include <dirent.h>
#include <stdatomic.h>

static atomic_ulong asked;

unsigned long processors_asked(void) { return atomic_load(&asked); }

/* A program's own function comes before one of the same name in OpenMP's library. */
__attribute__((visibility("default"))) int omp_get_num_procs(void);

int omp_get_num_procs(void) {
    atomic_fetch_add(&asked, 1);
    return PROCESSORS;
}

unsigned threads_of_process(void) {
    unsigned count = 0;
    DIR *tasks = opendir("/proc/self/task");
    if (!tasks) return 0;
    for (const struct dirent *task = readdir(tasks); task; task = readdir(tasks)) count += task->d_name[0] != '.';
    (void)closedir(tasks);
    return count;
}
