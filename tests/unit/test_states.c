/* test_states.c: public row states: the edge-case table when a row comes in pieces, batches and layouts, threads, and
 * bad arguments. tests/accuracy/test_states.c has what they are worth in ulps. */
#include "support.h"

#include <math.h>

/* Side by side, the pieces of such rows go to a stage as they lie, and turned. */
enum { ROWS = 37, N = 140, CUT = 20 };

/* Two pieces of two entries; emitted under a policy. */
typedef struct edge {
    double z[4];
    sj_nonfinite policy;
    double logsumexp, softmax[4], log_softmax[4];
} edge;

static const edge edges[] = {
    {{0, NAN, 1, 2}, SJ_ZERO, NAN, {NAN, NAN, NAN, NAN}, {NAN, NAN, NAN, NAN}},
    {{0, 1, 2, NAN}, SJ_LIMIT, NAN, {NAN, NAN, NAN, NAN}, {NAN, NAN, NAN, NAN}},
    {{0, INFINITY, 1, 2}, SJ_IEEE, INFINITY, {NAN, NAN, NAN, NAN}, {NAN, NAN, NAN, NAN}},
    {{0, INFINITY, INFINITY, 2}, SJ_ZERO, INFINITY, {NAN, NAN, NAN, NAN}, {NAN, NAN, NAN, NAN}},
    {{0, 1, 2, INFINITY}, SJ_LIMIT, INFINITY, {0, 0, 0, 1}, {-INFINITY, -INFINITY, -INFINITY, 0}},
    {{INFINITY, 1, -INFINITY, INFINITY},
     SJ_LIMIT,
     INFINITY,
     {0.5, 0, 0, 0.5},
     {-0.69314718055994530942, -INFINITY, -INFINITY, -0.69314718055994530942}},
    {{-INFINITY, -INFINITY, -INFINITY, -INFINITY}, SJ_IEEE, -INFINITY, {NAN, NAN, NAN, NAN}, {NAN, NAN, NAN, NAN}},
    {{-INFINITY, -INFINITY, -INFINITY, -INFINITY}, SJ_LIMIT, -INFINITY, {NAN, NAN, NAN, NAN}, {NAN, NAN, NAN, NAN}},
    {{-INFINITY, -INFINITY, -INFINITY, -INFINITY},
     SJ_ZERO,
     -INFINITY,
     {0, 0, 0, 0},
     {-INFINITY, -INFINITY, -INFINITY, -INFINITY}},
    {{-INFINITY, -INFINITY, -INFINITY, 3}, SJ_IEEE, 3, {0, 0, 0, 1}, {-INFINITY, -INFINITY, -INFINITY, 0}},
    {{3, -INFINITY, -INFINITY, 3},
     SJ_IEEE,
     3.69314718055994530942,
     {0.5, 0, 0, 0.5},
     {-0.69314718055994530942, -INFINITY, -INFINITY, -0.69314718055994530942}},
};

/* Within an ulp: of the values above only logarithms of 2 are rounded. */
static void assert_value(sj_dtype dtype, double got, double want) {
    const double ulp = dtype == SJ_F32 ? 0x1p-22 : 0x1p-51;
    if (isnan(want))
        assert_true(isnan(got));
    else if (isinf(want) || want == 0)
        assert_true(got == want);
    else
        assert_true(fabs(got - want) <= ulp * (fabs(want) < 1 ? 0.5 : 1));
}

/* Cross-entropy of every label, and its gradient: minus log s there, and s but for 1 at the label. */
static void check_edge_loss(const edge *e, sj_dtype dtype, const void *z, const sj_state *states,
                            const sj_options *options) {
    void *grad = new_elements(dtype, 4), *loss = new_elements(dtype, 1);
    const size_t two = 2;
    for (int64_t label = 0; label < 4; label++) {
        const sj_pick pick = {states[0], e->z[label]};
        const sj_view target = sj_array(&label, SJ_I64, 0, NULL), number = sj_array(loss, dtype, 0, NULL);
        for (size_t i = 0; i < 2; i++) {
            const size_t at = 2 * i * dtype_bytes(dtype);
            const sj_view piece = sj_array((const char *)z + at, dtype, 1, &two);
            const sj_view to = sj_array((char *)grad + at, dtype, 1, &two);
            assert_int_equal(sj_state_cross_entropy(piece, target, &pick, 2 * i, &number, &to, NULL, options), SJ_OK);
        }
        const bool empty = e->logsumexp == -(double)INFINITY && options->nonfinite == SJ_ZERO;
        assert_value(dtype, element_get(loss, dtype, 0), -e->log_softmax[label]);
        for (int64_t i = 0; i < 4; i++)
            assert_value(dtype, element_get(grad, dtype, (size_t)i), e->softmax[i] - (i == label && !empty));
    }
    free(grad), free(loss);
}

static void check_edge(const edge *e, sj_dtype dtype, bool merged) {
    sj_options options = SJ_OPTIONS_INIT;
    options.nonfinite = e->policy;
    sj_state states[2] = {SJ_STATE_INIT, SJ_STATE_INIT};
    void *z = typed(dtype, e->z, 4), *out = new_elements(dtype, 4), *log_out = new_elements(dtype, 4);
    const size_t two = 2;
    for (size_t i = 0; i < 2; i++) {
        const sj_view piece = sj_array((char *)z + 2 * i * dtype_bytes(dtype), dtype, 1, &two);
        assert_int_equal(sj_state_update(piece, &states[merged ? i : 0], &options), SJ_OK);
    }
    if (merged) assert_int_equal(sj_state_merge(&states[0], &states[1], 1), SJ_OK);
    for (size_t i = 0; i < 2; i++) {
        const size_t at = 2 * i * dtype_bytes(dtype);
        const sj_view piece = sj_array((char *)z + at, dtype, 1, &two);
        assert_int_equal(sj_state_softmax(piece, states, 2 * i, sj_array((char *)out + at, dtype, 1, &two), &options),
                         SJ_OK);
        assert_int_equal(
            sj_state_log_softmax(piece, states, 2 * i, sj_array((char *)log_out + at, dtype, 1, &two), &options),
            SJ_OK);
    }
    check_edge_loss(e, dtype, z, states, &options);
    for (size_t i = 0; i < 4; i++) {
        assert_value(dtype, element_get(out, dtype, i), e->softmax[i]);
        assert_value(dtype, element_get(log_out, dtype, i), e->log_softmax[i]);
    }
    assert_int_equal(sj_state_logsumexp(states, sj_array(out, dtype, 0, NULL), &options), SJ_OK);
    assert_value(dtype, element_get(out, dtype, 0), e->logsumexp);
    free(z), free(out), free(log_out);
}

static void edges_hold_in_pieces(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++)
        for (int t = 0; t < 2; t++)
            for (int merged = 0; merged < 2; merged++) check_edge(&edges[i], dtypes[t], merged);
}

static void no_entries_are_the_empty_state(void **state) {
    (void)state;
    sj_state of = SJ_STATE_INIT, other = SJ_STATE_INIT;
    const double z = -1000;
    double out = 1;
    assert_int_equal(sj_state_update(sj_vector_f64(&z, 0), &of, NULL), SJ_OK);
    assert_int_equal(of.count, 0);
    assert_int_equal(sj_state_logsumexp(&of, sj_scalar_f64(&out), NULL), SJ_OK);
    assert_true(out == -(double)INFINITY);
    assert_int_equal(sj_state_update(sj_vector_f64(&z, 1), &of, NULL), SJ_OK);
    assert_int_equal(sj_state_merge(&of, &other, 1), SJ_OK);
    assert_int_equal(sj_state_merge(&other, &of, 1), SJ_OK);
    assert_true(of.max == -1000 && of.rest[0] == 0 && of.count == 1 && of.argmax == 0);
    assert_memory_equal(&of, &other, sizeof of);
}

/* Ties keep the lower index, whichever piece it is in. */
static void argmax_counts_from_the_first_entry(void **state) {
    (void)state;
    const double first[3] = {0, 2, 1}, second[2] = {2, 2}, third[1] = {5};
    sj_state of = SJ_STATE_INIT;
    assert_int_equal(sj_state_update(sj_vector_f64(first, 3), &of, NULL), SJ_OK);
    assert_int_equal(sj_state_update(sj_vector_f64(second, 2), &of, NULL), SJ_OK);
    assert_int_equal(of.argmax, 1);
    assert_int_equal(sj_state_update(sj_vector_f64(third, 1), &of, NULL), SJ_OK);
    assert_int_equal(of.argmax, 5);
}

/* A batch in two pieces, its rows `row` and its entries `entry` elements apart. */
typedef struct layout {
    ptrdiff_t row, entry;
} layout;

static sj_view batch_piece(const void *data, sj_dtype dtype, layout at, size_t start, size_t count) {
    const size_t shape[2] = {ROWS, count};
    const ptrdiff_t size = (ptrdiff_t)dtype_bytes(dtype);
    sj_view view = sj_array((const char *)data + (ptrdiff_t)start * at.entry * size, dtype, 2, shape);
    view.strides[0] = at.row, view.strides[1] = at.entry;
    return view;
}

static const size_t starts[3] = {0, CUT, N};

typedef struct results {
    sj_state states[ROWS];
    sj_product products[ROWS];
    sj_pick picks[ROWS];
    double losses[ROWS];
} results;

/* Losses of a label a row, and their gradients over `out`, where z is read again. */
static void serve_losses(const void *z, void *out, sj_dtype dtype, layout at, const sj_options *options, results *to) {
    int64_t labels[ROWS];
    const size_t rows = ROWS;
    const sj_view target = sj_array(labels, SJ_I64, 1, &rows), losses = sj_array(to->losses, SJ_F64, 1, &rows);
    for (size_t row = 0; row < ROWS; row++) {
        labels[row] = (int64_t)(row * 7 % N);
        const ptrdiff_t t = (ptrdiff_t)row * at.row + (ptrdiff_t)labels[row] * at.entry;
        to->picks[row] = (sj_pick){to->states[row], element_get(z, dtype, (size_t)t)};
    }
    for (size_t i = 0; i < 2; i++) {
        const size_t count = starts[i + 1] - starts[i];
        const sj_view grad = batch_piece(out, dtype, at, starts[i], count);
        assert_int_equal(sj_state_cross_entropy(batch_piece(z, dtype, at, starts[i], count), target, to->picks,
                                                starts[i], &losses, &grad, NULL, options),
                         SJ_OK);
    }
}

/* Softmax into `out` and the VJP over g, in place. */
static void serve_batch(const void *z, void *g, void *out, sj_dtype dtype, layout at, const sj_options *options,
                        results *to) {
    memset(to, 0, sizeof *to);
    for (size_t i = 0; i < 2; i++) {
        const sj_view piece = batch_piece(z, dtype, at, starts[i], starts[i + 1] - starts[i]);
        assert_int_equal(sj_state_update(piece, to->states, options), SJ_OK);
    }
    for (size_t row = 0; row < ROWS; row++) {
        const ptrdiff_t m = (ptrdiff_t)row * at.row + (ptrdiff_t)to->states[row].argmax * at.entry;
        to->products[row] = (sj_product){to->states[row], element_get(g, dtype, (size_t)m), {0, 0}};
    }
    for (size_t i = 0; i < 2; i++) {
        const size_t count = starts[i + 1] - starts[i];
        const sj_view piece = batch_piece(z, dtype, at, starts[i], count);
        assert_int_equal(
            sj_state_softmax(piece, to->states, starts[i], batch_piece(out, dtype, at, starts[i], count), options),
            SJ_OK);
        assert_int_equal(sj_state_dot(piece, batch_piece(g, dtype, at, starts[i], count), to->products, options),
                         SJ_OK);
    }
    for (size_t i = 0; i < 2; i++) {
        const size_t count = starts[i + 1] - starts[i];
        const sj_view part = batch_piece(g, dtype, at, starts[i], count);
        assert_int_equal(sj_state_vjp(batch_piece(z, dtype, at, starts[i], count), part, to->products, part, options),
                         SJ_OK);
    }
}

static void batches_are_rows_in_any_layout(void **state) {
    (void)state;
    static const layout layouts[] = {{N, 1}, {1, ROWS}, {2 * N, 2}};
    for (int t = 0; t < 2; t++) {
        const sj_dtype dtype = dtypes[t];
        void *z = new_elements(dtype, ROWS * N), *g = new_elements(dtype, ROWS * N);
        fill_random(z, dtype, ROWS * N, 1);
        fill_random(g, dtype, ROWS * N, 2);
        void *first_out = NULL, *first_g = NULL, *first_grad = new_elements(dtype, ROWS * N);
        results first;
        for (size_t l = 0; l < 3; l++) {
            results of;
            void *own_z = new_elements(dtype, 2 * ROWS * N), *own_g = new_elements(dtype, 2 * ROWS * N);
            void *out = new_elements(dtype, 2 * ROWS * N);
            void *packed = new_elements(dtype, ROWS * N), *packed_g = new_elements(dtype, ROWS * N);
            for (size_t i = 0; i < ROWS * N; i++) {
                const size_t at = i / N * (size_t)layouts[l].row + i % N * (size_t)layouts[l].entry;
                element_set(own_z, dtype, at, element_get(z, dtype, i));
                element_set(own_g, dtype, at, element_get(g, dtype, i));
            }
            serve_batch(own_z, own_g, out, dtype, layouts[l], NULL, &of);
            for (size_t i = 0; i < ROWS * N; i++) {
                const size_t at = i / N * (size_t)layouts[l].row + i % N * (size_t)layouts[l].entry;
                element_set(packed, dtype, i, element_get(out, dtype, at));
                element_set(packed_g, dtype, i, element_get(own_g, dtype, at));
                if (l == 0) continue;
                assert_true(same_bits(dtype, packed, i, first_out, i));
                assert_true(same_bits(dtype, packed_g, i, first_g, i));
            }
            serve_losses(own_z, out, dtype, layouts[l], NULL, &of);
            if (l == 0) first = of;
            assert_memory_equal(of.losses, first.losses, sizeof of.losses);
            void *grad = l == 0 ? first_grad : packed;
            for (size_t i = 0; i < ROWS * N; i++) {
                const size_t at = i / N * (size_t)layouts[l].row + i % N * (size_t)layouts[l].entry;
                element_set(grad, dtype, i, element_get(out, dtype, at));
                assert_true(same_bits(dtype, grad, i, first_grad, i));
            }
            free(own_z), free(own_g), free(out);
            if (l > 0) {
                free(packed), free(packed_g);
                continue;
            }
            first_out = packed, first_g = packed_g;
        }
        free(z), free(g), free(first_out), free(first_g), free(first_grad);
    }
}

static void threads_leave_the_bits(void **state) {
    (void)state;
    enum { LONG = 1 << 18 };
    float *z = new_elements(SJ_F32, LONG), *out = new_elements(SJ_F32, LONG), *other = new_elements(SJ_F32, LONG);
    sj_options one = SJ_OPTIONS_INIT, two = SJ_OPTIONS_INIT;
    sj_state alone[2] = {SJ_STATE_INIT, SJ_STATE_INIT}, shared[2] = {SJ_STATE_INIT, SJ_STATE_INIT};
    one.threads = 1, two.threads = 2;
    fill_random(z, SJ_F32, LONG, 3);
    for (size_t rows = 1; rows <= 2; rows++) {
        const sj_view piece = sj_matrix_f32(z, rows, LONG / rows);
        assert_int_equal(sj_state_update(piece, alone, &one), SJ_OK);
        assert_int_equal(sj_state_update(piece, shared, &two), SJ_OK);
        assert_memory_equal(alone, shared, sizeof alone);
        assert_int_equal(sj_state_softmax(piece, alone, 0, sj_matrix_f32(out, rows, LONG / rows), &one), SJ_OK);
        assert_int_equal(sj_state_softmax(piece, alone, 0, sj_matrix_f32(other, rows, LONG / rows), &two), SJ_OK);
        assert_memory_equal(out, other, LONG * sizeof *out);
    }
    free(z), free(out), free(other);
}

/* A maximum of float64 that no float32 is, beside a piece in float32. */
static void pieces_may_differ_in_dtype(void **state) {
    (void)state;
    const double first = 0.1;
    const float second = 0;
    float out = 0;
    sj_state of = SJ_STATE_INIT;
    assert_int_equal(sj_state_update(sj_vector_f64(&first, 1), &of, NULL), SJ_OK);
    assert_int_equal(sj_state_update(sj_vector_f32(&second, 1), &of, NULL), SJ_OK);
    assert_int_equal(sj_state_softmax(sj_vector_f32(&second, 1), &of, 1, sj_vector_f32(&out, 1), NULL), SJ_OK);
    /* 1 / (1 + exp(0.1)), float32's nearest: computed in doubles, rounded once */
    assert_true(out == (float)0.47502081252106000);
}

static void bad_arguments_are_told(void **state) {
    (void)state;
    double z[4] = {1, 2, 3, 4}, out[4] = {7, 7, 7, 7};
    sj_state of = SJ_STATE_INIT;
    sj_error error = {SJ_OK, ""};
    sj_options options = SJ_OPTIONS_INIT;
    options.error = &error;
    assert_int_equal(sj_state_update(sj_vector_f64(z, 4), NULL, &options), SJ_BAD_POINTER);
    assert_string_equal(error.message, "states: NULL; expected one a row, 1");
    assert_int_equal(sj_state_update(sj_matrix_f64(z, 0, 4), NULL, &options), SJ_OK);
    assert_int_equal(sj_state_merge(&of, NULL, 1), SJ_BAD_POINTER);
    assert_int_equal(sj_state_merge(NULL, NULL, 0), SJ_OK);
    assert_int_equal(sj_state_softmax(sj_vector_f64(z, 4), &of, 0, sj_vector_f64(out, 3), &options), SJ_BAD_SHAPE);
    assert_int_equal(sj_state_vjp(sj_vector_f64(z, 4), sj_vector_f64(z, 4), NULL, sj_vector_f64(out, 4), &options),
                     SJ_BAD_POINTER);
    assert_int_equal(sj_state_dot(sj_vector_f64(z, 4), sj_vector_f64(z, 3), &(sj_product){.at_max = 0}, &options),
                     SJ_BAD_SHAPE);
    const int64_t label = 4;
    const sj_pick pick = {{.max = 4, .argmax = 3, .count = 4}, 1};
    const sj_view target = sj_array(&label, SJ_I64, 0, NULL), grad = sj_vector_f64(out, 4);
    sj_loss_options how = SJ_LOSS_OPTIONS_INIT;
    assert_int_equal(sj_state_cross_entropy(sj_vector_f64(z, 4), target, &pick, 0, NULL, &grad, &how, &options),
                     SJ_BAD_CLASS);
    assert_int_equal(sj_state_cross_entropy(sj_vector_f64(z, 4), target, NULL, 0, NULL, &grad, &how, &options),
                     SJ_BAD_POINTER);
    assert_string_equal(error.message, "picks: NULL; expected one a row, 1");
    assert_int_equal(
        sj_state_cross_entropy(sj_vector_f64(z, 4), sj_vector_f64(z, 4), &pick, 0, NULL, &grad, &how, &options),
        SJ_BAD_DTYPE);
    how.label_smoothing = 0.1;
    assert_int_equal(sj_state_cross_entropy(sj_vector_f64(z, 4), target, &pick, 0, NULL, &grad, &how, &options),
                     SJ_BAD_OPTION);
    assert_int_equal(sj_state_softmax_gradient(sj_vector_f64(z, 4), NULL, 0, 0, grad, &options), SJ_BAD_POINTER);
    assert_int_equal(sj_product_merge(NULL, NULL, 1), SJ_BAD_POINTER);
    options.given = SJ_GIVEN_SOFTMAX;
    assert_int_equal(sj_state_update(sj_vector_f64(z, 4), &of, &options), SJ_BAD_OPTION);
    options.given = SJ_GIVEN_LOGITS;
    options.mode = SJ_EXACT;
    assert_int_equal(sj_state_update(sj_vector_f64(z, 4), &of, &options), SJ_BAD_OPTION);
    options.mode = SJ_DEFAULT;
    options.scale = 2;
    assert_int_equal(sj_state_update(sj_vector_f64(z, 4), &of, &options), SJ_BAD_OPTION);
    assert_int_equal(sj_state_softmax(sj_vector_f64(z, 4), &of, 0, sj_vector_f64(out, 4), &options), SJ_BAD_OPTION);
    assert_int_equal(of.count, 0);
    for (size_t i = 0; i < 4; i++) assert_true(out[i] == 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges_hold_in_pieces),
        cmocka_unit_test(no_entries_are_the_empty_state),
        cmocka_unit_test(argmax_counts_from_the_first_entry),
        cmocka_unit_test(batches_are_rows_in_any_layout),
        cmocka_unit_test(threads_leave_the_bits),
        cmocka_unit_test(pieces_may_differ_in_dtype),
        cmocka_unit_test(bad_arguments_are_told),
    };
    return run_for_set(tests);
}
