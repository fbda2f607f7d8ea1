/* article.c: the command article: "Softmax function and its derivative" run from start to end on its own kind of input.
 * The textbook formulas come from src/reference; sections are in article_sections.c and article_overflow.c. */
#include "article.h"

#include "autodiff.h"
#include "check_data.h"
#include "oracle.h"

static void introduce(report *into) {
    report_section(into, "Softmax function and its derivative");
    report_note(into,
                "Z: %d samples, %d classes, half-integers from -15 to 15, from a fixed seed. \"textbook\" is the "
                "article's formula in plain C (src/reference), \"softjac\" the library, both in float64.",
                CHECK_ROWS, CHECK_CLASSES);
    report_note(into,
                "MAPE, a fraction, is against automatic differentiation of the plain formulas (%s). \"max rel. error\" "
                "is the worst entry against the truth (%s).",
                autodiff_name() ? autodiff_name() : "not in this build: no ADOL-C",
                oracle_name() ? oracle_name() : "not in this build: no MPFR");
    report_note(into, "Watch the two part: a small MAPE hides entries that have lost most of their digits.");
}

int command_article(const arguments *args) {
    static double z[CHECK_ROWS * CHECK_CLASSES];
    const row_set rows = {.z = z, .q = ARTICLE_CLASS, .m = CHECK_ROWS, .n = CHECK_CLASSES};
    report *into = report_new(args);
    check_logits(z, CHECK_ROWS * CHECK_CLASSES);
    introduce(into);
    if (!article_add_formulas(into, &rows)) {
        report_discard(into);
        return fail(args, EXIT_NO_MEMORY, "out of memory: the dense Jacobian needs 0.2 GB");
    }
    article_add_overflow(into);
    article_add_published(into);
    return report_finish(into);
}
