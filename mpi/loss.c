/* loss.c: cross-entropy: its arguments, its sums over all rows, its results. Where classes are divided every rank has
 * all labels, and the owner of a label's class sends its logit. Public; calls request.c and the library. */
#include "internal.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        const sj_status status_ = (condition);                                                                         \
        if (status_) return status_;                                                                                   \
    } while (0)

/* ---------------------------------------------------------------- arguments */

static sj_status check_how(const sj_mpi *group, const call *of, sj_error *error) {
    const losses *l = &of->losses;
    const sj_loss_options *how = &l->how;
    if (!l->readable) return sj_mpi_fail(error, SJ_BAD_OPTION, "loss options.size is not that of SJ_LOSS_OPTIONS_INIT");
    if (how->reduction < SJ_NONE || how->reduction > SJ_MEAN)
        return sj_mpi_fail(error, SJ_BAD_OPTION, "loss options.reduction: %d; expected SJ_NONE, SJ_SUM or SJ_MEAN",
                           (int)how->reduction);
    if (!(how->label_smoothing >= 0 && how->label_smoothing <= 1))
        return sj_mpi_fail(error, SJ_BAD_OPTION, "loss options.label_smoothing: %g; expected 0 to 1",
                           how->label_smoothing);
    if (!(fabs(how->z_loss) <= DBL_MAX))
        return sj_mpi_fail(error, SJ_BAD_OPTION, "loss options.z_loss: %g; expected a finite number", how->z_loss);
    if (sj_mpi_reads(&of->options))
        return sj_mpi_fail(error, SJ_BAD_OPTION, "options: a scale or masks of a loss; expected none");
    if (is_divided(group) && how->label_smoothing != 0)
        return sj_mpi_fail(error, SJ_BAD_OPTION,
                           "loss options.label_smoothing: %g where classes are divided; expected 0",
                           how->label_smoothing);
    if (is_divided(group) && !l->labels)
        return sj_mpi_fail(error, SJ_BAD_OPTION, "target: probabilities where classes are divided; expected labels");
    return SJ_OK;
}

/* A number for each row, or one. */
static sj_status check_numbers(named v, const call *of, bool one, sj_error *error) {
    if (!v.view) return SJ_OK;
    CHECK(sj_mpi_check_view(v, error));
    if (!one) return sj_mpi_check_shape(v, of, false, error);
    return v.view->ndim == 0 ? SJ_OK
                             : sj_mpi_fail(error, SJ_BAD_SHAPE, "%s: %d dimensions; expected 0", v.name, v.view->ndim);
}

static sj_status check_shapes(const call *of, size_t classes, sj_error *error) {
    const losses *l = &of->losses;
    const named target = {"target", &l->target}, grad = {"grad", &l->grad}, weights = {"weights", l->how.weights};
    const bool one = l->how.reduction != SJ_NONE;
    CHECK(l->labels ? sj_mpi_check_integers(target, error) : sj_mpi_check_view(target, error));
    CHECK(sj_mpi_check_shape(target, of, !l->labels, error));
    CHECK(check_numbers((named){"loss", l->has_loss ? &l->loss : NULL}, of, one, error));
    CHECK(check_numbers((named){"upstream", l->how.upstream}, of, one, error));
    CHECK(check_numbers((named){"logsumexp", l->how.logsumexp}, of, false, error));
    if (l->has_grad) {
        CHECK(sj_mpi_check_view(grad, error));
        CHECK(sj_mpi_check_shape(grad, of, true, error));
    }
    if (!weights.view) return SJ_OK;
    CHECK(sj_mpi_check_view(weights, error));
    if (weights.view->ndim != 1 || weights.view->shape[0] != classes)
        return sj_mpi_fail(error, SJ_BAD_SHAPE, "weights: not one for each of the %zu classes of all ranks", classes);
    return SJ_OK;
}

/* Outputs share no memory with anything; only the gradient may be an input that has its shape. */
static sj_status check_memory(const call *of, sj_error *error) {
    const losses *l = &of->losses;
    const named views[] = {{"grad", l->has_grad ? &l->grad : NULL},
                           {"loss", l->has_loss ? &l->loss : NULL},
                           {"logsumexp", l->how.logsumexp},
                           {"z", &of->z},
                           {"target", &l->target},
                           {"weights", l->how.weights},
                           {"upstream", l->how.upstream}};
    for (int out = 0; out < 3; out++) {
        if (!views[out].view) continue;
        CHECK(sj_mpi_check_output(views[out], error));
        for (int i = out + 1; i < 7; i++)
            if (views[i].view) CHECK(sj_mpi_check_overlap(views[out], views[i], out == 0 && (i == 3 || i == 4), error));
    }
    return SJ_OK;
}

int64_t sj_mpi_label(const call *of, size_t row) {
    sj_view one;
    (void)sj_mpi_rows(&of->losses.target, -1, row, 1, &one);
    return sj_mpi_integer(one.data, one.dtype, 0);
}

/* FNV-1a */
static void digest(uint64_t *hash, uint64_t word) {
    for (int i = 0; i < 8; i++) *hash = (*hash ^ (word >> 8 * i & 255)) * 0x100000001b3;
}

/* Every label is one, or ignored; the divisor of a mean is the sum of the weights of those that count. */
static sj_status read_labels(call *of, size_t rows, size_t classes, sj_error *error) {
    losses *l = &of->losses;
    const sj_view *weights = l->how.weights;
    exact_sum sum = {{0}};
    double value[2];
    for (size_t row = 0; row < rows; row++) {
        const int64_t label = sj_mpi_label(of, row);
        digest(&l->digest, (uint64_t)label);
        if (label == l->how.ignore_index) continue;
        if (label < 0 || (uint64_t)label >= classes)
            return sj_mpi_fail(error, SJ_BAD_CLASS, "target: label %lld in row %zu; expected 0 to %zu, or ignore_index",
                               (long long)label, row, classes - 1);
        sj_mpi_sum_add(&sum, weights ? sj_mpi_element(weights->data, weights->dtype, label * weights->strides[0]) : 1);
    }
    sj_mpi_sum_value(&sum, value);
    l->divisor = value[0];
    return SJ_OK;
}

sj_status sj_mpi_check_losses(const sj_mpi *group, call *of, sj_error *error) {
    losses *l = &of->losses;
    const size_t classes = is_divided(group) ? group->total : group->classes;
    uint64_t bits[2];
    CHECK(check_how(group, of, error));
    if (classes == 0) return sj_mpi_fail(error, SJ_BAD_SHAPE, "z: no classes; expected at least one");
    CHECK(check_shapes(of, classes, error));
    CHECK(check_memory(of, error));
    l->divisor = (double)group->rows;
    l->digest = 0xcbf29ce484222325;
    if (l->labels) CHECK(read_labels(of, group->rows, classes, error));
    if (!is_divided(group)) l->digest = 0; /* each rank has its own */
    memcpy(&bits[0], &l->how.z_loss, sizeof bits[0]);
    memcpy(&bits[1], &l->how.label_smoothing, sizeof bits[1]);
    digest(&l->digest, bits[0]);
    digest(&l->digest, bits[1]);
    digest(&l->digest, (uint64_t)l->how.ignore_index);
    return SJ_OK;
}

/* ---------------------------------------------------------------- divided classes */

/* The logits of labels, one for each row of all blocks, where their records were: a pick is shorter. */
static sj_pick *picks_of(sj_mpi_request *r) {
    char *to = (char *)r->records;
    for (size_t block = 0; block < r->blocks; block++) {
        const record *from = sj_mpi_block_records(r, block) + 1;
        for (size_t i = 0; i < sj_mpi_block_rows(r, block); i++, to += sizeof(sj_pick)) {
            const sj_pick pick = {from[i].of.product.state, from[i].of.product.at_max};
            memcpy(to, &pick, sizeof pick);
        }
    }
    return (sj_pick *)(void *)r->records;
}

/* All rows at once: their losses may be summed. */
sj_status sj_mpi_emit_losses(sj_mpi_request *r) {
    const call *of = &r->call;
    const losses *l = &of->losses;
    const sj_view *loss = l->has_loss ? &l->loss : NULL, *grad = l->has_grad ? &l->grad : NULL;
    sj_loss_options how = l->how;
    sj_options options = of->options;
    options.error = &r->error;
    if (r->group->rows == 0) how.weights = NULL; /* without a record the library cannot tell how many they are */
    if (is_exact(of))
        return sj_exact_cross_entropy(of->z, l->target, r->exact, r->group->first, loss, grad, &how, &options);
    return sj_state_cross_entropy(of->z, l->target, picks_of(r), r->group->first, loss, grad, &how, &options);
}

/* ---------------------------------------------------------------- divided rows */

/* The loss of every row of this rank. */
static sj_status compute_each(sj_mpi_request *r) {
    const call *of = &r->call;
    size_t shape[SJ_MAX_NDIM];
    int ndim = 0;
    for (int d = 0; d < of->z.ndim; d++)
        if (d != of->axis) shape[ndim++] = of->z.shape[d];
    const sj_view each = sj_array(r->group->numbers, SJ_F64, ndim, shape);
    sj_loss_options how = of->losses.how;
    sj_options options = of->options;
    how.reduction = SJ_NONE;
    how.upstream = how.logsumexp = NULL;
    how.divisor = NULL;
    options.error = &r->error;
    return sj_cross_entropy(of->z, of->losses.target, &each, NULL, &how, &options);
}

/* Two sums: of losses, each exact or within the bounds of SJ_F64; and of what a mean divides by. */
sj_status sj_mpi_sum_losses(sj_mpi_request *r) {
    const call *of = &r->call;
    const losses *l = &of->losses;
    record *records = r->records + 1;
    sj_status status = r->status;
    exact_sum sums[2];
    memset(sums, 0, sizeof sums);
    if (!status && of->operation == OPERATION_CROSS_ENTROPY && l->how.reduction != SJ_NONE) {
        if (l->has_loss) status = compute_each(r);
        for (size_t i = 0; !status && l->has_loss && i < r->group->rows; i++)
            sj_mpi_sum_add(&sums[0], r->group->numbers[i]);
        sj_mpi_sum_add(&sums[1], l->divisor);
    }
    for (size_t i = 0; i < 2 * SUM_RECORDS; i++) {
        records[i].kind = RECORD_SUM;
        memcpy(records[i].of.words, sums[i / SUM_RECORDS].words + i % SUM_RECORDS * RECORD_WORDS,
               sizeof records[i].of.words);
    }
    return status;
}

static void read_sum(const record *records, double value[2]) {
    exact_sum sum;
    for (size_t i = 0; i < SUM_RECORDS; i++)
        memcpy(sum.words + i * RECORD_WORDS, records[i].of.words, sizeof records[i].of.words);
    sj_mpi_sum_value(&sum, value);
}

/* a / b, of a pair. */
static void divide(double a[2], double b) {
    const double q = a[0] / b;
    a[1] = isfinite(q) ? (fma(-q, b, a[0]) + a[1]) / b : 0;
    a[0] = q;
}

/* A pair, rounded once. The library rounds a double to any dtype: it is the logsumexp of itself. To odd before, where
 * that rounds again. */
static sj_status store(const double value[2], sj_view to) {
    double all = value[0] + value[1];
    if (to.dtype != SJ_F64 && value[1] != 0 && isfinite(value[0])) {
        uint64_t bits;
        memcpy(&bits, &value[0], sizeof bits);
        all = bits & 1 ? value[0] : nextafter(value[0], value[1] > 0 ? (double)INFINITY : -(double)INFINITY);
    }
    return sj_logsumexp(sj_vector_f64(&all, 1), to, NULL);
}

/* The gradient is that of a sum, with what a mean divides by in the factor from above. */
sj_status sj_mpi_compute_losses(sj_mpi_request *r) {
    const call *of = &r->call;
    const losses *l = &of->losses;
    const sj_view *loss = l->has_loss ? &l->loss : NULL, *grad = l->has_grad ? &l->grad : NULL;
    const sj_view *above = l->how.upstream;
    const bool mean = l->how.reduction == SJ_MEAN;
    sj_loss_options how = l->how;
    sj_options options = of->options;
    double sum[2], divisor[2];
    options.error = &r->error;
    if (how.reduction == SJ_NONE) return sj_cross_entropy(of->z, l->target, loss, grad, &how, &options);
    read_sum(r->records + 1, sum);
    read_sum(r->records + 1 + SUM_RECORDS, divisor);
    double factor = above ? sj_mpi_element(above->data, above->dtype, 0) : 1;
    if (mean) {
        const bool nothing = divisor[0] == 0 && options.nonfinite == SJ_ZERO;
        divide(sum, divisor[0]);
        factor = nothing ? 0 : factor / divisor[0];
        if (nothing) sum[0] = sum[1] = 0;
    }
    const sj_view upstream = sj_scalar_f64(&factor);
    how.reduction = SJ_SUM;
    how.upstream = &upstream;
    how.divisor = NULL;
    sj_status status = SJ_OK;
    if (grad || how.logsumexp) status = sj_cross_entropy(of->z, l->target, NULL, grad, &how, &options);
    if (!status && loss) status = store(sum, *loss);
    if (!status && l->how.divisor) *l->how.divisor = mean ? divisor[0] : 1;
    return status;
}

/* ---------------------------------------------------------------- public */

static call describe(sj_view z, sj_view target, const sj_view *loss, const sj_view *grad, const sj_loss_options *how,
                     const sj_options *options) {
    static const sj_loss_options usual = SJ_LOSS_OPTIONS_INIT;
    call of = {.operation = OPERATION_CROSS_ENTROPY, .z = z};
    losses *l = &of.losses;
    sj_mpi_options(&of, options);
    l->readable = !how || how->size == sizeof *how;
    l->how = how && l->readable ? *how : usual;
    l->target = target;
    l->labels = target.dtype == SJ_I32 || target.dtype == SJ_I64;
    l->has_loss = loss != NULL;
    l->has_grad = grad != NULL;
    if (loss) l->loss = *loss;
    if (grad) l->grad = *grad;
    if (l->how.weights) l->weights = *l->how.weights;
    if (l->how.upstream) l->upstream = *l->how.upstream;
    if (l->how.logsumexp) l->logsumexp = *l->how.logsumexp;
    return of;
}

sj_status sj_mpi_icross_entropy(sj_mpi *group, sj_view z, sj_view target, const sj_view *loss, const sj_view *grad,
                                const sj_loss_options *how, const sj_options *options, sj_mpi_request **request) {
    const call of = describe(z, target, loss, grad, how, options);
    return sj_mpi_start(group, &of, request);
}

sj_status sj_mpi_cross_entropy(sj_mpi *group, sj_view z, sj_view target, const sj_view *loss, const sj_view *grad,
                               const sj_loss_options *how, const sj_options *options) {
    const call of = describe(z, target, loss, grad, how, options);
    return sj_mpi_run(group, &of);
}
