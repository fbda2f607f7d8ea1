/* test_masks.c: softmax, its logarithm, logsumexp and both VJPs through masks, lengths, a causal mask, a scale and a
 * bias, against PyTorch and against the truth of the same numbers. Arrays by make_masks.py. */
#include "support.h"

#include "io/io.h"

#include <float.h>
#include <math.h>

#define BATCH 2
#define QUERIES 6
#define KEYS 9
#define ROWS (BATCH * QUERIES)
#define LOGITS (ROWS * KEYS)

#define SCALE (9.0 / 64)

/* PyTorch's own distance from the truth, in u: z - max is rounded, and so is what the scale and the bias make of z,
 * both under 36 here, and nine terms are summed; that of the entry and that of the sum add up. Of products it is
 * relative to the cotangents of the row, of logarithms absolute. It says that its function is ours; ours is held to its
 * contract. */
#define TORCH_UNITS (2.0 * (36 + KEYS + 3))

typedef struct reading {
    const char *name;
    bool mask, lengths, causal, scaled;
} reading;

static const reading readings[] = {{"mask", true, false, false, false},
                                   {"lengths", false, true, false, false},
                                   {"causal", false, false, true, false},
                                   {"scale and bias", false, false, false, true},
                                   {"all", true, true, true, true}};

/* The contract: ulp of an entry, or u of the condition that make_masks.py states. Derivatives by a scale are rounded
 * once more. */
static const struct {
    form_id id;
    double allowed, allowed_scaled;
} results[] = {
    {FORM_SOFTMAX, 2, 2}, {FORM_LOG_SOFTMAX, 2, 2}, {FORM_LOGSUMEXP, 2, 2}, {FORM_VJP, 4, 4.8}, {FORM_LOG_VJP, 4, 4.8}};

#define READINGS (sizeof readings / sizeof *readings)
#define RESULTS (sizeof results / sizeof *results)

typedef struct inputs {
    double *z, *g, *bias; /* numbers of float32 */
    uint8_t mask[QUERIES * KEYS];
    int64_t lengths[ROWS];
    double *truth, *condition, *torch; /* torch: in the dtype under test */
    sj_dtype dtype;
} inputs;

static double *read_array(const char *name, size_t elements) {
    char path[512];
    io_array array;
    io_error error;
    (void)snprintf(path, sizeof path, GOLDEN_FOLDER "/masks.%s.npy", name);
    if (!io_read(path, &array, &error)) fail_msg("%s", error.message);
    assert_int_equal(io_elements(&array), elements);
    double *values = new_elements(SJ_F64, elements);
    untype(array.dtype, array.data, values, elements);
    io_array_free(&array);
    return values;
}

static void read_inputs(inputs *in, sj_dtype dtype) {
    double *mask = read_array("mask", QUERIES * KEYS), *lengths = read_array("lengths", ROWS);
    for (size_t i = 0; i < QUERIES * KEYS; i++) in->mask[i] = mask[i] != 0;
    for (size_t i = 0; i < ROWS; i++) in->lengths[i] = (int64_t)lengths[i];
    free(mask), free(lengths);
    in->z = read_array("z", LOGITS);
    in->g = read_array("g", LOGITS);
    in->bias = read_array("bias", QUERIES * KEYS);
    in->truth = read_array("truth", READINGS * RESULTS * LOGITS);
    in->condition = read_array("condition", READINGS * RESULTS * LOGITS);
    in->torch = read_array(dtype == SJ_F32 ? "torch32" : "torch64", READINGS * RESULTS * LOGITS);
    in->dtype = dtype;
}

static void free_inputs(inputs *in) {
    free(in->z), free(in->g), free(in->bias), free(in->truth), free(in->condition), free(in->torch);
}

/* The library's result, of logsumexp in every place of its row as the arrays have it. */
static void compute(const inputs *in, const reading *how, form_id id, double got[LOGITS]) {
    static const size_t shape[] = {BATCH, QUERIES, KEYS};
    void *z = typed(in->dtype, in->z, LOGITS), *g = typed(in->dtype, in->g, LOGITS);
    void *out = new_elements(in->dtype, LOGITS), *bias = typed(in->dtype, in->bias, QUERIES * KEYS);
    const bool scalar = forms[id].result == RESULT_SCALAR;
    const sj_view mask = sj_array(in->mask, SJ_BOOL, 2, shape + 1), lengths = sj_array(in->lengths, SJ_I64, 2, shape);
    const sj_view added = sj_array(bias, in->dtype, 2, shape + 1);
    const form_arguments a = {.z = sj_array(z, in->dtype, 3, shape),
                              .g = sj_array(g, in->dtype, 3, shape),
                              .out = sj_array(out, in->dtype, scalar ? 2 : 3, shape)};
    sj_options options = SJ_OPTIONS_INIT;
    if (how->mask) options.mask = &mask;
    if (how->lengths) options.lengths = &lengths;
    options.causal = how->causal;
    if (how->scaled) options.scale = SCALE, options.bias = &added;
    assert_int_equal(forms[id].call(&a, &options), SJ_OK);
    for (size_t i = 0; i < LOGITS; i++) got[i] = element_get(out, in->dtype, scalar ? i / KEYS : i);
    free(z), free(g), free(out), free(bias);
}

static double unit_roundoff(sj_dtype dtype) { return dtype == SJ_F32 ? FLT_EPSILON / 2.0 : DBL_EPSILON / 2; }

static double ulp_of(double x, sj_dtype dtype) {
    const int digits = dtype == SJ_F32 ? FLT_MANT_DIG : DBL_MANT_DIG, least = dtype == SJ_F32 ? -149 : -1074;
    if (x == 0 || !isfinite(x)) return ldexp(1, least);
    return ldexp(1, ilogb(x) + 1 - digits > least ? ilogb(x) + 1 - digits : least);
}

/* Equal infinities are no distance apart; a NaN is far from everything. */
static double distance(double a, double b) { return a == b ? 0 : fabs(a - b) <= DBL_MAX ? fabs(a - b) : INFINITY; }

/* What an error of ours is counted in. */
static double our_unit(const inputs *in, form_id id, size_t at) {
    const bool entry = id == FORM_SOFTMAX || id == FORM_LOG_SOFTMAX;
    return entry ? ulp_of(in->truth[at], in->dtype) : unit_roundoff(in->dtype) * in->condition[at];
}

static double torch_unit(const inputs *in, form_id id, size_t at) {
    const double u = unit_roundoff(in->dtype), *g = in->g + at % LOGITS / KEYS * KEYS;
    double sum = 0;
    for (size_t k = 0; k < KEYS; k++) sum += fabs(g[k]);
    return u * (id == FORM_SOFTMAX ? in->truth[at] : forms[id].takes_g ? sum : 1);
}

static void check(const inputs *in, size_t r, size_t f) {
    const form_id id = results[f].id;
    const double allowed = readings[r].scaled ? results[f].allowed_scaled : results[f].allowed;
    const size_t first = (r * RESULTS + f) * LOGITS;
    double got[LOGITS], ours = 0, theirs = 0;
    compute(in, &readings[r], id, got);
    for (size_t i = 0; i < LOGITS; i++) {
        const double truth = in->truth[first + i], torch = in->torch[first + i];
        const double off = distance(got[i], truth), torch_off = distance(torch, truth);
        if (off > 0) {
            /* The truth itself is rounded to float64. */
            const double error = fmax(0, off - ulp_of(truth, SJ_F64) / 2) / our_unit(in, id, first + i);
            ours = fmax(ours, error);
            if (!(error <= allowed))
                fail_msg("%s of %s, entry %zu: %.17g; the truth is %.17g, PyTorch's %.17g", forms[id].name,
                         readings[r].name, i, got[i], truth, torch);
        }
        if (torch_off > 0) theirs = fmax(theirs, torch_off / torch_unit(in, id, first + i));
    }
    printf("%-11s %s %-14s ours %.2f of %.1f, PyTorch %.2f of %.0f\n", forms[id].name, dtype_name(in->dtype),
           readings[r].name, ours, allowed, theirs, TORCH_UNITS);
    if (!(theirs <= TORCH_UNITS)) fail_msg("%s of %s: PyTorch is elsewhere", forms[id].name, readings[r].name);
}

static void every_reading(void **state) {
    (void)state;
    for (size_t t = 0; t < 2; t++) {
        inputs in;
        read_inputs(&in, dtypes[t]);
        for (size_t r = 0; r < READINGS; r++)
            for (size_t f = 0; f < RESULTS; f++) check(&in, r, f);
        free_inputs(&in);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_reading)};
    return run_for_set(tests);
}
