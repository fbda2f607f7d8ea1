/* command.h: what the files of softjac-mpi share: its options, how an array is divided, files in and out.
 *   main.c     parses, and prints help
 *   run.c      divides, reads, calls the library and writes, block by block; losses.c the same of cross-entropy
 *   files.c    .npy files by MPI-IO; a result that appears whole or not at all
 *   watch.c    removes what a killed job leaves
 *   settle.c   all ranks learn of a failure, and one tells it */
#ifndef SJ_MPI_COMMAND_H
#define SJ_MPI_COMMAND_H

#include "io/npy.h"

#include <softjac_mpi.h>

enum {
    EXIT_DONE = 0,
    EXIT_WRONG_USE = 2,
    EXIT_BAD_DATA = 65,
    EXIT_NO_INPUT = 66,
    EXIT_NO_MEMORY = 71,
    EXIT_CANNOT_CREATE = 73,
    EXIT_TRANSFER_FAILED = 74
};

typedef enum verb {
    VERB_SOFTMAX,
    VERB_LOG_SOFTMAX,
    VERB_LOGSUMEXP,
    VERB_GRADIENT,
    VERB_VJP,
    VERB_JVP,
    VERB_JACOBIAN,
    VERB_CROSS_ENTROPY,
    VERBS
} verb;

typedef struct arguments {
    verb what;
    const char *inputs[2], *output, *grad;
    int input_count;
    bool has_shard, has_class, log, exact, quiet;
    sj_shard shard;
    sj_nonfinite nonfinite;
    sj_reduction reduction;
    sj_dtype dtype; /* 0: that of the logits */
    size_t q, memory;
    long long ignore_index;
    int threads;
} arguments;

extern const char *const verb_names[VERBS];

/* One process of the job. */
typedef struct job {
    const arguments *args;
    int rank, ranks;
    sj_shard shard;
    size_t rows, classes; /* of the whole array, whose class axis is the last */
    size_t first, count;  /* this rank's rows, or classes */
    size_t block;         /* rows at once */
    sj_mpi *group;        /* of the block at hand */
} job;

/* ---------------------------------------------------------------- settle.c */

/* What went wrong on this rank: an exit code, and the text without the program's name. */
typedef struct trouble {
    int code;
    char text[512];
} trouble;

void trouble_set(trouble *t, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Collective. Rank 0 prints the trouble of the lowest rank that has one; returns its code on every rank. */
int settle(const job *j, const trouble *own);

/* ---------------------------------------------------------------- files.c */

/* An array in a file, cut into rows of `width` elements. */
typedef struct file {
    const char *path;
    MPI_File handle;
    npy_header header;
    size_t item;
    sj_dtype dtype;
    size_t width;
} file;

/* Collective, as all of these; each returns the exit code that all ranks have agreed on. The header is read and checked
 * by rank 0 alone. integers: of labels. */
int file_open(const job *j, file *f, const char *path, bool integers);
void file_close(file *f);

/* Makes the temporary of an array of this shape beside `path`, and opens it. */
int file_create(const job *j, file *f, const char *path, sj_dtype dtype, int ndim, const size_t *shape);

/* Columns [first, first + count) of every row, from now on. */
int file_select(const job *j, file *f, size_t first, size_t count);

/* The selected columns of `rows` rows from `row` on; a rank may ask for none. */
int file_read(const job *j, const file *f, size_t row, size_t rows, size_t count, void *data);
int file_write(const job *j, const file *f, size_t row, size_t rows, size_t count, const void *data);

/* All is written: the temporaries become the outputs, one after the other. `code`: what was agreed on before; not 0:
 * they are removed. */
int files_commit(const job *j, file **outputs, int count, int code);

/* ---------------------------------------------------------------- watch.c */

/* Before MPI starts. Then the names of files that shall not outlive this process, and the end of the danger. */
void watch_start(void);
void watch_for(const char *temporary);
void watch_end(void);

/* ---------------------------------------------------------------- run.c, losses.c */

int run(job *j);
int run_losses(job *j, file *z);

/* The rows of a block: this rank's first of the array, and how many; the same number of blocks on every rank. */
size_t block_count(const job *j);
void block_rows(const job *j, size_t block, size_t *row, size_t *rows);

/* Collective. The group of a block of so many rows on this rank. */
sj_status block_group(job *j, size_t block, size_t rows, sj_error *error);

/* Options of the library. */
sj_options library_options(const job *j, sj_error *error);

/* The library's failure, which every rank has alike. */
int library_failure(const job *j, sj_status status, const sj_error *error);

/* How the array is divided, and the size of blocks: `each` bytes an entry of a row, `beside` bytes a row. */
int divide(job *j, const file *z, size_t each, double beside);

#endif
