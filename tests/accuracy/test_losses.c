/* test_losses.c: cross-entropy and its gradient against MPFR: labels and probabilities, label smoothing, class weights,
 * z-loss, a factor from above, ignored rows, every reduction; in place, in rows of every kernel, in both modes. */
#include "check.h"

#include <math.h>
#include <stdio.h>

#define MOST_ROWS 37
#define IGNORED (-7)

typedef enum what { SMOOTHED = 1, WEIGHTED = 2, WITH_Z = 4, WITH_UPSTREAM = 8, SOFT = 16, SETTINGS = 32 } what;

typedef struct batch {
    sj_dtype dtype;
    size_t rows, n;
    unsigned set; /* of `what` */
    sj_reduction reduction;
    sj_mode mode;
    double *z, *y, *w, *upstream; /* exact in the dtype */
    int64_t *labels;
    double smoothing, z_loss;
} batch;

/* In ulps, and in u of what an entry is made of. Of labels alone 2 ulp; where several classes have weight the gradient
 * is a difference, and a z-loss, of either sign, makes the loss one too. */
typedef enum bound { GRADIENT_ULPS, GRADIENT_PARTS, LOSS_ULPS, LOSS_PARTS, BOUNDS } bound;
static const char *const bound_names[2][BOUNDS] = {
    {"gradient of labels, ulp", "gradient, u of its terms", "loss without z-loss, ulp", "loss, u of its terms"},
    {"exact gradient of labels, ulp", "exact gradient, u of its terms", "exact loss without z-loss, ulp",
     "exact loss, u of its terms"}};

/* The contract of each mode: in exact mode float32 is correctly rounded, float64 within 0.51 ulp, what is made of terms
 * within 1u of them. */
static double allowed(bound which, sj_mode mode, sj_dtype dtype) {
    const bool in_ulps = which == GRADIENT_ULPS || which == LOSS_ULPS;
    if (mode == SJ_DEFAULT) return in_ulps ? 2 : 4;
    return !in_ulps ? 1 : dtype == SJ_F32 ? 0.5 : 0.51;
}

static worst worsts[2][BOUNDS][2];

static int close_losses(void **state) {
    const int status = close_truth(state);
    for (int mode = 0; mode < 2; mode++)
        for (int i = 0; i < BOUNDS; i++)
            for (int t = 0; t < 2; t++)
                worst_print(&worsts[mode][i][t], bound_names[mode][i], dtypes[t],
                            allowed((bound)i, (sj_mode)mode, dtypes[t]));
    return status;
}

static void fill(double *to, sj_dtype dtype, size_t count, double low, double high, random_stream *r) {
    for (size_t i = 0; i < count; i++) to[i] = round_to(dtype, random_uniform(r, low, high));
}

/* Logits of every depth: rows of one scale each; some with -inf, some far from 0. */
static void fill_logits(batch *b, random_stream *r) {
    static const double scales[] = {1, 8, 40, 300};
    for (size_t i = 0; i < b->rows; i++) {
        const double scale = scales[random_below(r, 4)], shift = i % 7 == 3 ? 4000 : 0;
        for (size_t k = 0; k < b->n; k++) {
            const bool hidden = i % 5 == 2 && k > 0 && (int64_t)k != b->labels[i] && random_below(r, 3) == 0;
            const bool hides = hidden && !(b->set & SMOOTHED) && !(b->set & SOFT);
            b->z[i * b->n + k] = hides ? -INFINITY : round_to(b->dtype, shift + scale * random_normal(r));
        }
    }
}

static batch batch_new(sj_dtype dtype, size_t rows, size_t n, unsigned set, sj_reduction reduction, random_stream *r) {
    batch b = {
        dtype, rows, n, set, reduction, .smoothing = set & SMOOTHED ? 0.1 : 0, .z_loss = set & WITH_Z ? 1e-4 : 0};
    b.z = new_elements(SJ_F64, rows * n);
    b.y = new_elements(SJ_F64, rows * n);
    b.w = new_elements(SJ_F64, n);
    b.upstream = new_elements(SJ_F64, rows);
    b.labels = malloc(rows * sizeof *b.labels);
    assert_non_null(b.labels);
    for (size_t i = 0; i < rows; i++)
        b.labels[i] = random_below(r, 6) == 0 && rows > 1 ? IGNORED : (int64_t)random_below(r, n);
    fill_logits(&b, r);
    fill(b.y, dtype, rows * n, 0, 1, r);
    for (size_t i = 0; i < rows * n; i += 3) b.y[i] = 0;
    /* sixty-fourths, so that the divisor of a mean is exact here too */
    for (size_t k = 0; k < n; k++) b.w[k] = (double)(16 + random_below(r, 176)) / 64;
    fill(b.upstream, dtype, rows, -2, 2, r);
    return b;
}

static void batch_free(batch *b) {
    free(b->z);
    free(b->y);
    free(b->w);
    free(b->upstream);
    free(b->labels);
}

static bool is_ignored(const batch *b, size_t i) { return !(b->set & SOFT) && b->labels[i] == IGNORED; }

static double divisor_of(const batch *b) {
    double divisor = 0;
    if (b->reduction != SJ_MEAN) return 1;
    for (size_t i = 0; i < b->rows; i++)
        if (!is_ignored(b, i)) divisor += (b->set & WEIGHTED) && !(b->set & SOFT) ? b->w[b->labels[i]] : 1;
    return divisor;
}

typedef struct results {
    double *loss, *grad, *lse;
    double divisor;
} results;

/* Everything in the batch's dtype, the gradient in place of the logits; labels of either dtype. */
static void compute(const batch *b, results *to) {
    const size_t count = b->rows * b->n, losses = b->reduction == SJ_NONE ? b->rows : 1;
    int32_t small[MOST_ROWS];
    void *z = typed(b->dtype, b->z, count), *y = typed(b->dtype, b->y, count), *w = typed(b->dtype, b->w, b->n);
    void *upstream = typed(b->dtype, b->upstream, b->rows);
    void *loss = new_elements(b->dtype, losses), *lse = new_elements(b->dtype, b->rows);
    for (size_t i = 0; i < b->rows; i++) small[i] = (int32_t)b->labels[i];
    const bool narrow = b->n % 2 == 0;
    const size_t shape[2] = {b->rows, b->n};
    const int numbers = b->reduction == SJ_NONE;
    const sj_view logits = sj_array(z, b->dtype, 2, shape), weights = sj_array(w, b->dtype, 1, &b->n);
    const sj_view loss_view = sj_array(loss, b->dtype, numbers, shape), lse_view = sj_array(lse, b->dtype, 1, shape);
    const sj_view above = sj_array(upstream, b->dtype, numbers, shape);
    const sj_view labels = narrow ? sj_array(small, SJ_I32, 1, shape) : sj_array(b->labels, SJ_I64, 1, shape);
    const sj_view target = b->set & SOFT ? sj_array(y, b->dtype, 2, shape) : labels;
    sj_loss_options how = SJ_LOSS_OPTIONS_INIT;
    how.reduction = b->reduction;
    how.label_smoothing = b->smoothing;
    how.ignore_index = IGNORED;
    how.z_loss = b->z_loss;
    how.logsumexp = &lse_view;
    how.divisor = &to->divisor;
    if (b->set & WEIGHTED) how.weights = &weights;
    if (b->set & WITH_UPSTREAM) how.upstream = &above;
    sj_error error = {0};
    sj_options options = SJ_OPTIONS_INIT;
    options.error = &error;
    options.mode = b->mode;
    if (sj_cross_entropy(logits, target, &loss_view, &logits, &how, &options)) fail_msg("%s", error.message);
    to->loss = new_elements(SJ_F64, losses);
    to->grad = new_elements(SJ_F64, count);
    to->lse = new_elements(SJ_F64, b->rows);
    untype(b->dtype, loss, to->loss, losses);
    untype(b->dtype, z, to->grad, count);
    untype(b->dtype, lse, to->lse, b->rows);
    free(z), free(y), free(w), free(upstream), free(loss), free(lse);
}

static void name_setting(unsigned set, char row[64]) {
    (void)snprintf(row, 64, "%s%s%s%s%s", set & SOFT ? "probabilities" : "labels", set & SMOOTHED ? " smoothed" : "",
                   set & WEIGHTED ? " weighted" : "", set & WITH_Z ? " z-loss" : "",
                   set & WITH_UPSTREAM ? " upstream" : "");
}

static void judge(const batch *b, bound which, size_t entry, double got) {
    const bool in_ulps = which == GRADIENT_ULPS || which == LOSS_ULPS;
    const double error =
        in_ulps ? oracle_ulps(truth, entry, got, b->dtype) : oracle_componentwise(truth, entry, got, b->dtype);
    char row[64];
    name_setting(b->set, row);
    worst_record(&worsts[b->mode][which][b->dtype == SJ_F64],
                 &(measured){bound_names[b->mode][which], b->dtype, row, b->n, entry, got, oracle_value(truth, entry),
                             error, allowed(which, b->mode, b->dtype)});
}

/* Row i of the gradient, and of the losses where there is one for it. Returns the loss. */
static double check_loss_row(const batch *b, const results *got, size_t i) {
    const bool reduced = b->reduction != SJ_NONE;
    const oracle_target of = {.y = b->set & SOFT ? b->y + i * b->n : NULL,
                              .w = b->set & WEIGHTED ? b->w : NULL,
                              .label = (size_t)b->labels[i],
                              .smoothing = b->smoothing,
                              .z_loss = b->z_loss,
                              .upstream = b->set & WITH_UPSTREAM ? b->upstream[reduced ? 0 : i] : 1,
                              .divisor = divisor_of(b)};
    const double *grad = got->grad + i * b->n;
    if (is_ignored(b, i)) {
        for (size_t k = 0; k < b->n; k++) assert_true(grad[k] == 0);
        if (!reduced) assert_true(got->loss[i] == 0);
        return 0;
    }
    assert_true(oracle_cross_entropy(truth, &of, b->z + i * b->n, b->n));
    for (size_t k = 0; k < b->n; k++) {
        if (!(b->set & (SOFT | SMOOTHED | WITH_Z))) judge(b, GRADIENT_ULPS, k, grad[k]);
        judge(b, GRADIENT_PARTS, k, grad[k]);
    }
    if (!reduced) {
        if (!(b->set & WITH_Z)) judge(b, LOSS_ULPS, b->n, got->loss[i]);
        judge(b, LOSS_PARTS, b->n, got->loss[i]);
    }
    const double loss = oracle_value(truth, b->n);
    assert_true(oracle_row(truth, FORM_LOGSUMEXP, b->z + i * b->n, NULL, 0, b->n));
    const bool exact = b->mode == SJ_EXACT;
    const double error =
        (exact ? oracle_ulps : oracle_componentwise)(truth, 0, got->lse[i], b->dtype); /* 2 ulp: 4u at most */
    if (!(error <= (exact ? allowed(LOSS_ULPS, SJ_EXACT, b->dtype) : 4)))
        fail_msg("logsumexp %.17g; expected %.17g: off by %g", got->lse[i], oracle_value(truth, 0), error);
    return loss;
}

static void check_batch(const batch *b) {
    results got;
    double sum = 0;
    compute(b, &got);
    const double u = b->dtype == SJ_F32 ? 0x1p-24 : 0x1p-53;
    for (size_t i = 0; i < b->rows; i++) sum += check_loss_row(b, &got, i);
    assert_true(fabs(got.divisor - divisor_of(b)) <= (double)b->rows * 0x1p-52 * got.divisor);
    /* rows within 4u, the sum once, the quotient once, or, exact, all of it once; this sum once a row of 2^-53 */
    const double want = sum / divisor_of(b), room = (b->mode == SJ_EXACT ? 1.02 : 6) * u + (double)b->rows * 0x1p-52;
    if (b->reduction != SJ_NONE && !(fabs(got.loss[0] - want) <= room * fabs(want)) && want == want)
        fail_msg("reduction %d of %zu x %zu, set %u: %.17g; expected %.17g", (int)b->reduction, b->rows, b->n, b->set,
                 got.loss[0], want);
    free(got.loss), free(got.grad), free(got.lse);
}

static void check_modes(batch *b) {
    for (int mode = 0; mode < 2; mode++) {
        b->mode = (sj_mode)mode;
        check_batch(b);
    }
}

static void every_setting(void **state) {
    static const size_t sizes[] = {1, 2, 3, 10, 16, 17, 64, 65, 300, 2049};
    random_stream r = {20260};
    (void)state;
    for (unsigned set = 0; set < SETTINGS; set++)
        for (int d = 0; d < 2; d++)
            for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
                const size_t rows = sizes[i] > 1000 ? 2 : sizes[i] > 60 ? 5 : MOST_ROWS;
                batch b = batch_new(dtypes[d], rows, sizes[i], set, (sj_reduction)((set + i) % 3), &r);
                check_modes(&b);
                batch_free(&b);
            }
    finish_checks();
}

/* Labels alone, which most calls have, in more rows. */
static void labels_of_many_rows(void **state) {
    static const size_t sizes[] = {2, 5, 10, 32, 50, 100, 1000, 5000, 40000};
    random_stream r = {7};
    (void)state;
    for (int d = 0; d < 2; d++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            for (size_t repeat = 0; repeat < (sizes[i] > 60 ? 1 : 6); repeat++) {
                batch b = batch_new(dtypes[d], sizes[i] > 4000 ? 1 : MOST_ROWS, sizes[i], 0,
                                    (sj_reduction)(repeat % 2 == 0 ? SJ_NONE : SJ_MEAN), &r);
                check_modes(&b);
                batch_free(&b);
            }
    finish_checks();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_of_many_rows),
        cmocka_unit_test(every_setting),
    };
    return require_kernel_set() ? require_kernel_set() : cmocka_run_group_tests(tests, open_truth, close_losses);
}
