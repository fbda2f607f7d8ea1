/* fail.h: how every file of io/ reports what went wrong: exit code, file name and message, in one place.
 * Text taken from a file is quoted here, so that no message can carry a terminal's control bytes. */
#ifndef SJ_IO_FAIL_H
#define SJ_IO_FAIL_H

#include "io.h"

enum { IO_BAD_DATA = 65, IO_NO_INPUT = 66, IO_OUT_OF_MEMORY = 71, IO_CANNOT_CREATE = 73, IO_TRANSFER_ERROR = 74 };

#define IO_QUOTE_ROOM 160

#if defined(__GNUC__)
#define IO_PRINTF(at, first) __attribute__((format(printf, at, first)))
#else
#define IO_PRINTF(at, first)
#endif

/* Fills *error with "path: message". */
void io_report(io_error *error, int exit_code, const char *path, const char *format, ...) IO_PRINTF(4, 5);

/* io_report, and false: a macro so that compilers and analysers see that no caller goes on. */
#define io_fail(...) (io_report(__VA_ARGS__), false)

static inline bool io_fail_memory(io_error *error, const char *path) {
    return io_fail(error, IO_OUT_OF_MEMORY, path, "out of memory");
}

/* `text` between single quotes, escaped to printable ASCII and cut after 32 bytes. Returns `out`. */
const char *io_quote(char out[IO_QUOTE_ROOM], const void *text, size_t length);

#endif
