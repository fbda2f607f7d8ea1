/* edge_table.c: prints the edge-case table (edges.h) as docs/edge-cases.md. Run by hand to write the file, by CTest to
 * compare with it. */
#include "edges.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define LN2 0.69314718055994530942

static const char *const policies[] = {"", "`limit`", "`zero`"};

/* x as a whole number and a multiple of ln 2. */
static bool print_logarithm(double x) {
    for (int k = -2; k <= 2; k++) {
        const double whole = nearbyint(x - k * LN2);
        if (k == 0 || fabs(x - k * LN2 - whole) > 1e-12) continue;
        if (whole != 0) printf("%g %c ", whole, k < 0 ? '-' : '+');
        if (whole == 0 && k < 0) printf("-");
        if (abs(k) > 1) printf("%d ", abs(k));
        printf("ln 2");
        return true;
    }
    return false;
}

static void print_number(double x) {
    const char *sign = x < 0 ? "-" : "";
    if (isnan(x))
        printf("NaN");
    else if (isinf(x))
        printf("%sinf", x < 0 ? "-" : "+");
    else if (fabs(x) == EDGE_LARGEST)
        printf("%smax", sign);
    else if (fabs(x) == EDGE_SMALLEST)
        printf("%smin", sign);
    else if (x == EDGE_DEEPEST)
        printf("deep");
    else if (!print_logarithm(x))
        printf("%g", x);
}

static void print_row(const double *x, size_t n) {
    for (size_t k = 0; k < n; k++) {
        printf(k ? ", " : " ");
        print_number(x[k]);
    }
    printf(" |");
}

static const char *derivatives_name(edge_derivatives kind) {
    return kind == EDGE_ALL_NAN ? "NaN" : kind == EDGE_ALL_ZERO ? "0" : "from s";
}

static void print_topic(const edge_topic *topic) {
    printf("\n## %s\n\n%s\n\n| logits | option | softmax | log-softmax | logsumexp | derivatives |\n"
           "|---|---|---|---|---|---|\n",
           topic->title, topic->rule);
    for (size_t i = 0; i < topic->count; i++) {
        const edge *e = &topic->edges[i];
        printf("|");
        print_row(e->z, e->n);
        printf(" %s |", policies[e->policy]);
        print_row(e->s, e->n);
        print_row(e->log_s, e->n);
        print_row(&e->logsumexp, 1);
        printf(" %s |\n", derivatives_name(e->derivatives));
    }
}

static void print_given(void) {
    printf("\n## Rows given as softmax\n\nDerivatives with `options.given = SJ_GIVEN_SOFTMAX`.\n\n"
           "| s | derivatives |\n|---|---|\n");
    for (size_t i = 0; i < given_edge_count; i++) {
        printf("|");
        print_row(given_edges[i].s, given_edges[i].n);
        printf(" %s |\n", derivatives_name(given_edges[i].derivatives));
    }
}

static void print_empty(void) {
    printf("\n## Arrays without elements\n\nEvery call succeeds under every policy.\n\n"
           "| array | shape | written |\n|---|---|---|\n");
    for (size_t i = 0; i < empty_edge_count; i++) {
        const empty_edge *e = &empty_edges[i];
        printf("| %s | (%zu, %zu) |", e->name, e->rows, e->n);
        if (e->written) {
            printf(" logsumexp =");
            print_row(&e->logsumexp, 1);
            printf("\n");
        } else {
            printf(" nothing |\n");
        }
    }
}

static void print_rest(void) {
    puts(
        "\n## Elsewhere\n\n| case | behaviour | test |\n|---|---|---|\n"
        "| out = in | allowed where dtype and layout are the same; any other overlap is an error | `unit/aliasing` |\n"
        "| integer input of the command | promoted to float64 before anything is subtracted | `io.convert` |\n"
        "| floating-point flags | finite logits raise neither INVALID nor DIVBYZERO | `unit/environment` |\n"
        "| `errno`, rounding mode, control word | as the caller left them | `unit/environment` |\n"
        "| the caller rounds upward, downward or toward zero | the bits of rounding to nearest | `unit/environment` |\n"
        "\nNot there yet, as the operations and options they concern are not: cross-entropy (of no classes, of labels\n"
        "out of range, of labels that are all ignored), explicit masks (a masked entry, a row all masked), "
        "temperature.");
}

int main(void) {
    puts("# Edge cases\n\n"
         "<!-- Printed from tests/unit/edges.c: build/tests/unit/softjac_edge_table > docs/edge-cases.md -->\n\n"
         "Every row of these tables is a test (`unit/edges`): for float32 and float64, in default and in exact mode,\n"
         "with every kernel set, through every operation, alone and between other entries of s = 0.\n\n"
         "Without an option the policy is `ieee`; the others are `options.nonfinite`, in the command `--nonfinite`.\n"
         "\"max\" is the largest finite number of the dtype, \"min\" its smallest subnormal, \"deep\" the last whole\n"
         "logit below 0 that has a softmax: -103 (float32) or -745 (float64). Derivatives \"from s\" are what their\n"
         "formulas give for the s of the row.");
    for (size_t t = 0; t < edge_topic_count; t++) print_topic(&edge_topics[t]);
    print_given();
    print_empty();
    print_rest();
    return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
}
