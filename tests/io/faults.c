/* faults.c: link-time wrappers (--wrap) around the calls that tool/io makes. Linked into io_test_faults only. */
#include "faults.h"

#include <errno.h>
#include <locale.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/types.h>

/* The linker's --wrap dictates these names. */
/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
void *__real_malloc(size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *old);
char *__real_realpath(const char *path, char *out);
locale_t __real_newlocale(int mask, const char *name, locale_t base);
int __real_open(const char *path, int flags, ...);
ssize_t __real_read(int file, void *bytes, size_t length);
ssize_t __real_write(int file, const void *bytes, size_t length);
ssize_t __real_pread(int file, void *bytes, size_t length, off_t offset);
ssize_t __real_pwrite(int file, const void *bytes, size_t length, off_t offset);
int __real_fsync(int file);
int __real_close(int file);
int __real_rename(const char *from, const char *to);

void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *old);
char *__wrap_strdup(const char *text);
char *__wrap_realpath(const char *path, char *out);
locale_t __wrap_newlocale(int mask, const char *name, locale_t base);
int __wrap_open(const char *path, int flags, ...);
ssize_t __wrap_read(int file, void *bytes, size_t length);
ssize_t __wrap_write(int file, const void *bytes, size_t length);
ssize_t __wrap_pread(int file, void *bytes, size_t length, off_t offset);
ssize_t __wrap_pwrite(int file, const void *bytes, size_t length, off_t offset);
int __wrap_fsync(int file);
int __wrap_close(int file);
int __wrap_rename(const char *from, const char *to);

static struct {
    unsigned kinds;
    int kth, calls, failed, reason;
    bool for_ever;
} armed;
static long live;

void faults_arm(unsigned kinds, int kth, bool for_ever, int reason) {
    armed.kinds = kinds;
    armed.kth = kth;
    armed.for_ever = for_ever;
    armed.reason = reason;
    armed.calls = armed.failed = 0;
}

int faults_disarm(void) {
    armed.kinds = 0;
    return armed.failed;
}

long faults_live_allocations(void) { return live; }

static bool fails(unsigned kind) {
    if (!(armed.kinds & kind)) return false;
    armed.calls++;
    if (armed.calls != armed.kth && !(armed.for_ever && armed.calls > armed.kth)) return false;
    armed.failed++;
    errno = kind == FAULT_MEMORY ? ENOMEM : armed.reason;
    return true;
}

void *__wrap_malloc(size_t size) {
    if (fails(FAULT_MEMORY)) return NULL;
    live++;
    return __real_malloc(size);
}

void *__wrap_realloc(void *old, size_t size) {
    if (fails(FAULT_MEMORY)) return NULL;
    live += old == NULL;
    return __real_realloc(old, size);
}

void __wrap_free(void *old) {
    live -= old != NULL;
    __real_free(old);
}

char *__wrap_strdup(const char *text) {
    const size_t length = strlen(text) + 1;
    char *copy = __wrap_malloc(length);
    return copy ? memcpy(copy, text, length) : NULL;
}

char *__wrap_realpath(const char *path, char *out) {
    if (fails(FAULT_MEMORY)) return NULL;
    char *resolved = __real_realpath(path, out);
    live += resolved != NULL;
    return resolved;
}

locale_t __wrap_newlocale(int mask, const char *name, locale_t base) {
    return fails(FAULT_MEMORY) ? (locale_t)0 : __real_newlocale(mask, name, base);
}

int __wrap_open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = va_arg(arguments, mode_t);
    va_end(arguments);
    return fails(FAULT_OPEN) ? -1 : __real_open(path, flags, mode);
}

ssize_t __wrap_read(int file, void *bytes, size_t length) {
    if (!fails(FAULT_READ)) return __real_read(file, bytes, length);
    return armed.reason ? -1 : __real_read(file, bytes, 1);
}

ssize_t __wrap_write(int file, const void *bytes, size_t length) {
    if (!fails(FAULT_WRITE)) return __real_write(file, bytes, length);
    return armed.reason ? -1 : __real_write(file, bytes, (length + 1) / 2);
}

ssize_t __wrap_pread(int file, void *bytes, size_t length, off_t offset) {
    if (!fails(FAULT_READ)) return __real_pread(file, bytes, length, offset);
    return armed.reason ? -1 : __real_pread(file, bytes, 1, offset);
}

ssize_t __wrap_pwrite(int file, const void *bytes, size_t length, off_t offset) {
    if (!fails(FAULT_WRITE)) return __real_pwrite(file, bytes, length, offset);
    return armed.reason ? -1 : __real_pwrite(file, bytes, (length + 1) / 2, offset);
}

int __wrap_fsync(int file) { return fails(FAULT_SYNC) ? -1 : __real_fsync(file); }

/* The descriptor is closed all the same, as the kernel does. */
int __wrap_close(int file) {
    const bool failing = fails(FAULT_CLOSE);
    const int result = __real_close(file);
    if (!failing) return result;
    errno = armed.reason;
    return -1;
}

int __wrap_rename(const char *from, const char *to) { return fails(FAULT_RENAME) ? -1 : __real_rename(from, to); }
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
