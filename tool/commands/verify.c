/* verify.c: the command verify: every form of the library on the user's logits, or on input of the article's kind, in
 * float64 and float32, judged by check_forms.c and printed by verify_report.c. A file that is larger than the memory is
 * taken in parts, some rows each. */
#include "verify_report.h"

#include "check_data.h"
#include "memory.h"
#include "transfer.h"

#include <stdint.h>
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

static sj_status fill_products(const check_input *checks, const products *made, size_t count,
                               const sj_options *options) {
    const sj_dtype dtype = checks->dtype;
    const grid *around = &checks->around;
    const sj_status status =
        sj_softmax(grid_view(checks->z, dtype, around), grid_view(made->cotangent, dtype, around), options);
    for (size_t i = 0; i < count && status == SJ_OK; i++) {
        const size_t k = i / around->inner % around->n;
        set_element(made->cotangent, dtype, i, 2 * io_element(made->cotangent, dtype, i));
        set_element(made->log_cotangent, dtype, i, check_log_cotangent(k, checks->q, around->n));
        set_element(made->tangent, dtype, i, check_tangent(io_element(checks->z, dtype, i)));
    }
    return status;
}

static int run_checks(const arguments *args, check_input *checks, const products *made, size_t count, progress *bar,
                      check_lines *lines) {
    sj_error error = {SJ_OK, ""};
    const sj_options options = library_options(args, &error);
    if (fill_products(checks, made, count, &options) != SJ_OK)
        return fail(args, EXIT_CHECK_FAILED, "softmax failed: %s", error.message);
    checks->cotangent = made->cotangent;
    checks->log_cotangent = made->log_cotangent;
    checks->tangent = made->tangent;
    return check_forms(checks, &options, bar, lines) ? EXIT_DONE : fail(args, EXIT_NO_MEMORY, "out of memory");
}

static int check_part(const arguments *args, const io_array *logits, check_input *checks, progress *bar,
                      check_lines *lines) {
    const size_t count = io_elements(logits);
    io_array z = {0};
    const int copied = copy_as(args, logits, checks->dtype, &z);
    if (copied != EXIT_DONE) return copied;
    const products made = {calloc(count + 1, sizeof(double)), calloc(count + 1, sizeof(double)),
                           calloc(count + 1, sizeof(double))};
    checks->z = z.data;
    const int code = made.cotangent && made.log_cotangent && made.tangent
                         ? run_checks(args, checks, &made, count, bar, lines)
                         : fail(args, EXIT_NO_MEMORY, "out of memory");
    free(made.cotangent);
    free(made.log_cotangent);
    free(made.tangent);
    io_array_free(&z);
    return code;
}

/* ---------------------------------------------------------------- parts */

/* The logits, and how many rows of them are taken at a time: of outer, or of inner where one outer index is more. */
typedef struct verify_parts {
    const arguments *args;
    input logits;
    grid around;
    size_t outers, inners;
} verify_parts;

/* What a row holds beside its Jacobians: logits as read and as checked, three arrays of products, and a result for each
 * form. */
#define ROW_DOUBLES (5 + FORM_COUNT)

static void divide(verify_parts *parts) {
    const grid *around = &parts->around;
    const size_t half = memory_allowed(parts->args) / 2, row = ROW_DOUBLES * sizeof(double);
    const size_t fit = half / row / (around->n ? around->n : 1), inner = around->inner ? around->inner : 1;
    const size_t rows = parts->logits.array.data ? SIZE_MAX : fit > 0 ? fit : 1;
    parts->outers = rows < inner ? 1 : rows / inner;
    parts->inners = rows < inner ? rows : inner;
}

static int read_part(const verify_parts *parts, const row_slice *slice, io_array *part) {
    io_error error;
    sj_view view;
    const placement place = place_rows(&parts->around, slice);
    *part = (io_array){.dtype = parts->logits.array.dtype, .ndim = 3};
    memcpy(part->shape, (size_t[]){slice->outers, parts->around.n, slice->inners}, 3 * sizeof(size_t));
    const int code = allocate_array(parts->args, part, "");
    if (code != EXIT_DONE || transfer_in(&parts->logits, &place, part->data, &view, &error)) return code;
    io_array_free(part);
    return fail(parts->args, error.exit_code, "%s", error.message);
}

/* The rows of a slice, which join `lines`. */
static int check_slice(const verify_parts *parts, const row_slice *slice, check_input *checks, progress *bar,
                       check_lines *lines) {
    io_array part = parts->logits.array;
    check_lines *found = calloc(1, sizeof *found);
    if (!found) return fail(parts->args, EXIT_NO_MEMORY, "out of memory");
    checks->around = (grid){slice->outers, parts->around.n, slice->inners, parts->around.axis};
    checks->first_row = slice->outer * parts->around.inner + slice->inner;
    int code = part.data ? EXIT_DONE : read_part(parts, slice, &part);
    if (code == EXIT_DONE) code = check_part(parts->args, &part, checks, bar, found);
    if (code == EXIT_DONE) check_join(lines, found);
    if (!parts->logits.array.data) io_array_free(&part);
    free(found);
    return code;
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

static int check_dtype(const verify_parts *parts, check_input *checks, check_lines *lines) {
    const grid *around = &parts->around;
    progress bar;
    int code = EXIT_DONE;
    progress_begin(&bar, parts->args, dtype_name(checks->dtype), (double)checks->rows);
    for (size_t outer = 0; outer < around->outer && code == EXIT_DONE; outer += parts->outers) {
        for (size_t inner = 0; inner < around->inner && code == EXIT_DONE; inner += parts->inners) {
            const row_slice slice = {outer, least(parts->outers, around->outer - outer), inner,
                                     least(parts->inners, around->inner - inner)};
            code = check_slice(parts, &slice, checks, &bar, lines);
        }
    }
    progress_end(&bar);
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
static int add_dtype(report *into, const verify_parts *parts, check_input *checks, size_t *judged) {
    check_lines *lines = calloc(1, sizeof *lines);
    if (!lines) return fail(parts->args, EXIT_NO_MEMORY, "out of memory");
    const int code = check_dtype(parts, checks, lines);
    if (code == EXIT_DONE) verify_add_table(into, checks, lines);
    *judged += lines->judged;
    free(lines);
    return code;
}

static int check_and_report(const verify_parts *parts, check_input *checks) {
    static const sj_dtype dtypes[] = {SJ_F64, SJ_F32};
    const arguments *args = parts->args;
    io_error error;
    size_t judged = 0;
    int code = EXIT_DONE;
    report *into = report_new(args);
    verify_introduce(into, args, checks);
    for (size_t i = 0; i < 2 && code == EXIT_DONE; i++) {
        if (args->dtype && args->dtype != dtypes[i]) continue;
        checks->dtype = dtypes[i];
        code = add_dtype(into, parts, checks, &judged);
    }
    if (code == EXIT_DONE && !input_unchanged(&parts->logits, &error))
        code = fail(args, error.exit_code, "%s", error.message);
    if (code != EXIT_DONE) {
        report_discard(into);
        return code;
    }
    verify_explain(into, args, checks);
    if (judged == 0) report_fail(into);
    code = report_finish(into);
    if (code == EXIT_CHECK_FAILED && judged == 0) return fail(args, EXIT_CHECK_FAILED, "no row could be judged");
    return code;
}

/* In memory where it takes no more than its part of it. */
static int open_logits(verify_parts *parts) {
    input *logits = &parts->logits;
    *logits = (input){.given = true};
    if (parts->args->input_count == 0) return make_logits(parts->args, &logits->array);
    const int code = input_open(parts->args, parts->args->inputs[0], logits);
    const bool fits = io_elements(&logits->array) <= memory_allowed(parts->args) / 2 / (ROW_DOUBLES * sizeof(double));
    return code == EXIT_DONE && fits ? input_load(parts->args, logits) : code;
}

int command_verify(const arguments *args) {
    if (args->dtype == SJ_F16) return fail(args, EXIT_WRONG_USE, "--dtype: found f16, expected f32 or f64");
    verify_parts parts = {.args = args};
    const size_t available = least(memory_available() / 4, memory_allowed(args));
    int code = open_logits(&parts);
    const io_array *logits = &parts.logits.array;
    check_input checks = {.ndim = logits->ndim, .shape = logits->shape};
    checks.memory_limit = available < MOST_BYTES ? available : MOST_BYTES;
    if (code == EXIT_DONE) code = require_elements(args, logits);
    if (code == EXIT_DONE) code = grid_of(args, logits, &parts.around);
    if (code == EXIT_DONE) code = select_class(args, parts.around.n, &checks.q);
    if (code == EXIT_DONE) {
        checks.rows = parts.around.outer * parts.around.inner;
        checks.around = parts.around;
        divide(&parts);
        code = check_and_report(&parts, &checks);
    }
    input_close(&parts.logits);
    return code;
}
