/* build.c: version, kernel sets and threads. Public; reads plan/dispatch.c and plan/threads.c. */
#include "plan/dispatch.h"
#include "plan/threads.h"

#define TEXT(x) #x
#define DOTTED(a, b, c) TEXT(a) "." TEXT(b) "." TEXT(c)

const char *sj_version(void) { return DOTTED(SJ_VERSION_MAJOR, SJ_VERSION_MINOR, SJ_VERSION_PATCH); }

const char *sj_kernel_set(void) { return sj_dispatch()->name; }

const char *sj_kernel_set_built(size_t i) {
    const sj_kernel_sets *set = sj_dispatch_built(i);
    return set ? set->name : NULL;
}

int sj_threads(void) { return sj_threads_available(); }
