/* progress.c: the progress bar of progress.h. Redrawn at most ten times a second, and never in the first second. */
#include "progress.h"
#include "command.h"

#include <stdio.h>
#include <unistd.h>

enum { BAR_WIDTH = 30 };

static double seconds_between(const struct timespec *from, const struct timespec *to) {
    return (double)(to->tv_sec - from->tv_sec) + 1e-9 * (double)(to->tv_nsec - from->tv_nsec);
}

void progress_begin(progress *bar, const arguments *args, const char *label, double total) {
    *bar = (struct progress){.label = label, .total = total};
    bar->enabled = !args->quiet && total > 0 && isatty(STDERR_FILENO);
    clock_gettime(CLOCK_MONOTONIC, &bar->start);
    bar->last = bar->start;
}

/* "1.3 GB/s", in the powers of 1000 that disks are sold by. */
static void print_rate(double rate) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    size_t unit = 0;
    while (rate >= 1000 && unit + 1 < sizeof units / sizeof *units) rate /= 1000, unit++;
    fprintf(stderr, "  %.*f %s/s", rate < 10 ? 1 : 0, rate, units[unit]);
}

/* "42 s", "5 min 07 s", "2 h 05 min". */
static void print_time_left(double seconds) {
    const unsigned long whole = seconds < 1e9 ? (unsigned long)(seconds + 0.5) : 1000000000ul;
    if (whole < 60)
        fprintf(stderr, "  %lu s left", whole);
    else if (whole < 3600)
        fprintf(stderr, "  %lu min %02lu s left", whole / 60, whole % 60);
    else
        fprintf(stderr, "  %lu h %02lu min left", whole / 3600, whole / 60 % 60);
}

void progress_update(progress *bar, double done) {
    struct timespec now;
    if (!bar->enabled) return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const double elapsed = seconds_between(&bar->start, &now);
    if (elapsed < 1.0 || seconds_between(&bar->last, &now) < 0.1) return;
    bar->last = now;
    bar->shown = true;
    const double fraction = done < bar->total ? done / bar->total : 1.0;
    const int full = (int)(fraction * BAR_WIDTH);
    fprintf(stderr, "\r%s [%.*s%*s] %3.0f%%", bar->label, full, "##############################", BAR_WIDTH - full, "",
            100.0 * fraction);
    if (bar->bytes > 0) print_rate(fraction * bar->bytes / elapsed);
    if (fraction > 0) print_time_left(elapsed * (1.0 - fraction) / fraction);
    /* What a longer line left behind. */
    fputs("\033[K", stderr);
    fflush(stderr);
}

void progress_end(progress *bar) {
    /* Carriage return, then erase the line: the bar is no part of what stays on the screen. */
    if (bar->shown) fputs("\r\033[K", stderr);
    bar->shown = false;
}
