/* locale_guard.h: the "C" locale for the calling thread while text is read or printed, so that the decimal point is '.'
 * whatever the program or a library has set. Used by csv.c and csv_print.c. */
#ifndef SJ_IO_LOCALE_GUARD_H
#define SJ_IO_LOCALE_GUARD_H

#include <locale.h>
#include <stdbool.h>
#ifdef __APPLE__
#include <xlocale.h>
#endif

typedef struct locale_guard {
    locale_t plain, before;
} locale_guard;

/* False when out of memory. */
static inline bool locale_enter(locale_guard *guard) {
    guard->plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (guard->plain == (locale_t)0) return false;
    guard->before = uselocale(guard->plain);
    return true;
}

static inline void locale_leave(locale_guard *guard) {
    uselocale(guard->before);
    freelocale(guard->plain);
}

#endif
