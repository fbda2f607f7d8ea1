/* test_shared.c: rows that several threads share, because there are fewer rows than threads: the bits they have on one
 * thread, in place too, and the values of exact mode, which no team computes. */
#include "processors.h"
#include "support.h"

#include <math.h>

#define SPAN ((size_t)16384) /* entries that one thread sweeps at a time */
#define N (5 * SPAN + 77)

static const int teams[] = {2, 3, 7, 0}; /* 0: as many as the library likes */

typedef enum row_kind {
    ROW_USUAL,
    ROW_TIES,         /* the maximum in several spans */
    ROW_HUGE_G,       /* one cotangent above all limits, in the last span */
    ROW_FAR,          /* logits that weights are not taken of at once */
    ROW_EMPTY_SPAN,   /* -inf throughout the second span */
    ROW_HAS_NAN,      /* in the third span */
    ROW_HAS_INFINITE, /* two of +inf, in different spans */
    ROW_EMPTY,        /* -inf throughout */
    ROW_KINDS
} row_kind;

typedef enum place { ELSEWHERE, IN_PLACE_OF_Z, IN_PLACE_OF_G, PLACES } place;

typedef struct shared_call {
    form_id id;
    sj_dtype dtype;
    row_kind kind;
    sj_options options;
    place at;
    size_t rows, n, step; /* of neighbouring entries of a row */
    void *z, *g;
} shared_call;

static void fill(shared_call *c) {
    const size_t n = c->n;
    const double infinite = (double)INFINITY;
    fill_random(c->z, c->dtype, c->rows * n * c->step, 3 + (uint64_t)c->kind);
    fill_random(c->g, c->dtype, c->rows * n * c->step, 17);
    for (size_t i = 0; i < n; i++) {
        const size_t at = i * c->step;
        if (c->kind == ROW_TIES && i % (SPAN / 2) == 5) element_set(c->z, c->dtype, at, 9);
        if (c->kind == ROW_FAR) element_set(c->z, c->dtype, at, 0x1p40 * (double)(i % 3));
        if (c->kind == ROW_EMPTY || (c->kind == ROW_EMPTY_SPAN && i / SPAN == 1))
            element_set(c->z, c->dtype, at, -infinite);
        if (c->kind == ROW_HAS_INFINITE && (i == 7 || i == 3 * SPAN)) element_set(c->z, c->dtype, at, infinite);
    }
    if (c->kind == ROW_HAS_NAN) element_set(c->z, c->dtype, (2 * SPAN + 1) * c->step, (double)NAN);
    if (c->kind == ROW_HUGE_G) element_set(c->g, c->dtype, (n - 3) * c->step, c->dtype == SJ_F32 ? 1e37 : 1e300);
}

static sj_view view_of(const shared_call *c, void *data) {
    const size_t shape[] = {c->rows, c->n, c->step};
    sj_view view = sj_array(data, c->dtype, 3, shape);
    view.ndim = 2; /* the first of every `step` */
    view.axis = 1;
    return view;
}

static size_t elements(const shared_call *c) { return c->rows * c->n * c->step; }

/* The result on at most `threads` threads. The caller frees. */
static void *result_of(const shared_call *c, int threads, sj_mode mode) {
    const size_t bytes = elements(c) * dtype_bytes(c->dtype);
    sj_options options = c->options;
    options.threads = threads;
    options.mode = mode;
    void *out = new_elements(c->dtype, elements(c));
    memset(out, 0, bytes);
    if (c->at != ELSEWHERE) memcpy(out, c->at == IN_PLACE_OF_Z ? c->z : c->g, bytes);
    form_arguments a = {view_of(c, c->at == IN_PLACE_OF_Z ? out : c->z),
                        view_of(c, c->at == IN_PLACE_OF_G ? out : c->g), c->n - 1, SJ_BLOCKS, view_of(c, out)};
    if (forms[c->id].result != RESULT_ROW) a.out.ndim = 1;
    assert_int_equal(forms[c->id].call(&a, &options), SJ_OK);
    return out;
}

static void complain(const shared_call *c, const char *what, size_t i) {
    fail_msg("%s %s, kind %d, policy %d, given %d, place %d, %zu rows of %zu: %s at %zu", forms[c->id].name,
             dtype_name(c->dtype), (int)c->kind, (int)c->options.nonfinite, (int)c->options.given, (int)c->at, c->rows,
             c->n, what, i);
}

/* Products may cancel: beside this their errors are small. */
static double largest_of(const shared_call *c, const void *exact) {
    double largest = 0;
    for (size_t i = 0; i < elements(c); i++) {
        const double y = fabs(element_get(exact, c->dtype, i));
        if (y > largest && y < (double)INFINITY) largest = y;
    }
    return largest;
}

static void check_values(const shared_call *c, const void *computed) {
    const double relative = c->dtype == SJ_F32 ? 0x1p-20 : 0x1p-49, least = c->dtype == SJ_F32 ? 0x1p-140 : 0x1p-1060;
    void *exact = result_of(c, 1, SJ_EXACT);
    const double largest = largest_of(c, exact);
    for (size_t i = 0; i < elements(c); i++) {
        const double x = element_get(computed, c->dtype, i), y = element_get(exact, c->dtype, i);
        const double size = forms[c->id].takes_g ? largest : fabs(y);
        const bool same = x == y || (x != x && y != y);
        if (!same && !(fabs(x - y) <= relative * size + least)) complain(c, "not what exact mode gives", i);
    }
    free(exact);
}

static void check(shared_call *c) {
    c->z = new_elements(c->dtype, elements(c));
    c->g = new_elements(c->dtype, elements(c));
    fill(c);
    if (c->options.given == SJ_GIVEN_SOFTMAX)
        assert_int_equal(sj_softmax(view_of(c, c->z), view_of(c, c->z), NULL), SJ_OK);
    void *one = result_of(c, 1, SJ_DEFAULT);
    for (size_t t = 0; t < sizeof teams / sizeof *teams; t++) {
        void *several = result_of(c, teams[t], SJ_DEFAULT);
        for (size_t i = 0; i < elements(c); i++)
            if (!same_bits(c->dtype, one, i, several, i)) complain(c, "other bits than on one thread", i);
        free(several);
    }
    check_values(c, one);
    free(one);
    free(c->z);
    free(c->g);
}

static shared_call call_of(int id, int t, size_t rows) {
    return (shared_call){
        .id = (form_id)id, .dtype = dtypes[t], .options = SJ_OPTIONS_INIT, .rows = rows, .n = N, .step = 1};
}

/* Forms whose result is a row or less. */
static bool is_run(int id) { return forms[id].result != RESULT_MATRIX; }

static void rows_of_every_kind(void **state) {
    (void)state;
    for (int id = 0; id < FORM_COUNT; id++)
        for (int t = 0; t < 2 && is_run(id); t++)
            for (int kind = 0; kind < ROW_KINDS; kind++)
                for (int policy = SJ_IEEE; policy <= (kind < ROW_EMPTY_SPAN ? SJ_IEEE : SJ_ZERO); policy++) {
                    shared_call c = call_of(id, t, 1);
                    c.kind = (row_kind)kind;
                    c.options.nonfinite = (sj_nonfinite)policy;
                    check(&c);
                }
}

static void rows_in_place_strided_and_given(void **state) {
    (void)state;
    for (int id = 0; id < FORM_COUNT; id++)
        for (int t = 0; t < 2 && is_run(id); t++) {
            shared_call c = call_of(id, t, 2);
            check(&c);
            c.step = forms[id].result == RESULT_ROW ? 2 : 1;
            check(&c);
            for (int at = IN_PLACE_OF_Z; at < PLACES && forms[id].result == RESULT_ROW; at++) {
                if (at == IN_PLACE_OF_G && !forms[id].takes_g) continue;
                c.at = (place)at;
                c.step = 3 - c.step;
                check(&c);
            }
            if (id < FORM_GRADIENT) continue;
            c.at = ELSEWHERE;
            c.options.given = SJ_GIVEN_SOFTMAX;
            check(&c);
        }
}

/* So long that spans are longer: there are 256 at most. */
static void the_longest_rows(void **state) {
    (void)state;
    for (int t = 0; t < 2; t++) {
        shared_call c = call_of(FORM_SOFTMAX, t, 1);
        c.n = 256 * SPAN + 3000;
        check(&c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_of_every_kind),
                                       cmocka_unit_test(rows_in_place_strided_and_given),
                                       cmocka_unit_test(the_longest_rows)};
    return run_for_set(tests);
}
