/* test_results.c: rows that are not as most: infinities, NaN, ties, other layouts and dtypes; rows divided instead of
 * classes, with the bits of one process; and the Jacobian as an operator. */
#include "support.h"

#include <math.h>
#include <stdio.h>

/* ---------------------------------------------------------------- edges */

enum { EDGES = 12, FEW = 4 };

static const double edge_rows[EDGES][FEW] = {
    {0, NAN, 1, 2},
    {0, 1, 2, NAN},
    {0, INFINITY, 1, 2},
    {0, INFINITY, INFINITY, 2},
    {0, 1, 2, INFINITY},
    {INFINITY, 1, -INFINITY, INFINITY},
    {-INFINITY, -INFINITY, -INFINITY, -INFINITY},
    {-INFINITY, -INFINITY, -INFINITY, 3},
    {3, -INFINITY, -INFINITY, 3},
    {1, 1, 1, 1},
    {0, -3000, -3000, 0},
    {-3000, 5, -INFINITY, -3000},
};

static const double edge_cotangents[FEW] = {1, -2, 3, INFINITY};

/* As of one process: the same kind of number, and within what both may be off. */
static void claim_near(sj_dtype dtype, const void *got, const void *want, size_t i, const char *what) {
    const double a = element_get(got, dtype, i), b = element_get(want, dtype, i);
    const double u = dtype == SJ_F32 ? 0x1p-24 : 0x1p-53;
    CLAIM(a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= 16 * u * fmax(fabs(b), 0x1p-60),
          "%s, row %zu, entry %zu: %g; one process has %g", what, i / FEW, i % FEW, a, b);
}

static void compare(sj_mpi *group, share own, sj_dtype dtype, const void *z, const void *g, const sj_options *o) {
    void *got = new_elements(dtype, EDGES * FEW), *want = new_elements(dtype, EDGES * FEW);
    const size_t shape[2] = {EDGES, FEW};
    const sj_view all = sj_array(z, dtype, 2, shape), all_g = sj_array(g, dtype, 2, shape);
    const sj_view to = sj_array(want, dtype, 2, shape);
    const sj_view part = columns(z, dtype, EDGES, FEW, own), part_g = columns(g, dtype, EDGES, FEW, own);
    const sj_view out = columns(got, dtype, EDGES, FEW, own);
    for (int what = 0; what < 5; what++) {
        static const char *const names[] = {"softmax", "log-softmax", "gradient", "vjp", "logsumexp"};
        const sj_view number = sj_array(got, dtype, 1, shape), number_to = sj_array(want, dtype, 1, shape);
        const sj_status status = what == 0   ? sj_mpi_softmax(group, part, out, o)
                                 : what == 1 ? sj_mpi_log_softmax(group, part, out, o)
                                 : what == 2 ? sj_mpi_softmax_gradient(group, part, 3, out, o)
                                 : what == 3 ? sj_mpi_softmax_vjp(group, part, part_g, out, o)
                                             : sj_mpi_logsumexp(group, part, number, o);
        const sj_status one = what == 0   ? sj_softmax(all, to, o)
                              : what == 1 ? sj_log_softmax(all, to, o)
                              : what == 2 ? sj_softmax_gradient(all, 3, to, o)
                              : what == 3 ? sj_softmax_vjp(all, all_g, to, o)
                                          : sj_logsumexp(all, number_to, o);
        CLAIM(status == SJ_OK && one == SJ_OK, "%s", names[what]);
        for (size_t i = 0; i < (what == 4 ? EDGES : EDGES * FEW); i++)
            if (what == 4 || (i % FEW >= own.first && i % FEW < own.first + own.count))
                claim_near(dtype, got, want, i, names[what]);
    }
    free(got), free(want);
}

static void edges_are_those_of_one_process(void) {
    for (int how = 0; how < DIVISIONS; how++) {
        const share own = share_of((division)how, FEW);
        sj_mpi *group = NULL;
        CLAIM(sj_mpi_create(MPI_COMM_WORLD, SJ_SHARD_CLASSES, EDGES, own.count, &group, NULL) == SJ_OK, " ");
        for (int policy = SJ_IEEE; policy <= SJ_ZERO; policy++) {
            const sj_dtype dtype = dtypes[(policy + how) % 2];
            sj_options options = SJ_OPTIONS_INIT;
            double g[EDGES][FEW];
            options.nonfinite = (sj_nonfinite)policy;
            options.mode = how % 2 ? SJ_EXACT : SJ_DEFAULT;
            for (size_t i = 0; i < EDGES; i++) memcpy(g[i], edge_cotangents, sizeof g[i]);
            void *typed_z = typed(dtype, &edge_rows[0][0], EDGES * FEW), *typed_g = typed(dtype, &g[0][0], EDGES * FEW);
            compare(group, own, dtype, typed_z, typed_g, &options);
            free(typed_z), free(typed_g);
        }
        sj_mpi_free(group);
    }
}

/* ---------------------------------------------------------------- layouts */

enum { A = 3, C = 11, B = 500 };

/* (A, C, B) with the classes in the middle, results in place; a block of rows ends within the last dimension. */
static void axes_dtypes_and_places_are_free(void) {
    for (int t = 0; t < 4; t++) {
        const sj_dtype dtype = t < 2 ? dtypes[t] : half_dtypes[t - 2];
        const share own = share_of(DIVIDE_UNEVENLY, C);
        const size_t all_shape[3] = {A, C, B}, shape[3] = {A, own.count, B};
        void *z = new_elements(dtype, A * C * B), *want = new_elements(dtype, A * C * B);
        sj_mpi *group = NULL;
        fill_random(z, dtype, A * C * B, 5);
        sj_view all = sj_array(z, dtype, 3, all_shape), part = sj_array(z, dtype, 3, shape);
        all.axis = 1, part.axis = -2;
        part.data = (char *)z + own.first * B * dtype_bytes(dtype);
        memcpy(part.strides, all.strides, sizeof part.strides);
        CLAIM(sj_softmax(all, sj_array(want, dtype, 3, all_shape), NULL) == SJ_OK, " ");
        CLAIM(sj_mpi_create(MPI_COMM_WORLD, SJ_SHARD_CLASSES, A * B, own.count, &group, NULL) == SJ_OK, " ");
        CLAIM(sj_mpi_softmax(group, part, part, NULL) == SJ_OK, " ");
        for (size_t i = 0; i < A * C * B; i++) {
            const size_t k = i / B % C;
            const double a = element_get(z, dtype, i), b = element_get(want, dtype, i);
            const double u = dtype == SJ_BF16  ? 0x1p-8
                             : dtype == SJ_F16 ? 0x1p-11
                             : dtype == SJ_F32 ? 0x1p-24
                                               : 0x1p-53;
            if (k >= own.first && k < own.first + own.count) /* both within 2 ulp: 4 of the truth */
                CLAIM(fabs(a - b) <= 8 * u * b, "%s, element %zu: %g and %g", dtype_name(dtype), i, a, b);
        }
        sj_mpi_free(group);
        free(z), free(want);
    }
}

/* ---------------------------------------------------------------- rows */

enum { ROWS = 43, N = 7 };

typedef struct rows_case {
    share own;
    sj_dtype dtype;
    void *z, *g, *got, *want;
    int64_t labels[ROWS];
    sj_mpi *group;
    sj_options options;
} rows_case;

static sj_view rows_of(const rows_case *c, const void *data, bool own) {
    const size_t shape[2] = {own ? c->own.count : ROWS, N};
    return sj_array((const char *)data + (own ? c->own.first : 0) * N * dtype_bytes(c->dtype), c->dtype, 2, shape);
}

static void claim_bits(const rows_case *c, size_t per_row, const char *what) {
    for (size_t i = c->own.first * per_row; i < (c->own.first + c->own.count) * per_row; i++)
        CLAIM(same_bits(c->dtype, c->got, i, c->want, i), "%s, element %zu", what, i);
}

static void check_rows_of(rows_case *c) {
    const sj_view z = rows_of(c, c->z, true), g = rows_of(c, c->g, true), out = rows_of(c, c->got, true);
    const sj_view all = rows_of(c, c->z, false), all_g = rows_of(c, c->g, false), to = rows_of(c, c->want, false);
    const sj_options *o = &c->options;
    CLAIM(sj_mpi_softmax(c->group, z, out, o) == sj_softmax(all, to, o), " ");
    claim_bits(c, N, "softmax");
    CLAIM(sj_mpi_log_softmax(c->group, z, out, o) == sj_log_softmax(all, to, o), " ");
    claim_bits(c, N, "log-softmax");
    CLAIM(sj_mpi_softmax_gradient(c->group, z, 2, out, o) == sj_softmax_gradient(all, 2, to, o), " ");
    claim_bits(c, N, "gradient");
    CLAIM(sj_mpi_log_softmax_gradient(c->group, z, 2, out, o) == sj_log_softmax_gradient(all, 2, to, o), " ");
    claim_bits(c, N, "log-gradient");
    CLAIM(sj_mpi_softmax_vjp(c->group, z, g, out, o) == sj_softmax_vjp(all, all_g, to, o), " ");
    claim_bits(c, N, "vjp");
    CLAIM(sj_mpi_log_softmax_vjp(c->group, z, g, out, o) == sj_log_softmax_vjp(all, all_g, to, o), " ");
    claim_bits(c, N, "log-vjp");
    CLAIM(sj_mpi_log_softmax_jvp(c->group, z, g, out, o) == sj_log_softmax_jvp(all, all_g, to, o), " ");
    claim_bits(c, N, "log-jvp");
    const size_t blocks[3] = {ROWS, N, N}, own[3] = {c->own.count, N, N};
    void *at = (char *)c->got + c->own.first * N * N * dtype_bytes(c->dtype);
    CLAIM(sj_mpi_softmax_jacobian(c->group, z, SJ_BLOCKS, sj_array(at, c->dtype, 3, own), o) ==
              sj_softmax_jacobian(all, SJ_BLOCKS, sj_array(c->want, c->dtype, 3, blocks), o),
          " ");
    claim_bits(c, N * N, "jacobian");
}

/* Sums and means of all ranks' rows, gradients of a mean among them. */
static void check_losses_of(rows_case *c, sj_reduction reduction) {
    const size_t rows = ROWS, own = c->own.count;
    const sj_view target = sj_array(c->labels + c->own.first, SJ_I64, 1, &own);
    const sj_view grad = rows_of(c, c->got, true), to = rows_of(c, c->want, false);
    void *weights = new_elements(c->dtype, N), *got = new_elements(c->dtype, ROWS),
         *want = new_elements(c->dtype, ROWS);
    const size_t n = N;
    const sj_view of = sj_array(weights, c->dtype, 1, &n);
    const bool each = reduction == SJ_NONE;
    sj_view loss = sj_array(got, c->dtype, each, &own), one = sj_array(want, c->dtype, each, &rows);
    double divisor = 0, one_divisor = 0;
    sj_loss_options how = SJ_LOSS_OPTIONS_INIT;
    for (size_t k = 0; k < N; k++) element_set(weights, c->dtype, k, 0.25 + (double)k);
    how.reduction = reduction, how.weights = &of, how.label_smoothing = 0.1, how.divisor = &divisor;
    const sj_status status =
        sj_mpi_cross_entropy(c->group, rows_of(c, c->z, true), target, &loss, &grad, &how, &c->options);
    how.divisor = &one_divisor;
    CLAIM(status == SJ_OK && sj_cross_entropy(rows_of(c, c->z, false), sj_array(c->labels, SJ_I64, 1, &rows), &one, &to,
                                              &how, &c->options) == SJ_OK,
          "reduction %d", (int)reduction);
    CLAIM(each || divisor == one_divisor, "divisors %g and %g", divisor, one_divisor);
    const double u = c->dtype == SJ_F32 ? 0x1p-24 : 0x1p-53;
    for (size_t i = 0; i < (each ? own : 1); i++) {
        const double a = element_get(got, c->dtype, i), b = element_get(want, c->dtype, i + (each ? c->own.first : 0));
        CLAIM(fabs(a - b) <= (c->options.mode ? 2 : 4) * u * fabs(b), "loss %a; one process has %a", a, b);
    }
    for (size_t i = c->own.first * N; i < (c->own.first + own) * N;
         i++) { /* 4u and 4u of 1 + s at most, times weights */
        const double a = element_get(c->got, c->dtype, i), b = element_get(c->want, c->dtype, i);
        CLAIM(fabs(a - b) <= 16 * u * fmax(fabs(b), reduction == SJ_MEAN ? 0.1 : 8), "gradient %a; one has %a", a, b);
    }
    free(weights), free(got), free(want);
}

static void divided_rows_have_the_bits_of_one_process(void) {
    for (int t = 0; t < 4; t++)
        for (int how = t % 2; how < DIVISIONS; how += 2) {
            rows_case c = {.dtype = dtypes[t % 2], .own = share_of((division)how, ROWS), .options = SJ_OPTIONS_INIT};
            c.z = new_elements(c.dtype, ROWS * N), c.g = new_elements(c.dtype, ROWS * N);
            c.got = new_elements(c.dtype, ROWS * N * N), c.want = new_elements(c.dtype, ROWS * N * N);
            fill_random(c.z, c.dtype, ROWS * N, 3), fill_random(c.g, c.dtype, ROWS * N, 4);
            for (size_t i = 0; i < ROWS; i++) c.labels[i] = i % 9 == 8 ? -100 : (int64_t)(i % N);
            c.options.mode = t < 2 ? SJ_DEFAULT : SJ_EXACT;
            CLAIM(sj_mpi_create(MPI_COMM_WORLD, SJ_SHARD_ROWS, c.own.count, N, &c.group, NULL) == SJ_OK, " ");
            CLAIM(sj_mpi_first(c.group) == c.own.first && sj_mpi_total(c.group) == ROWS, " ");
            check_rows_of(&c);
            for (int r = SJ_NONE; r <= SJ_MEAN; r++) check_losses_of(&c, (sj_reduction)r);
            c.options.mode = SJ_DEFAULT, c.options.scale = 0.5;
            CLAIM(sj_mpi_softmax(c.group, rows_of(&c, c.z, true), rows_of(&c, c.got, true), &c.options) ==
                      sj_softmax(rows_of(&c, c.z, false), rows_of(&c, c.want, false), &c.options),
                  " ");
            claim_bits(&c, N, "scaled");
            sj_mpi_free(c.group);
            free(c.z), free(c.g), free(c.got), free(c.want);
        }
}

/* What the library finds as it computes is agreed on as well. */
static void a_length_out_of_range_on_one_rank_fails_on_all(void) {
    const share own = share_of(DIVIDE_EVENLY, 8);
    float z[8 * 3], out[8 * 3];
    int64_t length = rank == ranks - 1 ? 4 : 2;
    const sj_view lengths = sj_array(&length, SJ_I64, 0, NULL);
    sj_error error = {SJ_OK, ""};
    sj_options options = SJ_OPTIONS_INIT;
    sj_mpi *group = NULL;
    fill_random(z, SJ_F32, 24, 1);
    options.lengths = &lengths, options.error = &error;
    CLAIM(sj_mpi_create(MPI_COMM_WORLD, SJ_SHARD_ROWS, own.count, 3, &group, NULL) == SJ_OK, " ");
    const size_t shape[2] = {own.count, 3};
    CLAIM(sj_mpi_softmax(group, sj_array(z, SJ_F32, 2, shape), sj_array(out, SJ_F32, 2, shape), &options) ==
              SJ_BAD_OPTION,
          "%s", error.message);
    CLAIM(strstr(error.message, rank == ranks - 1 ? "options.lengths: 4" : "rank "), "%s", error.message);
    sj_mpi_free(group);
}

/* ---------------------------------------------------------------- operator */

static void an_operator_does_what_a_product_does(void) {
    enum { BATCH = 1500, CLASSES = 13 };
    const share own = share_of(DIVIDE_WITH_GAPS, CLASSES);
    for (int mode = SJ_DEFAULT; mode <= SJ_EXACT; mode++) {
        double *z = new_elements(SJ_F64, BATCH * CLASSES), *v = new_elements(SJ_F64, BATCH * CLASSES);
        double *got = new_elements(SJ_F64, BATCH * CLASSES), *want = new_elements(SJ_F64, BATCH * CLASSES);
        sj_options options = SJ_OPTIONS_INIT;
        sj_mpi_operator *jacobian = NULL;
        sj_mpi *group = NULL;
        options.mode = (sj_mode)mode;
        fill_random(z, SJ_F64, BATCH * CLASSES, 1), memset(got, 0, BATCH * CLASSES * sizeof *got);
        memset(want, 0, BATCH * CLASSES * sizeof *want);
        const sj_view from = columns(z, SJ_F64, BATCH, CLASSES, own), by = columns(v, SJ_F64, BATCH, CLASSES, own);
        const sj_view out = columns(got, SJ_F64, BATCH, CLASSES, own), to = columns(want, SJ_F64, BATCH, CLASSES, own);
        CLAIM(sj_mpi_create(MPI_COMM_WORLD, SJ_SHARD_CLASSES, BATCH, own.count, &group, NULL) == SJ_OK, " ");
        CLAIM(sj_mpi_operator_create(group, from, &options, &jacobian) == SJ_OK, " ");
        for (uint64_t i = 2; i < 4; i++) {
            fill_random(v, SJ_F64, BATCH * CLASSES, i);
            CLAIM(sj_mpi_apply(jacobian, by, out, NULL) == SJ_OK, " ");
            CLAIM(sj_mpi_softmax_jvp(group, from, by, to, &options) == SJ_OK, " ");
            CLAIM(memcmp(got, want, BATCH * CLASSES * sizeof *got) == 0, "mode %d", mode);
        }
        sj_mpi_operator_free(jacobian);
        sj_mpi_free(group);
        free(z), free(v), free(got), free(want);
    }
}

int main(int argc, char **argv) {
    const mpi_test tests[] = {
        {"edges are those of one process", edges_are_those_of_one_process},
        {"axes, dtypes and places are free", axes_dtypes_and_places_are_free},
        {"divided rows have the bits of one process", divided_rows_have_the_bits_of_one_process},
        {"a length out of range on one rank fails on all", a_length_out_of_range_on_one_rank_fails_on_all},
        {"an operator does what a product does", an_operator_does_what_a_product_does},
    };
    return run_mpi_tests(&argc, &argv, tests, sizeof tests / sizeof *tests);
}
