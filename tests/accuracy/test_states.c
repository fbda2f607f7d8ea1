/* test_states.c: rows in pieces, reduced to public states, merged, and emitted from them: against MPFR as whole rows
 * are, however they are divided. */
#include "check.h"
#include "rows.h"

#include <math.h>

/* The state of the row: each piece after those before it, or each by itself and then neighbours in any order. */
static sj_state reduce(const void *z, sj_dtype dtype, const row_division *d, bool stream, random_stream *r) {
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
static sj_product add_dots(const void *z, const void *g, sj_dtype dtype, const row_division *d, sj_state state) {
    sj_product p = {.state = state, .at_max = element_get(g, dtype, (size_t)state.argmax)};
    for (size_t i = 0; i < d->pieces; i++)
        assert_int_equal(sj_state_dot(piece(z, dtype, d, i), piece(g, dtype, d, i), &p, NULL), SJ_OK);
    return p;
}

/* Each piece of its own, about the mean of its own cotangents, joined with its neighbours in any order. */
static sj_product merge_dots(const void *z, const void *g, sj_dtype dtype, const row_division *d, random_stream *r) {
    sj_product parts[MOST_PIECES] = {{.at_max = 0}};
    for (size_t i = 0; i < d->pieces; i++) {
        const sj_view own = piece(z, dtype, d, i), own_g = piece(g, dtype, d, i);
        sj_product p = {.state = SJ_STATE_INIT};
        assert_int_equal(sj_state_update(own, &p.state, NULL), SJ_OK);
        for (int time = 0; time < 2 && p.state.count > 0; time++) {
            p.at_max = time == 0 ? element_get(g, dtype, d->starts[i] + (size_t)p.state.argmax)
                                 : round_to(dtype, p.at_max + p.dot[0]);
            p.dot[0] = p.dot[1] = 0;
            assert_int_equal(sj_state_dot(own, own_g, &p, NULL), SJ_OK);
        }
        parts[i] = p;
    }
    for (size_t left = d->pieces; left > 1; left--) {
        const size_t at = random_below(r, left - 1);
        assert_int_equal(sj_product_merge(&parts[at], &parts[at + 1], 1), SJ_OK);
        memmove(&parts[at + 1], &parts[at + 2], (left - at - 2) * sizeof *parts);
    }
    return parts[0];
}

typedef enum emitted {
    EMIT_SOFTMAX,
    EMIT_LOG_SOFTMAX,
    EMIT_LOGSUMEXP,
    EMIT_VJP,
    EMIT_MERGED_VJP,
    EMIT_GRADIENT,
    EMIT_LOG_GRADIENT,
    EMIT_LOSS, /* its gradient, which is minus that of log s at the label */
    EMITTED
} emitted;

static const form_id form_of[EMITTED] = {FORM_SOFTMAX, FORM_LOG_SOFTMAX, FORM_LOGSUMEXP,    FORM_VJP,
                                         FORM_VJP,     FORM_GRADIENT,    FORM_LOG_GRADIENT, FORM_LOG_GRADIENT};

/* A row in pieces, and what is known of the whole. */
typedef struct pieces {
    const void *z, *g;
    sj_dtype dtype;
    const row_division *d;
    sj_product product;
    sj_pick pick;
    size_t q;
} pieces;

static sj_status emit_piece(emitted what, const pieces *of, size_t i, sj_view to) {
    const sj_view z = piece(of->z, of->dtype, of->d, i);
    const size_t first = of->d->starts[i];
    const int64_t label = (int64_t)of->q;
    switch (what) {
    case EMIT_SOFTMAX:
        return sj_state_softmax(z, &of->pick.state, first, to, NULL);
    case EMIT_LOG_SOFTMAX:
        return sj_state_log_softmax(z, &of->pick.state, first, to, NULL);
    case EMIT_GRADIENT:
        return sj_state_softmax_gradient(z, &of->pick, first, of->q, to, NULL);
    case EMIT_LOG_GRADIENT:
        return sj_state_log_softmax_gradient(z, &of->pick, first, of->q, to, NULL);
    case EMIT_LOSS:
        return sj_state_cross_entropy(z, sj_array(&label, SJ_I64, 0, NULL), &of->pick, first, NULL, &to, NULL, NULL);
    default:
        return sj_state_vjp(z, piece(of->g, of->dtype, of->d, i), &of->product, to, NULL);
    }
}

static void emit(emitted what, const pieces *of, void *out) {
    if (what == EMIT_LOGSUMEXP) {
        assert_int_equal(sj_state_logsumexp(&of->pick.state, sj_array(out, of->dtype, 0, NULL), NULL), SJ_OK);
        return;
    }
    for (size_t i = 0; i < of->d->pieces; i++)
        assert_int_equal(emit_piece(what, of, i, piece(out, of->dtype, of->d, i)), SJ_OK);
}

/* The loss of the row by its label, the truth of which is minus log s there. */
static void check_loss(const pieces *of, const double *z, size_t n, const char *row, double *computed) {
    const int64_t label = (int64_t)of->q;
    void *out = new_elements(of->dtype, n);
    emit(EMIT_LOG_SOFTMAX, of, out);
    untype(of->dtype, out, computed, n);
    const sj_view loss = sj_array(out, of->dtype, 0, NULL), none = piece(of->z, of->dtype, of->d, 0);
    assert_int_equal(
        sj_state_cross_entropy(none, sj_array(&label, SJ_I64, 0, NULL), &of->pick, 0, &loss, NULL, NULL, NULL), SJ_OK);
    computed[of->q] = -element_get(out, of->dtype, 0);
    check_computed(FORM_LOG_SOFTMAX, of->dtype, z, NULL, 0, n, row, computed);
    free(out);
}

static void check_row_in_pieces(size_t family, size_t cotangents, sj_dtype dtype, size_t n, random_stream *r) {
    double *z = new_elements(SJ_F64, n), *g = new_elements(SJ_F64, n), *computed = new_elements(SJ_F64, n);
    void *out = new_elements(dtype, n);
    const char *row = row_families[family].name;
    row_families[family].fill(z, n, dtype, r);
    cotangent_families[cotangents].fill(g, n, z, dtype, r);
    void *typed_z = typed(dtype, z, n), *typed_g = typed(dtype, g, n);
    for (int way = 0; way < 4; way++) {
        const row_division d = divide(n, r);
        const sj_state state = reduce(typed_z, dtype, &d, way % 2 == 0, r);
        assert_int_equal(state.count, n);
        assert_int_equal(state.argmax, largest_of(z, n));
        pieces of = {typed_z, typed_g, dtype, &d, .pick = {.state = state}};
        for (int what = 0; what < EMITTED; what++) {
            const form_id id = form_of[what];
            of.q = way < 2 ? (size_t)state.argmax : random_below(r, n);
            of.pick.logit = z[of.q];
            if (what == EMIT_VJP) of.product = add_dots(typed_z, typed_g, dtype, &d, state);
            if (what == EMIT_MERGED_VJP) of.product = merge_dots(typed_z, typed_g, dtype, &d, r);
            emit((emitted)what, &of, out);
            untype(dtype, out, computed, form_entries(&forms[id], n));
            for (size_t i = 0; i < n && what == EMIT_LOSS; i++) computed[i] = 0 - computed[i];
            check_computed(id, dtype, z, forms[id].takes_g ? g : NULL, of.q, n, row, computed);
        }
        check_loss(&of, z, n, row, computed);
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
            const row_division d = {1, {0, N}};
            const pieces of = {row, NULL, dtypes[t], &d, .pick = {.state = whole}};
            emit(EMIT_SOFTMAX, &of, out);
            untype(dtypes[t], out, computed, N);
            check_computed(FORM_SOFTMAX, dtypes[t], z, NULL, 0, N, "rising", computed);
            emit(EMIT_LOG_SOFTMAX, &of, out);
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

/* Shares far apart, cotangents that nearly cancel: a mean about any but the right number would lose its digits. */
static void merged_means_keep_their_digits(void **state) {
    (void)state;
    enum { N = 4 };
    static const double z[N] = {0, -1, 40, 39}, g[N] = {1e8, 1e8 + 1, 3, 3.5};
    const row_division halves = {2, {0, 2, N}};
    random_stream r = {3};
    double out[N];
    const pieces of = {z, g, SJ_F64, &halves, .product = merge_dots(z, g, SJ_F64, &halves, &r)};
    emit(EMIT_MERGED_VJP, &of, out);
    check_computed(FORM_VJP, SJ_F64, z, g, 0, N, "far apart", out);
    finish_checks();
}

/* A piece whose weight the whole row does not see may hold anything in its cotangent. */
static void pieces_without_weight_count_for_nothing(void **state) {
    (void)state;
    const double near = 5000, deep = 0, g[2] = {2, INFINITY};
    sj_product first = {.at_max = g[0]}, second = {.at_max = g[1]};
    double out[2];
    assert_int_equal(sj_state_update(sj_vector_f64(&near, 1), &first.state, NULL), SJ_OK);
    assert_int_equal(sj_state_update(sj_vector_f64(&deep, 1), &second.state, NULL), SJ_OK);
    assert_int_equal(sj_state_dot(sj_vector_f64(&deep, 1), sj_vector_f64(&g[1], 1), &second, NULL), SJ_OK);
    assert_int_equal(sj_product_merge(&first, &second, 1), SJ_OK);
    assert_true(first.at_max == 2 && first.dot[0] == 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(sj_state_vjp(sj_vector_f64(i ? &deep : &near, 1), sj_vector_f64(&g[i], 1), &first,
                                      sj_vector_f64(&out[i], 1), NULL),
                         SJ_OK);
    assert_true(out[0] == 0 && out[1] == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_make_the_whole), cmocka_unit_test(a_thousand_merges_lose_nothing),
        cmocka_unit_test(a_distant_piece_keeps_its_digits), cmocka_unit_test(merged_means_keep_their_digits),
        cmocka_unit_test(pieces_without_weight_count_for_nothing)};
    return run_accuracy_tests(tests);
}
