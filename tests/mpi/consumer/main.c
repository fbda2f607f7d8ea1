/* main.c: the program of a user of softjac::mpi. Built by ../consumer.sh against the installed package. */
#include <math.h>
#include <stdio.h>

#include <softjac_mpi.h>

int main(int argc, char **argv) {
    double z = 0, s = 0;
    int rank = 0, ranks = 0, failed = 1;
    sj_mpi *group = NULL;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    /* One class a rank, all equal: each has its share of 1. */
    if (sj_mpi_create(MPI_COMM_WORLD, SJ_SHARD_CLASSES, 1, 1, &group, NULL) == SJ_OK &&
        sj_mpi_softmax(group, sj_vector_f64(&z, 1), sj_vector_f64(&s, 1), NULL) == SJ_OK)
        failed = fabs(s * ranks - 1) > 0x1p-51;
    sj_mpi_free(group);
    if (rank == 0) printf("%d ranks, %s\n", ranks, sj_version());
    MPI_Finalize();
    return failed;
}
