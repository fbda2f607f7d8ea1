/* test_losses.c: cross-entropy called wrongly, in odd layouts, at the edges, on several threads. How near the truth it
 * is shows in accuracy/test_losses.c, that it agrees with PyTorch in golden/test_losses.c. */
#include "layout.h"

#include <math.h>

#define ROWS 3
#define CLASSES 4

/* ---------------------------------------------------------------- called wrongly */

typedef struct trial {
    double z[ROWS * CLASSES], loss[ROWS], grad[ROWS * CLASSES], weights[CLASSES];
    int64_t labels[ROWS];
    sj_view z_view, target, loss_view, grad_view, weights_view;
    sj_loss_options how;
    sj_options options;
    sj_error error;
} trial;

static void trial_begin(trial *t) {
    const size_t shape[2] = {ROWS, CLASSES}, n = CLASSES;
    memset(t, 0x5a, sizeof *t);
    for (size_t i = 0; i < ROWS; i++) t->labels[i] = (int64_t)i;
    for (size_t i = 0; i < ROWS * CLASSES; i++) t->z[i] = (double)i;
    for (size_t i = 0; i < CLASSES; i++) t->weights[i] = 1;
    t->z_view = sj_array(t->z, SJ_F64, 2, shape);
    t->target = sj_array(t->labels, SJ_I64, 1, shape);
    t->loss_view = sj_array(t->loss, SJ_F64, 1, shape);
    t->grad_view = sj_array(t->grad, SJ_F64, 2, shape);
    t->weights_view = sj_array(t->weights, SJ_F64, 1, &n);
    t->how = (sj_loss_options)SJ_LOSS_OPTIONS_INIT;
    t->how.weights = &t->weights_view;
    t->options = (sj_options)SJ_OPTIONS_INIT;
    t->options.error = &t->error;
}

static void label_high(trial *t) { t->labels[2] = CLASSES; }
static void label_low(trial *t) { t->labels[1] = -1; }
static void label_huge(trial *t) { t->labels[0] = INT64_MIN; }
static void target_shape(trial *t) { t->target.shape[0] = 2; }
static void target_dtype(trial *t) { t->target.dtype = (sj_dtype)9; }
static void target_null(trial *t) { t->target.data = NULL; }
static void soft_shape(trial *t) { t->target = t->loss_view; }
static void loss_shape(trial *t) { t->loss_view.ndim = 0; }
static void loss_dtype(trial *t) { t->loss_view.dtype = SJ_I64; }
static void mean_shape(trial *t) { t->how.reduction = SJ_MEAN; }
static void grad_shape(trial *t) { t->grad_view.shape[1] = 3; }
static void grad_shifted(trial *t) { t->grad_view.data = t->z + 1; }
static void grad_on_labels(trial *t) { t->grad_view.data = t->labels; }
static void loss_on_z(trial *t) { t->loss_view.data = t->z; }
static void loss_on_grad(trial *t) { t->loss_view.data = t->grad; }
static void weights_shape(trial *t) { t->weights_view.shape[0] = 3; }
static void no_classes(trial *t) { t->z_view.shape[1] = t->grad_view.shape[1] = 0; }
static void smoothing(trial *t) { t->how.label_smoothing = 1.5; }
static void smoothing_nan(trial *t) { t->how.label_smoothing = (double)NAN; }
static void z_loss(trial *t) { t->how.z_loss = (double)INFINITY; }
static void reduction(trial *t) { t->how.reduction = (sj_reduction)3; }
static void how_size(trial *t) { t->how.size = 8; }
static void given(trial *t) { t->options.given = SJ_GIVEN_SOFTMAX; }
static void scaled(trial *t) { t->options.scale = 2; }
static void causal(trial *t) { t->options.causal = true; }
static void axis(trial *t) { t->z_view.axis = 2; }

static const struct mistake {
    void (*make)(trial *t);
    sj_status status;
    const char *says;
} mistakes[] = {
    {label_high, SJ_BAD_CLASS, "target: label 4 at [2]; expected 0 to 3, or ignore_index -100"},
    {label_low, SJ_BAD_CLASS, "target: label -1 at [1]"},
    {label_huge, SJ_BAD_CLASS, "target: label -9223372036854775808 at [0]"},
    {target_shape, SJ_BAD_SHAPE, "target:"},
    {target_dtype, SJ_BAD_DTYPE, "target:"},
    {target_null, SJ_BAD_POINTER, "target:"},
    {soft_shape, SJ_BAD_SHAPE, "target:"},
    {loss_shape, SJ_BAD_SHAPE, "loss:"},
    {loss_dtype, SJ_BAD_DTYPE, "loss:"},
    {mean_shape, SJ_BAD_SHAPE, "loss:"},
    {grad_shape, SJ_BAD_SHAPE, "grad:"},
    {grad_shifted, SJ_BAD_OVERLAP, "grad overlaps"},
    {grad_on_labels, SJ_BAD_OVERLAP, "grad overlaps"},
    {loss_on_z, SJ_BAD_OVERLAP, "loss overlaps z"},
    {loss_on_grad, SJ_BAD_OVERLAP, "grad overlaps loss"},
    {weights_shape, SJ_BAD_SHAPE, "weights:"},
    {no_classes, SJ_BAD_SHAPE, "z: no classes"},
    {smoothing, SJ_BAD_OPTION, "loss options.label_smoothing"},
    {smoothing_nan, SJ_BAD_OPTION, "loss options.label_smoothing"},
    {z_loss, SJ_BAD_OPTION, "loss options.z_loss"},
    {reduction, SJ_BAD_OPTION, "loss options.reduction"},
    {how_size, SJ_BAD_OPTION, "loss options.size"},
    {given, SJ_BAD_OPTION, "options.given"},
    {scaled, SJ_BAD_OPTION, "a scale"},
    {causal, SJ_BAD_OPTION, "a mask"},
    {axis, SJ_BAD_AXIS, "z: axis"},
};

static void mistakes_are_named_and_nothing_is_written(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        static trial t, before;
        trial_begin(&t);
        mistakes[i].make(&t);
        before = t;
        const sj_status status = sj_cross_entropy(t.z_view, t.target, &t.loss_view, &t.grad_view, &t.how, &t.options);
        if (status != mistakes[i].status || strstr(t.error.message, mistakes[i].says) == NULL)
            fail_msg("mistake %zu: status %d, \"%s\"; expected %d, \"%s\"", i, (int)status, t.error.message,
                     (int)mistakes[i].status, mistakes[i].says);
        assert_memory_equal(t.z, before.z, sizeof t.z);
        assert_memory_equal(t.loss, before.loss, sizeof t.loss);
        assert_memory_equal(t.grad, before.grad, sizeof t.grad);
        assert_memory_equal(t.labels, before.labels, sizeof t.labels);
    }
}

/* ---------------------------------------------------------------- layouts and threads */

/* Class axis first, in the middle and last, in any strides, against the same rows one after the other. */
static void layouts_do_not_show(void **state) {
    random_stream r = {11};
    (void)state;
    for (int kind = 0; kind < LAYOUT_ZERO; kind++)
        for (int trial_number = 0; trial_number < 12; trial_number++) {
            const int axis_number = trial_number % 3;
            const size_t n = trial_number < 6 ? 5 : 90;
            size_t shape[3] = {3, 17, 2}, rows_shape[2] = {0, 0}, d = 0;
            shape[axis_number] = n;
            for (int e = 0; e < 3; e++)
                if (e != axis_number) rows_shape[d++] = shape[e];
            const size_t rows = rows_shape[0] * rows_shape[1];
            layout z = layout_new((layout_kind)kind, SJ_F32, 3, shape, &r);
            layout grad = layout_new((layout_kind)kind, SJ_F32, 3, shape, &r);
            layout loss = layout_new((layout_kind)kind, SJ_F32, 2, rows_shape, &r);
            layout_fill(&z, &r);
            z.view.axis = axis_number;
            int64_t *labels = malloc(rows * sizeof *labels);
            assert_non_null(labels);
            for (size_t i = 0; i < rows; i++)
                labels[i] = random_below(&r, 7) == 0 ? -100 : (int64_t)random_below(&r, n);
            const sj_view target = sj_array(labels, SJ_I64, 2, rows_shape);
            sj_loss_options how = SJ_LOSS_OPTIONS_INIT;
            how.label_smoothing = trial_number % 2 ? 0.25 : 0;
            assert_int_equal(sj_cross_entropy(z.view, target, &loss.view, &grad.view, &how, NULL), SJ_OK);
            assert_true(layout_gaps_untouched(&grad) && layout_gaps_untouched(&loss));
            for (size_t i = 0; i < rows; i++) {
                float row[90], want[90], one = 0;
                const size_t outer = i / rows_shape[1], inner = i % rows_shape[1];
                ptrdiff_t at[90];
                for (size_t k = 0; k < n; k++) {
                    const size_t index[3] = {axis_number == 0 ? k : outer,
                                             axis_number == 1   ? k
                                             : axis_number == 0 ? outer
                                                                : inner,
                                             axis_number == 2 ? k : inner};
                    const size_t flat = (index[0] * shape[1] + index[1]) * shape[2] + index[2];
                    row[k] = (float)layout_get(&z.view, flat);
                    at[k] = layout_offset(&grad.view, flat);
                }
                const sj_view z_row = sj_vector_f32(row, n), label = sj_array(&labels[i], SJ_I64, 0, NULL);
                const sj_view want_view = sj_vector_f32(want, n), one_view = sj_scalar_f32(&one);
                assert_int_equal(sj_cross_entropy(z_row, label, &one_view, &want_view, &how, NULL), SJ_OK);
                for (size_t k = 0; k < n; k++)
                    assert_memory_equal((const float *)grad.view.data + at[k], &want[k], sizeof *want);
                assert_true((float)layout_get(&loss.view, i) == one);
            }
            layout_free(&z), layout_free(&grad), layout_free(&loss);
            free(labels);
        }
}

/* Sum and mean are the exact sum of the losses, rounded once: in every order, on any number of threads. */
static void reductions_are_exact(void **state) {
    enum { rows = 4001, n = 10 };
    random_stream r = {5};
    float *z = new_elements(SJ_F32, rows * n), *loss = new_elements(SJ_F32, rows),
          *grad = new_elements(SJ_F32, rows * n);
    static int32_t labels[rows];
    (void)state;
    for (size_t i = 0; i < rows * n; i++) z[i] = (float)(random_normal(&r) * (i % 3 == 0 ? 1 : 20));
    for (size_t i = 0; i < rows; i++) labels[i] = i % 9 == 0 ? -100 : (int32_t)random_below(&r, n);
    const size_t shape = rows;
    const sj_view view = sj_matrix_f32(z, rows, n), target = sj_array(labels, SJ_I32, 1, &shape);
    const sj_view each = sj_vector_f32(loss, rows), out = sj_matrix_f32(grad, rows, n);
    assert_int_equal(sj_cross_entropy(view, target, &each, NULL, NULL, NULL), SJ_OK);
    double exact = 0; /* floats above 2^-29 of the largest: the sum of 4001 of them is exact in 53 bits or nearly */
    size_t counted = 0;
    for (size_t i = 0; i < rows; i++) exact += (double)loss[i], counted += labels[i] != -100;
    float first = 0;
    for (int threads = 1; threads <= 4; threads++) {
        sj_options options = SJ_OPTIONS_INIT;
        sj_loss_options how = SJ_LOSS_OPTIONS_INIT;
        float mean = 0;
        double divisor;
        const sj_view mean_view = sj_scalar_f32(&mean);
        options.threads = threads;
        how.reduction = SJ_MEAN;
        how.divisor = &divisor;
        assert_int_equal(sj_cross_entropy(view, target, &mean_view, &out, &how, &options), SJ_OK);
        assert_true(divisor == (double)counted);
        assert_true(fabs((double)mean - exact / divisor) <= 0x1p-24 * (1 + 0x1p-20) * exact / divisor);
        if (threads == 1) first = mean;
        assert_true(mean == first);
    }
    free(z), free(loss), free(grad);
}

/* ---------------------------------------------------------------- edges */

typedef struct edge {
    double z[3];
    int64_t label;
    sj_nonfinite policy;
    double loss, grad[3];
} edge;

static void edges(void **state) {
    const double inf = (double)INFINITY, nan = (double)NAN, third = 1.0 / 3;
    const edge table[] = {
        {{0, 0, 0}, 1, SJ_IEEE, 1.0986122886681098, {third, -2 * third, third}},
        {{0, 40, 0},
         1,
         SJ_IEEE,
         8.4967085105831778e-18,
         {4.2483542552915889e-18, -8.4967085105831778e-18, 4.2483542552915889e-18}},
        {{0, -inf, 0}, 1, SJ_IEEE, inf, {0.5, -1, 0.5}},
        {{0, -inf, 0}, 0, SJ_IEEE, 0.69314718055994531, {-0.5, 0, 0.5}},
        {{nan, 0, 0}, 1, SJ_IEEE, nan, {nan, nan, nan}},
        {{nan, 0, 0}, -100, SJ_IEEE, 0, {0, 0, 0}},
        {{inf, 0, inf}, 0, SJ_IEEE, nan, {nan, nan, nan}},
        {{inf, 0, inf}, 0, SJ_LIMIT, 0.69314718055994531, {-0.5, 0, 0.5}},
        {{-inf, -inf, -inf}, 0, SJ_IEEE, nan, {nan, nan, nan}},
        {{-inf, -inf, -inf}, 0, SJ_ZERO, inf, {0, 0, 0}},
        {{1000, 1, -1e308}, 1, SJ_IEEE, 999, {1, -1, 0}},
    };
    (void)state;
    for (size_t i = 0; i < 2 * (sizeof table / sizeof *table); i++) {
        const edge *e = &table[i / 2];
        double loss = 0, grad[3];
        sj_options options = SJ_OPTIONS_INIT;
        options.nonfinite = e->policy;
        options.mode = i % 2 ? SJ_EXACT : SJ_DEFAULT;
        const sj_view z = sj_vector_f64(e->z, 3), value = sj_scalar_f64(&loss), out = sj_vector_f64(grad, 3);
        assert_int_equal(sj_cross_entropy(z, sj_array(&e->label, SJ_I64, 0, NULL), &value, &out, NULL, &options),
                         SJ_OK);
        for (size_t k = 0; k < 4; k++) {
            const double got = k < 3 ? grad[k] : loss, want = k < 3 ? e->grad[k] : e->loss;
            const bool good = want != want ? got != got : got == want || fabs(got - want) <= 0x1p-52 * fabs(want);
            if (!good)
                fail_msg("edge %zu, mode %d: number %zu is %.17g; expected %.17g", i / 2, (int)options.mode, k, got,
                         want);
            assert_false(got == 0 && signbit(got) != 0);
        }
    }
}

static void of_nothing_the_mean_is_nan_or_zero(void **state) {
    const double z[2] = {1, 2};
    const int64_t ignored = -100;
    const size_t shape[2] = {1, 2};
    (void)state;
    for (int i = 0; i < 6; i++) {
        double mean = 5, grad[2] = {5, 5};
        const sj_nonfinite policy = (sj_nonfinite)(i % 3);
        sj_options options = SJ_OPTIONS_INIT;
        sj_loss_options how = SJ_LOSS_OPTIONS_INIT;
        options.nonfinite = policy;
        options.mode = i < 3 ? SJ_DEFAULT : SJ_EXACT;
        how.reduction = SJ_MEAN;
        const sj_view value = sj_scalar_f64(&mean), out = sj_array(grad, SJ_F64, 2, shape);
        const sj_view target = sj_array(&ignored, SJ_I64, 1, shape);
        assert_int_equal(sj_cross_entropy(sj_array(z, SJ_F64, 2, shape), target, &value, &out, &how, &options), SJ_OK);
        assert_true(policy == SJ_ZERO ? mean == 0 : mean != mean);
        assert_true(grad[0] == 0 && grad[1] == 0);
    }
}

/* The same of labels whose classes have no weight. */
static void of_no_weight_the_mean_is_nan_or_zero(void **state) {
    const double z[2] = {1, 2}, weights[2] = {0, 1};
    const int64_t label = 0;
    const size_t shape[2] = {1, 2}, n = 2;
    (void)state;
    for (int i = 0; i < 4; i++) {
        double mean = 5, grad[2] = {5, 5};
        const bool zero = i % 2;
        sj_options options = SJ_OPTIONS_INIT;
        sj_loss_options how = SJ_LOSS_OPTIONS_INIT;
        const sj_view value = sj_scalar_f64(&mean), out = sj_array(grad, SJ_F64, 2, shape);
        const sj_view weights_view = sj_array(weights, SJ_F64, 1, &n);
        const sj_view target = sj_array(&label, SJ_I64, 1, shape);
        options.nonfinite = zero ? SJ_ZERO : SJ_IEEE;
        options.mode = i < 2 ? SJ_DEFAULT : SJ_EXACT;
        how.reduction = SJ_MEAN;
        how.weights = &weights_view;
        assert_int_equal(sj_cross_entropy(sj_array(z, SJ_F64, 2, shape), target, &value, &out, &how, &options), SJ_OK);
        for (size_t k = 0; k < 2; k++) assert_true(zero ? grad[k] == 0 : grad[k] != grad[k]);
        assert_true(zero ? mean == 0 : mean != mean);
    }
}

/* A class without weight counts for nothing, though its logit is -inf; one class has no gradient. */
static void nothing_of_infinity_is_nothing(void **state) {
    const double z[2] = {3, -(double)INFINITY}, p[2] = {1, 0};
    double loss = 0, grad[2];
    const sj_view value = sj_scalar_f64(&loss), out = sj_vector_f64(grad, 2), alone = sj_vector_f64(grad, 1);
    const int32_t first = 0;
    const sj_view label = sj_array(&first, SJ_I32, 0, NULL);
    (void)state;
    for (int mode = 0; mode < 2; mode++) {
        sj_options how = SJ_OPTIONS_INIT;
        how.mode = (sj_mode)mode;
        assert_int_equal(sj_cross_entropy(sj_vector_f64(z, 2), sj_vector_f64(p, 2), &value, &out, NULL, &how), SJ_OK);
        assert_true(loss == 0 && grad[0] == 0 && grad[1] == 0);
        assert_int_equal(sj_cross_entropy(sj_vector_f64(z, 1), label, &value, &alone, NULL, &how), SJ_OK);
        assert_true(loss == 0 && grad[0] == 0 && !signbit(grad[0]));
    }
}

/* Several classes of which one, with weight, has logit -inf: the loss is +inf, as PyTorch's. In rows of every length.
 */
static void infinite_of_several_classes(void **state) {
    enum { most = 5000 };
    static const size_t sizes[] = {3, 40, most};
    double *z = new_elements(SJ_F64, most), *p = new_elements(SJ_F64, most), loss = 0;
    const sj_view value = sj_scalar_f64(&loss);
    const int64_t label = 0;
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int trial_number = 0; trial_number < 4; trial_number++) {
            const size_t n = sizes[i];
            const bool soft = trial_number % 2;
            sj_options options = SJ_OPTIONS_INIT;
            options.mode = trial_number < 2 ? SJ_DEFAULT : SJ_EXACT;
            sj_loss_options how = SJ_LOSS_OPTIONS_INIT;
            for (size_t k = 0; k < n; k++) z[k] = k == n - 2 ? -(double)INFINITY : 0, p[k] = 0.25;
            how.label_smoothing = soft ? 0 : 0.1;
            const sj_view target = soft ? sj_vector_f64(p, n) : sj_array(&label, SJ_I64, 0, NULL);
            assert_int_equal(sj_cross_entropy(sj_vector_f64(z, n), target, &value, NULL, &how, &options), SJ_OK);
            assert_true(isinf(loss) && loss > 0);
        }
    free(z), free(p);
}

/* The loss of logits (0, -d) and label 1 is d, to the last digit from 40 on: a sum of losses is one of given numbers.
 * In both of these the first two terms end half way between two results, and the third decides. */
static void sums_round_once(void **state) {
    static const double terms[2][3] = {{0x1.6e29c6c3f388p+36, 0x1.404262a9cc2c1p+5, 0x1.c935241d646bcp+9},
                                       {0x1p100, 0x1p76, 40}};
    static const double sums[2] = {0x1.6e29c6ff9ab15p+36, 0x1.000002p100};
    const size_t shape[2] = {3, 2};
    const int32_t labels[3] = {1, 1, 1};
    sj_loss_options how = SJ_LOSS_OPTIONS_INIT;
    how.reduction = SJ_SUM;
    (void)state;
    for (int i = 0; i < 4; i++) {
        const int narrow = i % 2;
        sj_options options = SJ_OPTIONS_INIT;
        options.mode = i < 2 ? SJ_DEFAULT : SJ_EXACT;
        double z[6] = {0}, sum = 0;
        float z_narrow[6] = {0}, sum_narrow = 0;
        for (int k = 0; k < 3; k++) z[2 * k + 1] = -terms[narrow][k], z_narrow[2 * k + 1] = (float)z[2 * k + 1];
        const sj_view logits = narrow ? sj_array(z_narrow, SJ_F32, 2, shape) : sj_array(z, SJ_F64, 2, shape);
        const sj_view value = narrow ? sj_scalar_f32(&sum_narrow) : sj_scalar_f64(&sum);
        assert_int_equal(sj_cross_entropy(logits, sj_array(labels, SJ_I32, 1, shape), &value, NULL, &how, &options),
                         SJ_OK);
        assert_true((narrow ? (double)sum_narrow : sum) == sums[narrow]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes_are_named_and_nothing_is_written),
        cmocka_unit_test(layouts_do_not_show),
        cmocka_unit_test(reductions_are_exact),
        cmocka_unit_test(edges),
        cmocka_unit_test(of_nothing_the_mean_is_nan_or_zero),
        cmocka_unit_test(of_no_weight_the_mean_is_nan_or_zero),
        cmocka_unit_test(nothing_of_infinity_is_nothing),
        cmocka_unit_test(infinite_of_several_classes),
        cmocka_unit_test(sums_round_once),
    };
    return run_for_set(tests);
}
