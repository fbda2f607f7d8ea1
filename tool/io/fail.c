/* fail.c: formats the one error message of a failed read or write. Called by every other file of io/. */
#include "fail.h"

#include <stdarg.h>
#include <string.h>

/* A path keeps its tail, which is the part that tells files apart, and leaves room for the message. */
#define PATH_SHOWN 200
#define TEXT_SHOWN 32

static size_t put_path(char *out, size_t room, const char *path) {
    const size_t length = strlen(path);
    const int written = length <= PATH_SHOWN ? snprintf(out, room, "%s: ", path)
                                             : snprintf(out, room, "...%s: ", path + (length - PATH_SHOWN));
    return written < 0 ? 0 : (size_t)written;
}

void io_report(io_error *error, int exit_code, const char *path, const char *format, ...) {
    error->exit_code = exit_code;
    const size_t used = put_path(error->message, sizeof error->message, path);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message + used, sizeof error->message - used, format, arguments);
    va_end(arguments);
}

const char *io_quote(char out[IO_QUOTE_ROOM], const void *text, size_t length) {
    static const char hex[] = "0123456789abcdef";
    const unsigned char *bytes = text;
    const size_t shown = length <= TEXT_SHOWN ? length : TEXT_SHOWN;
    size_t at = 0;
    out[at++] = '\'';
    for (size_t i = 0; i < shown; i++) {
        if (bytes[i] >= 0x20 && bytes[i] < 0x7f) {
            out[at++] = (char)bytes[i];
        } else {
            out[at++] = '\\';
            out[at++] = 'x';
            out[at++] = hex[bytes[i] >> 4];
            out[at++] = hex[bytes[i] & 15];
        }
    }
    snprintf(out + at, IO_QUOTE_ROOM - at, length > shown ? "'..." : "'");
    return out;
}
