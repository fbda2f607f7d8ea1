/* measure.c: what divided classes cost on these ranks: bytes and messages as MPI's profiling interface counts them, the
 * time of a row, of its parts, and of a message with nothing in it. Rank 0 prints one line of JSON. Called by
 * scripts/scaling. */
#include "support.h"

#include <stdio.h>

enum { ROWS = 4096, CLASSES = 8192, REPEATS = 5 };

static double now(void) {
    MPI_Barrier(MPI_COMM_WORLD);
    return MPI_Wtime();
}

static double least(double a, double b) { return a < b ? a : b; }

typedef struct problem {
    share own;
    float *z, *out;
    sj_mpi *group;
} problem;

static problem make_problem(size_t rows, size_t classes) {
    problem p = {.own = share_of(DIVIDE_EVENLY, classes)};
    p.z = new_elements(SJ_F32, rows * p.own.count), p.out = new_elements(SJ_F32, rows * p.own.count);
    fill_random(p.z, SJ_F32, rows * p.own.count, (uint64_t)rank + 1);
    CLAIM(sj_mpi_create(MPI_COMM_WORLD, SJ_SHARD_CLASSES, rows, p.own.count, &p.group, NULL) == SJ_OK, "no group");
    return p;
}

static void free_problem(problem *p) {
    sj_mpi_free(p->group);
    free(p->z), free(p->out);
}

/* Seconds of a softmax of this many rows; and what it sent. */
static double measure(size_t rows, size_t classes, mpi_calls *calls) {
    problem p = make_problem(rows, classes);
    double best = 1e9;
    for (int i = 0; i < REPEATS; i++) {
        const size_t shape[2] = {rows, p.own.count};
        const double start = now();
        (void)count_calls();
        CLAIM(sj_mpi_softmax(p.group, sj_array(p.z, SJ_F32, 2, shape), sj_array(p.out, SJ_F32, 2, shape), NULL) ==
                  SJ_OK,
              "softmax");
        *calls = count_calls();
        best = least(best, now() - start);
    }
    free_problem(&p);
    return best;
}

/* Seconds to join two states of a row. */
static double measure_merge(void) {
    static sj_state into[1024], after[1024];
    float z[2 * 1024];
    double best = 1e9;
    fill_random(z, SJ_F32, 2048, 1);
    for (int i = 0; i < REPEATS; i++) {
        memset(into, 0, sizeof into), memset(after, 0, sizeof after);
        (void)sj_state_update(sj_matrix_f32(z, 1024, 1), into, NULL);
        (void)sj_state_update(sj_matrix_f32(z + 1024, 1024, 1), after, NULL);
        const double start = MPI_Wtime();
        (void)sj_state_merge(into, after, 1024);
        best = least(best, MPI_Wtime() - start);
    }
    return best / 1024;
}

static void measure_all(void) {
    mpi_calls calls = {0, 0, 0, 0}, unwanted;
    const double all = measure(ROWS, CLASSES, &calls), bare = measure(ROWS, (size_t)ranks, &unwanted);
    const double one = measure(1, (size_t)ranks, &unwanted), merge = measure_merge();
    if (rank == 0)
        printf("{\"ranks\": %d, \"rows\": %d, \"classes\": %d, \"messages\": %zu, \"bytes\": %zu, \"others\": %zu, "
               "\"seconds\": %.9f, \"bare\": %.9f, \"one\": %.9f, \"merge\": %.12f}\n",
               ranks, ROWS, CLASSES, calls.iallreduce, calls.bytes, calls.allreduce + calls.others, all, bare, one,
               merge);
}

int main(int argc, char **argv) {
    const mpi_test tests[] = {{"measured", measure_all}};
    return run_mpi_tests(&argc, &argv, tests, 1);
}
