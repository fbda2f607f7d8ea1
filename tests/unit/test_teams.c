/* test_teams.c: a call divided among threads gives the bits it gives on one, and writes nothing else: every form, dtype
 * and mode, over rows of every regime, batched, strided and along every axis. */
#include "layout.h"
#include "processors.h"

/* Worth seven threads in the cheapest case: float32 in default mode. */
#define ENTRIES 120000

static const size_t lengths[] = {1, 5, 16, 17, 100, 5000};
#define LENGTHS (sizeof lengths / sizeof *lengths)
static const int teams[] = {2, 3, 7, 0}; /* 0: as many as the library likes */

/* How rows of n classes, `rows` of them or some more, are laid out. */
typedef struct arrangement {
    const char *name;
    layout_kind kind;
    int ndim, axis;
    size_t around[2]; /* sizes of the second and third batch dimension, those after the first */
} arrangement;

static const arrangement arrangements[] = {
    {"a matrix", LAYOUT_C, 2, 1, {1, 1}},
    {"the first axis", LAYOUT_C, 2, 0, {1, 1}},
    {"the middle axis of three, negative strides", LAYOUT_NEGATIVE, 3, 1, {5, 1}},
    {"the third axis of four, mixed strides", LAYOUT_MIXED, 4, 2, {7, 3}},
    {"the last axis of four, every second element", LAYOUT_STEP_2, 4, 3, {2, 19}},
    {"the last axis of four, other way round", LAYOUT_FORTRAN, 4, 3, {2, 5}},
};
#define ARRANGEMENTS (sizeof arrangements / sizeof *arrangements)

static void shape_of(const arrangement *how, size_t rows, size_t n, size_t *shape) {
    const size_t around = how->around[0] * how->around[1];
    for (int d = 0, batch = 0; d < how->ndim; d++) {
        if (d == how->axis) {
            shape[d] = n;
            continue;
        }
        shape[d] = batch == 0 ? (rows + around - 1) / around : how->around[batch - 1];
        batch++;
    }
}

typedef struct divided_call {
    form_id id;
    sj_dtype dtype;
    sj_mode mode;
    const arrangement *how;
    layout z, g;
    size_t n;
} divided_call;

/* The result of the call on at most `threads` threads, in fresh memory. */
static layout result_of(divided_call *c, int threads) {
    size_t shape[SJ_MAX_NDIM] = {0};
    random_stream r = {c->n};
    const int ndim = result_shape(c->id, c->how->ndim, c->how->axis, c->z.view.shape, shape);
    const layout out = layout_new(c->how->kind, c->dtype, ndim, shape, &r);
    sj_options options = SJ_OPTIONS_INIT;
    options.threads = threads;
    options.mode = c->mode;
    const form_arguments a = {c->z.view, c->g.view, c->n - 1, SJ_BLOCKS, out.view};
    assert_int_equal(forms[c->id].call(&a, &options), SJ_OK);
    return out;
}

static void check_teams(divided_call *c) {
    layout one = result_of(c, 1);
    for (size_t t = 0; t < sizeof teams / sizeof *teams; t++) {
        layout several = result_of(c, teams[t]);
        if (memcmp(one.memory, several.memory, one.bytes) != 0)
            fail_msg("%s %s, %s mode, n = %zu, %s: %d threads give other bits than one", forms[c->id].name,
                     dtype_name(c->dtype), c->mode == SJ_EXACT ? "exact" : "default", c->n, c->how->name, teams[t]);
        layout_free(&several);
    }
    layout_free(&one);
}

static void check_call(form_id id, sj_dtype dtype, sj_mode mode, size_t n, const arrangement *how) {
    size_t shape[SJ_MAX_NDIM], rows = ENTRIES / n;
    random_stream r = {n + (size_t)id};
    if (forms[id].result == RESULT_MATRIX) rows /= (1 + n) / 2;
    if (dtype == SJ_F64 || mode == SJ_EXACT) rows /= 3;
    shape_of(how, rows, n, shape);
    divided_call c = {.id = id, .dtype = dtype, .mode = mode, .how = how, .n = n};
    c.z = layout_new(how->kind, dtype, how->ndim, shape, &r);
    c.g = layout_new(how->kind, dtype, how->ndim, shape, &r);
    c.z.view.axis = how->axis;
    layout_fill(&c.z, &r);
    layout_fill(&c.g, &r);
    check_teams(&c);
    layout_free(&c.z);
    layout_free(&c.g);
}

/* Each arrangement in turn: all come up with every form and every length, though not in every cell. */
static void any_number_of_threads_gives_the_same_bits(void **state) {
    (void)state;
    for (int id = 0; id < FORM_COUNT; id++)
        for (int cell = 0; cell < 4; cell++)
            for (size_t i = 0; i < LENGTHS; i++) {
                if (forms[id].result == RESULT_MATRIX && lengths[i] > 100) continue;
                const size_t turn = (size_t)(id + cell) + i;
                check_call((form_id)id, dtypes[cell % 2], cell / 2 ? SJ_EXACT : SJ_DEFAULT, lengths[i],
                           &arrangements[turn % ARRANGEMENTS]);
            }
}

/* All of them, for the form that is called most. */
static void every_arrangement_gives_the_same_bits(void **state) {
    (void)state;
    for (int t = 0; t < 2; t++)
        for (size_t i = 0; i < LENGTHS; i++)
            for (size_t a = 0; a < ARRANGEMENTS; a++)
                check_call(FORM_SOFTMAX, dtypes[t], SJ_DEFAULT, lengths[i], &arrangements[a]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(any_number_of_threads_gives_the_same_bits),
                                       cmocka_unit_test(every_arrangement_gives_the_same_bits)};
    return run_for_set(tests);
}
