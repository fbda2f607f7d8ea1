/* mape.c: the command mape: how far PRED is from TRUE, as the article measures it and by its worst entry. */
#include "compute.h"
#include "memory.h"
#include "workers.h"

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

/* Both numbers of the whole arrays, as the one unit of workers.h. */
typedef struct comparison {
    const arguments *args;
    input pred, truth;
    double mape, worst;
    mappings maps;
    size_t memory;
    sj_status status;
    sj_error error;
} comparison;

static bool call(void *context, int worker, size_t unit) {
    comparison *of = context;
    (void)worker, (void)unit;
    const sj_view pred = flat_view(&of->pred.array), truth = flat_view(&of->truth.array);
    of->status = sj_mape(pred, truth, &of->mape, &of->error);
    if (of->status == SJ_OK) of->status = sj_max_relative_error(pred, truth, &of->worst, &of->error);
    return true;
}

static void trim(void *context, size_t done) {
    const comparison *of = context;
    (void)done;
    map_trim(&of->maps, of->memory);
}

static int take(comparison *of, input *in) {
    size_t bytes;
    const bool fits = array_bytes(&in->array, &bytes) && bytes <= of->memory / 2;
    return fits ? input_load(of->args, in) : map_input(&of->maps, of->args, in);
}

static int print(comparison *of) {
    static const char *const headings[] = {"shape", "MAPE", "max relative error"};
    char shape[SHAPE_TEXT];
    const io_array *truth = &of->truth.array;
    report *into = report_new(of->args);
    report_columns(into, 3, headings);
    report_text(into, "%s", shape_text(truth->ndim, truth->shape, shape));
    report_number(into, "%.9g", of->mape);
    report_number(into, "%.9g", of->worst);
    return report_finish(into);
}

static int compare(comparison *of) {
    int code = take(of, &of->pred);
    if (code == EXIT_DONE) code = take(of, &of->truth);
    if (code != EXIT_DONE) return code;
    if (!workers_run(1, 1, call, trim, of)) return fail(of->args, EXIT_NO_MEMORY, "out of memory");
    return of->status == SJ_OK ? print(of) : library_failure(of->args, of->status, &of->error);
}

int command_mape(const arguments *args) {
    comparison of = {.args = args, .memory = memory_allowed(args)};
    int code = input_open(args, args->inputs[0], &of.pred);
    if (code == EXIT_DONE) code = input_open(args, args->inputs[1], &of.truth);
    if (code == EXIT_DONE) code = check_shapes(args, &of.pred.array, &of.truth.array);
    if (code == EXIT_DONE) code = compare(&of);
    input_close(&of.truth);
    input_close(&of.pred);
    map_free(&of.maps);
    return code;
}
