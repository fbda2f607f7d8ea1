/* test_second.c: second derivatives beside their numbers, which tests/accuracy/test_second.c checks: exact values, edge
 * cases, layouts, threads, arguments that are refused. */
#include "layout.h"

#include <math.h>

typedef struct edge_row {
    const char *name;
    size_t n;
    sj_nonfinite nonfinite;
    sj_given given;
    double z[4], g[4], u[4], want[4]; /* want: of H(z; g, u) */
} edge_row;

#define INF ((double)INFINITY)
#define NOT ((double)NAN)
#define LOGITS SJ_GIVEN_LOGITS
#define SOFTMAX SJ_GIVEN_SOFTMAX

/* With equal logits: s = 1/2, e = (1, -1) du/2, d the same of g: e d is a constant and H = 0. s = (1/2, 1/4, 1/4), g =
 * (0, 4, 0), u = (0, 0, 4): d = (-1, 3, -1), e = (-1, -1, 3), <s, e d> = 1/2 - 3/4 - 3/4 = -1, H = s (2, -2, -2). No
 * entry's condition (oracle.h) is above 2.5, so that 4u of it is 10u. */
static const edge_row edge_rows[] = {
    {"n = 1", 1, SJ_IEEE, LOGITS, {3}, {5}, {7}, {0}},
    {"n = 1, NaN", 1, SJ_IEEE, LOGITS, {NOT}, {5}, {7}, {NOT}},
    {"equal logits", 2, SJ_IEEE, LOGITS, {7, 7}, {5, 1}, {-3, 2}, {0, 0}},
    {"one direction each", 3, SJ_IEEE, SOFTMAX, {0.5, 0.25, 0.25}, {0, 4, 0}, {0, 0, 4}, {1, -0.5, -0.5}},
    {"g constant", 3, SJ_IEEE, LOGITS, {1, 2, 5}, {3, 3, 3}, {1, 5, 9}, {0, 0, 0}},
    {"u constant", 3, SJ_IEEE, LOGITS, {1, 2, 5}, {1, 5, 9}, {3, 3, 3}, {0, 0, 0}},
    {"NaN in z", 3, SJ_IEEE, LOGITS, {1, NOT, 5}, {1, 5, 9}, {3, 2, 1}, {NOT, NOT, NOT}},
    {"NaN in g", 3, SJ_IEEE, LOGITS, {1, 2, 5}, {1, NOT, 9}, {3, 2, 1}, {NOT, NOT, NOT}},
    {"NaN in u", 3, SJ_IEEE, LOGITS, {1, 2, 5}, {1, 5, 9}, {3, 2, NOT}, {NOT, NOT, NOT}},
    {"infinite u", 3, SJ_IEEE, LOGITS, {1, 2, 5}, {1, 5, 9}, {3, INF, 1}, {NOT, NOT, NOT}},
    {"NaN in g where s = 0", 3, SJ_IEEE, LOGITS, {7, -INF, 7}, {5, NOT, 1}, {-3, 0, 2}, {0, 0, 0}},
    {"NaN in u where s = 0", 3, SJ_IEEE, LOGITS, {7, -INF, 7}, {5, 0, 1}, {-3, NOT, 2}, {0, 0, 0}},
    {"-inf beside a maximum", 4, SJ_IEEE, LOGITS, {-INF, 9, -INF, -INF}, {1, 2, 3, 4}, {4, 5, 3, 1}, {0, 0, 0, 0}},
    {"+inf", 3, SJ_IEEE, LOGITS, {1, INF, 5}, {1, 5, 9}, {3, 2, 1}, {NOT, NOT, NOT}},
    {"+inf, limit", 3, SJ_LIMIT, LOGITS, {INF, 3, INF}, {1, 5, 9}, {3, 2, 1}, {0, 0, 0}},
    {"all -inf", 2, SJ_IEEE, LOGITS, {-INF, -INF}, {1, 5}, {3, 2}, {NOT, NOT}},
    {"all -inf, zero", 2, SJ_ZERO, LOGITS, {-INF, -INF}, {1, 5}, {3, 2}, {0, 0}},
};

static sj_view row_of(const void *data, sj_dtype dtype, size_t n) { return sj_array(data, dtype, 1, &n); }

static void check_edge(const edge_row *e, sj_dtype dtype, bool as_product) {
    sj_options options = SJ_OPTIONS_INIT;
    void *z = typed(dtype, e->z, e->n), *g = typed(dtype, e->g, e->n), *u = typed(dtype, e->u, e->n);
    void *out = new_elements(dtype, e->n);
    const sj_view of_z = row_of(z, dtype, e->n), of_g = row_of(g, dtype, e->n), of_u = row_of(u, dtype, e->n);
    const sj_view of_out = row_of(out, dtype, e->n);
    options.nonfinite = e->nonfinite;
    options.given = e->given;
    const sj_status status = as_product ? sj_softmax_hvp(of_z, of_g, of_u, NULL, of_out, &options)
                                        : sj_softmax_double_backward(of_z, of_g, of_u, NULL, &of_out, &options);
    assert_int_equal(status, SJ_OK);
    for (size_t k = 0; k < e->n; k++) {
        const double got = element_get(out, dtype, k), allowed = dtype == SJ_F32 ? 10 * 0x1p-24 : 10 * 0x1p-53;
        if (isnan(e->want[k]) ? !isnan(got) : !(fabs(got - e->want[k]) <= allowed))
            fail_msg("%s, %s, entry %zu: %g; expected %g", e->name, dtype_name(dtype), k, got, e->want[k]);
    }
    free(z);
    free(g);
    free(u);
    free(out);
}

static void edges(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof edge_rows / sizeof *edge_rows; i++)
        for (int t = 0; t < 4; t++) check_edge(&edge_rows[i], dtypes[t % 2], t < 2);
}

/* z = [40, 0]: s_1 = e^-40 / (1 + e^-40), and with u = g = (1, 0) H_0 = s_0 s_1 (s_1 - s_0), which is -s_1 to 2^-55 of
 * itself. */
static void a_confident_row_keeps_its_digits(void **state) {
    const double z[2] = {40, 0}, g[2] = {1, 0};
    const double want = 4.248354255291589e-18;
    double out[2];
    (void)state;
    assert_int_equal(sj_softmax_hvp(sj_vector_f64(z, 2), sj_vector_f64(g, 2), sj_vector_f64(g, 2), NULL,
                                    sj_vector_f64(out, 2), NULL),
                     SJ_OK);
    for (int k = 0; k < 2; k++) /* 4u, and the digits above are rounded */
        if (!(fabs(fabs(out[k]) - want) <= 5 * 0x1p-53 * want) || signbit(out[k]) != (k == 0))
            fail_msg("entry %d: %.17g; expected %c%.16g", k, out[k], k ? '+' : '-', want);
}

/* d softmax(c z) / dc = J(c z) z, which with two logits is s_0 s_1 (z_0 - z_1) and minus that: c = 2, z = [20, 0]. */
static void the_derivative_by_the_scale_is_a_product(void **state) {
    const double scaled[2] = {40, 0}, z[2] = {20, 0}, want = 20 * 4.248354255291589e-18;
    double out[2];
    (void)state;
    assert_int_equal(sj_softmax_jvp(sj_vector_f64(scaled, 2), sj_vector_f64(z, 2), sj_vector_f64(out, 2), NULL), SJ_OK);
    for (int k = 0; k < 2; k++) /* 4u, and the digits above are rounded */
        if (!(fabs(fabs(out[k]) - want) <= 5 * 0x1p-53 * want) || signbit(out[k]) != (k == 1))
            fail_msg("entry %d: %.17g; expected %c%.16g", k, out[k], k ? '-' : '+', want);
}

typedef struct arrays {
    layout z, g, u, h, hvp, grad_g, grad_z;
} arrays;

static sj_status call_both(const arrays *a, const sj_options *options) {
    const sj_status status =
        sj_softmax_double_backward(a->z.view, a->g.view, a->u.view, &a->grad_g.view, &a->grad_z.view, options);
    return status ? status : sj_softmax_hvp(a->z.view, a->g.view, a->u.view, &a->h.view, a->hvp.view, options);
}

static void copy_elements(const layout *from, layout *to) {
    for (size_t i = 0; i < layout_count(&to->view); i++)
        element_set((char *)to->view.data + layout_offset(&to->view, i) * (ptrdiff_t)dtype_bytes(to->view.dtype),
                    to->view.dtype, 0, layout_get(&from->view, i));
}

enum { ARRAYS = 7 };

static void for_each_array(arrays *a, void (*visit)(layout *)) {
    layout *all[ARRAYS] = {&a->z, &a->g, &a->u, &a->h, &a->hvp, &a->grad_g, &a->grad_z};
    for (size_t i = 0; i < ARRAYS; i++) visit(all[i]);
}

/* C-ordered with the class axis moved last, so that a result of another layout has the same rows. */
static arrays new_arrays(layout_kind kind, const sj_dtype *types, int ndim, const size_t *shape, int axis,
                         random_stream *r) {
    arrays a;
    layout *all[ARRAYS] = {&a.z, &a.g, &a.u, &a.h, &a.hvp, &a.grad_g, &a.grad_z};
    for (size_t i = 0; i < ARRAYS; i++) {
        *all[i] = layout_new(kind, types[i], ndim, shape, r);
        all[i]->view.axis = axis;
        if (i < 4) layout_fill(all[i], r);
    }
    return a;
}

static void assert_same(const layout *a, const layout *b, const char *what, layout_kind kind) {
    for (size_t i = 0; i < layout_count(&a->view); i++) {
        const double x = layout_get(&a->view, i), y = layout_get(&b->view, i);
        if (x != y) fail_msg("%s, layout %d, entry %zu: %a; C order %a", what, (int)kind, i, x, y);
    }
}

static void check_layout(layout_kind kind, const sj_dtype *types, const size_t *shape, int axis, random_stream *r) {
    arrays plain = new_arrays(LAYOUT_C, types, 3, shape, axis, r), a = new_arrays(kind, types, 3, shape, axis, r);
    copy_elements(&plain.z, &a.z);
    copy_elements(&plain.g, &a.g);
    copy_elements(&plain.u, &a.u);
    copy_elements(&plain.h, &a.h);
    assert_int_equal(call_both(&plain, NULL), SJ_OK);
    assert_int_equal(call_both(&a, NULL), SJ_OK);
    assert_same(&a.hvp, &plain.hvp, "hvp", kind);
    assert_same(&a.grad_g, &plain.grad_g, "grad_g", kind);
    assert_same(&a.grad_z, &plain.grad_z, "grad_z", kind);
    assert_true(layout_gaps_untouched(&a.hvp) && layout_gaps_untouched(&a.grad_g) && layout_gaps_untouched(&a.grad_z));
    for_each_array(&a, layout_free);
    for_each_array(&plain, layout_free);
}

/* Every layout, axis and mixture of dtypes. */
static void layouts_have_the_same_bits(void **state) {
    static const size_t shapes[][3] = {{3, 5, 4}, {2, 33, 17}, {1, 2, 2100}};
    random_stream r = {31};
    (void)state;
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int axis = 0; axis < 3; axis++)
            for (int kind = LAYOUT_C; kind < LAYOUT_ZERO; kind++)
                for (unsigned mix = 0; mix < 3; mix++) {
                    sj_dtype types[7];
                    for (int i = 0; i < 7; i++) types[i] = mix < 2 ? dtypes[mix] : dtypes[random_below(&r, 2)];
                    check_layout((layout_kind)kind, types, shapes[s], axis, &r);
                }
}

/* A row alone, and among others that several threads share. */
static void threads_and_neighbours_leave_the_bits(void **state) {
    enum { rows = 700, n = 300 };
    static const size_t shape[2] = {rows, n}, one[2] = {1, n};
    random_stream r = {32};
    (void)state;
    for (int t = 0; t < 2; t++) {
        sj_dtype types[7];
        for (int i = 0; i < 7; i++) types[i] = dtypes[t];
        arrays a = new_arrays(LAYOUT_C, types, 2, shape, 1, &r), b = new_arrays(LAYOUT_C, types, 2, shape, 1, &r);
        arrays single = new_arrays(LAYOUT_C, types, 2, one, 1, &r);
        sj_options options = SJ_OPTIONS_INIT;
        copy_elements(&a.z, &b.z);
        copy_elements(&a.g, &b.g);
        copy_elements(&a.u, &b.u);
        copy_elements(&a.h, &b.h);
        options.threads = 1;
        assert_int_equal(call_both(&a, &options), SJ_OK);
        options.threads = 4;
        assert_int_equal(call_both(&b, &options), SJ_OK);
        assert_memory_equal(a.hvp.memory, b.hvp.memory, a.hvp.bytes);
        assert_memory_equal(a.grad_g.memory, b.grad_g.memory, a.hvp.bytes);
        assert_memory_equal(a.grad_z.memory, b.grad_z.memory, a.hvp.bytes);
        copy_elements(&a.z, &single.z);
        copy_elements(&a.g, &single.g);
        copy_elements(&a.u, &single.u);
        copy_elements(&a.h, &single.h);
        assert_int_equal(call_both(&single, NULL), SJ_OK);
        assert_memory_equal(single.hvp.memory, a.hvp.memory, single.hvp.bytes);
        assert_memory_equal(single.grad_z.memory, a.grad_z.memory, single.hvp.bytes);
        for_each_array(&a, layout_free);
        for_each_array(&b, layout_free);
        for_each_array(&single, layout_free);
    }
}

/* out exactly an input. */
static void in_place(void **state) {
    enum { n = 70 };
    random_stream r = {33};
    double inputs[4][n], want[n];
    (void)state;
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < n; k++) inputs[i][k] = random_normal(&r);
    const sj_view h = sj_vector_f64(inputs[3], n);
    assert_int_equal(sj_softmax_hvp(sj_vector_f64(inputs[0], n), sj_vector_f64(inputs[1], n),
                                    sj_vector_f64(inputs[2], n), &h, sj_vector_f64(want, n), NULL),
                     SJ_OK);
    for (int over = 0; over < 4; over++) {
        double copies[4][n];
        memcpy(copies, inputs, sizeof copies);
        const sj_view of_h = sj_vector_f64(copies[3], n);
        assert_int_equal(sj_softmax_hvp(sj_vector_f64(copies[0], n), sj_vector_f64(copies[1], n),
                                        sj_vector_f64(copies[2], n), &of_h, sj_vector_f64(copies[over], n), NULL),
                         SJ_OK);
        assert_memory_equal(copies[over], want, sizeof want);
    }
}

/* grad_z may be g while grad_g is another array. */
static void grad_z_in_place_of_g(void **state) {
    double z[3] = {1, 2, 4}, g[3] = {3, 1, 2}, u[3] = {5, 7, 1}, grad_g[2][3], grad_z[3];
    const sj_view to_g = sj_vector_f64(g, 3), to_z = sj_vector_f64(grad_z, 3);
    const sj_view of_z = sj_vector_f64(z, 3), of_u = sj_vector_f64(u, 3);
    const sj_view products[2] = {sj_vector_f64(grad_g[0], 3), sj_vector_f64(grad_g[1], 3)};
    (void)state;
    assert_int_equal(sj_softmax_double_backward(of_z, to_g, of_u, &products[0], &to_z, NULL), SJ_OK);
    assert_int_equal(sj_softmax_double_backward(of_z, to_g, of_u, &products[1], &to_g, NULL), SJ_OK);
    assert_memory_equal(g, grad_z, sizeof g);
    assert_memory_equal(grad_g[0], grad_g[1], sizeof grad_g[0]);
}

static void refused(void **state) {
    double z[3] = {1, 2, 4}, g[3] = {3, 1, 2}, u[4] = {5, 7, 1, 0}, a[3] = {9, 9, 9}, b[3] = {9, 9, 9};
    const sj_view of_z = sj_vector_f64(z, 3), of_g = sj_vector_f64(g, 3), of_u = sj_vector_f64(u, 3);
    const sj_view longer = sj_vector_f64(u, 4), beside = sj_vector_f64(u + 1, 3), null = sj_vector_f64(NULL, 3);
    const sj_view to_a = sj_vector_f64(a, 3), to_b = sj_vector_f64(b, 3);
    sj_error error = {SJ_OK, ""};
    sj_options exact = SJ_OPTIONS_INIT, plain = SJ_OPTIONS_INIT, scaled = SJ_OPTIONS_INIT;
    (void)state;
    exact.mode = SJ_EXACT;
    exact.error = plain.error = &error;
    assert_int_equal(sj_softmax_double_backward(of_z, of_g, of_u, &to_a, &to_b, &exact), SJ_BAD_OPTION);
    assert_int_equal(sj_softmax_hvp(of_z, of_g, of_u, NULL, to_a, &exact), SJ_BAD_OPTION);
    assert_non_null(strstr(error.message, "mode"));
    scaled.scale = 2;
    assert_int_equal(sj_softmax_double_backward(of_z, of_g, of_u, &to_a, NULL, &scaled), SJ_BAD_OPTION);
    assert_int_equal(sj_softmax_hvp(of_z, of_g, of_u, NULL, to_a, &scaled), SJ_BAD_OPTION);
    assert_int_equal(sj_softmax_hvp(of_z, of_g, longer, NULL, to_a, &plain), SJ_BAD_SHAPE);
    assert_int_equal(error.message[0], 'v');
    assert_int_equal(sj_softmax_hvp(of_z, of_g, of_u, &longer, to_a, &plain), SJ_BAD_SHAPE);
    assert_int_equal(error.message[0], 'h');
    assert_int_equal(sj_softmax_double_backward(of_z, of_g, longer, &to_a, &to_b, &plain), SJ_BAD_SHAPE);
    assert_int_equal(error.message[0], 'u');
    assert_int_equal(sj_softmax_double_backward(of_z, null, of_u, &to_a, &to_b, &plain), SJ_BAD_POINTER);
    assert_int_equal(sj_softmax_double_backward(of_z, of_g, of_u, &to_a, &to_a, &plain), SJ_BAD_OVERLAP);
    assert_int_equal(sj_softmax_double_backward(of_z, of_g, of_u, &to_a, &of_z, &plain), SJ_BAD_OVERLAP);
    assert_int_equal(sj_softmax_double_backward(of_z, of_g, of_u, &to_a, &of_u, &plain), SJ_BAD_OVERLAP);
    assert_int_equal(sj_softmax_hvp(of_z, of_g, of_u, NULL, beside, &plain), SJ_BAD_OVERLAP);
    for (int k = 0; k < 3; k++) assert_true(a[k] == 9 && b[k] == 9 && z[k] != 9);
    assert_int_equal(sj_softmax_double_backward(of_z, of_g, of_u, NULL, NULL, &plain), SJ_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges),
        cmocka_unit_test(a_confident_row_keeps_its_digits),
        cmocka_unit_test(the_derivative_by_the_scale_is_a_product),
        cmocka_unit_test(layouts_have_the_same_bits),
        cmocka_unit_test(threads_and_neighbours_leave_the_bits),
        cmocka_unit_test(in_place),
        cmocka_unit_test(grad_z_in_place_of_g),
        cmocka_unit_test(refused),
    };
    return run_for_set(tests);
}
