/* beside.c: the arrays of beside.h. A causal mask is a length for each row, so it becomes one; the library gives no
 * time to what lies past a length. */
#include "beside.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What an option's file may hold, and what becomes of it. */
typedef struct beside_kind {
    input_rule rule; /* the file is rule.name */
    sj_dtype dtype;  /* 0: as in the file */
    bool of_rows;    /* one number a row, not one an entry */
} beside_kind;

/* Text always has two dimensions: numbers of the rows of a matrix may stand in one column, and what has fewer
 * dimensions in one line. */
static void drop_dimensions(io_array *from, int ndim, bool of_rows) {
    if (of_rows && ndim == 1 && from->ndim == 2 && from->shape[1] == 1) {
        from->shape[1] = from->shape[0];
        from->shape[0] = 1;
    }
    while (from->ndim > ndim && from->shape[0] == 1)
        memmove(from->shape, from->shape + 1, sizeof *from->shape * (size_t)--from->ndim);
}

static bool broadcasts(const io_array *from, const io_array *to) {
    if (from->ndim > to->ndim) return false;
    for (int d = 1; d <= from->ndim; d++) {
        const size_t extent = from->shape[from->ndim - d];
        if (extent != 1 && extent != to->shape[to->ndim - d]) return false;
    }
    return true;
}

/* The shape of the logits, or of their rows. */
static void shape_beside(io_array *to, const io_array *z, int without) {
    to->ndim = 0;
    for (int d = 0; d < z->ndim; d++)
        if (d != without) to->shape[to->ndim++] = z->shape[d];
}

static bool same_shape(const io_array *a, const io_array *b) {
    return a->ndim == b->ndim && memcmp(a->shape, b->shape, sizeof *a->shape * (size_t)a->ndim) == 0;
}

/* What is stretched is small, and stays in memory; what has the full shape is read with the logits. */
static int stretch(const arguments *args, input *in, const io_array *to) {
    if (in->in_file && same_shape(&in->array, to)) {
        in->array.dtype = to->dtype;
        return EXIT_DONE;
    }
    const int code = input_load(args, in);
    if (code != EXIT_DONE) return code;
    in->from = in->array;
    in->array = *to;
    return EXIT_DONE;
}

static int take_file(const arguments *args, const beside_kind *kind, const io_array *z, const grid *around, input *in) {
    char found[SHAPE_TEXT], expected[SHAPE_TEXT];
    io_array to = {.data = NULL};
    if (!kind->rule.name) return EXIT_DONE;
    int code = input_open(args, kind->rule.name, in);
    if (code != EXIT_DONE) return code;
    shape_beside(&to, z, kind->of_rows ? around->axis : -1);
    drop_dimensions(&in->array, to.ndim, kind->of_rows);
    if (!broadcasts(&in->array, &to))
        return fail(args, EXIT_BAD_DATA, "%s: found shape %s, expected one that broadcasts to %s, %s of %s",
                    kind->rule.name, shape_text(in->array.ndim, in->array.shape, found),
                    shape_text(to.ndim, to.shape, expected), kind->of_rows ? "one number for each row" : "the shape",
                    args->inputs[0]);
    in->rule = kind->rule;
    to.dtype = kind->dtype ? kind->dtype : in->array.dtype;
    code = in->in_file ? EXIT_DONE : input_check(args, &in->rule, &in->array);
    /* Of so many empty rows job_prepare allows no result that could need a number for each. */
    in->given = io_elements(z) != 0 || few_elements(&to);
    return code == EXIT_DONE && in->given ? stretch(args, in, &to) : code;
}

/* Row i of the dimension before the class axis keeps i + 1 entries, or fewer where it is shorter. */
static int take_causal(const arguments *args, const io_array *z, const grid *around, input *lengths) {
    if (z->ndim < 2)
        return fail(args, EXIT_WRONG_USE, "--causal: found 1 dimension in %s, expected one before the class axis",
                    args->inputs[0]);
    if (around->axis != z->ndim - 1)
        return fail(args, EXIT_WRONG_USE, "--causal: found class axis %d of %d dimensions, expected the last",
                    around->axis, z->ndim);
    if (!lengths->given) {
        double *all = malloc(sizeof *all);
        if (!all) return fail(args, EXIT_NO_MEMORY, "out of memory");
        *all = (double)around->n;
        shape_beside(&lengths->array, z, around->axis);
        lengths->array.dtype = SJ_I64;
        lengths->from = (io_array){.dtype = SJ_F64, .data = all};
        lengths->given = io_elements(z) != 0 || few_elements(&lengths->array);
    }
    lengths->cycle = z->shape[z->ndim - 2];
    return EXIT_DONE;
}

int beside_read(beside_inputs *beside, const arguments *args, const io_array *z, const grid *around) {
    const beside_kind mask = {.rule = {args->mask, true, 0, 1, "; --bias FILE adds numbers to the logits"},
                              .dtype = SJ_BOOL};
    const beside_kind bias = {.rule.name = args->bias};
    const beside_kind lengths = {
        .rule = {args->lengths, true, 0, (double)around->n, ""}, .dtype = SJ_I64, .of_rows = true};
    const beside_kind sink = {.rule.name = args->sink, .of_rows = true};
    int code = take_file(args, &mask, z, around, &beside->mask);
    if (code == EXIT_DONE) code = take_file(args, &bias, z, around, &beside->bias);
    if (code == EXIT_DONE) code = take_file(args, &lengths, z, around, &beside->lengths);
    if (code == EXIT_DONE && args->causal) code = take_causal(args, z, around, &beside->lengths);
    if (code == EXIT_DONE) code = take_file(args, &sink, z, around, &beside->sink);
    return code;
}

int beside_keep_row(const arguments *args, beside_inputs *beside, const grid *around, size_t row) {
    const grid rows = {around->outer, 1, around->inner, around->axis};
    int code = input_keep_row(args, &beside->mask, around, row);
    if (code == EXIT_DONE) code = input_keep_row(args, &beside->bias, around, row);
    if (code == EXIT_DONE) code = input_keep_row(args, &beside->lengths, &rows, row);
    if (code == EXIT_DONE) code = input_keep_row(args, &beside->sink, &rows, row);
    return code;
}

void beside_free(beside_inputs *beside) {
    input_close(&beside->mask);
    input_close(&beside->bias);
    input_close(&beside->lengths);
    input_close(&beside->sink);
}
