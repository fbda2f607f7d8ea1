/* verify.c: the command verify: every form of the library on the user's logits, or on input of the article's kind, in
 * float64 and float32, judged by check_forms.c and printed by verify_report.c. */
#include "verify_report.h"

#include "check_data.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

/* A Jacobian over this is left out, whatever the machine has: verify must not be what fills it. */
#define MOST_BYTES ((size_t)1 << 30)

/* The article's gradients are those of this output. */
#define ARTICLE_CLASS 3

static int make_logits(const arguments *args, io_array *logits) {
    *logits = (io_array){.dtype = SJ_F64, .ndim = 2, .shape = {CHECK_ROWS, CHECK_CLASSES}};
    const int code = allocate_array(args, logits, "");
    if (code == EXIT_DONE) check_logits(logits->data, io_elements(logits));
    return code;
}

static int copy_as(const arguments *args, const io_array *logits, sj_dtype dtype, io_array *copy) {
    *copy = *logits;
    const int code = allocate_array(args, copy, "");
    if (code != EXIT_DONE) return code;
    memcpy(copy->data, logits->data, io_elements(logits) * io_item(logits->dtype));
    return convert_array(args, copy, dtype);
}

static void set_element(void *data, sj_dtype dtype, size_t i, double value) {
    if (dtype == SJ_F32) {
        ((float *)data)[i] = (float)value;
    } else {
        ((double *)data)[i] = value;
    }
}

/* The three arrays that the products take. The cotangent is dL/ds = 2s of the article's loss, L = sum of squares. */
typedef struct products {
    void *cotangent, *log_cotangent, *tangent;
} products;

static sj_status fill_products(const check_input *input, const products *made, size_t count,
                               const sj_options *options) {
    const sj_dtype dtype = input->dtype;
    const grid *around = &input->around;
    const sj_status status =
        sj_softmax(grid_view(input->z, dtype, around), grid_view(made->cotangent, dtype, around), options);
    for (size_t i = 0; i < count && status == SJ_OK; i++) {
        const size_t k = i / around->inner % around->n;
        set_element(made->cotangent, dtype, i, 2 * io_element(made->cotangent, dtype, i));
        set_element(made->log_cotangent, dtype, i, check_log_cotangent(k, input->q, around->n));
        set_element(made->tangent, dtype, i, check_tangent(io_element(input->z, dtype, i)));
    }
    return status;
}

static int run_checks(const arguments *args, check_input *input, const products *made, size_t count,
                      check_lines *lines) {
    sj_error error = {SJ_OK, ""};
    const sj_options options = library_options(args, &error);
    progress bar;
    if (fill_products(input, made, count, &options) != SJ_OK)
        return fail(args, EXIT_CHECK_FAILED, "softmax failed: %s", error.message);
    input->cotangent = made->cotangent;
    input->log_cotangent = made->log_cotangent;
    input->tangent = made->tangent;
    progress_begin(&bar, args, dtype_name(input->dtype), (double)(input->around.outer * input->around.inner));
    const bool done = check_forms(input, &options, &bar, lines);
    progress_end(&bar);
    return done ? EXIT_DONE : fail(args, EXIT_NO_MEMORY, "out of memory");
}

static int check_dtype(const arguments *args, const io_array *logits, check_input *input, check_lines *lines) {
    const size_t count = io_elements(logits);
    io_array z = {0};
    const int copied = copy_as(args, logits, input->dtype, &z);
    if (copied != EXIT_DONE) return copied;
    const products made = {calloc(count + 1, sizeof(double)), calloc(count + 1, sizeof(double)),
                           calloc(count + 1, sizeof(double))};
    input->z = z.data;
    const int code = made.cotangent && made.log_cotangent && made.tangent ? run_checks(args, input, &made, count, lines)
                                                                          : fail(args, EXIT_NO_MEMORY, "out of memory");
    free(made.cotangent);
    free(made.log_cotangent);
    free(made.tangent);
    io_array_free(&z);
    return code;
}

static int require_elements(const arguments *args, const io_array *logits) {
    if (io_elements(logits) > 0) return EXIT_DONE;
    return fail(args, EXIT_BAD_DATA, "%s: found an array without elements, expected logits to check", args->inputs[0]);
}

static int select_class(const arguments *args, size_t n, size_t *q) {
    *q = args->class_index;
    if (!args->has_class) *q = n > ARTICLE_CLASS ? ARTICLE_CLASS : 0;
    if (*q < n) return EXIT_DONE;
    return fail(args, EXIT_WRONG_USE, "--class: found %zu, expected less than the number of classes, %zu", *q, n);
}

/* One dtype's table; adds to *judged the rows that could be judged. */
static int add_dtype(report *into, const arguments *args, const io_array *logits, check_input *input, size_t *judged) {
    check_lines *lines = calloc(1, sizeof *lines);
    if (!lines) return fail(args, EXIT_NO_MEMORY, "out of memory");
    const int code = check_dtype(args, logits, input, lines);
    if (code == EXIT_DONE) verify_add_table(into, input, lines);
    *judged += lines->judged;
    free(lines);
    return code;
}

static int check_and_report(const arguments *args, const io_array *logits, check_input *input) {
    static const sj_dtype dtypes[] = {SJ_F64, SJ_F32};
    size_t judged = 0;
    report *into = report_new(args);
    verify_introduce(into, args, input);
    for (size_t i = 0; i < 2; i++) {
        if (args->dtype && args->dtype != dtypes[i]) continue;
        input->dtype = dtypes[i];
        const int code = add_dtype(into, args, logits, input, &judged);
        if (code == EXIT_DONE) continue;
        report_discard(into);
        return code;
    }
    verify_explain(into, args, input);
    if (judged == 0) report_fail(into);
    const int code = report_finish(into);
    if (code == EXIT_CHECK_FAILED && judged == 0) return fail(args, EXIT_CHECK_FAILED, "no row could be judged");
    return code;
}

int command_verify(const arguments *args) {
    if (args->dtype == SJ_F16) return fail(args, EXIT_WRONG_USE, "--dtype: found f16, expected f32 or f64");
    io_array logits = {0};
    int code = args->input_count ? read_array(args, args->inputs[0], &logits) : make_logits(args, &logits);
    const size_t available = memory_available() / 4;
    check_input input = {.ndim = logits.ndim, .shape = logits.shape};
    input.memory_limit = available < MOST_BYTES ? available : MOST_BYTES;
    if (code == EXIT_DONE) code = require_elements(args, &logits);
    if (code == EXIT_DONE) code = grid_of(args, &logits, &input.around);
    if (code == EXIT_DONE) code = select_class(args, input.around.n, &input.q);
    if (code == EXIT_DONE) code = check_and_report(args, &logits, &input);
    io_array_free(&logits);
    return code;
}
