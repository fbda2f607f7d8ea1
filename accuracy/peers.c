/* peers.c: `accuracy pool` and `accuracy judge`: one pool of rows for every library, and the errors of what a library
 * made of it. Called by main.c; peers.py reads the pool and writes the results, as plain arrays in native byte order.
 */
#include "commands.h"
#include "memory.h"
#include "records.h"

#include <math.h>

#define POOL_SEED 2026
#define JACOBIAN_MOST 17

static const struct lengths {
    size_t n, draws; /* draws of every family */
} lengths[] = {{2, 24}, {5, 24}, {17, 16}, {128, 6}, {1000, 2}};

#define LENGTHS (sizeof lengths / sizeof *lengths)

/* The families whose rows are of the kind that models and the article have; the first of tests/unit/rows.c. */
static bool is_ordinary(size_t family) {
    static const char *const names[] = {"normal",    "wide normal", "uniform(-80, 0)", "half-integers", "ties",
                                        "near ties", "ascending",   "descending",      "one huge",      "constant"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(family_at(family)->name, names[i]) == 0) return true;
    return false;
}

/* No row of -inf or cotangent near the largest number: what those become is a convention, not an accuracy. */
static bool in_pool(size_t family) { return strcmp(family_at(family)->name, "with -inf") != 0; }

static size_t pool_rows(size_t length) {
    size_t families = 0;
    for (size_t i = 0; i < family_count(); i++) families += in_pool(i);
    return families * lengths[length].draws;
}

/* Fills rows[pool_rows(length)]. */
static void pool_draw(candidate *rows, size_t length, sj_dtype dtype) {
    static const char *const cotangents[] = {"normal", "one-hot", "offset", "uneven"};
    size_t count = 0;
    for (size_t family = 0; family < family_count(); family++)
        for (size_t i = 0; i < lengths[length].draws && in_pool(family); i++, count++) {
            const uint64_t seed = POOL_SEED + 1000 * (uint64_t)family + i;
            candidate_draw(&rows[count], dtype, family, cotangent_find(cotangents[i % 4]), lengths[length].n, seed);
        }
}

/* FOLDER/f32-5-WHAT */
static FILE *open_array(const char *folder, sj_dtype dtype, size_t n, const char *what, const char *how) {
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s-%zu-%s", folder, dtype_name(dtype), n, what);
    return fopen(path, how);
}

static void write_values(FILE *out, sj_dtype dtype, const double *values, size_t n) {
    void *elements = typed(dtype, values, n);
    (void)fwrite(elements, dtype_bytes(dtype), n, out);
    free(elements);
}

static bool write_pool(const char *folder, size_t length, sj_dtype dtype) {
    const size_t count = pool_rows(length), n = lengths[length].n;
    candidate *rows = new_array(count, sizeof *rows);
    FILE *z = open_array(folder, dtype, n, "z", "wb"), *g = open_array(folder, dtype, n, "g", "wb");
    FILE *q = open_array(folder, dtype, n, "q", "wb");
    const bool opened = z && g && q;
    memset(rows, 0, count * sizeof *rows);
    pool_draw(rows, length, dtype);
    for (size_t i = 0; i < count; i++) {
        const int64_t class = (int64_t)rows[i].q;
        if (opened) {
            write_values(z, dtype, rows[i].z, n);
            write_values(g, dtype, rows[i].g, n);
            (void)fwrite(&class, sizeof class, 1, q);
        }
        candidate_free(&rows[i]);
    }
    free(rows);
    bool written = opened;
    if (z) written = fclose(z) == 0 && written;
    if (g) written = fclose(g) == 0 && written;
    if (q) written = fclose(q) == 0 && written;
    return written;
}

int pool_command(int argc, char **argv) {
    if (argc != 2) return 2;
    for (size_t length = 0; length < LENGTHS; length++)
        for (int t = 0; t < DTYPES; t++)
            if (!write_pool(argv[1], length, dtypes[t])) {
                perror(argv[1]);
                return 1;
            }
    return 0;
}

/* What is measured of one library: over every row, and over the ordinary ones. */
typedef struct verdict {
    record all, ordinary;
} verdict;

static void note(record *r, const candidate *c, size_t entry, double error) {
    r->tried++;
    if (!(error <= contract_bound(r->id, r->dtype, r->mode))) r->beyond++;
    if (error <= r->error) return;
    r->error = error;
    r->entry = entry;
    candidate_copy(&r->input, c);
}

static void judge_result(verdict *v, const candidate *c, filter *f, const double *result) {
    const form_id id = v->all.id;
    filter_row(f, c->z, c->n);
    filter_cotangent(f, c->g);
    for (size_t i = 0; i < form_entries(&forms[id], c->n); i++) {
        const double error = filter_error(f, id, c->q, i, result[i], v->all.dtype);
        note(&v->all, c, i, error);
        if (is_ordinary(c->family)) note(&v->ordinary, c, i, error);
    }
}

/* False if this library has no such result. */
static bool judge_file(verdict *v, const char *folder, size_t length) {
    const size_t n = lengths[length].n, count = pool_rows(length);
    FILE *in = open_array(folder, v->all.dtype, n, forms[v->all.id].name, "rb");
    if (!in) return false;
    const size_t entries = form_entries(&forms[v->all.id], n);
    candidate *rows = new_array(count, sizeof *rows);
    double *result = new_array(entries, sizeof *result);
    void *elements = new_array(entries, sizeof(double));
    filter f = {0};
    memset(rows, 0, count * sizeof *rows);
    pool_draw(rows, length, v->all.dtype);
    for (size_t i = 0; i < count; i++) {
        if (fread(elements, dtype_bytes(v->all.dtype), entries, in) == entries) {
            untype(v->all.dtype, elements, result, entries);
            judge_result(v, &rows[i], &f, result);
        }
        candidate_free(&rows[i]);
    }
    (void)fclose(in);
    filter_free(&f);
    free(elements);
    free(result);
    free(rows);
    return true;
}

static void judge_form(form_id id, sj_dtype dtype, const char *folder, const char *name) {
    verdict v = {.all = {.id = id, .dtype = dtype, .mode = SJ_DEFAULT, .error = -1}};
    v.ordinary = v.all;
    (void)snprintf(v.all.set, sizeof v.all.set, "%s", name);
    (void)snprintf(v.ordinary.set, sizeof v.ordinary.set, "%s:ordinary", name);
    bool any = false;
    for (size_t length = 0; length < LENGTHS; length++) any = judge_file(&v, folder, length) || any;
    if (any && v.all.input.n) record_write(&v.all, stdout);
    if (any && v.ordinary.input.n) record_write(&v.ordinary, stdout);
    candidate_free(&v.all.input);
    candidate_free(&v.ordinary.input);
}

int judge_command(int argc, char **argv) {
    if (argc != 3) return 2;
    for (int id = 0; id < FORM_COUNT; id++)
        for (int t = 0; t < DTYPES; t++) judge_form((form_id)id, dtypes[t], argv[1], argv[2]);
    return 0;
}

/* The library itself on the pool, written as peers.py writes theirs. */
static bool solve_form(form_id id, sj_dtype dtype, size_t length, const char *folder) {
    const size_t n = lengths[length].n, count = pool_rows(length), entries = form_entries(&forms[id], n);
    if (forms[id].result == RESULT_MATRIX && n > JACOBIAN_MOST) return true;
    FILE *out = open_array(folder, dtype, n, forms[id].name, "wb");
    if (!out) return false;
    candidate *rows = new_array(count, sizeof *rows);
    double *result = new_array(entries, sizeof *result);
    memset(rows, 0, count * sizeof *rows);
    pool_draw(rows, length, dtype);
    for (size_t i = 0; i < count; i++) {
        form_row(id, dtype, rows[i].z, rows[i].g, rows[i].q, n, result);
        write_values(out, dtype, result, entries);
        candidate_free(&rows[i]);
    }
    free(result);
    free(rows);
    return fclose(out) == 0;
}

int solve_command(int argc, char **argv) {
    if (argc != 2) return 2;
    for (size_t length = 0; length < LENGTHS; length++)
        for (int t = 0; t < DTYPES; t++)
            for (int id = 0; id < FORM_COUNT; id++)
                if (!solve_form((form_id)id, dtypes[t], length, argv[1])) {
                    perror(argv[1]);
                    return 1;
                }
    return 0;
}
