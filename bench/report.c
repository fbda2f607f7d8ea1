/* report.c: the table on standard output, a block of lines per workload, and the JSON file. Called by main.c. */
#include "report.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *dtype_name(sj_dtype dtype) { return dtype == SJ_F32 ? "f32" : "f64"; }

void report_table_head(void) {
    printf("%-15s %-5s %-15s %-8s %10s %7s %9s %7s %10s\n", "operation", "dtype", "shape", "by", "ns/entry", "/copy",
           "bandwidth", "spread", "error");
}

void report_table_rows(const measurement *m, size_t count) {
    for (size_t i = 0; i < count; i++, m++) {
        char shape[48], error[16] = "-";
        snprintf(shape, sizeof shape, "%zu x %zu", m->shape.rows, m->shape.n);
        if (!isnan(m->worst_error)) snprintf(error, sizeof error, "%.3g", m->worst_error);
        printf("%-15s %-5s %-15s %-8s %10.4g %7.2f %8.0f%% %6.0f%% %10s\n", bench_op_names[m->op], dtype_name(m->dtype),
               shape, m->contender->name, m->median, m->over_copy, 100 * m->bandwidth,
               100 * (m->slowest / m->fastest - 1), error);
    }
    fflush(stdout);
}

/* JSON has no NaN. */
static void write_number(FILE *file, const char *key, double value) {
    if (isfinite(value)) {
        fprintf(file, ", \"%s\": %.6g", key, value);
    } else {
        fprintf(file, ", \"%s\": null", key);
    }
}

static void write_measurement(FILE *file, const measurement *m) {
    fprintf(
        file,
        "  {\"operation\": \"%s\", \"dtype\": \"%s\", \"rows\": %zu, \"n\": %zu, \"by\": \"%s\", \"version\": \"%s\"",
        bench_op_names[m->op], dtype_name(m->dtype), m->shape.rows, m->shape.n, m->contender->name,
        m->contender->version());
    write_number(file, "ns_per_entry", m->median);
    write_number(file, "fastest", m->fastest);
    write_number(file, "slowest", m->slowest);
    write_number(file, "over_copy", m->over_copy);
    write_number(file, "bandwidth", m->bandwidth);
    write_number(file, "worst_error", m->worst_error);
    fputs("}", file);
}

static bool failed(const char *path) {
    fprintf(stderr, "bench: %s: %s\n", path, strerror(errno));
    return false;
}

bool report_json(const char *path, const measurement *m, size_t count) {
    FILE *file = fopen(path, "w");
    if (file == NULL) return failed(path);
    fputs("[\n", file);
    for (size_t i = 0; i < count; i++) {
        write_measurement(file, &m[i]);
        fputs(i + 1 < count ? ",\n" : "\n", file);
    }
    fputs("]\n", file);
    const bool written = !ferror(file);
    return fclose(file) == 0 && written ? true : failed(path);
}
