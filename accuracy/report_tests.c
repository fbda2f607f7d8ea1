/* report_tests.c: the tables of docs/accuracy.md that tests/accuracy measures, for each test that has operations of its
 * own, and what the sweeps printed. Called by report_tables.c. */
#include "report.h"

#include <math.h>

typedef struct section {
    const char *test, *title, *text;
} section;

static const section sections[] = {
    {"given", "Derivatives from softmax itself", "Inputs are s, not logits; the truth is evaluated from the same s."},
    {"states", "Streams: states updated, merged and emitted", "Rows in pieces, their states merged in any order."},
    {"losses", "Cross-entropy",
     "Labels and probabilities, label smoothing, class weights, z-loss, a factor from above, every reduction; the\n"
     "gradient in place of the logits. Where several classes have weight an entry is a difference, and its error is "
     "in\n"
     "u of what it is made of."},
    {"second", "Second derivatives",
     "Double backward and Hessian-vector products, in u of what an entry is made of (docs/numerics.md)."},
    {"masks", "Masks, lengths, causal masks", "The entries that take part, against the row that has nothing else."},
    {"scales", "Scale, bias and sink", "Scales of 1e-30 to 1e30 and of either sign, infinite biases, sinks."},
    {"halves", "Half precision",
     "Against the true value, which is rounded once: half a unit, and what float32 may be off before."},
};

static const test_line *line_of(const results *r, const section *at, const char *what, const char *set) {
    for (size_t i = 0; i < r->test_count; i++) {
        const test_line *t = &r->tests[i];
        if (strcmp(t->test, at->test) == 0 && strcmp(t->what, what) == 0 && strcmp(t->set, set) == 0) return t;
    }
    return NULL;
}

/* What every kernel set printed of the operation of a line. */
static void print_operation(const results *r, const section *at, const test_line *any, FILE *out) {
    const char *what = any->what;
    const test_line *worst = any;
    double entries = 0, beyond = 0;
    for (size_t i = 0; i < SETS; i++) {
        const test_line *t = line_of(r, at, what, report_sets[i]);
        if (!t) continue;
        entries += (double)t->entries, beyond += (double)t->beyond;
        if (!(t->error <= worst->error)) worst = t;
    }
    (void)fprintf(out, "| %s | %.5g", what, worst->allowed);
    for (size_t i = 0; i < SETS; i++) {
        const test_line *t = line_of(r, at, what, report_sets[i]);
        if (t)
            (void)fprintf(out, " | %.4g", t->error);
        else
            (void)fprintf(out, " | –");
    }
    (void)fprintf(out, " | %.3g | %.0f | %s |\n", entries, beyond, worst->worst);
}

/* Whether no line before this one is of the same operation. */
static bool is_first(const results *r, size_t line) {
    for (size_t i = 0; i < line; i++)
        if (strcmp(r->tests[i].test, r->tests[line].test) == 0 && strcmp(r->tests[i].what, r->tests[line].what) == 0)
            return false;
    return true;
}

static bool was_run(const results *r, const section *at) {
    for (size_t i = 0; i < r->test_count; i++)
        if (strcmp(r->tests[i].test, at->test) == 0) return true;
    return false;
}

static void print_section(const results *r, const section *at, FILE *out) {
    if (!was_run(r, at)) return;
    (void)fprintf(out, "### %s\n\n%s\n\n| operation | allowed |", at->title, at->text);
    for (size_t i = 0; i < SETS; i++) (void)fprintf(out, " %s |", report_sets[i]);
    (void)fprintf(out, " entries | beyond | worst |\n|---|---|");
    for (size_t i = 0; i < SETS; i++) (void)fprintf(out, "---:|");
    (void)fprintf(out, "---:|---:|---|\n");
    for (size_t i = 0; i < r->test_count; i++)
        if (strcmp(r->tests[i].test, at->test) == 0 && is_first(r, i)) print_operation(r, at, &r->tests[i], out);
    (void)fputc('\n', out);
}

void report_sweep(const results *r, const char *of, const char *text, FILE *out) {
    size_t lines = 0;
    for (size_t i = 0; i < r->sweep_count; i++) lines += strncmp(r->sweep_lines[i], of, strlen(of)) == 0;
    if (lines == 0) return;
    (void)fprintf(out, "%s\n\n```\n", text);
    for (size_t i = 0; i < r->sweep_count; i++)
        if (strncmp(r->sweep_lines[i], of, strlen(of)) == 0) (void)fprintf(out, "%s\n", r->sweep_lines[i]);
    (void)fprintf(out, "```\n\n");
}

void report_tests(const results *r, FILE *out) {
    if (r->test_count > 0)
        (void)fprintf(
            out,
            "## Other inputs and operations\n\n"
            "What the tests of `tests/accuracy` measure, which `make test` runs: rows of every family and kernel,\n"
            "without a search. Units as above: ulp, for products u times the condition.\n\n");
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) print_section(r, &sections[i], out);
    report_sweep(r, "halves",
                 "### Half precision, pairs of logits\n\n"
                 "`accuracy halves`: rows of two finite entries, 2^32 of a type with those that are not finite.",
                 out);
}
