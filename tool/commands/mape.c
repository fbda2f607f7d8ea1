/* mape.c: the command mape: how far PRED is from TRUE, as the article measures it and by its worst entry. */
#include "command.h"
#include "compute.h"

#include <string.h>

static sj_view flat_view(const io_array *array) {
    const size_t size = io_elements(array);
    return sj_array(array->data, array->dtype, 1, &size);
}

static int check_shapes(const arguments *args, const io_array *pred, const io_array *truth) {
    char pred_shape[SHAPE_TEXT], true_shape[SHAPE_TEXT];
    if (pred->ndim == truth->ndim && memcmp(pred->shape, truth->shape, sizeof(size_t) * (size_t)pred->ndim) == 0) {
        if (io_elements(pred) > 0) return EXIT_DONE;
        return fail(args, EXIT_BAD_DATA, "%s: found shape %s, without elements, expected numbers to compare",
                    args->inputs[0], shape_text(pred->ndim, pred->shape, pred_shape));
    }
    return fail(args, EXIT_BAD_DATA, "%s: found shape %s, expected %s, the shape of %s", args->inputs[0],
                shape_text(pred->ndim, pred->shape, pred_shape), shape_text(truth->ndim, truth->shape, true_shape),
                args->inputs[1]);
}

static int compare(const arguments *args, const io_array *pred, const io_array *truth) {
    static const char *const headings[] = {"shape", "MAPE", "max relative error"};
    char shape[SHAPE_TEXT];
    sj_error error = {SJ_OK, ""};
    double mape, worst;
    sj_status status = sj_mape(flat_view(pred), flat_view(truth), &mape, &error);
    if (status == SJ_OK) status = sj_max_relative_error(flat_view(pred), flat_view(truth), &worst, &error);
    if (status != SJ_OK) return library_failure(args, status, &error);
    report *into = report_new(args);
    report_columns(into, 3, headings);
    report_text(into, "%s", shape_text(truth->ndim, truth->shape, shape));
    report_number(into, "%.9g", mape);
    report_number(into, "%.9g", worst);
    return report_finish(into);
}

int command_mape(const arguments *args) {
    io_array pred = {0}, truth = {0};
    int code = read_array(args, args->inputs[0], &pred);
    if (code == EXIT_DONE) code = read_array(args, args->inputs[1], &truth);
    if (code == EXIT_DONE) code = check_shapes(args, &pred, &truth);
    if (code == EXIT_DONE) code = compare(args, &pred, &truth);
    io_array_free(&truth);
    io_array_free(&pred);
    return code;
}
