/* article_sections.c: the formulas of the article in its order, one section each: every version of a formula is run,
 * timed and compared. The list of sections at the end is the article's table of contents. */
#include "article.h"

#include "check_time.h"
#include "reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef enum version_kind { VERSION_PLAIN, VERSION_DENSE, VERSION_AUTODIFF } version_kind;

/* One way to compute a section's result. */
typedef struct formula_version {
    const char *name;
    const char *result; /* its shape */
    version_kind kind;
    void (*run)(const row_set *rows, double *out); /* NULL for automatic differentiation */
} formula_version;

#define MOST_VERSIONS 5

typedef struct article_section {
    const char *title, *note;
    form_id id;
    size_t samples; /* the first so many, 0 for all */
    size_t printed; /* the version whose result is printed in full; 0 for none */
    formula_version versions[MOST_VERSIONS];
} article_section;

/* Results of one section by one version, by automatic differentiation, and the dense array. */
typedef struct workroom {
    double *got, *autodiff, *dense;
    bool differentiated;
} workroom;

static sj_view matrix(const double *data, const row_set *rows) { return sj_matrix_f64(data, rows->m, rows->n); }

/* A call that fails leaves NaN, which every comparison shows. */
static void expect(sj_status status, double *out) {
    if (status != SJ_OK) out[0] = NAN;
}

static void textbook_softmax(const row_set *rows, double *out) { ref_softmax_batch(rows->z, out, rows->m, rows->n); }

static void library_softmax(const row_set *rows, double *out) {
    expect(sj_softmax(matrix(rows->z, rows), matrix(out, rows), NULL), out);
}

static void textbook_gradient(const row_set *rows, double *out) { ref_gradient(rows->z, rows->q, out, rows->n); }

static void library_gradient(const row_set *rows, double *out) {
    expect(sj_softmax_gradient(matrix(rows->z, rows), rows->q, matrix(out, rows), NULL), out);
}

static void textbook_sample(const row_set *rows, double *out) { ref_jacobian_sample(rows->z, out, rows->n); }

static void textbook_loop(const row_set *rows, double *out) { ref_jacobian_loop(rows->z, out, rows->m, rows->n); }

static void textbook_dense(const row_set *rows, double *out) { ref_jacobian_dense(rows->z, out, rows->m, rows->n); }

static void library_dense(const row_set *rows, double *out) {
    const sj_view all = sj_array(out, SJ_F64, 4, (size_t[]){rows->m, rows->n, rows->m, rows->n});
    expect(sj_softmax_jacobian(matrix(rows->z, rows), SJ_DENSE, all, NULL), out);
}

static void library_blocks(const row_set *rows, double *out) {
    const sj_view blocks = sj_array(out, SJ_F64, 3, (size_t[]){rows->m, rows->n, rows->n});
    expect(sj_softmax_jacobian(matrix(rows->z, rows), SJ_BLOCKS, blocks, NULL), out);
}

/* The article's formula starts from the softmax, the library from the logits; g is 2s either way. */
static void textbook_loss(const row_set *rows, double *out) {
    ref_softmax_batch(rows->z, out, rows->m, rows->n);
    ref_loss_gradient(out, rows->g, out, rows->m, rows->n);
}

static void library_loss(const row_set *rows, double *out) {
    expect(sj_softmax_vjp(matrix(rows->z, rows), matrix(rows->g, rows), matrix(out, rows), NULL), out);
}

#define AUTODIFF(shape)                                                                                                \
    { "autodiff", shape, VERSION_AUTODIFF, NULL }

static const article_section sections[] = {
    {"Softmax: one example",
     "s_q = exp(z_q) / sum over k of exp(z_k), of the first sample.",
     FORM_SOFTMAX,
     1,
     1,
     {{"textbook", "(1, 5)", VERSION_PLAIN, textbook_softmax}, {"softjac", "(1, 5)", VERSION_PLAIN, library_softmax}}},
    {"Softmax: multiple examples",
     "The same in every row.",
     FORM_SOFTMAX,
     0,
     0,
     {{"textbook", "(1000, 5)", VERSION_PLAIN, textbook_softmax},
      {"softjac", "(1000, 5)", VERSION_PLAIN, library_softmax}}},
    {"Derivative with respect to a feature",
     "d s_3 / d z_r = s_3 (delta_3r - s_r), of the first sample.",
     FORM_GRADIENT,
     1,
     1,
     {{"textbook", "(1, 5)", VERSION_PLAIN, textbook_gradient},
      {"softjac", "(1, 5)", VERSION_PLAIN, library_gradient},
      AUTODIFF("(1, 5)")}},
    {"Derivative with respect to a sample",
     "diag(s) - s s^T, s a column, of the first sample.",
     FORM_JACOBIAN,
     1,
     1,
     {{"textbook", "(5, 5)", VERSION_PLAIN, textbook_sample},
      {"softjac", "(5, 5)", VERSION_PLAIN, library_blocks},
      AUTODIFF("(5, 5)")}},
    {"Derivative of multiple softmaxes with respect to multiple samples",
     "Dense: 25 000 000 numbers, 25 000 of them not zero; MAPE divides by all of them, the worst entry does not. "
     "Filling "
     "that array is what takes the time, not the loop; the blocks alone are the same derivative.",
     FORM_JACOBIAN,
     0,
     0,
     {{"textbook, loop", "(1000, 5, 1000, 5)", VERSION_DENSE, textbook_loop},
      {"textbook, diag - outer", "(1000, 5, 1000, 5)", VERSION_DENSE, textbook_dense},
      {"softjac, dense", "(1000, 5, 1000, 5)", VERSION_DENSE, library_dense},
      {"softjac, blocks", "(1000, 5, 5)", VERSION_PLAIN, library_blocks},
      AUTODIFF("(1000, 5, 5)")}},
    {"Gradient using a loss function",
     "L = sum of s^2, so dL/ds = 2s and dL/dz = s (g - sum over k of g_k s_k). Where s nears 1 the textbook subtracts "
     "nearly equal numbers; the library shifts g by its value at the largest logit first.",
     FORM_VJP,
     0,
     0,
     {{"textbook", "(1000, 5)", VERSION_PLAIN, textbook_loss},
      {"softjac", "(1000, 5)", VERSION_PLAIN, library_loss},
      AUTODIFF("(1000, 5)")}},
};

static void number_or_none(report *into, const char *format, double value, bool known) {
    if (known) {
        report_number(into, format, value);
    } else {
        report_none(into);
    }
}

/* Seconds of a run into `out`. */
static double timed(const formula_version *version, form_id id, const row_set *rows, double *out) {
    stopwatch watch = stopwatch_start();
    do {
        if (version->kind == VERSION_AUTODIFF) {
            rows_autodiff(id, rows, out);
        } else {
            version->run(rows, out);
        }
    } while (stopwatch_again(&watch));
    return stopwatch_median(&watch);
}

static void add_version(report *into, const formula_version *version, form_id id, const row_set *rows, workroom *room) {
    const size_t entries = rows_entries(id, rows);
    const bool dense = version->kind == VERSION_DENSE;
    double mape = NAN;
    const double seconds = timed(version, id, rows, dense ? room->dense : room->got);
    const bool zeros = !dense || rows_blocks_of_dense(room->dense, rows, room->got);
    sj_mape(sj_vector_f64(room->got, entries), sj_vector_f64(room->autodiff, entries), &mape, NULL);
    if (dense) mape /= (double)rows->m; /* the zeros are counted and add nothing */
    const double relative = rows_relative(id, rows, room->got);
    report_text(into, "%s", version->name);
    report_text(into, "%s", version->result);
    report_number(into, 1e3 * seconds < 100 ? "%.3g" : "%.0f", 1e3 * seconds);
    number_or_none(into, "%.2e", zeros ? mape : NAN, room->differentiated && version->kind != VERSION_AUTODIFF);
    number_or_none(into, "%.1e", zeros ? relative : INFINITY, !isnan(relative));
}

/* The rows of one sample's result, as NumPy prints them. */
static void print_result(report *into, form_id id, const row_set *rows, const double *got) {
    for (size_t row = 0; row < rows_entries(id, rows) / rows->n; row++) {
        char line[160] = "";
        int used = 0;
        for (size_t k = 0; k < rows->n; k++)
            used += snprintf(line + used, sizeof line - (size_t)used, " % .8e", got[row * rows->n + k]);
        report_note(into, "  %s", line);
    }
}

static void add_section(report *into, const article_section *section, const row_set *all, workroom *room) {
    static const char *const headings[] = {"version", "result", "ms", "MAPE to AD", "max rel. error"};
    row_set rows = *all;
    if (section->samples) rows.m = section->samples;
    report_section(into, section->title);
    report_note(into, "%s", section->note);
    report_columns(into, 5, headings);
    room->differentiated = rows_autodiff(section->id, &rows, room->autodiff);
    for (size_t i = 0; i < MOST_VERSIONS && section->versions[i].name; i++) {
        const formula_version *version = &section->versions[i];
        if (version->kind == VERSION_AUTODIFF && !room->differentiated) continue;
        add_version(into, version, section->id, &rows, room);
    }
    if (section->printed == 0) return;
    section->versions[section->printed].run(&rows, room->got);
    print_result(into, section->id, &rows, room->got);
}

bool article_add_formulas(report *into, const row_set *rows) {
    const size_t size = rows->m * rows->n;
    double *g = malloc(size * sizeof *g);
    workroom room = {.got = malloc(size * rows->n * sizeof(double)),
                     .autodiff = malloc(size * rows->n * sizeof(double)),
                     .dense = malloc(size * size * sizeof(double))};
    const bool enough = g && room.got && room.autodiff && room.dense;
    if (enough) {
        row_set with_g = *rows;
        ref_softmax_shifted_batch(rows->z, room.got, rows->m, rows->n);
        ref_sum_of_squares_gradient(room.got, g, size);
        with_g.g = g;
        for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) add_section(into, &sections[i], &with_g, &room);
    }
    free(g);
    free(room.got);
    free(room.autodiff);
    free(room.dense);
    return enough;
}
