/* losses.c: cross-entropy over files: labels are read first, for what a mean divides by, and then block by block with
 * the logits. Called by run.c; calls files.c and the library. */
#include "command.h"

#include "../internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct arrays {
    file *z;
    file labels, loss, grad;
    void *z_data, *label_data, *grad_data;
    double *losses, *above;
    void *stored; /* losses in the dtype of the result */
    sj_dtype dtype;
    exact_sum sum;
    double divisor;
} arrays;

/* The shape of the logits without their last dimension. */
static void check_shape(const arrays *a, trouble *t) {
    bool same = a->labels.header.ndim + 1 == a->z->header.ndim;
    for (int d = 0; same && d < a->labels.header.ndim; d++) same = a->labels.header.shape[d] == a->z->header.shape[d];
    if (!same)
        trouble_set(t, EXIT_BAD_DATA, "%s: not the shape of %s without its last dimension", a->labels.path, a->z->path);
}

/* A share of the labels on each rank, however the logits are divided: each is a class or ignored. */
static int read_labels(const job *j, arrays *a) {
    const size_t share = j->rows / (size_t)j->ranks + 1, start = (size_t)j->rank * share;
    const size_t first = start < j->rows ? start : j->rows, count = j->rows - first < share ? j->rows - first : share;
    const size_t most = 1u << 20, turns = share / most + 1;
    unsigned long long counted = 0, all = 0;
    trouble t = {0, ""};
    void *data = malloc(most * a->labels.item);
    if (!data) trouble_set(&t, EXIT_NO_MEMORY, "out of memory");
    int code = settle(j, &t);
    for (size_t turn = 0; !code && turn < turns; turn++) {
        const size_t at = turn * most < count ? turn * most : count, rows = count - at < most ? count - at : most;
        code = file_read(j, &a->labels, first + at, rows, 1, data);
        for (size_t i = 0; !code && i < rows; i++) {
            const int64_t label = sj_mpi_integer(data, a->labels.dtype, (ptrdiff_t)i);
            if (label == j->args->ignore_index) continue;
            counted++;
            if (label < 0 || (uint64_t)label >= j->classes)
                trouble_set(&t, EXIT_BAD_DATA, "%s: label %lld in row %zu; expected 0 to %zu, or --ignore-index %lld",
                            a->labels.path, (long long)label, first + at + i, j->classes - 1, j->args->ignore_index);
        }
        if (!code) code = settle(j, &t);
    }
    free(data);
    MPI_Allreduce(&counted, &all, 1, MPI_UNSIGNED_LONG_LONG, MPI_SUM, MPI_COMM_WORLD);
    a->divisor = j->args->reduction == SJ_MEAN ? (double)all : 1;
    return code;
}

static int prepare(const job *j, arrays *a) {
    const npy_header *h = &a->z->header;
    const bool whole = j->shard == SJ_SHARD_ROWS, each = j->args->reduction == SJ_NONE;
    const size_t width = whole ? j->classes : j->count, first = whole ? 0 : j->first;
    trouble t = {0, ""};
    int code = file_create(j, &a->loss, j->args->output, a->dtype, each ? h->ndim - 1 : 0, h->shape);
    a->loss.width = 1;
    if (!code) code = file_select(j, &a->loss, 0, 1);
    if (!code) code = file_select(j, a->z, first, width);
    if (!code && j->args->grad) code = file_create(j, &a->grad, j->args->grad, a->dtype, h->ndim, h->shape);
    if (!code && j->args->grad) code = file_select(j, &a->grad, first, width);
    a->z_data = malloc(j->block * width * a->z->item + 1);
    a->grad_data = malloc(j->block * width * io_item(a->dtype) + 1);
    a->label_data = malloc(j->block * a->labels.item);
    a->losses = malloc(j->block * sizeof *a->losses);
    a->above = malloc(j->block * sizeof *a->above);
    a->stored = malloc(j->block * sizeof(double));
    if (!a->z_data || !a->grad_data || !a->label_data || !a->losses || !a->above || !a->stored)
        trouble_set(&t, EXIT_NO_MEMORY, "out of memory");
    const int memory = settle(j, &t);
    for (size_t i = 0; a->above && i < j->block; i++) a->above[i] = 1 / a->divisor;
    return code ? code : memory;
}

static sj_status call_library(job *j, arrays *a, size_t block, size_t rows, sj_error *error) {
    const bool each = j->args->reduction == SJ_NONE;
    const size_t width = j->shard == SJ_SHARD_ROWS ? j->classes : j->count, shape[2] = {rows, width};
    const sj_view target = sj_array(a->label_data, a->labels.dtype, 1, shape);
    const sj_view loss = each ? sj_array(a->stored, a->dtype, 1, shape) : sj_array(a->losses, SJ_F64, 1, shape);
    const sj_view grad = sj_array(a->grad_data, a->dtype, 2, shape), above = sj_array(a->above, SJ_F64, 1, shape);
    sj_loss_options how = SJ_LOSS_OPTIONS_INIT;
    const sj_options options = library_options(j, error);
    how.ignore_index = j->args->ignore_index;
    how.upstream = j->args->reduction == SJ_MEAN ? &above : NULL;
    sj_status status = block_group(j, block, rows, error);
    if (!status)
        status = sj_mpi_cross_entropy(j->group, sj_array(a->z_data, a->z->dtype, 2, shape), target, &loss,
                                      j->args->grad ? &grad : NULL, &how, &options);
    return status;
}

static int serve_block(job *j, arrays *a, size_t block) {
    const bool whole = j->shard == SJ_SHARD_ROWS, counts = whole || j->rank == 0; /* else all ranks have all losses */
    const size_t width = whole ? j->classes : j->count;
    size_t row, rows;
    sj_error error = {SJ_OK, ""};
    block_rows(j, block, &row, &rows);
    int code = file_read(j, a->z, row, rows, width, a->z_data);
    if (!code) code = file_read(j, &a->labels, row, rows, 1, a->label_data);
    if (code) return code;
    const sj_status status = call_library(j, a, block, rows, &error);
    if (status) return library_failure(j, status, &error);
    if (j->args->grad) code = file_write(j, &a->grad, row, rows, width, a->grad_data);
    if (!code && j->args->reduction == SJ_NONE) return file_write(j, &a->loss, row, counts ? rows : 0, 1, a->stored);
    for (size_t i = 0; counts && i < rows; i++) sj_mpi_sum_add(&a->sum, a->losses[i]);
    return code;
}

/* The sum of all ranks, divided, as one element. */
static int store_sum(const job *j, arrays *a) {
    double value[2];
    MPI_Allreduce(MPI_IN_PLACE, a->sum.words, SUM_RECORDS * RECORD_WORDS, MPI_INT64_T, MPI_SUM, MPI_COMM_WORLD);
    sj_mpi_sum_value(&a->sum, value);
    value[0] /= a->divisor;
    (void)sj_logsumexp(sj_vector_f64(value, 1), sj_array(a->stored, a->dtype, 0, NULL), NULL); /* of one number: it */
    return file_write(j, &a->loss, 0, j->rank == 0, 1, a->stored);
}

int run_losses(job *j, file *z) {
    arrays a = {.z = z, .loss = {.handle = MPI_FILE_NULL}, .grad = {.handle = MPI_FILE_NULL}};
    trouble t = {0, ""};
    int code = file_open(j, &a.labels, j->args->inputs[1], true);
    if (!code) {
        check_shape(&a, &t);
        code = settle(j, &t);
    }
    a.labels.width = 1;
    a.dtype = j->args->dtype ? j->args->dtype : z->dtype == SJ_F16 ? SJ_F32 : z->dtype;
    if (!code) code = divide(j, z, z->item + io_item(a.dtype), 256);
    if (!code) code = file_select(j, &a.labels, 0, 1);
    if (!code) code = read_labels(j, &a);
    if (!code) code = prepare(j, &a);
    for (size_t block = 0; !code && block < block_count(j); block++) code = serve_block(j, &a, block);
    if (!code && j->args->reduction != SJ_NONE) code = store_sum(j, &a);
    sj_mpi_free(j->group);
    file *outputs[] = {&a.loss, &a.grad};
    code = files_commit(j, outputs, j->args->grad ? 2 : 1, code);
    file_close(&a.labels);
    free(a.z_data), free(a.label_data), free(a.grad_data), free(a.losses), free(a.above), free(a.stored);
    return code;
}
