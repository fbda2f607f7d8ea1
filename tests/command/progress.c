/* progress.c: the progress bar on a pseudo-terminal: silent in the first second, then drawn, then erased; silent with
 * --quiet and where stderr is no terminal. Run by CTest. */
#define _XOPEN_SOURCE 700 /* pseudo-terminals */
#include "command.h"
#include "progress.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failures;

static void expect(bool holds, const char *claim) {
    printf("%s %s\n", holds ? "ok" : "not ok", claim);
    failures += !holds;
}

/* What stderr received since the last call, read from the other end until `until` has come, or nothing for half a
 * second: a terminal hands on what was written when it pleases. */
static const char *received(int end, const char *until) {
    static char text[4096];
    struct pollfd ready = {.fd = end, .events = POLLIN};
    size_t length = 0;
    text[0] = '\0';
    while (!(until && strstr(text, until)) && length < sizeof text - 1 && poll(&ready, 1, 500) == 1) {
        const ssize_t more = read(end, text + length, sizeof text - 1 - length);
        if (more <= 0) break;
        length += (size_t)more;
        text[length] = '\0';
    }
    return text;
}

static void run_job(const arguments *args, long milliseconds, double bytes) {
    const struct timespec pause = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    progress bar;
    progress_begin(&bar, args, "jacobian", 4);
    bar.bytes = bytes;
    progress_update(&bar, 1);
    nanosleep(&pause, NULL);
    progress_update(&bar, 2);
    progress_end(&bar);
}

/* The end of a new pseudo-terminal whose other end becomes stderr; -1 where the system gives none. */
static int open_terminal(void) {
    const int end = posix_openpt(O_RDWR | O_NOCTTY);
    if (end < 0 || grantpt(end) != 0 || unlockpt(end) != 0) return -1;
    const int terminal = open(ptsname(end), O_RDWR | O_NOCTTY);
    if (terminal < 0 || dup2(terminal, STDERR_FILENO) < 0) return -1;
    close(terminal);
    return fcntl(end, F_SETFL, O_NONBLOCK) == 0 ? end : -1;
}

static int open_pipe(void) {
    int ends[2];
    if (pipe(ends) != 0 || dup2(ends[1], STDERR_FILENO) < 0) return -1;
    close(ends[1]);
    return fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 ? ends[0] : -1;
}

int main(void) {
    arguments args = {.command = "jacobian"};
    const int terminal = open_terminal();
    if (terminal < 0) {
        printf("skipped: this system gives no pseudo-terminal\n");
        return 77;
    }
    run_job(&args, 10, 0);
    expect(*received(terminal, NULL) == '\0', "a job of 10 ms shows nothing");
    run_job(&args, 1100, 0);
    const char *erase = "\r\033[K";
    const char *bar = received(terminal, erase);
    expect(strstr(bar, "jacobian [") && strstr(bar, " 50%"), "a job of over a second shows its name and its half");
    const size_t length = strlen(bar), end = strlen(erase);
    expect(length > end && strcmp(bar + length - end, erase) == 0, "the bar is erased at the end");
    expect(!strstr(bar, "B/s"), "of what is no file it shows no rate");
    run_job(&args, 1100, 4e9);
    bar = received(terminal, erase);
    /* 2 GB in 1.1 s or somewhat more, and as long again. */
    expect(strstr(bar, "  1.") && strstr(bar, " GB/s  1 s left"),
           "of files it shows the rate, and the time that is left");
    run_job(&args, 1100, 2e6);
    expect(strstr(received(terminal, erase), " kB/s"), "rates have the unit that suits them");
    args.quiet = true;
    run_job(&args, 1100, 0);
    expect(*received(terminal, NULL) == '\0', "--quiet shows none");
    args.quiet = false;
    const int reader = open_pipe();
    run_job(&args, 1100, 0);
    expect(reader >= 0 && *received(reader, NULL) == '\0', "none where stderr is no terminal");
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
