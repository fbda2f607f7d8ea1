/* test_scales.c: every form of rows with a scale, a bias and a sink, of any size, against the truth of scale z + bias.
 */
#include "check.h"
#include "scale_truth.h"

#include <math.h>
#include <stdio.h>

static const double scales[] = {-3, 0.125, 1.0 / 3, 1e-30, 1e30, 1, -7e-5};
#define SCALES (sizeof scales / sizeof *scales)

/* What there is beside the logits. */
typedef enum beside { NOTHING, USUAL, LARGE, KINDS } beside;

/* Logits of which scale z is of order 1, or far from it, or that are large beside their differences. */
static double draw_logit(size_t family, double scale, random_stream *r) {
    const double x = 3 * random_normal(r);
    if (family == 0) return x / scale;
    if (family == 1) return x;
    return (1000 + x) / scale;
}

static double draw_bias(beside kind, random_stream *r) {
    if (random_below(r, 9) == 0) return -INFINITY;
    return kind == USUAL ? 2 * random_normal(r) : 1e9 + 3 * random_normal(r);
}

typedef struct problem {
    double *z, *bias, *g, sink;
    double *read_z, *read_g; /* z and g, NaN where nothing may be read */
    scaled_row row;
    sj_dtype dtype;
} problem;

static void call_and_check(form_id id, const problem *p, const char *name) {
    const scaled_row *r = &p->row;
    const size_t n = r->n, entries = form_entries(&forms[id], n);
    void *bias = typed(p->dtype, r->bias ? r->bias : r->z, n), *sink = typed(p->dtype, &p->sink, 1);
    double *out = new_elements(SJ_F64, entries);
    const sj_view bias_view = sj_array(bias, p->dtype, 1, &n), sink_view = sj_array(sink, p->dtype, 0, NULL);
    sj_options options = SJ_OPTIONS_INIT;
    options.scale = r->scale;
    options.bias = r->bias ? &bias_view : NULL;
    options.sink = r->sink ? &sink_view : NULL;
    form_row_with(&options, id, p->dtype, p->read_z, p->read_g, r->q, n, out);
    const size_t step = n > 300 && forms[id].takes_g ? 97 : 1; /* the truth of each takes n steps */
    for (size_t i = 0; i < entries; i += step) {
        const size_t k = forms[id].result == RESULT_MATRIX ? i / n : i, l = i % n;
        const bool masked = id != FORM_LOGSUMEXP && r->bias && (r->bias[k] == -INFINITY || r->bias[l] == -INFINITY);
        const bool selected = !forms[id].takes_class || !r->bias || r->bias[r->q] != -INFINITY;
        double want = 0;
        if (masked || !selected) {
            if (out[i] != (id == FORM_LOG_SOFTMAX ? -INFINITY : 0)) fail_msg("%s: a masked %g", forms[id].name, out[i]);
            continue;
        }
        const double error = scaled_error(id, p->dtype, r, i, out[i], &want);
        record_error(id, p->dtype, error, name, n, i, out[i], want);
    }
    free(bias), free(sink), free(out);
}

/* tangent: whether g is z itself, as for the derivative by the scale, or drawn. */
static void check_scaled(sj_dtype dtype, size_t n, double scale, bool tangent, random_stream *r) {
    static size_t number;
    problem p = {.dtype = dtype};
    double **const arrays[] = {&p.z, &p.bias, &p.g, &p.read_z, &p.read_g};
    const size_t family = random_below(r, 3);
    const beside bias = (beside)random_below(r, KINDS), sink = (beside)random_below(r, KINDS);
    char name[32];
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) *arrays[i] = new_elements(SJ_F64, n);
    (void)snprintf(name, sizeof name, "%zu bias %d sink %d x %.3g", family, (int)bias, (int)sink, scale);
    for (size_t k = 0; k < n; k++) {
        p.z[k] = round_to(dtype, draw_logit(family, scale, r));
        p.bias[k] = round_to(dtype, bias == NOTHING ? 0 : draw_bias(bias, r));
        p.g[k] = tangent ? p.z[k] : round_to(dtype, random_normal(r));
    }
    p.bias[random_below(r, n)] = round_to(dtype, bias == LARGE ? 1e9 : 1);
    for (size_t k = 0; k < n; k++) {
        const bool masked = p.bias[k] == -INFINITY;
        if (masked) p.g[k] = 0; /* the truth knows nothing of masks */
        p.read_z[k] = masked ? NAN : p.z[k];
        p.read_g[k] = masked ? NAN : p.g[k];
    }
    double largest = -INFINITY;
    for (size_t k = 0; k < n; k++) largest = fmax(largest, scale * p.z[k] + (bias == NOTHING ? 0 : p.bias[k]));
    p.sink = round_to(dtype, sink == USUAL ? largest + random_normal(r) : largest + 20);
    if (!isfinite(p.sink)) p.sink = 0;
    p.row = (scaled_row){p.z,   bias == NOTHING ? NULL : p.bias,  p.g,     n, random_below(r, n),
                         scale, sink == NOTHING ? NULL : &p.sink, ++number};
    for (int id = 0; id < FORM_COUNT; id++)
        if (forms[id].result != RESULT_MATRIX || n <= 17) call_and_check((form_id)id, &p, name);
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) free(*arrays[i]);
}

static void check_lengths(const size_t *n, size_t count, size_t times) {
    random_stream r = {count};
    for (size_t i = 0; i < count; i++)
        for (int t = 0; t < 2; t++)
            for (size_t s = 0; s < SCALES; s++)
                for (size_t k = 0; k < times; k++) check_scaled(dtypes[t], n[i], scales[s], false, &r);
    finish_checks();
}

/* Logits of a row with nothing but a scale: those that are weighed by it, near either end of what is, and others. */
typedef enum family { AROUND_ZERO, SPREAD, AT_LOW_END, AT_HIGH_END, FAR, TIED, WITH_INFINITY, FAMILIES } family;

static double draw_plain(family kind, sj_dtype dtype, size_t k, random_stream *r) {
    const bool narrow = dtype == SJ_F32;
    const double depth = narrow ? 104 : 745; /* from there on softmax is 0; somewhat before it is subnormal */
    switch (kind) {
    case SPREAD:
        return random_uniform(r, -1.05 * depth, 0);
    case AT_LOW_END:
        return (narrow ? -42 : -360) - fabs(random_normal(r));
    case AT_HIGH_END:
        return (narrow ? 130 : 1000) - random_uniform(r, -0.1, 1);
    case FAR:
        return 5000 + 3 * random_normal(r);
    case TIED:
        return 1 + (double)random_below(r, 3);
    case WITH_INFINITY:
        return k % 3 == 1 ? -INFINITY : 3 * random_normal(r);
    default:
        return 3 * random_normal(r);
    }
}

static void check_plain(sj_dtype dtype, size_t n, double scale, family kind, random_stream *r) {
    static size_t number = SIZE_MAX / 2;
    problem p = {.z = new_elements(SJ_F64, n), .g = new_elements(SJ_F64, n), .dtype = dtype};
    p.read_z = p.z, p.read_g = p.g;
    char name[32];
    (void)snprintf(name, sizeof name, "family %d x %.3g", (int)kind, scale);
    for (size_t k = 0; k < n; k++) {
        p.z[k] = round_to(dtype, draw_plain(kind, dtype, k, r) / scale);
        p.g[k] = round_to(dtype, random_normal(r));
    }
    if (kind == SPREAD) p.z[random_below(r, n)] = 0;
    p.row = (scaled_row){p.z, NULL, p.g, n, kind == WITH_INFINITY ? 0 : random_below(r, n), scale, NULL, ++number};
    /* a subnormal derivative is rounded before it is scaled, but of float32, computed in float64; what multiplies -inf
     * is as masked as it */
    const bool derives = n <= 65 && kind != WITH_INFINITY && (kind != SPREAD || dtype == SJ_F32);
    for (int id = 0; id < FORM_COUNT; id++)
        if (id <= FORM_LOGSUMEXP || (derives && (forms[id].result != RESULT_MATRIX || n <= 17)))
            call_and_check((form_id)id, &p, name);
    free(p.z), free(p.g);
}

/* The ends of the scales that rows are weighed by, and scales beyond them. */
static void rows_with_nothing_but_a_scale(void **state) {
    (void)state;
    const double many[] = {1 / 0.7, -1 / 0.7, 0.125, 3, -0.1, 1e-3, 1e4, 0x1p30, -0x1p-30, 0x1.8p-30, 0x1.8p30, 1e-30};
    const size_t lengths[] = {2049, 1, 2, 3, 7, 17, 64, 65, 131};
    random_stream r = {7};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (int t = 0; t < 2; t++)
            for (size_t s = 0; s < (i == 0 ? 3 : sizeof many / sizeof *many); s++)
                for (int kind = 0; kind < FAMILIES; kind++)
                    check_plain(dtypes[t], lengths[i], many[s], (family)kind, &r);
    check_plain(SJ_F32, 20000, 1 / 0.7, SPREAD, &r); /* several pieces, and spans of them */
    check_plain(SJ_F64, 20000, -1 / 0.7, AROUND_ZERO, &r);
    finish_checks();
}

/* d softmax(c z) / dc times c is the JVP of a call with scale c in the direction z. */
static void derivatives_by_the_scale(void **state) {
    (void)state;
    random_stream r = {9};
    for (size_t n = 1; n <= 300; n = 1 + n * 3 / 2)
        for (int t = 0; t < 2; t++)
            for (size_t s = 0; s < SCALES; s++) check_scaled(dtypes[t], n, scales[s], true, &r);
    finish_checks();
}

static void short_rows(void **state) {
    (void)state;
    const size_t n[] = {1, 2, 3, 5, 9, 16, 17, 33};
    check_lengths(n, sizeof n / sizeof *n, 6);
}

static void long_rows(void **state) {
    (void)state;
    const size_t n[] = {65, 257};
    check_lengths(n, sizeof n / sizeof *n, 2);
    const size_t longer[] = {2100};
    check_lengths(longer, 1, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_with_nothing_but_a_scale),
                                       cmocka_unit_test(derivatives_by_the_scale), cmocka_unit_test(short_rows),
                                       cmocka_unit_test(long_rows)};
    return run_accuracy_tests(tests);
}
