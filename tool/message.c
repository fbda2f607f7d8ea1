/* message.c: what a command says to people, on stderr, and the library options it asks for. Used by every command. */
#include "command.h"

#include <stdarg.h>
#include <stdio.h>

static void say(const arguments *args, const char *format, va_list values) {
    fprintf(stderr, "softjac%s%s: ", *args->command ? " " : "", args->command);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
}

int fail(const arguments *args, int code, const char *format, ...) {
    va_list values;
    va_start(values, format);
    say(args, format, values);
    va_end(values);
    return code;
}

void remark(const arguments *args, const char *format, ...) {
    if (args->quiet) return;
    va_list values;
    va_start(values, format);
    say(args, format, values);
    va_end(values);
}

sj_options library_options(const arguments *args, sj_error *error) {
    sj_options options = SJ_OPTIONS_INIT;
    options.nonfinite = args->nonfinite;
    options.given = args->given;
    options.threads = args->threads;
    if (args->has_temperature) options.scale = args->scale;
    options.mode = args->exact ? SJ_EXACT : SJ_DEFAULT;
    options.error = error;
    return options;
}
