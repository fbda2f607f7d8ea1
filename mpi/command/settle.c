/* settle.c: a failure of one rank becomes that of all, and is told once. Called by every file of the command. */
#include "command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void trouble_set(trouble *t, int code, const char *format, ...) {
    va_list values;
    if (t->code) return;
    t->code = code;
    va_start(values, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it is not, va_start is above */
    (void)vsnprintf(t->text, sizeof t->text, format, values);
    va_end(values);
}

int settle(const job *j, const trouble *own) {
    int first = own->code ? j->rank : j->ranks;
    trouble told = *own;
    MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
    if (first == j->ranks) return EXIT_DONE;
    MPI_Bcast(&told, (int)sizeof told, MPI_BYTE, first, MPI_COMM_WORLD);
    if (j->rank == 0) {
        fprintf(stderr, "softjac-mpi %s: %s\n", verb_names[j->args->what], told.text);
        (void)fflush(stderr);
    }
    return told.code;
}
