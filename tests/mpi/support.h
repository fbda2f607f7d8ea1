/* support.h: what the tests of mpi/ share: claims that fail without leaving a rank behind in a collective call, ways to
 * divide classes among ranks, rows gathered to be compared with the truth, and a count of MPI's calls. */
#ifndef SJ_TEST_MPI_SUPPORT_H
#define SJ_TEST_MPI_SUPPORT_H

#include "oracle.h"
#include "rows.h"

#include <softjac_mpi.h>

extern int rank, ranks; /* of MPI_COMM_WORLD */

/* A claim that does not hold is printed and counted, and the test goes on: other ranks wait. */
#define CLAIM(condition, ...) claim(condition, __FILE__, __LINE__, #condition, __VA_ARGS__)
void claim(bool holds, const char *file, int line, const char *text, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

typedef struct mpi_test {
    const char *name;
    void (*run)(void);
} mpi_test;

/* Runs each between MPI_Init and MPI_Finalize; returns the exit code, the same on all ranks. */
int run_mpi_tests(int *argc, char ***argv, const mpi_test *tests, size_t count);

typedef enum division { DIVIDE_EVENLY, DIVIDE_UNEVENLY, DIVIDE_WITH_GAPS, DIVIDE_TO_LAST, DIVISIONS } division;
extern const char *const division_names[DIVISIONS];

/* This rank's share of n. */
typedef struct share {
    size_t first, count;
} share;
share share_of(division how, size_t n);

/* Columns `own` of a C-ordered matrix of n columns. */
sj_view columns(const void *data, sj_dtype dtype, size_t rows, size_t n, share own);

/* Every rank's columns of a matrix, as doubles, on every rank. */
void gather(const void *data, sj_dtype dtype, size_t rows, size_t n, share own, double *all);

/* Row `row` of results against MPFR, its share: each row is one rank's to check. Counts what is beyond the contract: 2
 * ulp, and 4u of the condition for products, 0.51 ulp and 1u of exact mode. */
void check_row_of(form_id id, sj_dtype dtype, sj_mode mode, const double *z, const double *g, size_t q, size_t n,
                  const double *computed, const char *name);
void print_worst(void);

/* Calls of MPI since the last time, as pmpi.c counts them. */
typedef struct mpi_calls {
    size_t allreduce, iallreduce, bytes, others; /* others: collective ones */
} mpi_calls;
mpi_calls count_calls(void);

#endif
