/* pmpi.c: MPI's profiling interface: the collective calls that a program makes, counted, and done. */
#include "support.h"

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): implementations differ in theirs */

static mpi_calls calls;

mpi_calls count_calls(void) {
    const mpi_calls since = calls;
    calls = (mpi_calls){0, 0, 0, 0};
    return since;
}

static void add_bytes(int count, MPI_Datatype type) {
    int size;
    PMPI_Type_size(type, &size);
    calls.bytes += (size_t)count * (size_t)size;
}

int MPI_Allreduce(const void *from, void *to, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm) {
    calls.allreduce++;
    add_bytes(count, type);
    return PMPI_Allreduce(from, to, count, type, op, comm);
}

int MPI_Iallreduce(const void *from, void *to, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm,
                   MPI_Request *request) {
    calls.iallreduce++;
    add_bytes(count, type);
    return PMPI_Iallreduce(from, to, count, type, op, comm, request);
}

int MPI_Barrier(MPI_Comm comm) {
    calls.others++;
    return PMPI_Barrier(comm);
}

int MPI_Bcast(void *data, int count, MPI_Datatype type, int root, MPI_Comm comm) {
    calls.others++;
    return PMPI_Bcast(data, count, type, root, comm);
}

int MPI_Reduce(const void *from, void *to, int count, MPI_Datatype type, MPI_Op op, int root, MPI_Comm comm) {
    calls.others++;
    return PMPI_Reduce(from, to, count, type, op, root, comm);
}

int MPI_Exscan(const void *from, void *to, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm) {
    calls.others++;
    return PMPI_Exscan(from, to, count, type, op, comm);
}

int MPI_Allgather(const void *from, int sent, MPI_Datatype type, void *to, int got, MPI_Datatype as, MPI_Comm comm) {
    calls.others++;
    return PMPI_Allgather(from, sent, type, to, got, as, comm);
}
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
