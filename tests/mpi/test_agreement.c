/* test_agreement.c: what ranks owe each other: one message a block and none beside, the same status everywhere whoever
 * is at fault, nothing written then, and requests that are under way while others are. A rank that waits for ever fails
 * by the time that CTest allows. */
#include "support.h"

#include <stdio.h>

enum { ROWS = 2500, BLOCKS = 3, N = 24, RECORD = 72 };

/* A matrix of N classes, this rank's columns, and room for results. */
typedef struct matrix {
    share own;
    float *z, *out, *other;
    int64_t *labels;
    sj_mpi *group;
    sj_options options;
    sj_error error;
} matrix;

static matrix make_matrix(void) {
    matrix m = {.own = share_of(DIVIDE_UNEVENLY, N), .options = SJ_OPTIONS_INIT};
    m.z = new_elements(SJ_F32, ROWS * N), m.out = new_elements(SJ_F32, ROWS * N);
    m.other = new_elements(SJ_F32, ROWS * N), m.labels = malloc(ROWS * sizeof *m.labels);
    fill_random(m.z, SJ_F32, ROWS * N, 1);
    for (size_t i = 0; i < ROWS * N; i++) m.out[i] = m.other[i] = 77;
    for (size_t i = 0; i < ROWS; i++) m.labels[i] = (int64_t)(i % N);
    CLAIM(sj_mpi_create(MPI_COMM_WORLD, SJ_SHARD_CLASSES, ROWS, m.own.count, &m.group, NULL) == SJ_OK, "no group");
    return m;
}

static void free_matrix(matrix *m) {
    sj_mpi_free(m->group);
    free(m->z), free(m->out), free(m->other), free(m->labels);
}

static sj_view part(const matrix *m, const void *data) { return columns(data, SJ_F32, ROWS, N, m->own); }

static sj_view targets(const matrix *m) {
    const size_t rows = ROWS;
    return sj_array(m->labels, SJ_I64, 1, &rows);
}

static void claim_untouched(const matrix *m, const char *what) {
    bool untouched = true;
    for (size_t i = 0; i < ROWS * N; i++) untouched = untouched && m->out[i] == 77;
    CLAIM(untouched, "%s: something was written", what);
}

/* ---------------------------------------------------------------- failures */

static bool odd(void) { return rank == ranks - 1; }

typedef enum fault {
    FAULT_NULL,
    FAULT_SHAPE,
    FAULT_AXIS,
    FAULT_OVERLAP,
    FAULT_OPTION_SIZE,
    FAULT_MASK,
    FAULT_POLICY_RANGE,
    FAULT_CLASS_RANGE,
    FAULT_LABEL_RANGE,
    FAULTS_OF_ONE,
    FAULT_OPERATION = FAULTS_OF_ONE, /* from here on every rank is right, and they differ */
    FAULT_POLICY,
    FAULT_CLASS,
    FAULT_LABEL,
    FAULTS
} fault;

static const struct expected {
    sj_status status;
    const char *own, *others; /* of the message */
} expected[FAULTS] = {
    [FAULT_NULL] = {SJ_BAD_POINTER, "z: data is NULL", "a pointer to elements"},
    [FAULT_SHAPE] = {SJ_BAD_SHAPE, "classes; expected", "the shapes of the arguments"},
    [FAULT_AXIS] = {SJ_BAD_AXIS, "z: axis 2 of 2 dimensions", "the class axis"},
    [FAULT_OVERLAP] = {SJ_BAD_OVERLAP, "out overlaps z", "may overlap"},
    [FAULT_OPTION_SIZE] = {SJ_BAD_OPTION, "", "an option is out of range"},
    [FAULT_MASK] = {SJ_BAD_OPTION, "where classes are divided", "an option is out of range"},
    [FAULT_POLICY_RANGE] = {SJ_BAD_OPTION, "options.nonfinite: 9", "an option is out of range"},
    [FAULT_CLASS_RANGE] = {SJ_BAD_CLASS, "q: 24; expected below n = 24", "the selected class"},
    [FAULT_LABEL_RANGE] = {SJ_BAD_CLASS, "target: label 24 in row 5; expected 0 to 23", "the selected class"},
    [FAULT_OPERATION] = {SJ_BAD_OPTION, "another operation", "another operation"},
    [FAULT_POLICY] = {SJ_BAD_OPTION, "another mode, nonfinite", "another mode, nonfinite"},
    [FAULT_CLASS] = {SJ_BAD_OPTION, "another class", "another class"},
    [FAULT_LABEL] = {SJ_BAD_OPTION, "another labels", "another labels"},
};

static sj_status call_with(fault what, matrix *m) {
    sj_view z = part(m, m->z), out = part(m, m->out);
    size_t q = 3;
    if (odd()) {
        if (what == FAULT_NULL) z.data = NULL;
        if (what == FAULT_SHAPE) z.shape[1]++;
        if (what == FAULT_AXIS) z.axis = 2;
        if (what == FAULT_OVERLAP) z.data = m->out + m->own.first + 1;
        if (what == FAULT_OPTION_SIZE) m->options.size = 3;
        if (what == FAULT_MASK) m->options.causal = true;
        if (what == FAULT_POLICY_RANGE) m->options.nonfinite = (sj_nonfinite)9;
        if (what == FAULT_POLICY) m->options.nonfinite = SJ_ZERO;
        if (what == FAULT_CLASS) q = 4;
        if (what == FAULT_CLASS_RANGE) q = N;
        if (what == FAULT_LABEL_RANGE) m->labels[5] = N;
        if (what == FAULT_LABEL) m->labels[5] = 6;
        if (what == FAULT_OPERATION) return sj_mpi_log_softmax(m->group, z, out, &m->options);
    }
    if (what == FAULT_CLASS || what == FAULT_CLASS_RANGE)
        return sj_mpi_softmax_gradient(m->group, z, q, out, &m->options);
    if (what == FAULT_LABEL || what == FAULT_LABEL_RANGE)
        return sj_mpi_cross_entropy(m->group, z, targets(m), NULL, &out, NULL, &m->options);
    return sj_mpi_softmax(m->group, z, out, &m->options);
}

static void any_rank_at_fault_is_told_to_all(void) {
    matrix m = make_matrix();
    for (int f = 0; f < FAULTS; f++) {
        char name[24];
        if (f >= FAULTS_OF_ONE && ranks == 1) continue;
        m.options = (sj_options)SJ_OPTIONS_INIT;
        m.options.error = &m.error;
        m.error.message[0] = 0;
        const sj_status status = call_with((fault)f, &m);
        CLAIM(status == expected[f].status, "fault %d: %s", f, m.error.message);
        claim_untouched(&m, "fault");
        m.labels[5] = 5;
        if (f == FAULT_OPTION_SIZE && odd()) continue; /* its error cannot be relied on either */
        (void)snprintf(name, sizeof name, "rank %d: ", ranks - 1);
        CLAIM(strncmp(m.error.message, name, strlen(name)) == 0, "fault %d: %s", f, m.error.message);
        CLAIM(strstr(m.error.message, odd() ? expected[f].own : expected[f].others), "fault %d: %s", f,
              m.error.message);
    }
    m.options = (sj_options)SJ_OPTIONS_INIT;
    CLAIM(call_with(FAULTS, &m) == SJ_OK, "the group serves the next call");
    free_matrix(&m);
}

static void a_group_is_one_on_every_rank_or_on_none(void) {
    sj_error error = {SJ_OK, ""};
    sj_mpi *group = (sj_mpi *)&error;
    CLAIM(sj_mpi_create(MPI_COMM_WORLD, (sj_shard)(odd() ? 5 : 0), 3, 4, &group, &error) == SJ_BAD_OPTION, " ");
    CLAIM(!group && strstr(error.message, "rank "), "%s", error.message);
    CLAIM(sj_mpi_create(MPI_COMM_WORLD, SJ_SHARD_ROWS, SIZE_MAX / (odd() ? 2 : SIZE_MAX), 4, &group, &error) ==
              SJ_MPI_NO_MEMORY,
          "%s", error.message);
    CLAIM(sj_mpi_create(MPI_COMM_WORLD, SJ_SHARD_ROWS, 3, 4, odd() ? NULL : &group, &error) == SJ_BAD_POINTER, " ");
    if (ranks == 1) return;
    CLAIM(sj_mpi_create(MPI_COMM_WORLD, SJ_SHARD_CLASSES, odd() ? 4 : 3, 4, &group, &error) == SJ_BAD_SHAPE, " ");
    CLAIM(!group && strcmp(error.message, "rows: 3 to 4; expected the same on every rank") == 0, "%s", error.message);
    CLAIM(sj_mpi_create(MPI_COMM_WORLD, odd() ? SJ_SHARD_ROWS : SJ_SHARD_CLASSES, 4, 4, &group, &error) ==
              SJ_BAD_OPTION,
          "%s", error.message);
}

/* ---------------------------------------------------------------- messages */

static void claim_calls(const char *what, size_t posted, size_t reduced, size_t bytes) {
    const mpi_calls calls = count_calls();
    CLAIM(calls.iallreduce == posted && calls.allreduce == reduced && calls.others == 0 && calls.bytes == bytes,
          "%s: %zu and %zu all-reduces of %zu bytes, %zu other calls; expected %zu and %zu of %zu", what,
          calls.iallreduce, calls.allreduce, calls.bytes, calls.others, posted, reduced, bytes);
}

static void a_block_of_rows_is_one_message(void) {
    static const size_t message = RECORD * (ROWS + BLOCKS);
    matrix m = make_matrix();
    const sj_view z = part(&m, m.z), out = part(&m, m.out), other = part(&m, m.other);
    (void)count_calls();
    CLAIM(sj_mpi_softmax(m.group, z, out, NULL) == SJ_OK, " ");
    claim_calls("softmax", BLOCKS, 0, message);
    CLAIM(sj_mpi_softmax_vjp(m.group, z, out, other, NULL) == SJ_OK, " ");
    claim_calls("vjp", BLOCKS, 0, message);
    CLAIM(sj_mpi_softmax_gradient(m.group, z, 3, out, NULL) == SJ_OK, " ");
    claim_calls("gradient", BLOCKS, 0, message);
    CLAIM(sj_mpi_cross_entropy(m.group, z, targets(&m), NULL, &out, NULL, NULL) == SJ_OK, " ");
    claim_calls("cross-entropy", BLOCKS, 0, message);
    sj_mpi_operator *jacobian = NULL;
    CLAIM(sj_mpi_operator_create(m.group, z, NULL, &jacobian) == SJ_OK, " ");
    (void)count_calls();
    CLAIM(sj_mpi_apply(jacobian, out, other, NULL) == SJ_OK, " ");
    claim_calls("an operator", BLOCKS, 0, message);
    sj_mpi_operator_free(jacobian);
    m.options.mode = SJ_EXACT;
    CLAIM(sj_mpi_softmax(m.group, z, out, &m.options) == SJ_OK, " ");
    claim_calls("exact softmax", BLOCKS, BLOCKS, message + 448 * ROWS);
    CLAIM(sj_mpi_softmax_vjp(m.group, z, out, other, &m.options) == SJ_OK, " ");
    claim_calls("exact vjp", BLOCKS, BLOCKS, message + 1688 * ROWS);
    free_matrix(&m);
}

static void rows_of_one_rank_need_one_small_message(void) {
    matrix m = make_matrix();
    const share own = share_of(DIVIDE_WITH_GAPS, ROWS);
    const size_t shape[2] = {own.count, N};
    const sj_view z = sj_array(m.z + own.first * N, SJ_F32, 2, shape);
    const sj_view out = sj_array(m.out + own.first * N, SJ_F32, 2, shape);
    float loss;
    const sj_view mean = sj_scalar_f32(&loss);
    sj_loss_options how = SJ_LOSS_OPTIONS_INIT;
    sj_mpi *group = NULL;
    how.reduction = SJ_MEAN;
    CLAIM(sj_mpi_create(MPI_COMM_WORLD, SJ_SHARD_ROWS, own.count, N, &group, NULL) == SJ_OK, " ");
    (void)count_calls();
    CLAIM(sj_mpi_softmax(group, z, out, NULL) == SJ_OK, " ");
    claim_calls("softmax", 1, 0, 1368);
    CLAIM(sj_mpi_cross_entropy(group, z, sj_array(m.labels + own.first, SJ_I64, 1, shape), &mean, &out, &how, NULL) ==
              SJ_OK,
          " ");
    claim_calls("cross-entropy", 1, 0, 1368);
    sj_mpi_free(group);
    free_matrix(&m);
}

/* ---------------------------------------------------------------- requests */

static void requests_are_under_way_together(void) {
    matrix m = make_matrix();
    const sj_view z = part(&m, m.z), out = part(&m, m.out), other = part(&m, m.other);
    float *first = new_elements(SJ_F32, ROWS * N), *second = new_elements(SJ_F32, ROWS * N);
    sj_mpi_request *requests[3] = {NULL, NULL, NULL};
    (void)count_calls();
    CLAIM(sj_mpi_isoftmax(m.group, z, out, NULL, &requests[0]) == SJ_OK, " ");
    claim_calls("started", BLOCKS, 0, RECORD * (ROWS + BLOCKS));
    claim_untouched(&m, "started");
    CLAIM(sj_mpi_ilog_softmax(m.group, z, other, NULL, &requests[1]) == SJ_OK, " ");
    CLAIM(sj_mpi_isoftmax(m.group, z, out, NULL, &requests[2]) == SJ_BAD_OPTION && !requests[2], "a third");
    claim_untouched(&m, "two started");
    (void)count_calls();
    while (!sj_mpi_test(requests[1])) continue;
    CLAIM(sj_mpi_wait(&requests[0]) == SJ_OK && !requests[0], " ");
    CLAIM(sj_mpi_wait(&requests[1]) == SJ_OK && !requests[1], " ");
    claim_calls("waited for", 0, 0, 0);
    memcpy(first, m.out, ROWS * N * sizeof *first), memcpy(second, m.other, ROWS * N * sizeof *second);
    CLAIM(sj_mpi_softmax(m.group, z, out, NULL) == SJ_OK, " ");
    CLAIM(sj_mpi_log_softmax(m.group, z, other, NULL) == SJ_OK, " ");
    CLAIM(memcmp(first, m.out, ROWS * N * sizeof *first) == 0, "softmax has other bits");
    CLAIM(memcmp(second, m.other, ROWS * N * sizeof *second) == 0, "log-softmax has other bits");
    free(first), free(second);
    free_matrix(&m);
}

/* Rank 1 and on start late: rank 0 has started, and so returned from it, before. */
static void starting_waits_for_nobody(void) {
    matrix m = make_matrix();
    sj_mpi_request *request = NULL;
    int started = 0;
    if (rank > 0) MPI_Recv(&started, 1, MPI_INT, rank - 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    CLAIM(sj_mpi_isoftmax(m.group, part(&m, m.z), part(&m, m.out), NULL, &request) == SJ_OK, " ");
    started++;
    if (rank + 1 < ranks) MPI_Send(&started, 1, MPI_INT, rank + 1, 0, MPI_COMM_WORLD);
    CLAIM(started == rank + 1, "%d", started);
    CLAIM(sj_mpi_wait(&request) == SJ_OK, " ");
    free_matrix(&m);
}

int main(int argc, char **argv) {
    const mpi_test tests[] = {
        {"any rank at fault is told to all", any_rank_at_fault_is_told_to_all},
        {"a group is one on every rank or on none", a_group_is_one_on_every_rank_or_on_none},
        {"a block of rows is one message", a_block_of_rows_is_one_message},
        {"rows of one rank need one small message", rows_of_one_rank_need_one_small_message},
        {"requests are under way together", requests_are_under_way_together},
        {"starting waits for nobody", starting_waits_for_nobody},
    };
    return run_mpi_tests(&argc, &argv, tests, sizeof tests / sizeof *tests);
}
