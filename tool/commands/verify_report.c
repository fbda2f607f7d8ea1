/* verify_report.c: turns check lines into the tables of `softjac verify`. See verify_report.h. */
#include "verify_report.h"

#include "autodiff.h"
#include "check_data.h"
#include "oracle.h"

#include <math.h>

static const char *known_as(const char *name, const char *otherwise) { return name ? name : otherwise; }

void verify_introduce(report *into, const arguments *args, const check_input *input) {
    char shape[SHAPE_TEXT];
    shape_text(input->ndim, input->shape, shape);
    report_section(into, "softjac verify");
    if (args->input_count) {
        report_note(into, "Logits: %s, shape %s, class axis %d.", args->inputs[0], shape, input->around.axis);
    } else {
        report_note(into, "Logits: shape %s, half-integers from -15 to 15 as in the article, fixed seed.", shape);
    }
    report_note(into, "Truth: %s. Automatic differentiation (AD): %s. Kernels: %s, %s mode.",
                known_as(oracle_name(), "none, MPFR was not there when this was built"),
                known_as(autodiff_name(), "none, ADOL-C was not there when this was built"), sj_kernel_set(),
                args->exact ? "exact" : "default");
    report_note(into, "%s", check_basis());
}

/* One sentence for each mode. */
static const char default_bounds[] =
    "2 ulp an entry; logsumexp, ill-conditioned near 0, 2 ulp or 2u max(|z_m|, logsumexp - z_m); products 4u times";
static const char exact_bounds[] =
    "float32 correctly rounded, float64 0.51 ulp an entry; logsumexp, ill-conditioned near 0, that or "
    "1u max(|z_m|, logsumexp - z_m); products 1u times";

void verify_explain(report *into, const arguments *args, const check_input *input) {
    report_section(into, "How to read this");
    report_note(into,
                "textbook f64, softjac: largest relative error against the truth, of the article's formulas in float64 "
                "and of the library in the dtype of the table. MAPE to AD: the library against automatic "
                "differentiation of the article's formulas in float64; where the two part, the truth decides.");
    report_note(into,
                "ulp: largest error in units of the last place, subnormals included. used: the largest share of its "
                "bound that an entry uses. Bounds: %s the sum over k of |J_ik| |g_k - g_m|, in log-vjp of "
                "|J_ki| |g_k|, where u is 2^-53 or 2^-24.",
                args->exact ? exact_bounds : default_bounds);
    report_note(into,
                "Gradients are of output %zu. vjp takes g = 2s, as the article's loss sum of s^2 does; log-vjp the "
                "gradient of the cross-entropy with a smoothed label; jvp the direction t = z, a change of "
                "temperature.",
                input->q);
}

static void number_or_none(report *into, const char *format, double value, bool known) {
    if (known) {
        report_number(into, format, value);
    } else {
        report_none(into);
    }
}

static void add_line(report *into, const check_line *line, bool judged) {
    const bool exact = judged && line->computed && oracle_name();
    report_text(into, "%s%s", line->name, line->dense ? ", dense" : "");
    report_text(into, "%s", line->shape);
    number_or_none(into, 1e3 * line->seconds < 100 ? "%.3g" : "%.0f", 1e3 * line->seconds, line->computed);
    number_or_none(into, "%.1e", line->mape, judged && line->computed && autodiff_name());
    number_or_none(into, "%.1e", line->plain_relative, exact);
    number_or_none(into, "%.1e", line->relative, exact);
    number_or_none(into, "%.3g", line->ulps, exact);
    report_text(into, "%s", line->bound);
    number_or_none(into, "%.2g", line->of_bound, judged && line->computed);
    if (line->computed && (judged || line->status != SJ_OK)) {
        report_verdict(into, line->pass);
    } else {
        report_none(into);
    }
}

static void add_remarks(report *into, const check_input *input, const check_lines *lines) {
    if (lines->judged < lines->rows) {
        report_note(into, "%zu of %zu rows were not judged: a NaN or +inf, no finite logit%s.",
                    lines->rows - lines->judged, lines->rows,
                    oracle_name() ? "" : ", or logits at which plain float64 formulas overflow");
    }
    for (size_t i = 0; i < lines->count; i++) {
        const check_line *line = &lines->at[i];
        if (!line->computed) {
            report_note(into, "%s%s was left out: it needs %.3g GB, and verify uses at most %.3g GB a result.",
                        line->name, line->dense ? ", dense," : "", 1e-9 * line->bytes,
                        1e-9 * (double)input->memory_limit);
        } else if (line->status != SJ_OK) {
            report_note(into, "%s: the library call failed: %s", line->name, sj_strerror(line->status));
        }
    }
}

void verify_add_table(report *into, const check_input *input, const check_lines *lines) {
    static const char *const headings[] = {"form",    "result", "ms",    "MAPE to AD", "textbook f64",
                                           "softjac", "ulp",    "bound", "used",       "check"};
    report_section(into, dtype_name(input->dtype));
    report_columns(into, 10, headings);
    for (size_t i = 0; i < lines->count; i++) add_line(into, &lines->at[i], lines->judged > 0);
    add_remarks(into, input, lines);
}
