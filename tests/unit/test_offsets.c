/* test_offsets.c: every way to give the offsets of packed rows wrongly is told, and nothing is written; and who serves
 * none of them. */
#include "support.h"

typedef struct trial {
    int32_t starts[4];
    sj_view offsets, z, out, beside;
    sj_options options;
    float data[8], result[8];
    double number;
    size_t q;
    form_id id;
} trial;

static void decreasing(trial *t) { t->starts[2] = 4; }
static void negative(trial *t) { t->starts[1] = -1; }
static void least(trial *t) { t->starts[3] = INT32_MIN; }
static void beyond(trial *t) { t->starts[2] = 9; }
static void beyond_by_far(trial *t) { t->offsets.dtype = SJ_I64, t->offsets.shape[0] = 2, t->starts[1] = 1 << 30; }
static void begins_late(trial *t) { t->starts[0] = 1; }
static void ends_early(trial *t) { t->starts[3] = 7; }
static void wide(trial *t) { t->offsets.dtype = SJ_F32; }
static void flags(trial *t) { t->offsets.dtype = SJ_BOOL; }
static void matrix(trial *t) { t->offsets.ndim = 2, t->offsets.shape[1] = 1, t->offsets.strides[1] = 1; }
static void scalar(trial *t) { t->offsets.ndim = 0; }
static void nothing(trial *t) { t->offsets.shape[0] = 0; }
static void no_rows(trial *t) { t->offsets.shape[0] = 1; }
static void null(trial *t) { t->offsets.data = NULL; }
static void misaligned(trial *t) { t->offsets.data = (char *)t->starts + 1; }
static void reach(trial *t) { t->offsets.strides[0] = PTRDIFF_MAX; }
static void overlap(trial *t) { t->offsets.data = t->result + 4; }
static void overlap_backwards(trial *t) { t->offsets.data = t->result + 7, t->offsets.strides[0] = -1; }
static void numbers_shape(trial *t) { t->id = FORM_LOGSUMEXP, t->out.shape[0] = 4; }
static void result_size(trial *t) { t->out.shape[0] = 3; }
static void class_beyond(trial *t) { t->id = FORM_GRADIENT, t->q = 2; }
static void log_class_beyond(trial *t) { t->id = FORM_LOG_GRADIENT, t->q = 3; }
static void jacobian(trial *t) { t->id = FORM_JACOBIAN; }
static void log_jacobian(trial *t) { t->id = FORM_LOG_JACOBIAN; }
static void with_lengths(trial *t) { t->options.lengths = &t->beside; }
static void with_sink(trial *t) { t->options.sink = &t->beside; }
static void with_causal(trial *t) { t->options.causal = true; }
static void with_no_scale(trial *t) { t->options.scale = 0; }

static const struct {
    const char *what;
    void (*make)(trial *t);
    sj_status status;
    const char *named;
} mistakes[] = {
    {"decreasing", decreasing, SJ_BAD_OPTION, "options.offsets: 4 at place 2; expected 5, the one before, or more"},
    {"negative", negative, SJ_BAD_OPTION, "options.offsets: -1 at place 1; expected 0, the one before, or more"},
    {"far below", least, SJ_BAD_OPTION, "options.offsets: -2147483648 at place 3"},
    {"beyond n", beyond, SJ_BAD_OPTION, "options.offsets: 9 at place 2 of 4; expected at last n = 8"},
    {"far beyond n", beyond_by_far, SJ_BAD_OPTION, "options.offsets: "},
    {"begins late", begins_late, SJ_BAD_OPTION, "options.offsets: 1 at place 0; expected 0"},
    {"ends early", ends_early, SJ_BAD_OPTION, "options.offsets: 7 at place 3 of 4; expected at last n = 8"},
    {"floats", wide, SJ_BAD_DTYPE, "options.offsets: dtype 1; expected SJ_I32 or SJ_I64"},
    {"flags", flags, SJ_BAD_DTYPE, "options.offsets: dtype 5; expected SJ_I32 or SJ_I64"},
    {"a matrix", matrix, SJ_BAD_SHAPE, "options.offsets: 2 dimensions; expected 1"},
    {"a scalar", scalar, SJ_BAD_SHAPE, "options.offsets: 0 dimensions; expected 1"},
    {"nothing", nothing, SJ_BAD_SHAPE, "options.offsets: 0 elements; expected one more than rows"},
    {"no rows of entries", no_rows, SJ_BAD_OPTION, "options.offsets: 0 at place 0 of 1; expected at last n = 8"},
    {"no data", null, SJ_BAD_POINTER, "options.offsets: data is NULL"},
    {"misaligned", misaligned, SJ_BAD_POINTER, "options.offsets: data is not aligned"},
    {"beyond the address space", reach, SJ_BAD_STRIDE, "options.offsets"},
    {"in the output", overlap, SJ_BAD_OVERLAP, "out overlaps options.offsets"},
    {"in the output, backwards", overlap_backwards, SJ_BAD_OVERLAP, "out overlaps options.offsets"},
    {"numbers of too many rows", numbers_shape, SJ_BAD_SHAPE, "out: size 4 in dimension 0; expected 3"},
    {"a result as numbers", result_size, SJ_BAD_SHAPE, "out: size 3 in dimension 0; expected 8"},
    {"output 2 of a row of 2", class_beyond, SJ_BAD_CLASS, "q: 2; expected below 2, the length of row 0"},
    {"output 3 of a row of 2", log_class_beyond, SJ_BAD_CLASS, "q: 3; expected below 2, the length of row 0"},
    {"a Jacobian", jacobian, SJ_BAD_OPTION, "options.offsets: of a Jacobian"},
    {"a log-softmax Jacobian", log_jacobian, SJ_BAD_OPTION, "options.offsets: of a Jacobian"},
    {"lengths", with_lengths, SJ_BAD_OPTION, "options.lengths: beside offsets"},
    {"a sink", with_sink, SJ_BAD_OPTION, "options.sink: beside offsets"},
    {"causal", with_causal, SJ_BAD_OPTION, "options.causal: beside offsets"},
    {"scale 0", with_no_scale, SJ_BAD_OPTION, "options.scale: 0"},
};

static void mistakes_are_told(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        const size_t count = 4;
        trial t = {.starts = {0, 2, 5, 8}, .options = SJ_OPTIONS_INIT, .id = FORM_SOFTMAX};
        sj_error error = {SJ_OK, ""};
        if (mistakes[i].make == decreasing) t.starts[1] = 5;
        t.z = sj_vector_f32(t.data, 8), t.out = sj_vector_f32(t.result, 8);
        t.offsets = sj_array(t.starts, SJ_I32, 1, &count);
        t.beside = sj_scalar_f64(&t.number);
        t.options.offsets = &t.offsets, t.options.error = &error;
        for (size_t k = 0; k < 8; k++) t.result[k] = 7;
        mistakes[i].make(&t);
        if (t.id == FORM_LOGSUMEXP) t.out.shape[0] = 4;
        const form_arguments a = {.z = t.z, .g = t.z, .q = t.q, .out = t.out};
        const sj_status status = forms[t.id].call(&a, &t.options);
        if (status != mistakes[i].status || error.status != status || strstr(error.message, mistakes[i].named) == NULL)
            fail_msg("%s: status %d, %s; expected %d, %s", mistakes[i].what, (int)status, error.message,
                     (int)mistakes[i].status, mistakes[i].named);
        for (size_t k = 0; k < 8; k++) assert_true(t.result[k] == 7);
    }
}

/* Functions that serve none. */
static void others_refuse(void **state) {
    (void)state;
    const int32_t starts[2] = {0, 2}, label = 0;
    const size_t count = 2;
    const double z[2] = {1, 2};
    double out[2] = {7, 7}, loss = 7;
    const sj_view offsets = sj_array(starts, SJ_I32, 1, &count), to = sj_vector_f64(out, 2), in = sj_vector_f64(z, 2);
    const sj_view number = sj_scalar_f64(&loss), target = sj_array(&label, SJ_I32, 0, NULL);
    sj_state row = SJ_STATE_INIT;
    sj_options options = SJ_OPTIONS_INIT;
    options.offsets = &offsets;
    assert_int_equal(sj_softmax_hvp(in, in, in, NULL, to, &options), SJ_BAD_OPTION);
    assert_int_equal(sj_softmax_double_backward(in, in, in, &to, NULL, &options), SJ_BAD_OPTION);
    assert_int_equal(sj_state_update(in, &row, &options), SJ_BAD_OPTION);
    assert_int_equal(sj_cross_entropy(in, target, &number, NULL, NULL, &options), SJ_BAD_OPTION);
    assert_true(out[0] == 7 && out[1] == 7 && loss == 7 && row.count == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(mistakes_are_told), cmocka_unit_test(others_refuse)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
