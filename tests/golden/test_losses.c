/* test_losses.c: cross-entropy against PyTorch's, value and gradient, in every combination of target, reduction, label
 * smoothing and class weights; the class axis is the middle one. Arrays by make_losses.py. */
#include "support.h"

#include "io/io.h"

#include <math.h>

#define N 6
#define CLASSES 5
#define INNER 4
#define NUMBERS (N * INNER)
#define LOGITS (N * CLASSES * INNER)
#define CASES 36

/* PyTorch in float64 subtracts softmax and target and sums as it goes: a few u of terms up to 15. */
#define TOLERANCE 1e-14

enum { LABELS, IGNORING, PROBABILITIES };

static const size_t shape[] = {N, CLASSES, INNER}, numbers_shape[] = {N, INNER}, classes = CLASSES;

static void *read_array(const char *name, size_t elements) {
    char path[512];
    io_array array;
    io_error error;
    (void)snprintf(path, sizeof path, GOLDEN_FOLDER "/losses.%s.npy", name);
    if (!io_read(path, &array, &error)) fail_msg("%s", error.message);
    assert_int_equal(io_elements(&array), elements);
    assert_int_equal(array.dtype, SJ_F64);
    return array.data;
}

typedef struct inputs {
    double *z, *labels, *probabilities, *weights, *upstream, *loss, *grad;
} inputs;

static void check(const inputs *in, int target, sj_reduction reduction, bool smoothed, bool weighted, size_t number) {
    int64_t labels[NUMBERS];
    double loss[NUMBERS], z[LOGITS];
    const bool reduced = reduction != SJ_NONE;
    for (size_t i = 0; i < NUMBERS; i++) labels[i] = (int64_t)in->labels[i];
    memcpy(z, in->z, sizeof z);
    sj_view logits = sj_array(z, SJ_F64, 3, shape);
    logits.axis = 1;
    const sj_view soft = sj_array(in->probabilities, SJ_F64, 3, shape),
                  hard = sj_array(labels, SJ_I64, 2, numbers_shape);
    const sj_view weights = sj_array(in->weights, SJ_F64, 1, &classes);
    const sj_view upstream = sj_array(in->upstream, SJ_F64, reduced ? 0 : 2, numbers_shape);
    const sj_view value = sj_array(loss, SJ_F64, reduced ? 0 : 2, numbers_shape);
    sj_loss_options how = SJ_LOSS_OPTIONS_INIT;
    how.reduction = reduction;
    how.label_smoothing = smoothed ? 0.1 : 0;
    how.weights = weighted ? &weights : NULL;
    how.upstream = &upstream;
    if (target == IGNORING) how.ignore_index = 3;
    assert_int_equal(sj_cross_entropy(logits, target == PROBABILITIES ? soft : hard, &value, &logits, &how, NULL),
                     SJ_OK);
    for (size_t i = 0; i < (reduced ? 1 : NUMBERS); i++) {
        const double want = in->loss[number * NUMBERS + i];
        if (!(fabs(loss[i] - want) <= TOLERANCE * fmax(1, fabs(want))))
            fail_msg("case %zu: loss %zu is %.17g; PyTorch's %.17g", number, i, loss[i], want);
    }
    for (size_t i = 0; i < LOGITS; i++) {
        const double want = in->grad[number * LOGITS + i];
        if (!(fabs(z[i] - want) <= TOLERANCE * fmax(1, fabs(want))))
            fail_msg("case %zu: gradient %zu is %.17g; PyTorch's %.17g", number, i, z[i], want);
    }
}

static void every_combination(void **state) {
    const inputs in = {.z = read_array("z", LOGITS),
                       .labels = read_array("labels", NUMBERS),
                       .probabilities = read_array("probabilities", LOGITS),
                       .weights = read_array("weights", CLASSES),
                       .upstream = read_array("upstream", NUMBERS),
                       .loss = read_array("loss", CASES * NUMBERS),
                       .grad = read_array("grad", CASES * LOGITS)};
    (void)state;
    size_t number = 0;
    for (int target = LABELS; target <= PROBABILITIES; target++)
        for (int reduction = SJ_NONE; reduction <= SJ_MEAN; reduction++)
            for (int bits = 0; bits < 4; bits++)
                check(&in, target, (sj_reduction)reduction, bits & 2, bits & 1, number++);
    assert_int_equal(number, CASES);
    free(in.z), free(in.labels), free(in.probabilities), free(in.weights), free(in.upstream), free(in.loss);
    free(in.grad);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_combination)};
    return run_for_set(tests);
}
