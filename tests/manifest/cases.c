/* cases.c: see cases.h. A case is one line of the manifest; its name says everything that distinguishes it. */
#include "cases.h"

#include <stdarg.h>
#include <stdio.h>

typedef struct case_walk {
    case_visit *visit;
    void *context;
} case_walk;

static const sj_dtype dtypes[] = {SJ_F32, SJ_F64};

static const char *name_of(sj_dtype dtype) { return dtype == SJ_F32 ? "f32" : "f64"; }

/* Every length around the widths of vectors and groups, then the sizes users reported; Jacobians of fewer. */
static const size_t row_lengths[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14,  15, 16, 17, 18,
                                     19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32,  33, 34, 35, 36,
                                     37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50,  51, 52, 53, 54,
                                     55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, 100, 0};
static const size_t jacobian_lengths[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14,
                                          15, 16, 17, 18, 19, 20, 31, 32, 33, 34, 64, 67, 0};
static const size_t order_lengths[] = {1, 3, 8, 17, 33, 0}, undefined_lengths[] = {1, 2, 3, 9, 16, 33, 70, 0};
static const size_t few_lengths[] = {2, 5, 16, 33, 0}, piece_lengths[] = {2048, 2100, 0};

static bool is_matrix(form_id id) { return forms[id].result == RESULT_MATRIX; }

static bit_case case_of(form_id id, sj_dtype dtype) {
    return (bit_case){.form = id,
                      .z = dtype,
                      .g = dtype,
                      .out = dtype,
                      .fill = input_families[0].fill,
                      .rows = 3,
                      .lengths = is_matrix(id) ? jacobian_lengths : row_lengths};
}

static void visit(const case_walk *walk, bit_case bits, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void visit(const case_walk *walk, bit_case bits, const char *format, ...) {
    char variant[CASE_NAME / 2];
    va_list values;
    va_start(values, format);
    (void)vsnprintf(variant, sizeof variant, format, values);
    va_end(values);
    const char *loss = forms[bits.form].result == RESULT_ROW ? "loss gradient" : "loss";
    const char *what = bits.target == NO_LOSS ? forms[bits.form].name : loss;
    (void)snprintf(bits.name, sizeof bits.name, "%s %s%s%s %s", what, name_of(bits.z), bits.out == bits.z ? "" : " to ",
                   bits.out == bits.z ? "" : name_of(bits.out), variant);
    walk->visit(&bits, walk->context);
}

static void each_input(const case_walk *walk, form_id id, sj_dtype dtype) {
    for (size_t i = 0; i < input_family_count; i++) {
        bit_case bits = case_of(id, dtype);
        bits.fill = input_families[i].fill;
        bits.comparable = true;
        visit(walk, bits, "%s", input_families[i].name);
    }
}

/* Around the pieces of 2048 a long row is reduced in, and far beyond them. */
static void each_length(const case_walk *walk, form_id id, sj_dtype dtype) {
    static const size_t lengths[][2] = {{517, 0}, {2049, 0}, {5000, 0}};
    for (size_t i = 0; i < (is_matrix(id) ? 1 : 3); i++) {
        bit_case bits = case_of(id, dtype);
        bits.rows = is_matrix(id) ? 1 : 2;
        bits.lengths = lengths[i];
        bits.comparable = true;
        visit(walk, bits, "n = %zu", lengths[i][0]);
        bits.fill = input_families[1].fill;
        if (i == 1) visit(walk, bits, "%s, n = %zu", input_families[1].name, lengths[i][0]);
    }
}

static void each_order(const case_walk *walk, form_id id, sj_dtype dtype) {
    static const char *const names[ORDER_COUNT] = {"C order", "class axis first", "step 3", "reversed"};
    for (int order = 0; order < ORDER_COUNT; order++) {
        bit_case bits = case_of(id, dtype);
        bits.rows = 19;
        bits.lengths = order_lengths;
        bits.order = (memory_order)order;
        bits.same_bits = order != ORDER_C;
        visit(walk, bits, "%s", names[order]);
    }
}

/* A row alone has the bits it has in a batch. */
static void row_by_row(const case_walk *walk, form_id id, sj_dtype dtype) {
    bit_case bits = case_of(id, dtype);
    bits.rows = 37;
    bits.lengths = order_lengths;
    visit(walk, bits, "37 rows");
    bits.row_by_row = true;
    bits.same_bits = true;
    visit(walk, bits, "37 rows, one by one");
}

static void each_place(const case_walk *walk, form_id id, sj_dtype dtype) {
    if (forms[id].result != RESULT_ROW) return;
    bit_case bits = case_of(id, dtype);
    bits.lengths = forms[id].takes_g ? piece_lengths : few_lengths;
    visit(walk, bits, "elsewhere");
    bits.same_bits = true;
    bits.place = IN_PLACE_OF_Z;
    visit(walk, bits, "in place of z");
    bits.place = IN_PLACE_OF_G;
    if (forms[id].takes_g) visit(walk, bits, "in place of g");
}

static void each_policy(const case_walk *walk, form_id id, sj_dtype dtype) {
    static const char *const names[] = {"ieee", "limit", "zero"};
    for (int policy = SJ_IEEE; policy <= SJ_ZERO; policy++) {
        bit_case bits = case_of(id, dtype);
        bits.fill = fill_undefined;
        bits.rows = 11;
        bits.lengths = undefined_lengths;
        bits.nonfinite = (sj_nonfinite)policy;
        visit(walk, bits, "undefined rows, %s", names[policy]);
    }
}

static void each_given(const case_walk *walk, form_id id, sj_dtype dtype) {
    if (id < FORM_GRADIENT) return;
    bit_case bits = case_of(id, dtype);
    bits.fill = fill_softmax;
    bits.given = SJ_GIVEN_SOFTMAX;
    visit(walk, bits, "given softmax");
}

static void each_mixture(const case_walk *walk, form_id id, sj_dtype dtype) {
    bit_case bits = case_of(id, dtype);
    const sj_dtype other = dtype == SJ_F32 ? SJ_F64 : SJ_F32;
    bits.lengths = few_lengths;
    bits.out = other;
    visit(walk, bits, "mixed");
    bits.out = dtype;
    bits.g = other;
    if (forms[id].takes_g) visit(walk, bits, "g of %s", name_of(other));
}

static void dense(const case_walk *walk, form_id id, sj_dtype dtype) {
    if (!is_matrix(id)) return;
    bit_case bits = case_of(id, dtype);
    bits.lengths = few_lengths;
    bits.layout = SJ_DENSE;
    visit(walk, bits, "dense");
}

static void each_loss(const case_walk *walk, sj_dtype dtype) {
    static const form_id shapes[] = {FORM_LOGSUMEXP, FORM_SOFTMAX};
    for (size_t i = 0; i < 2 * input_family_count; i++) {
        bit_case bits = case_of(shapes[i % 2], dtype);
        bits.fill = input_families[i / 2].fill;
        bits.target = OF_LABELS;
        visit(walk, bits, "of labels, %s", input_families[i / 2].name);
        bits.target = OF_PROBABILITIES;
        visit(walk, bits, "of probabilities, %s", input_families[i / 2].name);
    }
}

void each_case(case_visit *visitor, void *context) {
    const case_walk walk = {visitor, context};
    for (int id = 0; id < FORM_COUNT; id++)
        for (int t = 0; t < 2; t++) {
            each_input(&walk, (form_id)id, dtypes[t]);
            each_length(&walk, (form_id)id, dtypes[t]);
            each_order(&walk, (form_id)id, dtypes[t]);
            row_by_row(&walk, (form_id)id, dtypes[t]);
            each_place(&walk, (form_id)id, dtypes[t]);
            each_policy(&walk, (form_id)id, dtypes[t]);
            each_given(&walk, (form_id)id, dtypes[t]);
            each_mixture(&walk, (form_id)id, dtypes[t]);
            dense(&walk, (form_id)id, dtypes[t]);
        }
    for (int t = 0; t < 2; t++) each_loss(&walk, dtypes[t]);
}
