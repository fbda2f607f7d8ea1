/* report_tables.c: the tables of docs/accuracy.md, as Markdown. Called by report.c. */
#include "report.h"

#include <math.h>
#include <time.h>

#define INLINE_MOST 4 /* entries of a row printed in a table */

static void print_worst(const record *r, FILE *out) {
    if (!r)
        (void)fprintf(out, " | –");
    else if (!isfinite(r->error))
        (void)fprintf(out, " | not finite");
    else
        (void)fprintf(out, " | %.*f%s", r->error < 1000 ? 3 : 0, r->error, r->confirmed ? "" : "~");
}

static void print_input(const record *worst, FILE *out) {
    if (worst->input.n > INLINE_MOST) {
        (void)fprintf(out, " | n = %zu, entry %zu", worst->input.n, worst->entry);
        return;
    }
    (void)fprintf(out, " | `");
    candidate_write(&worst->input, forms[worst->id].takes_g, out);
    (void)fprintf(out, "`, entry %zu", worst->entry);
}

static void print_form(const results *r, form_id id, sj_dtype dtype, sj_mode mode, FILE *out) {
    const record *worst = results_worst(r, id, dtype, mode, NULL);
    double tried = 0, beyond = 0;
    if (!worst) return;
    (void)fprintf(out, "| %s | %g %s", forms[id].name, contract_bound(id, dtype, mode), contract_unit(id));
    for (size_t i = 0; i < SETS; i++) {
        const record *found = results_worst(r, id, dtype, mode, report_sets[i]);
        print_worst(found, out);
        tried += found ? (double)found->tried : 0;
        beyond += found ? (double)found->beyond : 0;
    }
    (void)fprintf(out, " | %.3g | %.0f", tried, beyond);
    print_input(worst, out);
    (void)fprintf(out, " |\n");
}

static void print_search(const results *r, FILE *out) {
    static const char *const titles[MODES] = {"Default mode", "Exact mode"};
    for (int mode = 0; mode < MODES; mode++)
        for (int t = 0; t < DTYPES; t++) {
            (void)fprintf(out, "## %s, %s\n\n", titles[mode], t == 0 ? "float32" : "float64");
            (void)fprintf(out, "| operation | allowed |");
            for (size_t i = 0; i < SETS; i++) (void)fprintf(out, " %s |", report_sets[i]);
            (void)fprintf(out, " entries tried | beyond | worst input |\n|---|---|");
            for (size_t i = 0; i < SETS; i++) (void)fprintf(out, "---:|");
            (void)fprintf(out, "---:|---:|---|\n");
            for (int id = 0; id < FORM_COUNT; id++)
                print_form(r, (form_id)id, t == 0 ? SJ_F32 : SJ_F64, (sj_mode)mode, out);
            (void)fputc('\n', out);
        }
}

static void print_exp(const results *r, FILE *out) {
    report_sweep(
        r, "exp",
        "## The float32 exponential, every input\n\n"
        "All 2^32 inputs of the core of each kernel set, relative to references `a` that cover its range; the\n"
        "bounds are those `src/kernel/math/exp.h` derives, u = 2^-24.",
        out);
}

static void print_peer_table(const results *r, sj_dtype dtype, bool ordinary, FILE *out) {
    (void)fprintf(out, "### %s, %s\n\n| operation | unit |", dtype == SJ_F32 ? "float32" : "float64",
                  ordinary ? "ordinary rows" : "every row");
    for (size_t i = 0; i < r->peer_count; i++) (void)fprintf(out, " %s |", r->peers[i].title);
    (void)fprintf(out, "\n|---|---|");
    for (size_t i = 0; i < r->peer_count; i++) (void)fprintf(out, "---:|");
    for (int id = 0; id < FORM_COUNT; id++) {
        (void)fprintf(out, "\n| %s | %s", forms[id].name, contract_unit((form_id)id));
        for (size_t i = 0; i < r->peer_count; i++) {
            char name[32];
            (void)snprintf(name, sizeof name, "%s%s", r->peers[i].name, ordinary ? ":ordinary" : "");
            const record *found = results_worst(r, (form_id)id, dtype, SJ_DEFAULT, name);
            if (found && isfinite(found->error))
                (void)fprintf(out, " | %.3g", found->error);
            else
                (void)fprintf(out, found ? " | not finite" : " | none");
        }
        (void)fprintf(out, " |");
    }
    (void)fprintf(out, "\n\n");
}

static void print_peers(const results *r, FILE *out) {
    if (r->peer_count == 0) return;
    (void)fprintf(
        out,
        "## Beside other libraries\n\n"
        "One pool of rows for all: n = 2, 5, 17, 128, 1000, every family of `tests/unit/rows.c` and "
        "`accuracy/families.c`\n"
        "but rows with -inf; Jacobians up to n = 17. Ordinary rows are those of models and of the article (normal,\n"
        "uniform(-80, 0), half-integers, ties, a single confident logit); the others are there to break things. The "
        "worst\n"
        "entry, in the units above (products: u of the condition, so 1.7e7 in float32 and 9.0e15 in float64 is an "
        "error\n"
        "as large as the condition); \"not finite\": NaN or infinity where the truth is a number; \"none\": the "
        "library\n"
        "has no such operation. Derivatives of PyTorch, JAX and autograd are theirs, by their own transformations;\n"
        "autograd differentiates the shifted formula, exp(z - max) over its sum.\n\n");
    for (int t = 0; t < DTYPES; t++)
        for (int ordinary = 1; ordinary >= 0; ordinary--) print_peer_table(r, t == 0 ? SJ_F32 : SJ_F64, ordinary, out);
}

void report_tables(const results *r, FILE *out) {
    (void)fprintf(
        out,
        "An error is the distance to the truth in units of the last place of the truth (ulp, subnormal results too); "
        "for\n"
        "products (VJP, JVP) in u times their condition, sum over k of |J_ik| |g_k - g_m|, less half a subnormal; "
        "logsumexp\n"
        "near 0 in u times max(|z_m|, log1p T). \"Allowed\" is the contract. The search draws rows of n = 1 to 2^20 "
        "from every\n"
        "family and climbs from the worst; long double finds, MPFR confirms (a figure with ~ is long double's: the row "
        "is\n"
        "too long for MPFR). Inputs longer than %d entries are in `accuracy/worst.txt`, hex floats, one line each:\n"
        "`accuracy replay accuracy/worst.txt` measures them again.\n\n",
        INLINE_MOST);
    print_search(r, out);
    print_exp(r, out);
    report_tests(r, out);
    print_peers(r, out);
}
