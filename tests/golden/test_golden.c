/* test_golden.c: the library on the golden inputs against SciPy's and autograd's results.
 * Reads golden.tsv for what each array is and for how far its own producer is from the truth. */
#include "support.h"

#include "io/io.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

/* One line of golden.tsv. form is a name of forms[], or "sum-of-squares". */
typedef struct golden {
    const char *file, *form, *layout, *input, *cotangent, *producer;
    int axis;
    size_t q;
    double relative, absolute; /* largest errors of the golden array itself */
} golden;

/* The arrays of one line. The class axis of the input has n entries, `inner` elements apart. */
typedef struct subject {
    const golden *line;
    const form *form; /* of the quantity; the VJP for the sum of squares */
    bool sum_of_squares;
    io_array z, g, expected, got;
    double *s; /* softmax of z in double: weighs the bounds below, is not under test here */
    size_t n, inner;
} subject;

#define MAX_LINES 100
#define MAX_CLASSES 300 /* of the widest input */
static golden lines[MAX_LINES];
static char text_of_lines[MAX_LINES][512];
static size_t line_count;

#define COLUMNS 10

/* Cuts the line at its tabs; text in `line` points into it afterwards. */
static bool parse_line(char *text, golden *line) {
    char *column[COLUMNS] = {text};
    for (size_t i = 1; i < COLUMNS; i++) {
        char *tab = strchr(column[i - 1], '\t');
        if (tab == NULL) return false;
        *tab = '\0';
        column[i] = tab + 1;
    }
    *line = (golden){
        .file = column[0],
        .form = column[1],
        .layout = column[2],
        .input = column[3],
        .cotangent = column[4],
        .axis = (int)strtol(column[5], NULL, 10),
        .q = strtoul(column[6], NULL, 10), /* "-", where there is none, reads as 0 */
        .producer = column[7],
        .relative = strtod(column[8], NULL),
        .absolute = strtod(column[9], NULL),
    };
    return true;
}

static int read_index(void **state) {
    bool good = true;
    FILE *index = fopen(GOLDEN_FOLDER "/golden.tsv", "r");
    (void)state;
    if (index == NULL) return -1;
    while (good && line_count < MAX_LINES && fgets(text_of_lines[line_count], sizeof text_of_lines[0], index) != NULL) {
        char *text = text_of_lines[line_count];
        if (text[0] == '#') continue;
        good = parse_line(text, &lines[line_count++]);
    }
    good = good && line_count < MAX_LINES;
    fclose(index);
    return good ? 0 : -1;
}

static void read_array(const char *file, io_array *array) {
    char path[1024];
    io_error error;
    snprintf(path, sizeof path, "%s/%s", GOLDEN_FOLDER, file);
    if (!io_read(path, array, &error)) fail_msg("%s", error.message);
}

static double element(const io_array *array, size_t i) { return element_get(array->data, array->dtype, i); }

static sj_view view_of(const io_array *array, int axis) {
    sj_view view = sj_array(array->data, array->dtype, array->ndim, array->shape);
    view.axis = axis;
    return view;
}

/* An array of the shape and dtype of `model`, filled with a value no result can hold. */
static io_array array_like(const io_array *model) {
    io_array array = *model;
    const size_t size = io_elements(model);
    array.data = new_elements(model->dtype, size);
    for (size_t i = 0; i < size; i++) element_set(array.data, array.dtype, i, 7e7);
    return array;
}

static const form *form_named(const char *name) {
    for (size_t i = 0; i < FORM_COUNT; i++) {
        if (strcmp(forms[i].name, name) == 0) return &forms[i];
    }
    return NULL;
}

static void split_at_axis(subject *x) {
    x->inner = 1;
    for (int d = x->line->axis + 1; d < x->z.ndim; d++) x->inner *= x->z.shape[d];
    x->n = x->z.shape[x->line->axis];
    assert_in_range(x->n, 1, MAX_CLASSES);
}

static void softmax_in_double(subject *x) {
    sj_view out = view_of(&x->z, x->line->axis);
    out.dtype = SJ_F64;
    out.data = x->s = new_elements(SJ_F64, io_elements(&x->z));
    assert_int_equal(sj_softmax(view_of(&x->z, x->line->axis), out, NULL), SJ_OK);
}

/* dL/ds of L = sum of s^2, computed by the library in the input's dtype. */
static io_array twice_softmax(const subject *x) {
    io_array g = array_like(&x->z);
    const int axis = x->line->axis;
    assert_int_equal(sj_softmax(view_of(&x->z, axis), view_of(&g, axis), NULL), SJ_OK);
    for (size_t i = 0; i < io_elements(&g); i++) element_set(g.data, g.dtype, i, 2 * element(&g, i));
    return g;
}

static void compute(subject *x) {
    const int axis = x->line->axis;
    form_arguments arguments = {.q = x->line->q};
    arguments.z = view_of(&x->z, axis);
    if (x->g.data != NULL) arguments.g = view_of(&x->g, axis);
    arguments.layout = strcmp(x->line->layout, "dense") == 0 ? SJ_DENSE : SJ_BLOCKS;
    x->got = array_like(&x->expected);
    arguments.out = view_of(&x->got, -1);
    assert_int_equal(x->form->call(&arguments, NULL), SJ_OK);
}

static subject open_subject(const golden *line) {
    subject x = {.line = line, .sum_of_squares = strcmp(line->form, "sum-of-squares") == 0};
    x.form = x.sum_of_squares ? &forms[FORM_VJP] : form_named(line->form);
    if (x.form == NULL) fail_msg("%s: no form \"%s\"", line->file, line->form);
    read_array(line->file, &x.expected);
    read_array(line->input, &x.z);
    assert_int_equal(x.expected.dtype, x.z.dtype);
    split_at_axis(&x);
    softmax_in_double(&x);
    if (x.sum_of_squares) {
        x.g = twice_softmax(&x);
    } else if (x.form->takes_g) {
        read_array(line->cotangent, &x.g);
    }
    compute(&x);
    return x;
}

static void close_subject(subject *x) {
    io_array_free(&x->z);
    io_array_free(&x->expected);
    if (x->g.data != NULL) io_array_free(&x->g);
    free(x->got.data);
    free(x->s);
}

static double unit_roundoff(sj_dtype dtype) { return dtype == SJ_F32 ? FLT_EPSILON / 2.0 : DBL_EPSILON / 2; }

static double smallest_subnormal(sj_dtype dtype) { return dtype == SJ_F32 ? 0x1p-149 : 0x1p-1074; }

/* |J_ik| of the matrix a product multiplies with; s is the row's softmax. */
static double weight(form_id id, const double *s, size_t i, size_t k) {
    const double complement = 1 - s[i] + DBL_EPSILON; /* may only be too large: it widens a bound */
    switch (id) {
    case FORM_LOG_VJP:
        return i == k ? complement : s[i]; /* the transpose */
    case FORM_LOG_JVP:
        return i == k ? complement : s[k];
    default:
        return s[i] * (i == k ? complement : s[k]);
    }
}

/* Bound of our error in entry i of a product. The contract: 4u * sum over k of |J_ik| |g_k - g_m|; the log-softmax VJP
 * does not annihilate constants, so its g is not shifted. The sum of squares has g = 2 s, each off by up to 2 ulp
 * = 4u relative, which J spreads: 4u * sum of |J_ik| |g_k| more. */
static double product_bound(const subject *x, const double *s, const double *g, size_t i) {
    size_t m = 0;
    double sum = 0;
    for (size_t k = 1; k < x->n; k++) m = s[k] > s[m] ? k : m;
    for (size_t k = 0; k < x->n; k++) {
        const double cotangent = x->form->id == FORM_LOG_VJP ? g[k] : g[k] - g[m];
        sum += weight(x->form->id, s, i, k) * (fabs(cotangent) + (x->sum_of_squares ? g[k] : 0));
    }
    return 4 * unit_roundoff(x->z.dtype) * sum;
}

/* Bound of our error in the logsumexp of a row: the contract's 2u * max(|a|, log1p(T)), with T < n. */
static double logsumexp_bound(const subject *x, size_t row) {
    double a = -INFINITY;
    for (size_t k = 0; k < x->n; k++) a = fmax(a, element(&x->z, row + k * x->inner));
    return 2 * unit_roundoff(x->z.dtype) * fmax(fabs(a), log((double)x->n));
}

/* Bound of |ours - truth| of result entry `at`, as the accuracy contract states it. */
static double our_bound(const subject *x, size_t at) {
    double s[MAX_CLASSES], g[MAX_CLASSES];
    size_t row = at / x->inner * x->n * x->inner + at % x->inner;
    if (x->form->id == FORM_LOGSUMEXP) return logsumexp_bound(x, row);
    if (!x->form->takes_g) return 4 * unit_roundoff(x->z.dtype) * fabs(element(&x->got, at)); /* 2 ulp <= 4u |value| */
    row = at / (x->n * x->inner) * x->n * x->inner + at % x->inner;
    for (size_t k = 0; k < x->n; k++) {
        s[k] = x->s[row + k * x->inner];
        g[k] = element(&x->g, row + k * x->inner);
    }
    return product_bound(x, s, g, at / x->inner % x->n);
}

/* |ours - golden| <= |ours - truth| + |golden - truth|. The first is our contract; the second is at most the smaller of
 * what mpmath measured, absolute, or relative to a truth that our own bound encloses. */
static double tolerance(const subject *x, size_t at) {
    const double ours = our_bound(x, at) + smallest_subnormal(x->z.dtype);
    const double truth = fabs(element(&x->got, at)) + ours;
    return ours + fmin(x->line->absolute, x->line->relative * truth);
}

/* Compares every entry; prints the worst one and returns how many are beyond the tolerance. */
static size_t disagreements(const golden *line) {
    subject x = open_subject(line);
    size_t count = 0, worst = 0;
    double worst_ratio = 0;
    for (size_t at = 0; at < io_elements(&x.expected); at++) {
        const double difference = fabs(element(&x.got, at) - element(&x.expected, at));
        const double ratio = difference / tolerance(&x, at);
        if (!(ratio <= 1)) count++; /* a NaN counts */
        if (!(ratio <= worst_ratio)) worst_ratio = ratio, worst = at;
    }
    if (count > 0) {
        print_error("%s: %zu of %zu entries differ; entry %zu: ours %.17g, %s %.17g, %.2f times the tolerance\n",
                    line->file, count, io_elements(&x.expected), worst, element(&x.got, worst), line->producer,
                    element(&x.expected, worst), worst_ratio);
    }
    close_subject(&x);
    return count;
}

static void agree_with(const char *producer) {
    size_t compared = 0, count = 0;
    for (size_t i = 0; i < line_count; i++) {
        if (strcmp(lines[i].producer, producer) != 0) continue;
        compared++;
        count += disagreements(&lines[i]);
    }
    assert_true(compared > 0);
    assert_int_equal(count, 0);
}

static void forward_agrees_with_scipy(void **state) {
    (void)state;
    agree_with("scipy");
}

static void derivatives_agree_with_autograd(void **state) {
    (void)state;
    agree_with("autograd");
}

static void every_form_has_a_golden_array_of_each_dtype(void **state) {
    (void)state;
    for (size_t f = 0; f < FORM_COUNT; f++) {
        bool single = false, full = false;
        for (size_t i = 0; i < line_count; i++) {
            if (strcmp(lines[i].form, forms[f].name) != 0) continue;
            if (strcmp(lines[i].input, "normal32.npy") == 0) single = true;
            if (strcmp(lines[i].input, "normal.npy") == 0) full = true;
        }
        if (!single || !full) fail_msg("no golden array of %s", forms[f].name);
    }
}

/* A tolerance of zero or wide open would make the comparisons below say nothing. */
static void own_errors_of_the_golden_arrays_are_recorded(void **state) {
    (void)state;
    for (size_t i = 0; i < line_count; i++) {
        assert_true(lines[i].absolute > 0 && lines[i].absolute < 1e-6);
        assert_true(lines[i].relative > 0 && isfinite(lines[i].relative));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_has_a_golden_array_of_each_dtype),
        cmocka_unit_test(own_errors_of_the_golden_arrays_are_recorded),
        cmocka_unit_test(forward_agrees_with_scipy),
        cmocka_unit_test(derivatives_agree_with_autograd),
    };
    const int unavailable = require_kernel_set();
    return unavailable ? unavailable : cmocka_run_group_tests(tests, read_index, NULL);
}
