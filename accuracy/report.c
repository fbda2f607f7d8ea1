/* report.c: `accuracy keep` and `accuracy report`: files of results to the corpus and to docs/accuracy.md. Called by
 * main.c; calls records.h, and report_tables.c for the tables. */
#include "report.h"

#include "commands.h"
#include "memory.h"

#include <time.h>

#define KEPT 3 /* records of each form, dtype and mode in a corpus */

const char *const report_sets[SETS] = {"scalar", "avx2", "avx512"};

static bool is_kernel_set(const char *name) {
    for (size_t i = 0; i < SETS; i++)
        if (strcmp(report_sets[i], name) == 0) return true;
    return false;
}

static void *doubled(void *array, size_t *capacity, size_t size) {
    const size_t more = *capacity ? 2 * *capacity : 64;
    void *longer = new_array(more, size);
    if (*capacity) memcpy(longer, array, *capacity * size);
    free(array);
    *capacity = more;
    return longer;
}

static void add_record(results *r, const char *line) {
    if (r->count == r->capacity) r->records = doubled(r->records, &r->capacity, sizeof *r->records);
    r->records[r->count] = (record){0};
    if (record_read(&r->records[r->count], line))
        r->count++;
    else
        candidate_free(&r->records[r->count].input);
}

static void add_sweep_line(results *r, const char *line) {
    if (r->sweep_count == r->sweep_capacity)
        r->sweep_lines = doubled(r->sweep_lines, &r->sweep_capacity, sizeof *r->sweep_lines);
    char *copy = new_array(strlen(line) + 1, 1);
    strcpy(copy, line);
    r->sweep_lines[r->sweep_count++] = copy;
}

static void add_test_line(results *r, const char *line) {
    if (r->test_count == r->test_capacity) r->tests = doubled(r->tests, &r->test_capacity, sizeof *r->tests);
    test_line *t = &r->tests[r->test_count];
    const int read =
        sscanf(line, "test %15s %15s %63[^:]: %lf of %lf allowed, %zu of %zu entries beyond, worst: %127[^\n]", t->test,
               t->set, t->what, &t->error, &t->allowed, &t->beyond, &t->entries, t->worst);
    if (read == 8) r->test_count++;
}

static void add_peer(results *r, const char *line) {
    peer_title *p = &r->peers[r->peer_count];
    if (r->peer_count < PEERS_MOST && sscanf(line, "peer %15s %47[^\n]", p->name, p->title) == 2) r->peer_count++;
}

bool results_read(results *r, const char *path) {
    FILE *in = fopen(path, "r");
    char *line = NULL;
    size_t capacity = 0;
    if (!in) {
        perror(path);
        return false;
    }
    while (next_line(in, &line, &capacity)) {
        if (strncmp(line, "exp", 3) == 0 || strncmp(line, "halves", 6) == 0)
            add_sweep_line(r, line);
        else if (strncmp(line, "test ", 5) == 0)
            add_test_line(r, line);
        else if (strncmp(line, "peer ", 5) == 0)
            add_peer(r, line);
        else
            add_record(r, line);
    }
    free(line);
    (void)fclose(in);
    return true;
}

void results_free(results *r) {
    for (size_t i = 0; i < r->count; i++) candidate_free(&r->records[i].input);
    for (size_t i = 0; i < r->sweep_count; i++) free(r->sweep_lines[i]);
    free(r->records);
    free(r->sweep_lines);
    free(r->tests);
    *r = (results){0};
}

const record *results_worst(const results *r, form_id id, sj_dtype dtype, sj_mode mode, const char *name) {
    const record *worst = NULL;
    for (size_t i = 0; i < r->count; i++) {
        const record *at = &r->records[i];
        if (at->id != id || at->dtype != dtype || at->mode != mode) continue;
        if (name ? strcmp(at->set, name) != 0 : !is_kernel_set(at->set)) continue;
        if (!worst || at->error > worst->error) worst = at;
    }
    return worst;
}

/* The same row found by several sets is kept once. */
static bool same_input(const record *a, const record *b) {
    const size_t bytes = a->input.n * sizeof(double);
    return a->input.n == b->input.n && a->input.q == b->input.q && memcmp(a->input.z, b->input.z, bytes) == 0 &&
           (!forms[a->id].takes_g || memcmp(a->input.g, b->input.g, bytes) == 0);
}

static void forget_same(results *r, const record *kept) {
    for (size_t i = 0; i < r->count; i++) {
        record *at = &r->records[i];
        if (at != kept && at->id == kept->id && at->dtype == kept->dtype && at->mode == kept->mode &&
            same_input(at, kept))
            at->set[0] = '\0';
    }
}

static void keep_form(results *r, form_id id, sj_dtype dtype, sj_mode mode) {
    for (size_t i = 0; i < KEPT; i++) {
        const record *worst = results_worst(r, id, dtype, mode, NULL);
        if (!worst) return;
        record_write(worst, stdout);
        forget_same(r, worst);
        r->records[worst - r->records].set[0] = '\0';
    }
}

static bool read_all(results *r, int count, char **paths) {
    for (int i = 0; i < count; i++)
        if (!results_read(r, paths[i])) return false;
    return true;
}

int keep_command(int argc, char **argv) {
    results r = {0};
    if (argc < 2) return 2;
    const bool read = read_all(&r, argc - 1, argv + 1);
    if (read) printf("# The hardest inputs found, of every operation, dtype and mode. Made by scripts/accuracy.\n");
    for (int mode = 0; mode < MODES && read; mode++)
        for (int t = 0; t < DTYPES; t++)
            for (int id = 0; id < FORM_COUNT; id++) keep_form(&r, (form_id)id, dtypes[t], (sj_mode)mode);
    results_free(&r);
    return read ? 0 : 1;
}

static void print_head(const char *command) {
    char date[32] = "";
    const time_t now = time(NULL);
    const struct tm *utc = gmtime(&now);
    if (utc) (void)strftime(date, sizeof date, "%Y-%m-%d", utc);
    printf("# Accuracy: the worst entries found\n\n"
           "Generated by `%s` on %s, softjac %s, truth: %s. Do not edit.\n\n",
           command, date, sj_version(), oracle_name());
}

int report_command(int argc, char **argv) {
    results r = {0};
    if (argc < 3) return 2;
    const bool read = read_all(&r, argc - 2, argv + 2);
    if (read) {
        print_head(argv[1]);
        report_tables(&r, stdout);
    }
    results_free(&r);
    return read ? 0 : 1;
}
