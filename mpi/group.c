/* group.c: groups: how an array is divided among the ranks of a communicator, learnt once. Public; calls MPI. */
#include "internal.h"

#include <stdlib.h>

const char *sj_mpi_strerror(sj_status status) {
    if (status == SJ_MPI_NO_MEMORY) return "not enough memory";
    if (status == SJ_MPI_FAILED) return "a call of MPI failed";
    return sj_strerror(status);
}

static void *allocate(size_t count, size_t size) { return calloc(count ? count : 1, size); }

/* Everything calls will need. */
static bool allocate_request(sj_mpi_request *r, const sj_mpi *group) {
    const size_t blocks = is_divided(group) ? (group->rows + BLOCK_ROWS - 1) / BLOCK_ROWS : 1;
    r->blocks = blocks ? blocks : 1; /* ranks agree where there are no rows, too */
    r->sums = is_divided(group) ? 0 : 2 * SUM_RECORDS;
    if (group->rows > SIZE_MAX / 4 / sizeof *r->records) return false;
    r->records = allocate(r->blocks + (is_divided(group) ? group->rows : r->sums), sizeof *r->records);
    r->pending = allocate(r->blocks, sizeof(MPI_Request));
    return r->records && r->pending;
}

static bool allocate_group(sj_mpi *group) {
    const size_t rows = group->rows < BLOCK_ROWS ? group->rows : BLOCK_ROWS;
    for (int i = 0; i < SJ_MPI_REQUESTS; i++) {
        group->requests[i].group = group;
        if (!allocate_request(&group->requests[i], group)) return false;
    }
    if (!is_divided(group)) {
        group->numbers = allocate(group->rows, sizeof *group->numbers);
        return group->numbers;
    }
    group->states = allocate(rows, sizeof *group->states);
    group->products = allocate(rows, sizeof *group->products);
    group->picks = allocate(rows, sizeof *group->picks);
    group->exact = allocate(rows, sizeof *group->exact);
    group->words = allocate(rows, (SJ_REST_WORDS + SJ_DOT_WORDS) * sizeof *group->words);
    return group->states && group->products && group->picks && group->exact && group->words;
}

static void free_group(sj_mpi *group) {
    for (int i = 0; i < SJ_MPI_REQUESTS; i++) {
        free(group->requests[i].records);
        free(group->requests[i].pending);
    }
    free(group->states);
    free(group->products);
    free(group->picks);
    free(group->exact);
    free(group->words);
    free(group->numbers);
    if (group->merge != MPI_OP_NULL) MPI_Op_free(&group->merge);
    if (group->type != MPI_DATATYPE_NULL) MPI_Type_free(&group->type);
    MPI_Comm_free(&group->comm);
    free(group);
}

/* What ranks tell each other: each the largest there is. Of a number and its complement: whether all are equal. */
enum { WORD_FAILURE, WORD_SHARD, WORD_SHARD_NOT, WORD_EQUAL, WORD_EQUAL_NOT, WORD_PART, WORDS };

/* Whether shares fit together. status: of this rank. */
static sj_status agree(const sj_mpi *group, sj_status status, sj_error *error) {
    const bool divided = is_divided(group);
    const uint64_t shard = (uint64_t)group->shard, equal = divided ? group->rows : group->classes;
    uint64_t words[WORDS] = {[WORD_SHARD] = shard,
                             [WORD_SHARD_NOT] = ~shard,
                             [WORD_EQUAL] = equal,
                             [WORD_EQUAL_NOT] = ~equal,
                             [WORD_PART] = divided ? group->classes : group->rows};
    if (status) words[WORD_FAILURE] = (uint64_t)(group->size - group->rank) << 32 | (uint32_t)status;
    if (MPI_Allreduce(MPI_IN_PLACE, words, WORDS, MPI_UINT64_T, MPI_MAX, group->comm))
        return sj_mpi_fail(error, SJ_MPI_FAILED, "MPI_Allreduce failed");
    if (words[WORD_FAILURE]) {
        const sj_status first = (sj_status)(words[WORD_FAILURE] & 0xffffffff);
        const int rank = group->size - (int)(words[WORD_FAILURE] >> 32);
        return sj_mpi_fail(error, first, "rank %d: %s", rank, sj_mpi_strerror(first));
    }
    if (words[WORD_SHARD] != ~words[WORD_SHARD_NOT])
        return sj_mpi_fail(error, SJ_BAD_OPTION, "shard: classes are divided on some ranks, and rows on others");
    const unsigned long long least = ~words[WORD_EQUAL_NOT], most = words[WORD_EQUAL];
    if (least != most)
        return sj_mpi_fail(error, SJ_BAD_SHAPE, "%s: %llu to %llu; expected the same on every rank",
                           divided ? "rows" : "classes", least, most);
    if (words[WORD_PART] > SIZE_MAX / 2 / (uint64_t)group->size)
        return sj_mpi_fail(error, SJ_BAD_SHAPE, "the ranks' shares add up to more than a size_t holds");
    return SJ_OK;
}

/* Where this rank's share begins, and what all make together. */
static sj_status place(sj_mpi *group, sj_error *error) {
    const uint64_t part = is_divided(group) ? group->classes : group->rows;
    uint64_t first = 0, total = 0;
    if (MPI_Exscan(&part, &first, 1, MPI_UINT64_T, MPI_SUM, group->comm) ||
        MPI_Allreduce(&part, &total, 1, MPI_UINT64_T, MPI_SUM, group->comm))
        return sj_mpi_fail(error, SJ_MPI_FAILED, "MPI_Exscan or MPI_Allreduce failed");
    group->first = group->rank == 0 ? 0 : first; /* the standard leaves rank 0's undefined */
    group->total = total;
    return SJ_OK;
}

/* What can be said before other ranks are heard. */
static sj_status prepare(sj_mpi *group, bool wanted) {
    if (!wanted) return SJ_BAD_POINTER;
    if (group->shard != SJ_SHARD_CLASSES && group->shard != SJ_SHARD_ROWS) return SJ_BAD_OPTION;
    if (!allocate_group(group)) return SJ_MPI_NO_MEMORY;
    if (MPI_Type_contiguous((int)sizeof(record), MPI_BYTE, &group->type) || MPI_Type_commit(&group->type) ||
        MPI_Op_create(sj_mpi_merge_records, 0, &group->merge)) /* 0: argmax counts from the first rank */
        return SJ_MPI_FAILED;
    return SJ_OK;
}

sj_status sj_mpi_create(MPI_Comm comm, sj_shard shard, size_t rows, size_t classes, sj_mpi **to, sj_error *error) {
    sj_error unwanted;
    sj_mpi made = {.comm = MPI_COMM_NULL, .type = MPI_DATATYPE_NULL, .merge = MPI_OP_NULL};
    sj_mpi *group = calloc(1, sizeof *group);
    if (!error) error = &unwanted;
    if (to) *to = NULL;
    made.shard = shard, made.rows = rows, made.classes = classes;
    if (MPI_Comm_dup(comm, &made.comm) || MPI_Comm_rank(made.comm, &made.rank) ||
        MPI_Comm_size(made.comm, &made.size)) {
        free(group);
        return sj_mpi_fail(error, SJ_MPI_FAILED, "MPI_Comm_dup failed");
    }
    if (group) *group = made;
    sj_status status = agree(&made, group ? prepare(group, to != NULL) : SJ_MPI_NO_MEMORY, error);
    if (!status && group) status = place(group, error);
    if (!status && group && to) {
        *to = group;
        return SJ_OK;
    }
    if (group)
        free_group(group);
    else
        MPI_Comm_free(&made.comm);
    return status;
}

void sj_mpi_free(sj_mpi *group) {
    if (group) free_group(group);
}

size_t sj_mpi_first(const sj_mpi *group) { return group->first; }
size_t sj_mpi_total(const sj_mpi *group) { return group->total; }
