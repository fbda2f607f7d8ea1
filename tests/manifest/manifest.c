/* manifest.c: the program softjac_bits: computes every case of cases.h in exact mode and prints "SHA-256  name" of its
 * result, or compares with a file of such lines. Plain C and the library alone, so that any machine can run it.
 * usage: softjac_bits [--check FILE | --agree | --hash TEXT] */
#include "agree.h"
#include "sha256.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_SKIPPED 77

/* The elements' bytes, least significant first. Which NaN arithmetic makes differs between machines and is not
 * promised: all count as one. */
static void add_element(sha256 *hash, double x, sj_dtype dtype) {
    unsigned char bytes[8];
    uint64_t bits = dtype == SJ_F32 ? UINT64_C(0x7fc00000) : UINT64_C(0x7ff8000000000000);
    if (!isnan(x)) {
        const float narrow = (float)x;
        uint32_t narrow_bits;
        memcpy(&narrow_bits, &narrow, sizeof narrow_bits);
        memcpy(&bits, &x, sizeof bits);
        if (dtype == SJ_F32) bits = narrow_bits;
    }
    const size_t count = dtype == SJ_F32 ? 4 : 8;
    for (size_t i = 0; i < count; i++) bytes[i] = (unsigned char)(bits >> (8 * i));
    sha256_add(hash, bytes, count);
}

static bool digest(const bit_case *bits, char text[SHA256_TEXT]) {
    sha256 hash = sha256_start();
    for (const size_t *n = bits->lengths; *n; n++) {
        case_result result;
        const bool done = case_run(bits, *n, SJ_EXACT, &result);
        for (size_t i = 0; i < result.entries; i++) add_element(&hash, result.out[i], bits->out);
        case_result_free(&result);
        if (!done) return false;
    }
    sha256_finish(&hash, text);
    return true;
}

typedef struct manifest {
    FILE *expected; /* NULL: print */
    size_t cases, failures;
    char before[SHA256_TEXT];
} manifest;

static void complain(manifest *sum, const bit_case *bits, const char *what) {
    sum->failures++;
    printf("%s: %s\n", bits->name, what);
}

static void compare(manifest *sum, const bit_case *bits, const char *text) {
    char line[SHA256_TEXT + CASE_NAME + 8], wanted[sizeof line];
    (void)snprintf(wanted, sizeof wanted, "%s  %s\n", text, bits->name);
    if (!fgets(line, sizeof line, sum->expected))
        complain(sum, bits, "not in the manifest");
    else if (strcmp(line + strcspn(line, " "), wanted + strcspn(wanted, " ")) != 0)
        complain(sum, bits, "the manifest has another case here");
    else if (strcmp(line, wanted) != 0)
        complain(sum, bits, "other bits than in the manifest");
}

static void digest_case(const bit_case *bits, void *context) {
    manifest *sum = context;
    char text[SHA256_TEXT] = "";
    sum->cases++;
    if (!digest(bits, text)) {
        complain(sum, bits, "not computed");
        return;
    }
    if (bits->same_bits && strcmp(text, sum->before) != 0) complain(sum, bits, "other bits than the case before it");
    memcpy(sum->before, text, sizeof text);
    if (sum->expected)
        compare(sum, bits, text);
    else
        printf("%s  %s\n", text, bits->name);
}

static int print_or_check(const char *path) {
    manifest sum = {0};
    char rest[CASE_NAME];
    if (path && !(sum.expected = fopen(path, "r"))) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return EXIT_FAILURE;
    }
    each_case(digest_case, &sum);
    if (sum.expected) {
        if (fgets(rest, sizeof rest, sum.expected)) {
            sum.failures++;
            printf("the manifest has more cases\n");
        }
        (void)fclose(sum.expected);
        printf("kernel set %s: %zu cases, %zu failures\n", sj_kernel_set(), sum.cases, sum.failures);
    }
    return sum.failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

typedef struct agreement {
    double worst[FORM_COUNT][2];
    bool failed;
} agreement;

static void agree_case(const bit_case *bits, void *context) {
    agreement *sum = context;
    double *worst = &sum->worst[bits->form][bits->out == SJ_F64];
    for (const size_t *n = bits->lengths; bits->comparable && *n; n++) {
        case_result exact, got;
        if (case_run(bits, *n, SJ_EXACT, &exact) && case_run(bits, *n, SJ_DEFAULT, &got)) {
            *worst = fmax(*worst, agree_share(bits, *n, &exact, got.out));
            case_result_free(&got);
        } else {
            sum->failed = true;
        }
        case_result_free(&exact);
    }
}

/* Default mode beside exact mode: the worst share of the sum of both bounds, of every form and dtype. */
static int print_agreement(void) {
    agreement sum = {0};
    each_case(agree_case, &sum);
    printf("kernel set %s: default mode against exact mode, share of the sum of both bounds\n", sj_kernel_set());
    for (int id = 0; id < FORM_COUNT; id++) {
        printf("%-13s f32 %5.2f  f64 %5.2f\n", forms[id].name, sum.worst[id][0], sum.worst[id][1]);
        if (!(sum.worst[id][0] <= 1 && sum.worst[id][1] <= 1)) sum.failed = true;
    }
    return sum.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int print_hash(const char *text) {
    char digits[SHA256_TEXT];
    sha256 hash = sha256_start();
    sha256_add(&hash, (const unsigned char *)text, strlen(text));
    sha256_finish(&hash, digits);
    printf("%s\n", digits);
    return EXIT_SUCCESS;
}

int main(int count, char **words) {
    const char *set = getenv("SOFTJAC_ISA");
    if (count == 3 && strcmp(words[1], "--hash") == 0) return print_hash(words[2]);
    if (set && strcmp(set, sj_kernel_set()) != 0) {
        printf("skipped: kernel set %s does not run here\n", set);
        return EXIT_SKIPPED;
    }
    if (count == 1) return print_or_check(NULL);
    if (count == 3 && strcmp(words[1], "--check") == 0) return print_or_check(words[2]);
    if (count == 2 && strcmp(words[1], "--agree") == 0) return print_agreement();
    fprintf(stderr, "usage: softjac_bits [--check FILE | --agree | --hash TEXT]\n");
    return EXIT_FAILURE;
}
