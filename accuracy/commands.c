/* commands.c: `accuracy search` and `accuracy replay`: options to search.h and records.h, findings to text. */
#include "commands.h"

#include "search.h"

#include <math.h>

typedef struct arguments {
    search_options search;
    sj_dtype dtype; /* 0: both */
    int mode;       /* -1: both */
    size_t oracle_longest;
    const char *out;
} arguments;

static bool read_form(const char *name, int *only) {
    for (int id = 0; id < FORM_COUNT; id++)
        if (strcmp(forms[id].name, name) == 0) *only = id;
    return *only >= 0;
}

static bool read_corpus(search_options *search, const char *path) {
    for (size_t i = 0; i < CORPORA_MOST; i++)
        if (!search->corpora[i]) {
            search->corpora[i] = path;
            return true;
        }
    return false;
}

static bool read_option(arguments *a, const char *name, const char *value) {
    if (strcmp(name, "--seconds") == 0) return (a->search.seconds = strtod(value, NULL)) > 0;
    if (strcmp(name, "--seed") == 0) return a->search.seed = strtoull(value, NULL, 10), true;
    if (strcmp(name, "--longest") == 0) return (a->search.longest = strtoull(value, NULL, 10)) > 0;
    if (strcmp(name, "--oracle-longest") == 0) return (a->oracle_longest = strtoull(value, NULL, 10)) > 0;
    if (strcmp(name, "--corpus") == 0) return read_corpus(&a->search, value);
    if (strcmp(name, "--out") == 0) return a->out = value, true;
    if (strcmp(name, "--form") == 0) return read_form(value, &a->search.only);
    if (strcmp(name, "--dtype") == 0) {
        a->dtype = strcmp(value, "f32") == 0 ? SJ_F32 : SJ_F64;
        return a->dtype == SJ_F32 || strcmp(value, "f64") == 0;
    }
    if (strcmp(name, "--mode") == 0) {
        a->mode = strcmp(value, "exact") == 0 ? SJ_EXACT : SJ_DEFAULT;
        return a->mode == SJ_EXACT || strcmp(value, "default") == 0;
    }
    return false;
}

static bool read_arguments(arguments *a, int argc, char **argv) {
    for (int i = 1; i < argc; i += 2)
        if (i + 1 == argc || !read_option(a, argv[i], argv[i + 1])) return false;
    return true;
}

static size_t print_found(const record *r) {
    const double bound = contract_bound(r->id, r->dtype, r->mode);
    printf("%-7s %-13s %s %-7s %9.6f of %g %-3s %zu tried", r->set, forms[r->id].name, dtype_name(r->dtype),
           mode_name(r->mode), r->error, bound, contract_unit(r->id), r->tried);
    if (r->beyond)
        printf(", %zu BEYOND: %s row of n = %zu", r->beyond, r->confirmed ? "oracle," : "filter,", r->input.n);
    putchar('\n');
    return r->beyond;
}

static size_t search_one(judge *j, const arguments *a, sj_dtype dtype, sj_mode mode, FILE *out) {
    record found[FORM_COUNT] = {{0}};
    size_t beyond = 0;
    search(j, dtype, mode, &a->search, found);
    for (int id = 0; id < FORM_COUNT; id++) {
        if (found[id].tried) {
            beyond += print_found(&found[id]);
            if (out || found[id].beyond) record_write(&found[id], out ? out : stdout);
        }
        candidate_free(&found[id].input);
    }
    (void)fflush(stdout);
    return beyond;
}

static size_t search_all(judge *j, arguments *a, FILE *out) {
    const int searches = (a->dtype ? 1 : DTYPES) * (a->mode < 0 ? MODES : 1);
    size_t beyond = 0;
    a->search.seconds /= searches;
    for (int mode = 0; mode < MODES; mode++)
        for (int t = 0; t < DTYPES; t++) {
            if ((a->dtype && dtypes[t] != a->dtype) || (a->mode >= 0 && mode != a->mode)) continue;
            beyond += search_one(j, a, dtypes[t], (sj_mode)mode, out);
        }
    return beyond;
}

int search_command(int argc, char **argv) {
    arguments a = {
        .search = {.seconds = 60, .seed = 1, .longest = 1048576, .only = -1}, .mode = -1, .oracle_longest = 65536};
    if (!read_arguments(&a, argc, argv)) return 2;
    const int skipped = require_kernel_set();
    if (skipped) return skipped;
    FILE *out = a.out ? fopen(a.out, "w") : NULL;
    if (a.out && !out) {
        perror(a.out);
        return 1;
    }
    judge j = {.truth = oracle_new(), .longest = a.oracle_longest};
    const size_t beyond = search_all(&j, &a, out);
    printf("filter against %s: at most %.2g (f32), %.2g (f64) apart\n", oracle_name(), j.disagreement[0],
           j.disagreement[1]);
    judge_free(&j);
    if (out && fclose(out)) {
        perror(a.out);
        return 1;
    }
    if (beyond) printf("%zu entries beyond the contract\n", beyond);
    return beyond != 0;
}

static bool replay_line(judge *j, record *r) {
    worst_entry w;
    const size_t n = r->input.n;
    if (!judge_row(j, r->id, r->dtype, r->mode, &r->input, &w)) {
        printf("%s: n = %zu is too long for the oracle\n", forms[r->id].name, n);
        return true;
    }
    (void)snprintf(r->set, sizeof r->set, "%s", sj_kernel_set());
    r->error = w.error;
    r->entry = w.entry;
    r->confirmed = true;
    r->tried = form_entries(&forms[r->id], n);
    r->beyond = w.doubtful;
    record_write(r, stdout);
    printf("# got %a, the truth is %a\n", j->got, j->want);
    return w.doubtful == 0;
}

int replay_command(int argc, char **argv) {
    if (argc != 2) return 2;
    FILE *in = fopen(argv[1], "r");
    if (!in) {
        perror(argv[1]);
        return 1;
    }
    judge j = {.truth = oracle_new(), .longest = 1048576};
    char *line = NULL;
    size_t capacity = 0, kept = 0, beyond = 0;
    record r = {0};
    while (next_line(in, &line, &capacity))
        if (record_read(&r, line)) *(replay_line(&j, &r) ? &kept : &beyond) += 1;
    (void)fclose(in);
    candidate_free(&r.input);
    free(line);
    judge_free(&j);
    (void)fprintf(stderr, "%zu inputs within the contract, %zu beyond\n", kept, beyond);
    return beyond != 0;
}
