/* internal.h: what the files of mpi/ share: the group, the record a row sends, the call of a request.
 *   operations.c  loss.c  operator.c   describe a call
 *   request.c                          checks it, has rows reduced block by block, sends them, waits, has them emitted
 *   blocks.c  exact.c                  rows whose classes are divided, in default and exact mode
 *   rows.c                             rows that are not
 *   check.c  slice.c  record.c  sum.c  views; some rows of a view; records, and how two are merged; exact sums */
#ifndef SJ_MPI_INTERNAL_H
#define SJ_MPI_INTERNAL_H

#include <softjac_mpi.h>

#define BLOCK_ROWS 1024 /* a message: below 2^17 bytes, so that a pipeline of them hides latency and computing */

typedef enum operation {
    OPERATION_SOFTMAX = 1,
    OPERATION_LOG_SOFTMAX,
    OPERATION_LOGSUMEXP,
    OPERATION_GRADIENT,
    OPERATION_LOG_GRADIENT,
    OPERATION_VJP,
    OPERATION_LOG_VJP, /* this and the next three: of rows only */
    OPERATION_LOG_JVP,
    OPERATION_JACOBIAN,
    OPERATION_LOG_JACOBIAN,
    OPERATION_CROSS_ENTROPY,
    OPERATION_PREPARE, /* an operator's: no result */
    OPERATION_APPLY,
} operation;

/* ---------------------------------------------------------------- records */

typedef enum record_kind {
    RECORD_HEADER = 1,
    RECORD_STATE,
    RECORD_PRODUCT, /* of this piece by itself, about its own mean */
    RECORD_PICK,    /* at_max: the logit of a class, where dot[1] is not 0: where this piece holds it */
    RECORD_TOP,     /* at_max: the cotangent's entry at the argmax */
    RECORD_SUM      /* words of exact sums */
} record_kind;

typedef enum difference {
    DIFFER_NOT,
    DIFFER_OPERATION,
    DIFFER_OPTIONS,
    DIFFER_CLASS,
    DIFFER_DTYPE,
    DIFFER_LABELS
} difference;

/* What a rank says of its call. Merged: the fields of the lowest rank, the lowest failure, the first difference. */
typedef struct header {
    uint64_t q, digest; /* digest: of labels and options of losses */
    int32_t rank, operation;
    int32_t options; /* mode, nonfinite, reduction */
    int32_t dtype;
    int32_t status, failed;     /* of this rank's arguments; the rank */
    int32_t differs, differing; /* a difference; the rank */
    int32_t late;               /* whether the library may yet find fault with something */
} header;

#define RECORD_WORDS 8

/* All messages are arrays of these, whatever the call: a rank that makes another call than the rest is found out by its
 * header, which it could not be if their messages differed in length. MPI may merge any part of an array by itself, so
 * each record says what it is. */
typedef struct record {
    uint64_t kind;
    union {
        header header;
        sj_product product; /* of a STATE, a PICK and a TOP some of it */
        int64_t words[RECORD_WORDS];
    } of;
} record;

_Static_assert(sizeof(record) == 72, "no padding: records are sent as bytes");

/* An MPI_User_function. */
void sj_mpi_merge_records(void *left, void *into, int *count, MPI_Datatype *type);

/* ---------------------------------------------------------------- sum.c */

/* A sum of doubles without rounding: words of 32 bits each and their carries, of which records hold 8. */
#define SUM_RECORDS 9
typedef struct exact_sum {
    int64_t words[SUM_RECORDS * RECORD_WORDS];
} exact_sum;

void sj_mpi_sum_add(exact_sum *sum, double x);

/* As a pair that is nearer than 2^-100 of it; its first part is the nearest double. */
void sj_mpi_sum_value(const exact_sum *sum, double value[2]);

/* ---------------------------------------------------------------- calls */

/* Of cross-entropy. Pointers of `how` are to the views here. */
typedef struct losses {
    sj_view target, loss, grad, weights, upstream, logsumexp;
    bool has_loss, has_grad;
    bool labels; /* the target is */
    bool readable;
    sj_loss_options how;
    double divisor;  /* of a mean: this rank's rows', or, where classes are divided, all */
    uint64_t digest; /* of the labels, and of what else all ranks must have alike */
} losses;

typedef struct call {
    operation operation;
    sj_view z, g, out;
    const char *g_name; /* in messages: "g" or "t"; NULL where there is none */
    size_t q;
    sj_layout layout;
    sj_options options; /* a copy; .error is the caller's */
    bool readable;      /* options had this version's size */
    losses losses;
    sj_state *states; /* of an operator: of this rank's pieces of all rows */
    int axis;
} call;

struct sj_mpi_request {
    sj_mpi *group;
    call call;
    record *records;      /* of each block a header, then its rows */
    MPI_Request *pending; /* of each block */
    sj_exact *exact;      /* of all rows, of an exact loss */
    size_t blocks, sums;  /* sums: records after the header, where rows are divided */
    sj_status status;     /* of this rank's arguments */
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
    sj_state *states; /* these of a block */
    sj_product *products;
    sj_pick *picks;
    sj_exact *exact;
    int64_t *words;
    double *numbers; /* one for each row, where rows are divided */
};

static inline bool is_divided(const sj_mpi *group) { return group->shard == SJ_SHARD_CLASSES; }
static inline bool is_exact(const call *of) { return of->options.mode == SJ_EXACT; }
static inline bool is_product(operation what) { return what == OPERATION_VJP || what == OPERATION_APPLY; }
static inline bool takes_class(operation what) { return what == OPERATION_GRADIENT || what == OPERATION_LOG_GRADIENT; }

/* ---------------------------------------------------------------- check.c */

/* Fills *error, if there is one, and returns the status. */
sj_status sj_mpi_fail(sj_error *error, sj_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A view by the name it has in messages. */
typedef struct named {
    const char *name;
    const sj_view *view;
} named;

/* As the library checks views, but that those which interleave overlap. */
sj_status sj_mpi_check_view(named v, sj_error *error);
sj_status sj_mpi_check_integers(named v, sj_error *error);
sj_status sj_mpi_check_output(named out, sj_error *error);
sj_status sj_mpi_check_overlap(named out, named in, bool in_place, sj_error *error);

/* The shape of z, or without its class axis. */
sj_status sj_mpi_check_shape(named v, const call *of, bool whole, sj_error *error);

/* Whether the call can be made with what this rank was given, so that no call of the library fails later. Sets
 * call->axis. */
sj_status sj_mpi_check(const sj_mpi *group, call *of, sj_error *error);

/* Whether options ask for more than logits: a scale, masks, ragged rows. */
bool sj_mpi_reads(const sj_options *options);

/* ---------------------------------------------------------------- slice.c */

size_t sj_mpi_item(sj_dtype dtype); /* bytes of an element */

/* An element, exactly; and one of labels. */
double sj_mpi_element(const void *data, sj_dtype dtype, ptrdiff_t offset);
int64_t sj_mpi_integer(const void *data, sj_dtype dtype, ptrdiff_t offset);

/* Of a view with class axis `axis`, counted from the front, or -1 where it has none: rows from `first` on, in C order,
 * as many of `count` as a view can hold, into *part. Returns how many. Views with as many rows in each dimension are
 * cut alike. */
size_t sj_mpi_rows(const sj_view *view, int axis, size_t first, size_t count, sj_view *part);

/* ---------------------------------------------------------------- blocks.c, exact.c */

/* What is done to some rows of a block: their part of the call, and the first of them, counted in the block. */
typedef sj_status visit(const sj_mpi *group, const call *part, size_t at);
sj_status sj_mpi_visit_block(sj_mpi_request *r, size_t block, visit *do_rows);

size_t sj_mpi_block_rows(const sj_mpi_request *r, size_t block);
record *sj_mpi_block_records(const sj_mpi_request *r, size_t block);

/* The records of a block, those of no entries where this rank's arguments are bad; and its results, from records. */
sj_status sj_mpi_reduce_block(sj_mpi_request *r, size_t block);
sj_status sj_mpi_emit_block(sj_mpi_request *r, size_t block);

/* The second turn of exact mode, and results; a loss's are emitted once all blocks have had it. */
sj_status sj_mpi_emit_exact_block(sj_mpi_request *r, size_t block);

/* ---------------------------------------------------------------- loss.c */

sj_status sj_mpi_check_losses(const sj_mpi *group, call *of, sj_error *error);

/* The label of a row, counted in all. */
int64_t sj_mpi_label(const call *of, size_t row);

/* Of divided classes, once all records are in. */
sj_status sj_mpi_emit_losses(sj_mpi_request *r);

/* Of rows: the sums this rank adds, into its records; and the results. */
sj_status sj_mpi_sum_losses(sj_mpi_request *r);
sj_status sj_mpi_compute_losses(sj_mpi_request *r);

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
