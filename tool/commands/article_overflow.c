/* article_overflow.c: the article's "Underflow and Overflow", with the floating-point exceptions read from the machine,
 * and the numbers the article printed, computed again and compared digit by digit. */
#include "article.h"

#include "reference.h"

#include <fenv.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N 5

/* First rows of the article's two published runs, less their maximum: that is all the printed digits tell, and all that
 * matters. The maximum of the first was 12.5 to 15, as no logit is under -15; its overflow section depends on that. */
static const double published_z[2][N] = {{-17.5, -1.5, -2, 0, -27.5}, {-17.5, -17, -21.5, 0, -9}};
static const char *const published_softmax[2][N] = {
    {"1.84840853e-08", "1.64251625e-01", "9.96236462e-02", "7.36124711e-01", "8.39176173e-13"},
    {"2.51068914e-08", "4.13942660e-08", "4.59848757e-10", "9.99876538e-01", "1.23394568e-04"}};
static const char *const published_gradient[2][N] = {
    {"-1.36065919e-08", "-1.20909680e-01", "-7.33354278e-02", "1.94245121e-01", "-6.17738318e-13"},
    {"-2.51037917e-08", "-4.13891554e-08", "-4.59791984e-10", "1.23446286e-04", "-1.23379333e-04"}};
#define FIRST_MAXIMUM 12.5

/* Entries under the maximum by this much, as the overflow section printed them. */
static const struct {
    double gap;
    const char *printed;
} published_tails[] = {{-150, "7.17509597e-66"},
                       {-200, "1.38389653e-87"},
                       {-450, "3.69388307e-196"},
                       {-650, "5.11195195e-283"},
                       {-700, "9.85967654e-305"}};

static sj_view row(const double *data) { return sj_vector_f64(data, N); }

static void textbook(const double *z, double *out) { ref_softmax(z, out, N); }

static void textbook_shifted(const double *z, double *out) { ref_softmax_shifted_batch(z, out, 1, N); }

static void library(const double *z, double *out) {
    if (sj_softmax(row(z), row(out), NULL) != SJ_OK) out[0] = NAN;
}

/* s_3 (delta_3r - s_r) with the shifted s: the article stops before this step. */
static void textbook_shifted_gradient(const double *z, double *out) {
    ref_softmax_shifted_batch(z, out, 1, N);
    const double s_q = out[ARTICLE_CLASS];
    for (size_t r = 0; r < N; r++) out[r] = s_q * ((r == ARTICLE_CLASS ? 1 : 0) - out[r]);
}

static void textbook_gradient(const double *z, double *out) { ref_gradient(z, ARTICLE_CLASS, out, N); }

static void library_gradient(const double *z, double *out) {
    if (sj_softmax_gradient(row(z), ARTICLE_CLASS, row(out), NULL) != SJ_OK) out[0] = NAN;
}

/* The exceptions that say something; inexact is raised by nearly every operation. */
static const struct {
    int flag;
    const char *name;
} exceptions[] = {
    {FE_OVERFLOW, "overflow"}, {FE_INVALID, "invalid"}, {FE_DIVBYZERO, "divide-by-zero"}, {FE_UNDERFLOW, "underflow"}};

static void flag_names(int raised, char text[64]) {
    text[0] = '\0';
    for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++) {
        if (!(raised & exceptions[i].flag)) continue;
        if (text[0]) strcat(text, ", ");
        strcat(text, exceptions[i].name);
    }
    if (text[0] == '\0') strcpy(text, "none");
}

static void add_run(report *into, const char *name, void (*run)(const double *, double *), const double *z) {
    double out[N];
    char flags[64];
    feclearexcept(FE_ALL_EXCEPT);
    run(z, out);
    flag_names(fetestexcept(FE_ALL_EXCEPT), flags);
    feclearexcept(FE_ALL_EXCEPT);
    report_text(into, "%s", name);
    for (size_t k = 0; k < N; k++) report_number(into, "%.4g", out[k]);
    report_text(into, "%s", flags);
}

static void add_table(report *into, const char *result) {
    char names[N][16];
    const char *headings[N + 2] = {"version", names[0], names[1], names[2], names[3], names[4], "flags raised"};
    for (size_t k = 0; k < N; k++) snprintf(names[k], sizeof names[k], "%s_%zu", result, k);
    report_columns(into, N + 2, headings);
}

void article_add_overflow(report *into) {
    double z[N];
    for (size_t k = 0; k < N; k++) z[k] = 100 * (published_z[0][k] + FIRST_MAXIMUM);
    report_section(into, "Underflow and Overflow");
    report_note(into,
                "The article's first sample times 100: z = (%g, %g, %g, %g, %g). exp overflows beyond 709.78; "
                "infinity over infinity is invalid, hence NaN. Less the maximum, nothing can overflow.",
                z[0], z[1], z[2], z[3], z[4]);
    add_table(into, "s");
    add_run(into, "textbook", textbook, z);
    add_run(into, "textbook, shifted", textbook_shifted, z);
    add_run(into, "softjac", library, z);
    report_section(into, "The derivative of the shifted softmax");
    report_note(into,
                "d s_3 / d z_r at the same z, which the article does not reach. s_3 rounds to 1, so 1 - s_3 is lost "
                "even after the shift; the library forms it as T / (1 + T), T the sum of the other terms.");
    add_table(into, "d");
    add_run(into, "textbook", textbook_gradient, z);
    add_run(into, "textbook, shifted", textbook_shifted_gradient, z);
    add_run(into, "softjac", library_gradient, z);
}

/* Three cells: the printed number, ours with as many digits, and whether they are the same digits. */
static void add_comparison(report *into, const char *printed, double value) {
    char text[40];
    snprintf(text, sizeof text, "%.8e", value);
    report_number(into, "%.8e", strtod(printed, NULL));
    report_number(into, "%.8e", value);
    report_verdict(into, strcmp(text, printed) == 0);
}

static void add_published_run(report *into, int run) {
    static const char *const headings[] = {"z - max",          "s printed",        "s softjac",    "s same",
                                           "gradient printed", "gradient softjac", "gradient same"};
    double s[N], gradient[N];
    library(published_z[run], s);
    library_gradient(published_z[run], gradient);
    report_section(into, run == 0 ? "First sample of the first published run" : "First sample of the second");
    report_columns(into, 7, headings);
    for (size_t k = 0; k < N; k++) {
        report_number(into, "%g", published_z[run][k]);
        add_comparison(into, published_softmax[run][k], s[k]);
        add_comparison(into, published_gradient[run][k], gradient[k]);
    }
}

static void add_published_tails(report *into) {
    static const char *const headings[] = {"z - max", "s printed", "s softjac", "s same"};
    report_section(into, "Published entries far under the maximum");
    report_columns(into, 4, headings);
    for (size_t i = 0; i < sizeof published_tails / sizeof *published_tails; i++) {
        double z[N] = {0, -1000, -1000, -1000, published_tails[i].gap}, s[N];
        library(z, s);
        report_number(into, "%g", published_tails[i].gap);
        add_comparison(into, published_tails[i].printed, s[N - 1]);
    }
}

void article_add_published(report *into) {
    add_published_run(into, 0);
    add_published_run(into, 1);
    add_published_tails(into);
}
