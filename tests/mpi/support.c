/* support.c: see support.h. */
#include "support.h"

#include <math.h>
#include <stdio.h>

int rank, ranks;

static size_t failures;
static const char *current = "";

const char *const division_names[DIVISIONS] = {"even", "uneven", "gaps", "all on the last"};

void claim(bool holds, const char *file, int line, const char *text, const char *format, ...) {
    va_list arguments;
    if (holds) return;
    if (failures++ > 20) return;
    va_start(arguments, format);
    fprintf(stderr, "%s:%d: rank %d of %d, %s: not %s: ", file, line, rank, ranks, current, text);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it is not, va_start is above */
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
}

int run_mpi_tests(int *argc, char ***argv, const mpi_test *tests, size_t count) {
    unsigned long long all = 0;
    MPI_Init(argc, argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    for (size_t i = 0; i < count; i++) {
        const size_t before = failures;
        const double start = MPI_Wtime();
        current = tests[i].name;
        tests[i].run();
        unsigned long long own = failures - before;
        MPI_Allreduce(&own, &all, 1, MPI_UNSIGNED_LONG_LONG, MPI_SUM, MPI_COMM_WORLD);
        if (rank == 0)
            printf("%s %s, %llu failures, %.2f s\n", all ? "FAILED" : "ok", tests[i].name, all, MPI_Wtime() - start);
    }
    print_worst();
    unsigned long long own = failures;
    MPI_Allreduce(&own, &all, 1, MPI_UNSIGNED_LONG_LONG, MPI_SUM, MPI_COMM_WORLD);
    MPI_Finalize();
    return all ? 1 : 0;
}

/* ---------------------------------------------------------------- divisions */

/* Where a rank's share begins. */
static size_t start_of(division how, size_t n, int of) {
    const size_t r = (size_t)of, size = (size_t)ranks;
    switch (how) {
    case DIVIDE_EVENLY:
        return n * r / size;
    case DIVIDE_UNEVENLY: /* as r (r + 1): each has more than the one before */
        return n * (r * (r + 1)) / (size * (size + 1));
    case DIVIDE_WITH_GAPS: /* odd ranks have nothing */
        return n * ((r + 1) / 2) / ((size + 1) / 2);
    default:
        return r == size ? n : 0;
    }
}

share share_of(division how, size_t n) {
    const size_t first = start_of(how, n, rank);
    return (share){first, start_of(how, n, rank + 1) - first};
}

sj_view columns(const void *data, sj_dtype dtype, size_t rows, size_t n, share own) {
    const size_t shape[2] = {rows, own.count};
    sj_view view = sj_array((const char *)data + own.first * dtype_bytes(dtype), dtype, 2, shape);
    view.strides[0] = (ptrdiff_t)n;
    return view;
}

void gather(const void *data, sj_dtype dtype, size_t rows, size_t n, share own, double *all) {
    for (size_t i = 0; i < rows * n; i++) {
        const size_t k = i % n;
        all[i] = k >= own.first && k < own.first + own.count ? element_get(data, dtype, i) : 0;
    }
    MPI_Allreduce(MPI_IN_PLACE, all, (int)(rows * n), MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
}

/* ---------------------------------------------------------------- truth */

static double worst[FORM_COUNT][2][2];

void check_row_of(form_id id, sj_dtype dtype, sj_mode mode, const double *z, const double *g, size_t q, size_t n,
                  const double *computed, const char *name) {
    static oracle *truth;
    static const double allowed[2][2] = {{2, 4}, {0.51, 1}};
    if (!truth) truth = oracle_new();
    CLAIM(truth && oracle_row(truth, id, z, g, q, n), "no memory");
    for (size_t i = 0; i < oracle_entries(truth); i++) {
        double error = forms[id].takes_g ? oracle_componentwise(truth, i, computed[i], dtype)
                                         : oracle_ulps(truth, i, computed[i], dtype);
        if (id == FORM_LOGSUMEXP) error = fmin(error, oracle_componentwise(truth, i, computed[i], dtype));
        CLAIM(error <= allowed[mode][forms[id].takes_g], "%s %s of %s, n = %zu, entry %zu: %a; expected %a, off by %g",
              forms[id].name, dtype_name(dtype), name, n, i, computed[i], oracle_value(truth, i), error);
        double *most = &worst[id][dtype == SJ_F64][mode];
        *most = fmax(*most, error);
    }
}

void print_worst(void) {
    MPI_Allreduce(MPI_IN_PLACE, worst, FORM_COUNT * 4, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    for (int id = 0; id < FORM_COUNT && rank == 0; id++)
        for (int t = 0; t < 2; t++)
            for (int mode = 0; mode < 2; mode++)
                if (worst[id][t][mode] > 0)
                    printf("%s %s%s: worst %.3g %s\n", forms[id].name, dtype_name(dtypes[t]), mode ? " exact" : "",
                           worst[id][t][mode], forms[id].takes_g ? "u of the condition" : "ulp");
}
