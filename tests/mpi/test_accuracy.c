/* test_accuracy.c: every operation on classes divided in every way, against MPFR: within the contract of each mode, and
 * under SJ_EXACT the bits of the whole row. */
#include "support.h"

#include "check.h"

#include <math.h>
#include <stdio.h>

enum { ROWS = 20, LONGEST = 120 };

/* A batch: rows of different families, the same on every rank; this rank's columns count. */
typedef struct batch {
    sj_dtype dtype;
    size_t n, q;
    double *z, *g, *out; /* as doubles, of all ranks */
    double *read;        /* z where cotangents show what is too deep to have weight */
    void *typed_z, *typed_g, *typed_out;
    share own;
    sj_options options;
    char name[64];
} batch;

static batch make_batch(sj_dtype dtype, size_t n, size_t drawn, random_stream *r) {
    batch b = {.dtype = dtype, .n = n, .options = SJ_OPTIONS_INIT};
    b.read = new_elements(SJ_F64, ROWS * n);
    b.z = new_elements(SJ_F64, ROWS * n), b.g = new_elements(SJ_F64, ROWS * n), b.out = new_elements(SJ_F64, ROWS * n);
    for (size_t i = 0; i < ROWS; i++) {
        double *z = b.z + i * n, *g = b.g + i * n;
        row_families[(drawn * ROWS + i) % row_family_count].fill(z, n, dtype, r);
        cotangent_families[(drawn + i) % cotangent_family_count].fill(g, n, z, dtype, r);
        split_depths(dtype, z, n, z, b.read + i * n);
    }
    b.typed_z = typed(dtype, b.z, ROWS * n), b.typed_g = typed(dtype, b.g, ROWS * n);
    b.typed_out = new_elements(dtype, ROWS * n);
    b.q = random_below(r, n);
    (void)snprintf(b.name, sizeof b.name, "batch %zu", drawn);
    return b;
}

static void free_batch(batch *b) {
    free(b->z), free(b->read), free(b->g), free(b->out), free(b->typed_z), free(b->typed_g), free(b->typed_out);
}

static sj_view view_of(const batch *b, const void *data) { return columns(data, b->dtype, ROWS, b->n, b->own); }

static sj_status call_form(sj_mpi *group, form_id id, const batch *b) {
    const sj_view z = view_of(b, b->typed_z), g = view_of(b, b->typed_g), out = view_of(b, b->typed_out);
    const size_t rows = ROWS;
    switch (id) {
    case FORM_SOFTMAX:
        return sj_mpi_softmax(group, z, out, &b->options);
    case FORM_LOG_SOFTMAX:
        return sj_mpi_log_softmax(group, z, out, &b->options);
    case FORM_LOGSUMEXP:
        return sj_mpi_logsumexp(group, z, sj_array(b->typed_out, b->dtype, 1, &rows), &b->options);
    case FORM_GRADIENT:
        return sj_mpi_softmax_gradient(group, z, b->q, out, &b->options);
    case FORM_LOG_GRADIENT:
        return sj_mpi_log_softmax_gradient(group, z, b->q, out, &b->options);
    case FORM_VJP:
        return sj_mpi_softmax_vjp(group, z, g, out, &b->options);
    default:
        return sj_mpi_softmax_jvp(group, z, g, out, &b->options);
    }
}

static const form_id served[] = {FORM_SOFTMAX,      FORM_LOG_SOFTMAX, FORM_LOGSUMEXP, FORM_GRADIENT,
                                 FORM_LOG_GRADIENT, FORM_VJP,         FORM_JVP};

/* The whole rows by one process. */
static void check_bits(form_id id, const batch *b) {
    const size_t shape[2] = {ROWS, b->n};
    void *want = new_elements(b->dtype, ROWS * b->n);
    const bool number = id == FORM_LOGSUMEXP;
    const form_arguments arguments = {.z = sj_array(b->typed_z, b->dtype, 2, shape),
                                      .g = sj_array(b->typed_g, b->dtype, 2, shape),
                                      .q = b->q,
                                      .out = sj_array(want, b->dtype, number ? 1 : 2, shape)};
    CLAIM(forms[id].call(&arguments, &b->options) == SJ_OK, "one process");
    for (size_t i = 0; i < (number ? ROWS : ROWS * b->n); i++) {
        const size_t k = i % b->n;
        if (number || (k >= b->own.first && k < b->own.first + b->own.count))
            CLAIM(same_bits(b->dtype, b->typed_out, i, want, i), "%s %s, n = %zu, element %zu", forms[id].name, b->name,
                  b->n, i);
    }
    free(want);
}

/* Huge cotangents do, see softjac.h. */
static bool shows_depth(const batch *b, form_id id, size_t row) {
    double most = 0;
    for (size_t k = 0; k < b->n; k++) most = fmax(most, fabs(b->g[row * b->n + k]));
    return forms[id].takes_g && most >= 0x1p32;
}

static void check_form_of(sj_mpi *group, form_id id, batch *b) {
    sj_error error = {SJ_OK, ""};
    const bool number = id == FORM_LOGSUMEXP;
    const size_t entries = number ? 1 : b->n;
    b->options.error = &error;
    for (size_t i = 0; i < ROWS * b->n; i++) element_set(b->typed_out, b->dtype, i, 77);
    const sj_status status = call_form(group, id, b);
    CLAIM(status == SJ_OK, "%s: %s", forms[id].name, error.message);
    if (b->options.mode == SJ_EXACT) {
        check_bits(id, b);
        return;
    }
    if (number)
        untype(b->dtype, b->typed_out, b->out, ROWS);
    else
        gather(b->typed_out, b->dtype, ROWS, b->n, b->own, b->out);
    for (size_t i = (size_t)rank; i < ROWS; i += (size_t)ranks)
        check_row_of(id, b->dtype, SJ_DEFAULT, (shows_depth(b, id, i) ? b->read : b->z) + i * b->n,
                     forms[id].takes_g ? b->g + i * b->n : NULL, b->q, b->n, b->out + i * entries, b->name);
}

/* Which division and which families: others for each number of ranks, all of them over 1 to 8. */
static void with_batches(const size_t *sizes, size_t count, sj_mode mode, void (*check)(sj_mpi *group, batch *b)) {
    random_stream r = {(uint64_t)ranks};
    for (int t = 0; t < 2; t++)
        for (size_t i = 0; i < count; i++) {
            const size_t drawn = i + 4 * (size_t)ranks;
            const division how = (division)((i + (size_t)t + (size_t)ranks) % DIVISIONS);
            batch b = make_batch(dtypes[t], sizes[i], drawn, &r);
            sj_mpi *group = NULL;
            b.own = share_of(how, b.n);
            b.options.mode = mode;
            CLAIM(sj_mpi_create(MPI_COMM_WORLD, SJ_SHARD_CLASSES, ROWS, b.own.count, &group, NULL) == SJ_OK, " ");
            CLAIM(sj_mpi_first(group) == b.own.first && sj_mpi_total(group) == b.n, "%s", division_names[how]);
            check(group, &b);
            sj_mpi_free(group);
            free_batch(&b);
        }
}

static void check_forms(sj_mpi *group, batch *b) {
    for (size_t f = 0; f < sizeof served / sizeof *served; f++) check_form_of(group, served[f], b);
}

static void check_batches(sj_mode mode) {
    static const size_t sizes[] = {1, 5, 37, LONGEST};
    if (mode == SJ_EXACT)
        with_batches(sizes + 2, 2, mode, check_forms);
    else
        with_batches(sizes, 4, mode, check_forms);
}

static void any_division_is_within_the_contract(void) { check_batches(SJ_DEFAULT); }
static void exact_bits_are_those_of_one_process(void) { check_batches(SJ_EXACT); }

/* ---------------------------------------------------------------- losses */

/* Rows of one label each; the truth is minus log s there, and minus the gradient of that. */
static void check_losses(sj_mpi *group, batch *b) {
    random_stream r = {3};
    int64_t labels[ROWS];
    double losses[ROWS], computed[LONGEST];
    const size_t rows = ROWS, n = b->n;
    void *typed_loss = new_elements(b->dtype, ROWS);
    const sj_view target = sj_array(labels, SJ_I64, 1, &rows), loss = sj_array(typed_loss, b->dtype, 1, &rows);
    const sj_view grad = view_of(b, b->typed_out);
    sj_error error = {SJ_OK, ""};
    b->options.error = &error;
    for (size_t i = 0; i < ROWS; i++) labels[i] = (int64_t)(i % 2 ? random_below(&r, n) : largest_of(b->z + i * n, n));
    CLAIM(sj_mpi_cross_entropy(group, view_of(b, b->typed_z), target, &loss, &grad, NULL, &b->options) == SJ_OK, "%s",
          error.message);
    gather(b->typed_out, b->dtype, ROWS, n, b->own, b->out);
    untype(b->dtype, typed_loss, losses, ROWS);
    for (size_t i = (size_t)rank; i < ROWS; i += (size_t)ranks) {
        const double *z = b->z + i * n;
        oracle *of_row = oracle_new();
        for (size_t k = 0; k < n; k++) computed[k] = 0 - b->out[i * n + k];
        check_row_of(FORM_LOG_GRADIENT, b->dtype, b->options.mode, z, NULL, (size_t)labels[i], n, computed, "loss");
        CLAIM(oracle_row(of_row, FORM_LOG_SOFTMAX, z, NULL, 0, n), "no memory");
        CLAIM(oracle_ulps(of_row, (size_t)labels[i], 0 - losses[i], b->dtype) <= (b->options.mode ? 0.51 : 2),
              "loss %a; expected %a", losses[i], -oracle_value(of_row, (size_t)labels[i]));
        oracle_free(of_row);
    }
    free(typed_loss);
}

static void losses_are_within_the_contract(void) {
    static const size_t sizes[] = {1, LONGEST};
    with_batches(sizes, 2, SJ_DEFAULT, check_losses);
    with_batches(sizes, 2, SJ_EXACT, check_losses);
}

int main(int argc, char **argv) {
    const mpi_test tests[] = {
        {"any division is within the contract", any_division_is_within_the_contract},
        {"exact bits are those of one process", exact_bits_are_those_of_one_process},
        {"losses are within the contract", losses_are_within_the_contract},
    };
    return run_mpi_tests(&argc, &argv, tests, sizeof tests / sizeof *tests);
}
