/* test_states.c: rows in pieces, reduced to public states, merged, and emitted from them: against MPFR as whole rows
 * are, however they are divided. */
#include "check.h"
#include "rows.h"

#include <math.h>

#define MOST_PIECES 9

/* Where pieces of a row begin; some are empty. */
typedef struct division {
    size_t pieces, starts[MOST_PIECES + 1];
} division;

static division divide(size_t n, random_stream *r) {
    division d = {.pieces = 1 + random_below(r, MOST_PIECES)};
    for (size_t i = 1; i < d.pieces; i++) d.starts[i] = random_below(r, n + 1);
    d.starts[d.pieces] = n;
    for (size_t i = 1; i < d.pieces; i++)
        for (size_t k = i; k > 1 && d.starts[k] < d.starts[k - 1]; k--) {
            const size_t start = d.starts[k];
            d.starts[k] = d.starts[k - 1], d.starts[k - 1] = start;
        }
    return d;
}

static sj_view piece(const void *row, sj_dtype dtype, const division *d, size_t i) {
    const size_t count = d->starts[i + 1] - d->starts[i];
    return sj_array((const char *)row + d->starts[i] * dtype_bytes(dtype), dtype, 1, &count);
}

/* The state of the row: each piece after those before it, or each by itself and then neighbours in any order. */
static sj_state reduce(const void *z, sj_dtype dtype, const division *d, bool stream, random_stream *r) {
    sj_state states[MOST_PIECES] = {SJ_STATE_INIT};
    for (size_t i = 0; i < d->pieces; i++)
        assert_int_equal(sj_state_update(piece(z, dtype, d, i), &states[stream ? 0 : i], NULL), SJ_OK);
    for (size_t left = stream ? 1 : d->pieces; left > 1; left--) {
        const size_t at = random_below(r, left - 1);
        assert_int_equal(sj_state_merge(&states[at], &states[at + 1], 1), SJ_OK);
        memmove(&states[at + 1], &states[at + 2], (left - at - 2) * sizeof *states);
    }
    return states[0];
}

/* Products whose sum is made of the pieces' sums. */
static sj_product add_dots(const void *z, const void *g, sj_dtype dtype, const division *d, sj_state state) {
    sj_product p = {.state = state, .at_max = element_get(g, dtype, (size_t)state.argmax)};
    for (size_t i = 0; i < d->pieces; i++)
        assert_int_equal(sj_state_dot(piece(z, dtype, d, i), piece(g, dtype, d, i), &p, NULL), SJ_OK);
    return p;
}

typedef enum emitted { EMIT_SOFTMAX, EMIT_LOG_SOFTMAX, EMIT_LOGSUMEXP, EMIT_VJP, EMITTED } emitted;

static const form_id form_of[EMITTED] = {FORM_SOFTMAX, FORM_LOG_SOFTMAX, FORM_LOGSUMEXP, FORM_VJP};

static void emit(emitted what, const void *z, const void *g, sj_dtype dtype, const division *d, sj_state state,
                 void *out) {
    const sj_product p = what == EMIT_VJP ? add_dots(z, g, dtype, d, state) : (sj_product){.at_max = 0};
    if (what == EMIT_LOGSUMEXP) {
        assert_int_equal(sj_state_logsumexp(&state, sj_array(out, dtype, 0, NULL), NULL), SJ_OK);
        return;
    }
    for (size_t i = 0; i < d->pieces; i++) {
        const sj_view from = piece(z, dtype, d, i), to = piece(out, dtype, d, i);
        const sj_status status = what == EMIT_SOFTMAX       ? sj_state_softmax(from, &state, d->starts[i], to, NULL)
                                 : what == EMIT_LOG_SOFTMAX ? sj_state_log_softmax(from, &state, d->starts[i], to, NULL)
                                                            : sj_state_vjp(from, piece(g, dtype, d, i), &p, to, NULL);
        assert_int_equal(status, SJ_OK);
    }
}

static void check_row_in_pieces(size_t family, size_t cotangents, sj_dtype dtype, size_t n, random_stream *r) {
    double *z = new_elements(SJ_F64, n), *g = new_elements(SJ_F64, n), *computed = new_elements(SJ_F64, n);
    void *out = new_elements(dtype, n);
    row_families[family].fill(z, n, dtype, r);
    cotangent_families[cotangents].fill(g, n, z, dtype, r);
    void *typed_z = typed(dtype, z, n), *typed_g = typed(dtype, g, n);
    for (int way = 0; way < 4; way++) {
        const division d = divide(n, r);
        const sj_state state = reduce(typed_z, dtype, &d, way % 2 == 0, r);
        assert_int_equal(state.count, n);
        assert_int_equal(state.argmax, largest_of(z, n));
        for (int what = 0; what < EMITTED; what++) {
            emit((emitted)what, typed_z, typed_g, dtype, &d, state, out);
            untype(dtype, out, computed, form_entries(&forms[form_of[what]], n));
            check_computed(form_of[what], dtype, z, what == EMIT_VJP ? g : NULL, 0, n, row_families[family].name,
                           computed);
        }
    }
    free(z), free(g), free(computed), free(out), free(typed_z), free(typed_g);
}

static void pieces_make_the_whole(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 2, 3, 10, 65, 300, 5000};
    random_stream r = {1};
    for (size_t family = 0; family < row_family_count; family++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            for (size_t c = 0; c < (sizes[i] <= 65 ? cotangent_family_count : 1); c++)
                for (int t = 0; t < 2; t++) check_row_in_pieces(family, c, dtypes[t], sizes[i], &r);
    finish_checks();
}

/* One entry at a time, of a row whose maximum rises all the way: every merge rescales all that was. */
static void a_thousand_merges_lose_nothing(void **state) {
    (void)state;
    enum { N = 1000 };
    random_stream r = {2};
    static const double spans[] = {1, 30, 700, 1e5};
    for (int t = 0; t < 2; t++)
        for (size_t i = 0; i < 4; i++) {
            double z[N], computed[N];
            for (size_t k = 0; k < N; k++)
                z[k] = round_to(dtypes[t], ((double)k + random_uniform(&r, 0, 1)) / N * spans[i]);
            void *row = typed(dtypes[t], z, N), *out = new_elements(dtypes[t], N);
            sj_state whole = SJ_STATE_INIT;
            for (size_t k = 0; k < N; k++) {
                const size_t one = 1;
                const sj_view entry = sj_array((char *)row + k * dtype_bytes(dtypes[t]), dtypes[t], 1, &one);
                assert_int_equal(sj_state_update(entry, &whole, NULL), SJ_OK);
            }
            const division d = {1, {0, N}};
            emit(EMIT_SOFTMAX, row, NULL, dtypes[t], &d, whole, out);
            untype(dtypes[t], out, computed, N);
            check_computed(FORM_SOFTMAX, dtypes[t], z, NULL, 0, N, "rising", computed);
            emit(EMIT_LOG_SOFTMAX, row, NULL, dtypes[t], &d, whole, out);
            untype(dtypes[t], out, computed, N);
            check_computed(FORM_LOG_SOFTMAX, dtypes[t], z, NULL, 0, N, "rising", computed);
            free(row), free(out);
        }
    finish_checks();
}

/* Confident: c_m = T / (1 + T) from a T that no double beside 1 would show. */
static void a_distant_piece_keeps_its_digits(void **state) {
    (void)state;
    const double top = 40, low = 0, g[2] = {1, 0};
    double out[2];
    sj_state whole = SJ_STATE_INIT;
    assert_int_equal(sj_state_update(sj_vector_f64(&top, 1), &whole, NULL), SJ_OK);
    assert_int_equal(sj_state_update(sj_vector_f64(&low, 1), &whole, NULL), SJ_OK);
    sj_product p = {.state = whole, .at_max = 1};
    assert_int_equal(sj_state_dot(sj_vector_f64(&low, 1), sj_vector_f64(&g[1], 1), &p, NULL), SJ_OK);
    assert_int_equal(sj_state_vjp(sj_vector_f64(&top, 1), sj_vector_f64(&g[0], 1), &p, sj_vector_f64(&out[0], 1), NULL),
                     SJ_OK);
    assert_int_equal(sj_state_vjp(sj_vector_f64(&low, 1), sj_vector_f64(&g[1], 1), &p, sj_vector_f64(&out[1], 1), NULL),
                     SJ_OK);
    /* numerics.md: the VJP of z = [40, 0] with e_0, both entries right to an ulp */
    assert_true(fabs(out[0] - 4.248354255291589e-18) <= 0x1p-110);
    assert_true(fabs(out[1] + 4.248354255291589e-18) <= 0x1p-110);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(pieces_make_the_whole),
                                       cmocka_unit_test(a_thousand_merges_lose_nothing),
                                       cmocka_unit_test(a_distant_piece_keeps_its_digits)};
    return run_accuracy_tests(tests);
}
