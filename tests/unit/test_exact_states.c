/* test_exact_states.c: exact mode of rows in pieces: the bits of the whole row, however it is divided, whichever piece
 * comes first and in however many hands the sums are. What those bits are worth is accuracy/test_exact.c's. */
#include "rows.h"

#include <math.h>

/* A row, what its results are in, and where it is cut. */
typedef struct divided {
    sj_dtype dtype, results;
    size_t n;
    row_division cut;
    void *z, *g;
    sj_options options;
} divided;

/* Two records take the pieces, from the last to the first, and are added word by word. */
static sj_exact reduce(const divided *d, bool with_g, size_t q) {
    sj_exact hands[2];
    memset(hands, 0, sizeof hands);
    for (size_t i = 0; i < d->cut.pieces; i++)
        assert_int_equal(sj_state_update(piece(d->z, d->dtype, &d->cut, i), &hands[0].state, &d->options), SJ_OK);
    hands[0].at_max = element_get(d->g, d->dtype, (size_t)hands[0].state.argmax);
    hands[0].logit = element_get(d->z, d->dtype, q);
    hands[1].state = hands[0].state;
    hands[1].at_max = hands[0].at_max;
    for (size_t i = d->cut.pieces; i-- > 0;) {
        const sj_view g = piece(d->g, d->dtype, &d->cut, i);
        assert_int_equal(sj_exact_add(piece(d->z, d->dtype, &d->cut, i), with_g ? &g : NULL, d->results, &hands[i % 2],
                                      d->cut.starts[i], &d->options),
                         SJ_OK);
    }
    for (size_t i = 0; i < SJ_REST_WORDS; i++) hands[0].rest[i] += hands[1].rest[i];
    for (size_t i = 0; i < SJ_DOT_WORDS; i++) hands[0].dot[i] += hands[1].dot[i];
    return hands[0];
}

static const form_id served[] = {FORM_SOFTMAX,  FORM_LOG_SOFTMAX,  FORM_LOGSUMEXP,
                                 FORM_GRADIENT, FORM_LOG_GRADIENT, FORM_VJP};
#define SERVED (sizeof served / sizeof *served)

static sj_status emit_piece(form_id id, const divided *d, const sj_exact *row, size_t i, size_t q, sj_view to) {
    const sj_view z = piece(d->z, d->dtype, &d->cut, i);
    const size_t first = d->cut.starts[i];
    switch (id) {
    case FORM_SOFTMAX:
        return sj_exact_softmax(z, row, first, to, &d->options);
    case FORM_LOG_SOFTMAX:
        return sj_exact_log_softmax(z, row, first, to, &d->options);
    case FORM_GRADIENT:
        return sj_exact_softmax_gradient(z, row, first, q, to, &d->options);
    case FORM_LOG_GRADIENT:
        return sj_exact_log_softmax_gradient(z, row, first, q, to, &d->options);
    default:
        return sj_exact_vjp(z, piece(d->g, d->dtype, &d->cut, i), row, first, to, &d->options);
    }
}

static sj_status whole_row(form_id id, const divided *d, size_t q, sj_view to) {
    const sj_view z = sj_array(d->z, d->dtype, 1, &d->n), g = sj_array(d->g, d->dtype, 1, &d->n);
    sj_options options = d->options;
    options.mode = SJ_EXACT;
    switch (id) {
    case FORM_SOFTMAX:
        return sj_softmax(z, to, &options);
    case FORM_LOG_SOFTMAX:
        return sj_log_softmax(z, to, &options);
    case FORM_LOGSUMEXP:
        return sj_logsumexp(z, to, &options);
    case FORM_GRADIENT:
        return sj_softmax_gradient(z, q, to, &options);
    case FORM_LOG_GRADIENT:
        return sj_log_softmax_gradient(z, q, to, &options);
    default:
        return sj_softmax_vjp(z, g, to, &options);
    }
}

static void check_form(form_id id, const divided *d, size_t q) {
    void *got = new_elements(d->results, d->n), *want = new_elements(d->results, d->n);
    const sj_exact row = reduce(d, id == FORM_VJP, q);
    const bool number = id == FORM_LOGSUMEXP;
    for (size_t i = 0; i < d->cut.pieces && !number; i++)
        assert_int_equal(emit_piece(id, d, &row, i, q, piece(got, d->results, &d->cut, i)), SJ_OK);
    if (number) assert_int_equal(sj_exact_logsumexp(&row, sj_array(got, d->results, 0, NULL), &d->options), SJ_OK);
    assert_int_equal(whole_row(id, d, q, sj_array(want, d->results, number ? 0 : 1, &d->n)), SJ_OK);
    for (size_t k = 0; k < (number ? 1 : d->n); k++)
        if (!same_bits(d->results, got, k, want, k))
            fail_msg("%s of %s, n = %zu, entry %zu: %a, of the whole row %a", forms[id].name, dtype_name(d->dtype),
                     d->n, k, element_get(got, d->results, k), element_get(want, d->results, k));
    free(got), free(want);
}

/* Cross-entropy with all that a label may have: weights, z-loss, a factor from above. */
static void check_loss(const divided *d, size_t q, random_stream *r) {
    const size_t n = d->n;
    const int64_t label = random_below(r, 10) == 0 ? -100 : (int64_t)q;
    const sj_view target = sj_array(&label, SJ_I64, 0, NULL);
    void *got = new_elements(d->results, n), *want = new_elements(d->results, n), *weights = new_elements(d->dtype, n);
    void *loss = new_elements(d->results, 1), *lse = new_elements(d->results, 1);
    void *whole_loss = new_elements(d->results, 1), *whole_lse = new_elements(d->results, 1);
    const double above = random_uniform(r, -2, 2);
    const sj_view each = sj_vector_f64(&above, 1), all = sj_array(weights, d->dtype, 1, &n);
    sj_view upstream = each;
    upstream.ndim = 0;
    for (size_t k = 0; k < n; k++) element_set(weights, d->dtype, k, random_uniform(r, 0, 2));
    const sj_exact row = reduce(d, false, q);
    sj_loss_options how = SJ_LOSS_OPTIONS_INIT;
    sj_options options = d->options;
    options.mode = SJ_EXACT;
    how.weights = random_below(r, 2) ? &all : NULL;
    how.z_loss = random_below(r, 2) ? 0.25 : 0;
    how.reduction = (sj_reduction)random_below(r, 3);
    how.upstream = random_below(r, 2) ? &upstream : NULL;
    const sj_view number = sj_array(loss, d->results, 0, NULL), log = sj_array(lse, d->results, 0, NULL);
    const sj_view whole = sj_array(whole_loss, d->results, 0, NULL),
                  whole_log = sj_array(whole_lse, d->results, 0, NULL);
    for (size_t i = 0; i < d->cut.pieces; i++) {
        const sj_view grad = piece(got, d->results, &d->cut, i);
        how.logsumexp = &log;
        assert_int_equal(sj_exact_cross_entropy(piece(d->z, d->dtype, &d->cut, i), target, &row, d->cut.starts[i],
                                                &number, &grad, &how, &d->options),
                         SJ_OK);
    }
    const sj_view grad = sj_array(want, d->results, 1, &n);
    how.logsumexp = &whole_log;
    assert_int_equal(sj_cross_entropy(sj_array(d->z, d->dtype, 1, &n), target, &whole, &grad, &how, &options), SJ_OK);
    assert_true(same_bits(d->results, loss, 0, whole_loss, 0) && same_bits(d->results, lse, 0, whole_lse, 0));
    for (size_t k = 0; k < n; k++) assert_true(same_bits(d->results, got, k, want, k));
    free(got), free(want), free(weights), free(loss), free(lse), free(whole_loss), free(whole_lse);
}

static void check_rows(divided *d, double *z, double *g, random_stream *r) {
    for (int t = 0; t < 4; t++) {
        d->dtype = dtypes[t % 2];
        d->results = t < 2 ? d->dtype : dtypes[1 - t % 2];
        for (size_t k = 0; k < d->n; k++) z[k] = round_to(d->dtype, z[k]), g[k] = round_to(d->dtype, g[k]);
        d->z = typed(d->dtype, z, d->n);
        d->g = typed(d->dtype, g, d->n);
        for (int way = 0; way < 3; way++) {
            d->cut = divide(d->n, r);
            for (size_t f = 0; f < SERVED; f++) check_form(served[f], d, random_below(r, d->n));
            check_form(FORM_GRADIENT, d, largest_of(z, d->n));
            check_loss(d, way == 0 ? largest_of(z, d->n) : random_below(r, d->n), r);
        }
        free(d->z), free(d->g);
    }
}

static void pieces_have_the_bits_of_the_row(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 2, 10, 300, 3000};
    random_stream r = {1};
    divided d = {.options = SJ_OPTIONS_INIT};
    for (size_t family = 0; family < row_family_count; family++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            for (size_t c = 0; c < (sizes[i] <= 10 ? cotangent_family_count : 1); c++) {
                d.n = sizes[i];
                double *z = new_elements(SJ_F64, d.n), *g = new_elements(SJ_F64, d.n);
                row_families[family].fill(z, d.n, SJ_F32, &r);
                cotangent_families[c].fill(g, d.n, z, SJ_F32, &r);
                check_rows(&d, z, g, &r);
                free(z), free(g);
            }
}

/* Logits so large that weights are relative to the maximum itself, and what finite arithmetic does not define. */
static void pieces_of_other_rows_do(void **state) {
    (void)state;
    enum { N = 5 };
    static const double rows[][N] = {
        {0x1p22, 0x1p22 - 2, 0, 0x1p22, 5},     {-1e30, -1e30, -2e30, -1e31, -1e30},
        {0, -1023, -1025, -2030, -500},         {1, NAN, 2, 3, 4},
        {1, INFINITY, 2, INFINITY, -INFINITY},  {-INFINITY, -INFINITY, -INFINITY, -INFINITY, -INFINITY},
        {-INFINITY, 7, -INFINITY, -INFINITY, 7}};
    static const double cotangents[][N] = {{1, 2, 3, 4, 5},
                                           {INFINITY, 1, 1, 1, 1},
                                           {1, 1, NAN, 1, 1},
                                           {1, 1, 1, INFINITY, NAN},
                                           {1e30, -1e30, 1, 2, -1e-30}};
    random_stream r = {2};
    for (int policy = SJ_IEEE; policy <= SJ_ZERO; policy++)
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            for (size_t c = 0; c < sizeof cotangents / sizeof *cotangents; c++) {
                divided d = {.options = SJ_OPTIONS_INIT, .n = N};
                double z[N], g[N];
                memcpy(z, rows[i], sizeof z);
                memcpy(g, cotangents[c], sizeof g);
                d.options.nonfinite = (sj_nonfinite)policy;
                check_rows(&d, z, g, &r);
            }
}

static void bad_arguments_are_told(void **state) {
    (void)state;
    float z[2] = {1, 2}, out[2] = {7, 7};
    sj_exact row;
    sj_error error = {SJ_OK, ""};
    sj_options options = SJ_OPTIONS_INIT;
    memset(&row, 0, sizeof row);
    options.error = &error;
    assert_int_equal(sj_exact_add(sj_vector_f32(z, 2), NULL, SJ_F32, NULL, 0, &options), SJ_BAD_POINTER);
    assert_string_equal(error.message, "rows: NULL; expected one a row, 1");
    const sj_view g = sj_vector_f32(z, 2), shorter = sj_vector_f32(z, 1);
    assert_int_equal(sj_exact_add(sj_vector_f32(z, 2), &shorter, SJ_F32, &row, 0, &options), SJ_BAD_SHAPE);
    assert_int_equal(sj_exact_add(sj_vector_f32(z, 2), &g, SJ_I32, &row, 0, &options), SJ_BAD_DTYPE);
    assert_int_equal(sj_exact_softmax(sj_vector_f32(z, 2), &row, 0, sj_vector_f32(out, 1), &options), SJ_BAD_SHAPE);
    assert_int_equal(sj_exact_logsumexp(NULL, sj_scalar_f32(out), &options), SJ_BAD_POINTER);
    options.scale = 2;
    assert_int_equal(sj_exact_softmax(sj_vector_f32(z, 2), &row, 0, sj_vector_f32(out, 2), &options), SJ_BAD_OPTION);
    options.size = 1;
    assert_int_equal(sj_exact_softmax(sj_vector_f32(z, 2), &row, 0, sj_vector_f32(out, 2), &options), SJ_BAD_OPTION);
    assert_true(out[0] == 7 && out[1] == 7 && row.rest[0] == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_have_the_bits_of_the_row),
        cmocka_unit_test(pieces_of_other_rows_do),
        cmocka_unit_test(bad_arguments_are_told),
    };
    return run_for_set(tests);
}
