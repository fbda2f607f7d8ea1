/* internal.h: what the files of mpi/ share: the group, the record a row sends, the call of a request.
 *   operations.c, loss.c, operator.c   describe a call
 *   request.c                          checks it, reduces blocks of rows, sends them, waits, emits
 *   rows.c                             the same where rows are divided
 *   check.c  slice.c  record.c         views; some rows of a view; records, and how two are merged */
#ifndef SJ_MPI_INTERNAL_H
#define SJ_MPI_INTERNAL_H

#include <softjac_mpi.h>

#define BLOCK_ROWS 1024 /* a message: below 2^17 bytes, so that a pipeline of them hides latency and computing */

typedef enum operation {
    OPERATION_SOFTMAX = 1,
    OPERATION_LOG_SOFTMAX,
    OPERATION_LOGSUMEXP,
    OPERATION_VJP,
} operation;

/* ---------------------------------------------------------------- records */

typedef enum record_kind { RECORD_HEADER = 1, RECORD_STATE, RECORD_PRODUCT } record_kind;

typedef enum difference { DIFFER_NOT, DIFFER_OPERATION, DIFFER_OPTIONS, DIFFER_CLASS, DIFFER_DTYPE } difference;

/* What a rank says of its call. Merged: the fields of the lowest rank, the lowest failure, the first difference. */
typedef struct header {
    uint64_t q;
    int32_t rank, operation, nonfinite, mode, dtype;
    int32_t status, failed;     /* of this rank's arguments; the rank */
    int32_t differs, differing; /* a difference; the rank */
    int32_t late;               /* whether the library may yet find fault with something */
} header;

/* All messages are arrays of these, whatever the call: a rank that makes another call than the rest is found out by its
 * header, which it could not be if their messages differed in length. MPI may merge any part of an array by itself, so
 * each record says what it is. */
typedef struct record {
    uint64_t kind;
    union {
        header header;
        sj_product product; /* of this piece, of a STATE the state alone */
    } of;
} record;

_Static_assert(sizeof(record) == 72, "no padding: records are sent as bytes");

/* An MPI_User_function. */
void sj_mpi_merge_records(void *left, void *into, int *count, MPI_Datatype *type);

/* ---------------------------------------------------------------- calls */

typedef struct call {
    operation operation;
    sj_view z, g, out;
    const char *g_name; /* in messages: "g" or "t"; NULL where there is none */
    size_t q;
    sj_options options; /* a copy; .error is the caller's */
    bool readable;      /* options had this version's size */
    int axis;
} call;

struct sj_mpi_request {
    sj_mpi *group;
    call call;
    record *records;      /* of each block a header, then its rows */
    MPI_Request *pending; /* of each block */
    size_t blocks;
    sj_status status; /* of this rank's arguments */
    sj_error error;
    bool active, failed; /* failed: MPI did */
};

struct sj_mpi {
    MPI_Comm comm;
    MPI_Datatype type;
    MPI_Op merge;
    int rank, size;
    sj_shard shard;
    size_t rows, classes, first, total;
    sj_mpi_request requests[SJ_MPI_REQUESTS];
    sj_state *states; /* of a block */
    sj_product *products;
};

/* ---------------------------------------------------------------- check.c */

/* Fills the request's error, and returns the status. */
sj_status sj_mpi_fail(sj_error *error, sj_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Whether the call can be made with what this rank was given. Sets call->axis. */
sj_status sj_mpi_check(const sj_mpi *group, call *of, sj_error *error);

/* Whether options ask for more than logits: a scale, masks, ragged rows. */
bool sj_mpi_reads(const sj_options *options);

/* ---------------------------------------------------------------- slice.c */

size_t sj_mpi_item(sj_dtype dtype); /* bytes of an element */

/* Of a view with class axis `axis`, counted from the front, or -1 where it has none: rows from `first` on, in C order,
 * as many of `count` as a view can hold, into *part. Returns how many. Views with as many rows in each dimension are
 * cut alike. */
size_t sj_mpi_rows(const sj_view *view, int axis, size_t first, size_t count, sj_view *part);

/* An element, exactly. */
double sj_mpi_element(const void *data, sj_dtype dtype, ptrdiff_t offset);

/* ---------------------------------------------------------------- blocks.c */

size_t sj_mpi_block_rows(const sj_mpi_request *r, size_t block);
record *sj_mpi_block_records(const sj_mpi_request *r, size_t block);

/* The records of a block, those of no entries where this rank's arguments are bad; and its results, from records. */
sj_status sj_mpi_reduce_block(sj_mpi_request *r, size_t block);
sj_status sj_mpi_emit_block(sj_mpi_request *r, size_t block);

/* ---------------------------------------------------------------- rows.c */

/* Where rows are divided: the library's call on them. */
sj_status sj_mpi_compute_rows(sj_mpi_request *r);

/* ---------------------------------------------------------------- request.c */

/* Starts `of` in a free request of the group. */
sj_status sj_mpi_start(sj_mpi *group, const call *of, sj_mpi_request **request);

/* The same, and waits. */
sj_status sj_mpi_run(sj_mpi *group, const call *of);

/* Options as the caller gave them, for a call. */
void sj_mpi_options(call *of, const sj_options *options);

#endif
