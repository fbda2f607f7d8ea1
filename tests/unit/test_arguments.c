/* test_arguments.c: every way to call wrongly, through every form: the status, a message that names the argument, and
 * nothing written. One table of mistakes. */
#include "support.h"

#include <limits.h>
#include <stdint.h>

#define ROWS 3
#define CLASSES 4
#define FILL 0x5a

typedef struct trial {
    const form *entry;
    form_arguments a;
    sj_options options;
    sj_error error;
} trial;

typedef enum reach {
    EVERY_FORM,
    WITH_G,
    WITH_CLASS,
    DERIVATIVES,
    FORWARD,
    JACOBIANS,
    SAME_SHAPE /* the output has the shape of the logits */
} reach;

typedef struct mistake {
    const char *what;
    void (*make)(trial *t);
    reach reach;
    sj_status status;
    const char *named; /* how the message begins; g is t in a JVP */
} mistake;

static bool reaches(reach r, const form *entry) {
    const bool forward = entry->id <= FORM_LOGSUMEXP;
    switch (r) {
    case EVERY_FORM:
        return true;
    case WITH_G:
        return entry->takes_g;
    case WITH_CLASS:
        return entry->takes_class;
    case DERIVATIVES:
        return !forward;
    case FORWARD:
        return forward;
    case JACOBIANS:
        return entry->result == RESULT_MATRIX;
    case SAME_SHAPE:
        return entry->result == RESULT_ROW;
    }
    return false;
}

static int last(const sj_view *view) { return view->ndim - 1; }

static void z_null(trial *t) { t->a.z.data = NULL; }
static void g_null(trial *t) { t->a.g.data = NULL; }
static void out_null(trial *t) { t->a.out.data = NULL; }
static void z_dtype(trial *t) { t->a.z.dtype = (sj_dtype)0; }
static void g_dtype(trial *t) { t->a.g.dtype = SJ_BOOL; }
static void out_dtype(trial *t) { t->a.out.dtype = (sj_dtype)33; }
static void z_scalar(trial *t) { t->a.z.ndim = 0; }
static void z_negative_ndim(trial *t) { t->a.z.ndim = -1; }
static void z_many_ndim(trial *t) { t->a.z.ndim = SJ_MAX_NDIM + 1; }
static void g_ndim(trial *t) { t->a.g.ndim = 1; }
static void out_ndim(trial *t) {
    const int added = t->a.out.ndim++;
    t->a.out.shape[added] = 1;
    t->a.out.strides[added] = 1;
}
static void out_many_ndim(trial *t) { t->a.out.ndim = INT_MAX; }
static void axis_high(trial *t) { t->a.z.axis = t->a.z.ndim; }
static void axis_low(trial *t) { t->a.z.axis = -t->a.z.ndim - 1; }
static void axis_lowest(trial *t) { t->a.z.axis = INT_MIN; }
static void g_shape(trial *t) { t->a.g.shape[1]--; }
static void out_shape(trial *t) { t->a.out.shape[0]--; }
static void out_classes(trial *t) { t->a.out.shape[last(&t->a.out)]--; }
static void out_transposed(trial *t) {
    t->a.out.shape[0] = CLASSES;
    t->a.out.shape[1] = ROWS;
}
static void class_n(trial *t) { t->a.q = CLASSES; }
static void class_wrapped(trial *t) { t->a.q = SIZE_MAX; }
static void layout_unknown(trial *t) { t->a.layout = (sj_layout)2; }
static void size_zero(trial *t) { t->options.size = 0; }
static void size_small(trial *t) { t->options.size--; }
static void size_large(trial *t) { t->options.size++; }
static void nonfinite_unknown(trial *t) { t->options.nonfinite = (sj_nonfinite)3; }
static void given_unknown(trial *t) { t->options.given = (sj_given)2; }
static void given_softmax(trial *t) { t->options.given = SJ_GIVEN_SOFTMAX; }
static void threads_negative(trial *t) { t->options.threads = -1; }
static void out_stride_zero(trial *t) { t->a.out.strides[last(&t->a.out)] = 0; }
static void out_stride_overlapping(trial *t) { t->a.out.strides[0] = t->a.out.ndim > 1 ? CLASSES - 1 : 0; }
static void out_stride_negative(trial *t) { t->a.out.strides[0] = t->a.out.ndim > 1 ? -1 : 0; }
static void z_product_overflows(trial *t) {
    t->a.z.shape[0] = t->a.z.shape[1] = (size_t)1 << (sizeof(size_t) * CHAR_BIT / 2);
    t->a.z.strides[0] = t->a.z.strides[1] = 0;
}
/* The product of these wraps round to 4. */
static void z_product_wraps(trial *t) {
    const size_t shape[3] = {4194305, 4194305, 211106198978564};
    t->a.z = sj_array(t->a.z.data, SJ_F32, 3, shape);
    t->a.z.strides[0] = t->a.z.strides[1] = t->a.z.strides[2] = 0;
}
static void g_product_overflows(trial *t) { t->a.g.shape[0] = SIZE_MAX; }
static void z_reach(trial *t) { t->a.z.strides[0] = PTRDIFF_MAX; }
static void z_reach_back(trial *t) { t->a.z.strides[0] = PTRDIFF_MIN; }
static void z_reach_of_sum(trial *t) {
    t->a.z.strides[0] = PTRDIFF_MAX / 16 / (ROWS - 1);
    t->a.z.strides[1] = PTRDIFF_MAX / 8 / (CLASSES - 1);
}
static void g_reach(trial *t) { t->a.g.strides[1] = PTRDIFF_MAX / 8; }
static void out_reach(trial *t) { t->a.out.strides[0] = PTRDIFF_MAX / 8; }
static void out_in_z(trial *t) { t->a.out.data = (double *)t->a.z.data + 1; }
static void dense_of_many(trial *t) {
    const size_t shape[7] = {1, 1, 1, 1, 1, ROWS, CLASSES};
    t->a.layout = SJ_DENSE;
    t->a.z = sj_array(t->a.z.data, SJ_F64, 7, shape);
}
static void blocks_of_most(trial *t) {
    const size_t shape[SJ_MAX_NDIM] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, ROWS, CLASSES};
    t->a.z = sj_array(t->a.z.data, SJ_F64, SJ_MAX_NDIM, shape);
}
static void dense_as_blocks(trial *t) { t->a.layout = SJ_DENSE; }

static const mistake mistakes[] = {
    {"z is NULL", z_null, EVERY_FORM, SJ_BAD_POINTER, "z:"},
    {"g is NULL", g_null, WITH_G, SJ_BAD_POINTER, "g:"},
    {"out is NULL", out_null, EVERY_FORM, SJ_BAD_POINTER, "out"},
    {"dtype of z", z_dtype, EVERY_FORM, SJ_BAD_DTYPE, "z:"},
    {"dtype of g", g_dtype, WITH_G, SJ_BAD_DTYPE, "g:"},
    {"dtype of out", out_dtype, EVERY_FORM, SJ_BAD_DTYPE, "out"},
    {"z is a scalar", z_scalar, EVERY_FORM, SJ_BAD_SHAPE, "z:"},
    {"ndim of z below 0", z_negative_ndim, EVERY_FORM, SJ_BAD_SHAPE, "z:"},
    {"ndim of z above the most", z_many_ndim, EVERY_FORM, SJ_BAD_SHAPE, "z:"},
    {"ndim of g", g_ndim, WITH_G, SJ_BAD_SHAPE, "g:"},
    {"ndim of out", out_ndim, EVERY_FORM, SJ_BAD_SHAPE, "out"},
    {"ndim of out above the most", out_many_ndim, EVERY_FORM, SJ_BAD_SHAPE, "out"},
    {"axis at ndim", axis_high, EVERY_FORM, SJ_BAD_AXIS, "z: axis"},
    {"axis below -ndim", axis_low, EVERY_FORM, SJ_BAD_AXIS, "z: axis"},
    {"axis at INT_MIN", axis_lowest, EVERY_FORM, SJ_BAD_AXIS, "z: axis"},
    {"shape of g", g_shape, WITH_G, SJ_BAD_SHAPE, "g:"},
    {"rows of out", out_shape, EVERY_FORM, SJ_BAD_SHAPE, "out"},
    {"classes of out", out_classes, DERIVATIVES, SJ_BAD_SHAPE, "out"},
    {"out transposed", out_transposed, SAME_SHAPE, SJ_BAD_SHAPE, "out"},
    {"class at n", class_n, WITH_CLASS, SJ_BAD_CLASS, "q:"},
    {"class at SIZE_MAX", class_wrapped, WITH_CLASS, SJ_BAD_CLASS, "q:"},
    {"layout", layout_unknown, JACOBIANS, SJ_BAD_OPTION, "layout:"},
    {"options of size 0", size_zero, EVERY_FORM, SJ_BAD_OPTION, NULL},
    {"options of a smaller size", size_small, EVERY_FORM, SJ_BAD_OPTION, NULL},
    {"options of a larger size", size_large, EVERY_FORM, SJ_BAD_OPTION, NULL},
    {"nonfinite", nonfinite_unknown, EVERY_FORM, SJ_BAD_OPTION, "options.nonfinite:"},
    {"given", given_unknown, EVERY_FORM, SJ_BAD_OPTION, "options.given:"},
    {"given softmax forward", given_softmax, FORWARD, SJ_BAD_OPTION, "options.given:"},
    {"threads below 0", threads_negative, EVERY_FORM, SJ_BAD_OPTION, "options.threads:"},
    {"out of stride 0", out_stride_zero, EVERY_FORM, SJ_BAD_STRIDE, "out"},
    {"rows of out overlapping", out_stride_overlapping, EVERY_FORM, SJ_BAD_STRIDE, "out"},
    {"rows of out over each other backwards", out_stride_negative, EVERY_FORM, SJ_BAD_STRIDE, "out"},
    {"shape of z overflows", z_product_overflows, EVERY_FORM, SJ_BAD_SHAPE, "z:"},
    {"shape of z wraps", z_product_wraps, EVERY_FORM, SJ_BAD_SHAPE, "z:"},
    {"shape of g overflows", g_product_overflows, WITH_G, SJ_BAD_SHAPE, "g:"},
    {"z beyond the address space", z_reach, EVERY_FORM, SJ_BAD_STRIDE, "z:"},
    {"z below the address space", z_reach_back, EVERY_FORM, SJ_BAD_STRIDE, "z:"},
    {"z beyond it by the sum", z_reach_of_sum, EVERY_FORM, SJ_BAD_STRIDE, "z:"},
    {"g beyond the address space", g_reach, WITH_G, SJ_BAD_STRIDE, "g:"},
    {"out beyond the address space", out_reach, EVERY_FORM, SJ_BAD_STRIDE, "out"},
    {"out inside z", out_in_z, EVERY_FORM, SJ_BAD_OVERLAP, "out"},
    {"dense result of too many dimensions", dense_of_many, JACOBIANS, SJ_BAD_SHAPE, "z:"},
    {"blocks of too many dimensions", blocks_of_most, JACOBIANS, SJ_BAD_SHAPE, "z:"},
    {"blocks where dense is asked", dense_as_blocks, JACOBIANS, SJ_BAD_SHAPE, "out"},
};

typedef struct memory {
    double z[ROWS * CLASSES * 4], g[ROWS * CLASSES], out[ROWS * CLASSES * CLASSES];
} memory;

/* A call that succeeds, to be spoiled. */
static trial good_trial(const form *entry, memory *m) {
    const size_t shape[2] = {ROWS, CLASSES};
    size_t result[3] = {0};
    const int ndim = result_shape(entry->id, 2, 1, shape, result);
    trial t = {.entry = entry, .options = SJ_OPTIONS_INIT};
    fill_random(m->z, SJ_F64, sizeof m->z / sizeof *m->z, 1);
    fill_random(m->g, SJ_F64, sizeof m->g / sizeof *m->g, 2);
    memset(m->out, FILL, sizeof m->out);
    t.a = (form_arguments){sj_array(m->z, SJ_F64, 2, shape), sj_array(m->g, SJ_F64, 2, shape), 1, SJ_BLOCKS,
                           sj_array(m->out, SJ_F64, ndim, result)};
    return t;
}

static sj_status attempt(trial *t) {
    t->options.error = &t->error;
    memset(&t->error, 0, sizeof t->error);
    return t->entry->call(&t->a, &t->options);
}

static void the_unspoiled_call_succeeds(void **state) {
    memory m;
    (void)state;
    for (int id = 0; id < FORM_COUNT; id++) {
        trial t = good_trial(&forms[id], &m);
        assert_int_equal(attempt(&t), SJ_OK);
        assert_int_equal(t.error.status, SJ_OK);
        assert_string_equal(t.error.message, "");
    }
}

static void check_mistake(const mistake *wrong, const form *entry) {
    static memory m, before;
    trial t = good_trial(entry, &m);
    wrong->make(&t);
    before = m;
    const sj_status status = attempt(&t);
    if (status != wrong->status)
        fail_msg("%s, %s: %s; expected: %s", entry->name, wrong->what, sj_strerror(status), sj_strerror(wrong->status));
    assert_memory_equal(&m, &before, sizeof m);
    if (t.options.size == sizeof t.options) {
        assert_int_equal(t.error.status, wrong->status);
        assert_true(strlen(t.error.message) > 0 && strlen(t.error.message) < sizeof t.error.message);
    }
    const bool tangent = entry->id == FORM_JVP || entry->id == FORM_LOG_JVP;
    const char *named = tangent && wrong->named && strcmp(wrong->named, "g:") == 0 ? "t:" : wrong->named;
    if (named && strncmp(t.error.message, named, strlen(named)) != 0)
        fail_msg("%s, %s: \"%s\" does not begin with %s", entry->name, wrong->what, t.error.message, named);
    t.options.error = NULL;
    assert_int_equal(entry->call(&t.a, &t.options), wrong->status);
    assert_memory_equal(&m, &before, sizeof m);
}

static void every_mistake_is_refused_by_name(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++)
        for (int id = 0; id < FORM_COUNT; id++)
            if (reaches(mistakes[i].reach, &forms[id])) check_mistake(&mistakes[i], &forms[id]);
}

static void every_status_has_its_sentence(void **state) {
    bool reached[SJ_BAD_OPTION + 1] = {true};
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) reached[mistakes[i].status] = true;
    for (int s = SJ_OK; s <= SJ_BAD_OPTION; s++) {
        assert_true(reached[s]);
        assert_string_not_equal(sj_strerror((sj_status)s), sj_strerror((sj_status)99));
        for (int other = SJ_OK; other < s; other++)
            assert_string_not_equal(sj_strerror((sj_status)s), sj_strerror((sj_status)other));
    }
    assert_non_null(sj_strerror((sj_status)-1));
}

/* An element that exists is needed only where the view has elements. */
static void null_is_fine_where_there_is_nothing(void **state) {
    const size_t shape[2] = {0, 5};
    const sj_view empty = sj_array(NULL, SJ_F32, 2, shape);
    (void)state;
    assert_int_equal(sj_softmax(empty, empty, NULL), SJ_OK);
    assert_int_equal(sj_softmax_vjp(empty, empty, empty, NULL), SJ_OK);
}

static void threads_of_any_count_are_accepted(void **state) {
    memory m;
    (void)state;
    for (int id = 0; id < FORM_COUNT; id++) {
        trial t = good_trial(&forms[id], &m);
        t.options.threads = INT_MAX;
        assert_int_equal(attempt(&t), SJ_OK);
    }
}

static void version_is_the_header_s(void **state) {
    (void)state;
    assert_int_equal(SJ_VERSION_MAJOR, sj_version()[0] - '0');
    assert_string_equal(sj_version(), "0.1.0");
    assert_string_equal(sj_kernel_set_built(0), "scalar");
    size_t count = 0;
    bool found = false;
    for (; sj_kernel_set_built(count); count++) found |= strcmp(sj_kernel_set_built(count), sj_kernel_set()) == 0;
    assert_true(found);
    assert_null(sj_kernel_set_built(count + 1));
    assert_null(sj_kernel_set_built(SIZE_MAX));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_unspoiled_call_succeeds),       cmocka_unit_test(every_mistake_is_refused_by_name),
        cmocka_unit_test(every_status_has_its_sentence),     cmocka_unit_test(null_is_fine_where_there_is_nothing),
        cmocka_unit_test(threads_of_any_count_are_accepted), cmocka_unit_test(version_is_the_header_s)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
