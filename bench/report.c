/* report.c: the tables on standard output and the JSON file. Called by main.c. */
#include "report.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *describe(const bench_case *c, char *text, size_t room) {
    char threads[24] = "";
    if (c->threads > 1) snprintf(threads, sizeof threads, ", %d threads", c->threads);
    snprintf(text, room, "%s %s, %zu x %zu%s%s", bench_op_names[c->op], bench_dtype_name(c->dtype), c->rows, c->n,
             c->first_axis ? ", first axis" : "", threads);
    return text;
}

/* "-" for what is not there. */
static const char *number(double value, const char *format, char *text, size_t room) {
    if (isnan(value)) return "-";
    snprintf(text, room, format, value);
    return text;
}

static const char *version_of(const peer *p) { return p->version(p); }

static const measurement *ours_of(const measurement *m, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (m[i].contender->kind == PEER_OURS) return &m[i];
    }
    return NULL;
}

static void report_ours(const measurement *m, size_t count) {
    const measurement *ours = ours_of(m, count);
    const measurement *best = ours == NULL ? NULL : rules_best_peer(m, count, &ours->what);
    if (best == NULL) return;
    printf("  = %.2f times the best peer, %s %s\n", best->median / ours->median, best->contender->name,
           version_of(best->contender));
}

void report_workload(const measurement *m, size_t count) {
    char text[120], copy[16], bandwidth[16], error[16];
    const measurement *ours = ours_of(m, count);
    if (count == 0) return;
    printf("\n%s\n  %-13s %-10s %10s %7s %8s %10s %7s %10s\n", describe(&m->what, text, sizeof text), "by", "version",
           "ns/entry", "/copy", "/softjac", "bandwidth", "spread", "error");
    for (size_t i = 0; i < count; i++) {
        printf("  %-13s %-10.10s %10.4g %7s %8.2f %10s %6.0f%% %10s\n", m[i].contender->name,
               version_of(m[i].contender), m[i].median, number(m[i].over_copy, "%.2f", copy, sizeof copy),
               ours == NULL ? NAN : m[i].median / ours->median,
               number(100 * m[i].bandwidth, "%.0f%%", bandwidth, sizeof bandwidth),
               100 * (m[i].slowest / m[i].fastest - 1), number(m[i].worst_error, "%.3g", error, sizeof error));
    }
    report_ours(m, count);
    fflush(stdout);
}

/* ---------------------------------------------------------------- verdicts */

static void report_bound(double bound, bool at_least, bool within, const char *miss) {
    if (isnan(bound)) {
        printf(" %14s", "");
    } else {
        printf(" %s %5.4g %-6s", at_least ? ">=" : "<=", bound, within ? "yes" : miss);
    }
}

static void report_summary(const verdict *v, size_t count) {
    printf("\n%-36s %-32s %-14s %-14s %s\n", "regime", "figure", "required", "goal", "worst");
    for (size_t first = 0, next; first < count; first = next) {
        size_t holds = 0, reaches = 0;
        double worst = v[first].value;
        for (next = first; next < count && v[next].regime == v[first].regime && v[next].figure == v[first].figure;
             next++) {
            holds += verdict_holds(&v[next]);
            reaches += verdict_reaches(&v[next]);
            worst = v[next].at_least ? fmin(worst, v[next].value) : fmax(worst, v[next].value);
        }
        char required[32] = "-", goal[32] = "-";
        const size_t all = next - first;
        if (!isnan(v[first].required)) snprintf(required, sizeof required, "%zu of %zu", holds, all);
        if (!isnan(v[first].goal)) snprintf(goal, sizeof goal, "%zu of %zu", reaches, all);
        printf("%-36s %-32s %-14s %-14s %.3g\n", v[first].regime, v[first].figure, required, goal, worst);
    }
}

/* What is required and missed beside the least that a call can take. Returns how many the algorithms there are cannot
 * reach. */
static size_t report_floors(const verdict *v, size_t count) {
    char text[120];
    size_t below = 0;
    printf("\nRequired and missed, ns per entry: required, floor (of what), ours\n");
    for (size_t i = 0; i < count; i++) {
        if (verdict_holds(&v[i])) continue;
        const bool cannot = verdict_below_floor(&v[i], v[i].required);
        printf("  %-32.32s %-48s %8.3g %8.3g %-14s %8.3g  %s\n", v[i].figure,
               describe(&v[i].ours->what, text, sizeof text), verdict_time(&v[i], v[i].required), v[i].floor,
               v[i].floor_of, v[i].judged->median, cannot ? "below the floor" : "open");
        below += cannot;
    }
    return below;
}

size_t report_verdicts(const verdict *v, size_t count) {
    char text[120];
    size_t missed = 0;
    printf("\nTargets, row by row (\"no\": missed)\n");
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || v[i].regime != v[i - 1].regime || v[i].figure != v[i - 1].figure) {
            printf("\n%s: %s\n  %-48s %8s %-16s %-15s\n", v[i].regime, v[i].figure, "", "figure", "required", "goal");
        }
        printf("  %-48s %8.3g", describe(&v[i].ours->what, text, sizeof text), v[i].value);
        report_bound(v[i].required, v[i].at_least, verdict_holds(&v[i]), "NO");
        report_bound(v[i].goal, v[i].at_least, verdict_reaches(&v[i]), "no");
        printf("  %s%s\n", v[i].against == NULL ? "" : "against ", v[i].against == NULL ? "" : v[i].against->name);
        missed += !verdict_holds(&v[i]);
    }
    if (count > 0) report_summary(v, count);
    const size_t below = report_floors(v, count);
    printf("\nrequired and missed: %zu of %zu, %zu of them below the floor\n", missed, count, below);
    return missed;
}

/* ---------------------------------------------------------------- JSON */

/* JSON has no NaN. */
static void write_number(FILE *file, const char *key, double value) {
    if (isfinite(value)) {
        fprintf(file, ", \"%s\": %.6g", key, value);
    } else {
        fprintf(file, ", \"%s\": null", key);
    }
}

static void write_case(FILE *file, const bench_case *c) {
    fprintf(
        file, "\"operation\": \"%s\", \"dtype\": \"%s\", \"axis\": \"%s\", \"threads\": %d, \"rows\": %zu, \"n\": %zu",
        bench_op_names[c->op], bench_dtype_name(c->dtype), c->first_axis ? "first" : "last", c->threads, c->rows, c->n);
}

static void write_measurement(FILE *file, const measurement *m) {
    static const char *const kinds[] = {"limit", "ours", "exact", "peer", "floor", "exact floor"};
    fputs("    {", file);
    write_case(file, &m->what);
    fprintf(file, ", \"by\": \"%s\", \"kind\": \"%s\", \"version\": \"%s\"", m->contender->name,
            kinds[m->contender->kind], version_of(m->contender));
    write_number(file, "ns_per_entry", m->median);
    write_number(file, "fastest", m->fastest);
    write_number(file, "slowest", m->slowest);
    write_number(file, "over_copy", m->over_copy);
    write_number(file, "bandwidth", m->bandwidth);
    write_number(file, "worst_error", m->worst_error);
    fputs("}", file);
}

static void write_verdict(FILE *file, const verdict *v) {
    fprintf(file, "    {\"regime\": \"%s\", \"figure\": \"%s\", ", v->regime, v->figure);
    write_case(file, &v->ours->what);
    fprintf(file, ", \"against\": \"%s\", \"bound\": \"%s\", \"holds\": %s, \"reaches\": %s",
            v->against == NULL ? "" : v->against->name, v->at_least ? ">=" : "<=", verdict_holds(v) ? "true" : "false",
            verdict_reaches(v) ? "true" : "false");
    write_number(file, "value", v->value);
    write_number(file, "required", v->required);
    write_number(file, "goal", v->goal);
    fprintf(file, ", \"floor_of\": \"%s\"", v->floor_of);
    write_number(file, "floor", v->floor);
    write_number(file, "ours", v->judged->median);
    write_number(file, "required_time", verdict_time(v, v->required));
    write_number(file, "goal_time", verdict_time(v, v->goal));
    fputs("}", file);
}

/* The processor's name, where the system tells it. */
static void write_processor(FILE *file) {
    char line[200];
    FILE *facts = fopen("/proc/cpuinfo", "r");
    while (facts != NULL && fgets(line, sizeof line, facts) != NULL) {
        const char *name = strncmp(line, "model name", 10) == 0 ? strchr(line, ':') : NULL;
        if (name == NULL) continue;
        fprintf(file, "  \"processor\": \"%.*s\",\n", (int)strcspn(name + 2, "\"\\\n"), name + 2);
        break;
    }
    if (facts != NULL) fclose(facts);
}

static bool failed(const char *path) {
    fprintf(stderr, "bench: %s: %s\n", path, strerror(errno));
    return false;
}

bool report_json(const char *path, const run_facts *facts, const measurement *m, size_t count, const verdict *v,
                 size_t verdicts) {
    FILE *file = fopen(path, "w");
    if (file == NULL) return failed(path);
    fprintf(file, "{\n  \"rounds\": %zu,\n  \"seconds\": %.0f,\n", facts->rounds, facts->seconds);
    write_processor(file);
    fputs("  \"measurements\": [\n", file);
    for (size_t i = 0; i < count; i++) {
        write_measurement(file, &m[i]);
        fputs(i + 1 < count ? ",\n" : "\n", file);
    }
    fputs("  ],\n  \"verdicts\": [\n", file);
    for (size_t i = 0; i < verdicts; i++) {
        write_verdict(file, &v[i]);
        fputs(i + 1 < verdicts ? ",\n" : "\n", file);
    }
    fputs("  ]\n}\n", file);
    const bool written = !ferror(file);
    return fclose(file) == 0 && written ? true : failed(path);
}
