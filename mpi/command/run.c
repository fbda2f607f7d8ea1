/* run.c: an operation over files: how the arrays are divided, and block by block: read, call, write. Called by main.c;
 * calls files.c, losses.c and the library. */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>

sj_options library_options(const job *j, sj_error *error) {
    sj_options options = SJ_OPTIONS_INIT;
    options.nonfinite = j->args->nonfinite;
    options.threads = j->args->threads;
    options.mode = j->args->exact ? SJ_EXACT : SJ_DEFAULT;
    options.error = error;
    return options;
}

int library_failure(const job *j, sj_status status, const sj_error *error) {
    trouble t = {0, ""};
    trouble_set(&t, status == SJ_MPI_NO_MEMORY ? EXIT_NO_MEMORY : EXIT_WRONG_USE, "%s",
                error->message[0] ? error->message : sj_mpi_strerror(status));
    return settle(j, &t);
}

/* ---------------------------------------------------------------- shares */

/* Where a share of `total` begins. */
static size_t start_of(size_t total, int rank, int ranks) {
    const size_t r = (size_t)rank, size = (size_t)ranks, rest = total % size;
    return total / size * r + (r < rest ? r : rest);
}

static size_t largest_share(size_t total, int ranks) { return total / (size_t)ranks + (total % (size_t)ranks != 0); }

/* Whole rows where each rank has one at least, and where it can hold one; these operations have no other way. */
static sj_shard choose(const job *j, double row_bytes) {
    const arguments *args = j->args;
    const bool whole = args->what == VERB_JACOBIAN || (args->log && args->what != VERB_GRADIENT);
    if (args->has_shard) return args->shard;
    if (whole) return SJ_SHARD_ROWS;
    return j->rows < (size_t)j->ranks || row_bytes > (double)args->memory ? SJ_SHARD_CLASSES : SJ_SHARD_ROWS;
}

int divide(job *j, const file *z, size_t each, double beside) {
    trouble t = {0, ""};
    const npy_header *h = &z->header;
    j->classes = h->ndim > 0 ? h->shape[h->ndim - 1] : 0;
    j->rows = 1;
    for (int d = 0; d + 1 < h->ndim; d++) j->rows *= h->shape[d];
    if (h->ndim == 0) trouble_set(&t, EXIT_BAD_DATA, "%s: 0 dimensions; expected a class axis, the last", z->path);
    j->shard = choose(j, (double)j->classes * (double)each + beside);
    const bool rows = j->shard == SJ_SHARD_ROWS;
    const size_t of = rows ? j->rows : j->classes;
    const size_t width = rows ? j->classes : largest_share(j->classes, j->ranks);
    const size_t most = rows ? largest_share(j->rows, j->ranks) : j->rows;
    const double bytes = (double)width * (double)each + beside + 1;
    if (bytes > 0x1p31 - 1)
        trouble_set(&t, EXIT_NO_MEMORY, "%s: %.0f bytes of one row on a rank; expected below 2^31%s", z->path, bytes,
                    j->args->what == VERB_JACOBIAN ? "" : ": use more ranks, or --shard classes");
    const double fit = (double)j->args->memory / bytes, limit = (0x1p31 - 1) / bytes;
    const double block = fit < limit ? fit : limit;
    j->block = block < 1 ? 1 : block > (double)most ? (most ? most : 1) : (size_t)block;
    j->first = start_of(of, j->rank, j->ranks);
    j->count = start_of(of, j->rank + 1, j->ranks) - j->first;
    if (j->rank == 0 && !j->args->quiet && !t.code)
        fprintf(stderr, "softjac-mpi %s: %zu x %zu, %s divided among %d ranks, %zu rows at once\n",
                verb_names[j->args->what], j->rows, j->classes, rows ? "rows" : "classes", j->ranks, j->block);
    return settle(j, &t);
}

size_t block_count(const job *j) {
    const size_t most = j->shard == SJ_SHARD_ROWS ? largest_share(j->rows, j->ranks) : j->rows;
    return most / j->block + (most % j->block != 0);
}

void block_rows(const job *j, size_t block, size_t *row, size_t *rows) {
    const bool own = j->shard == SJ_SHARD_ROWS;
    const size_t all = own ? j->count : j->rows, before = block * j->block < all ? block * j->block : all;
    *row = (own ? j->first : 0) + before;
    *rows = all - before < j->block ? all - before : j->block;
}

/* Blocks but the last have as many rows on every rank: one group serves them. */
sj_status block_group(job *j, size_t block, size_t rows, sj_error *error) {
    if (j->group && block + 1 < block_count(j)) return SJ_OK;
    sj_mpi_free(j->group);
    return sj_mpi_create(MPI_COMM_WORLD, j->shard, rows, j->shard == SJ_SHARD_ROWS ? j->classes : j->count, &j->group,
                         error);
}

/* ---------------------------------------------------------------- one operation */

/* The files of an operation, and a block of each. */
typedef struct arrays {
    file z, g, out;
    void *z_data, *g_data, *out_data;
    size_t out_count; /* elements of a row, on this rank */
    sj_dtype dtype;   /* of the result */
} arrays;

static bool takes_two(verb what) { return what == VERB_VJP || what == VERB_JVP || what == VERB_CROSS_ENTROPY; }

static sj_status call(const job *j, const arrays *a, size_t rows, const sj_options *options) {
    const arguments *args = j->args;
    sj_mpi *group = j->group;
    const size_t width = j->shard == SJ_SHARD_ROWS ? j->classes : j->count, shape[3] = {rows, width, width};
    const sj_view z = sj_array(a->z_data, a->z.dtype, 2, shape), g = sj_array(a->g_data, a->g.dtype, 2, shape);
    const sj_view out = sj_array(a->out_data, a->dtype, 2, shape);
    switch (args->what) {
    case VERB_SOFTMAX:
        return sj_mpi_softmax(group, z, out, options);
    case VERB_LOG_SOFTMAX:
        return sj_mpi_log_softmax(group, z, out, options);
    case VERB_LOGSUMEXP:
        return sj_mpi_logsumexp(group, z, sj_array(a->out_data, a->dtype, 1, shape), options);
    case VERB_GRADIENT:
        return args->log ? sj_mpi_log_softmax_gradient(group, z, args->q, out, options)
                         : sj_mpi_softmax_gradient(group, z, args->q, out, options);
    case VERB_VJP:
        return args->log ? sj_mpi_log_softmax_vjp(group, z, g, out, options)
                         : sj_mpi_softmax_vjp(group, z, g, out, options);
    case VERB_JVP:
        return args->log ? sj_mpi_log_softmax_jvp(group, z, g, out, options)
                         : sj_mpi_softmax_jvp(group, z, g, out, options);
    default:
        break;
    }
    const sj_view blocks = sj_array(a->out_data, a->dtype, 3, shape);
    return args->log ? sj_mpi_log_softmax_jacobian(group, z, SJ_BLOCKS, blocks, options)
                     : sj_mpi_softmax_jacobian(group, z, SJ_BLOCKS, blocks, options);
}

static int serve_block(job *j, arrays *a, size_t block) {
    const bool whole = j->shard == SJ_SHARD_ROWS, number = j->args->what == VERB_LOGSUMEXP;
    const size_t width = whole ? j->classes : j->count;
    size_t row, rows;
    sj_error error = {SJ_OK, ""};
    block_rows(j, block, &row, &rows);
    int code = file_read(j, &a->z, row, rows, width, a->z_data);
    if (!code && a->g_data) code = file_read(j, &a->g, row, rows, width, a->g_data);
    if (code) return code;
    sj_status status = block_group(j, block, rows, &error);
    const sj_options options = library_options(j, &error);
    if (!status) status = call(j, a, rows, &options);
    if (status) return library_failure(j, status, &error);
    const bool silent = number && !whole && j->rank > 0; /* all ranks have all of it */
    return file_write(j, &a->out, row, silent ? 0 : rows, a->out_count, a->out_data);
}

/* The result's shape, its rows as the file is cut, and the columns of this rank. */
static int prepare(const job *j, arrays *a) {
    const npy_header *h = &a->z.header;
    const bool whole = j->shard == SJ_SHARD_ROWS, number = j->args->what == VERB_LOGSUMEXP;
    const bool matrix = j->args->what == VERB_JACOBIAN;
    const size_t width = whole ? j->classes : j->count, first = whole ? 0 : j->first;
    size_t shape[IO_MAX_NDIM + 1];
    int ndim = 0;
    trouble t = {0, ""};
    for (int d = 0; d + 1 < h->ndim; d++) shape[ndim++] = h->shape[d];
    for (int i = 0; i < (number ? 0 : matrix ? 2 : 1); i++) shape[ndim++] = j->classes;
    if (ndim > IO_MAX_NDIM) trouble_set(&t, EXIT_BAD_DATA, "%s: too many dimensions for a Jacobian", a->z.path);
    int code = settle(j, &t);
    if (!code) code = file_create(j, &a->out, j->args->output, a->dtype, ndim, shape);
    if (code) return code;
    a->out.width = number ? 1 : matrix ? j->classes * j->classes : j->classes;
    a->out_count = number ? 1 : matrix ? a->out.width : width;
    code = file_select(j, &a->z, first, width);
    if (!code && a->g.path) code = file_select(j, &a->g, first, width);
    if (!code) code = file_select(j, &a->out, number || matrix ? 0 : first, a->out_count);
    a->z_data = malloc(j->block * width * a->z.item + 1);
    a->out_data = malloc(j->block * a->out_count * a->out.item + 1);
    if (a->g.path) a->g_data = malloc(j->block * width * a->g.item + 1);
    if (!a->z_data || !a->out_data || (a->g.path && !a->g_data)) trouble_set(&t, EXIT_NO_MEMORY, "out of memory");
    const int memory = settle(j, &t);
    return code ? code : memory;
}

static int check_beside(const job *j, const arrays *a) {
    trouble t = {0, ""};
    bool same = a->g.header.ndim == a->z.header.ndim;
    for (int d = 0; same && d < a->z.header.ndim; d++) same = a->g.header.shape[d] == a->z.header.shape[d];
    if (!same) trouble_set(&t, EXIT_BAD_DATA, "%s: not the shape of %s", a->g.path, a->z.path);
    return settle(j, &t);
}

int run(job *j) {
    const arguments *args = j->args;
    arrays a = {.z = {.handle = MPI_FILE_NULL}, .g = {.handle = MPI_FILE_NULL}, .out = {.handle = MPI_FILE_NULL}};
    int code = file_open(j, &a.z, args->inputs[0], false);
    if (!code && args->what == VERB_CROSS_ENTROPY) {
        code = run_losses(j, &a.z);
        file_close(&a.z);
        return code;
    }
    if (!code && takes_two(args->what)) code = file_open(j, &a.g, args->inputs[1], false);
    if (!code && takes_two(args->what)) code = check_beside(j, &a);
    if (!code) {
        const size_t n = a.z.width, item = a.z.item + (a.g.path ? a.g.item : 0);
        a.dtype = args->dtype ? args->dtype : a.z.dtype == SJ_F16 ? SJ_F32 : a.z.dtype;
        code = divide(j, &a.z, item + io_item(a.dtype),
                      args->what == VERB_JACOBIAN ? (double)n * (double)n * (double)io_item(a.dtype) : 192);
    }
    file *outputs[] = {&a.out};
    if (!code) code = prepare(j, &a);
    for (size_t block = 0; !code && block < block_count(j); block++) code = serve_block(j, &a, block);
    sj_mpi_free(j->group);
    code = files_commit(j, outputs, 1, code);
    file_close(&a.z), file_close(&a.g);
    free(a.z_data), free(a.g_data), free(a.out_data);
    return code;
}
