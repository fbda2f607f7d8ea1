/* beside.c: the arrays of beside.h. A causal mask is a length for each row, so it becomes one; the library gives no
 * time to what lies past a length. */
#include "beside.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* What an option's file may hold, and what becomes of it. */
typedef struct beside_kind {
    const char *file;
    sj_dtype dtype; /* 0: as in the file */
    bool of_rows;   /* one number a row, not one an entry */
    bool whole;     /* whole numbers from 0 to `most` */
    size_t most;
    const char *advice; /* at the end of the message where they are not */
} beside_kind;

static int check_whole(const arguments *args, const beside_kind *kind, const io_array *from) {
    char place[SHAPE_TEXT];
    const size_t count = io_elements(from);
    for (size_t i = 0; i < count; i++) {
        const double x = io_element(from->data, from->dtype, i);
        if (x >= 0 && x <= (double)kind->most && x == floor(x)) continue;
        size_t index[IO_MAX_NDIM], rest = i;
        for (int d = from->ndim - 1; d >= 0; d--) index[d] = rest % from->shape[d], rest /= from->shape[d];
        return fail(args, EXIT_BAD_DATA, "%s: found %g at %s, expected a whole number from 0 to %zu%s", kind->file, x,
                    shape_text(from->ndim, index, place), kind->most, kind->advice);
    }
    return EXIT_DONE;
}

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

static void store(const io_array *to, size_t i, double x) {
    if (to->dtype == SJ_BOOL)
        ((uint8_t *)to->data)[i] = x != 0;
    else if (to->dtype == SJ_I64)
        ((int64_t *)to->data)[i] = (int64_t)x;
    else if (to->dtype == SJ_F32)
        ((float *)to->data)[i] = (float)x;
    else
        ((double *)to->data)[i] = x;
}

static void broadcast(const io_array *from, const io_array *to) {
    size_t index[IO_MAX_NDIM] = {0}, strides[IO_MAX_NDIM] = {0}, stride = 1, at = 0;
    const size_t count = io_elements(to);
    for (int d = 1; d <= from->ndim; d++) {
        const size_t extent = from->shape[from->ndim - d];
        strides[to->ndim - d] = extent == 1 ? 0 : stride;
        stride *= extent;
    }
    for (size_t i = 0; i < count; i++) {
        store(to, i, io_element(from->data, from->dtype, at));
        for (int d = to->ndim - 1; d >= 0; d--) {
            at += strides[d];
            if (++index[d] < to->shape[d]) break;
            at -= index[d] * strides[d];
            index[d] = 0;
        }
    }
}

/* The shape of the logits, or of their rows. */
static void shape_beside(io_array *to, const io_array *z, int without) {
    to->ndim = 0;
    for (int d = 0; d < z->ndim; d++)
        if (d != without) to->shape[to->ndim++] = z->shape[d];
}

static int take_array(const arguments *args, const beside_kind *kind, const io_array *z, io_array *from, io_array *to) {
    char found[SHAPE_TEXT], expected[SHAPE_TEXT];
    drop_dimensions(from, to->ndim, kind->of_rows);
    if (!broadcasts(from, to))
        return fail(args, EXIT_BAD_DATA, "%s: found shape %s, expected one that broadcasts to %s, %s of %s", kind->file,
                    shape_text(from->ndim, from->shape, found), shape_text(to->ndim, to->shape, expected),
                    kind->of_rows ? "one number for each row" : "the shape", args->inputs[0]);
    int code = kind->whole ? check_whole(args, kind, from) : EXIT_DONE;
    /* Of so many empty rows job_prepare allows no result that could need a number for each. */
    if (code != EXIT_DONE || (io_elements(z) == 0 && !few_elements(to))) return code;
    to->dtype = kind->dtype ? kind->dtype : from->dtype;
    code = allocate_array(args, to, "");
    if (code == EXIT_DONE) broadcast(from, to);
    return code;
}

static int take_file(const arguments *args, const beside_kind *kind, const io_array *z, const grid *around,
                     io_array *to) {
    io_array from = {0};
    if (!kind->file) return EXIT_DONE;
    int code = read_array(args, kind->file, &from);
    shape_beside(to, z, kind->of_rows ? around->axis : -1);
    if (code == EXIT_DONE) code = take_array(args, kind, z, &from, to);
    io_array_free(&from);
    return code;
}

/* Row i of the dimension before the class axis keeps i + 1 entries, or fewer where it is shorter. */
static int take_causal(const arguments *args, const io_array *z, const grid *around, io_array *lengths) {
    if (z->ndim < 2)
        return fail(args, EXIT_WRONG_USE, "--causal: found 1 dimension in %s, expected one before the class axis",
                    args->inputs[0]);
    if (around->axis != z->ndim - 1)
        return fail(args, EXIT_WRONG_USE, "--causal: found class axis %d of %d dimensions, expected the last",
                    around->axis, z->ndim);
    if (!lengths->data) {
        double all = (double)around->n;
        io_array from = {.dtype = SJ_F64, .data = &all};
        shape_beside(lengths, z, around->axis);
        const int code = take_array(args, &(beside_kind){.dtype = SJ_I64, .of_rows = true}, z, &from, lengths);
        if (code != EXIT_DONE || !lengths->data) return code;
    }
    int64_t *length = lengths->data;
    const size_t rows = io_elements(lengths), cycle = z->shape[z->ndim - 2];
    for (size_t row = 0; row < rows; row++) {
        const int64_t reach = (int64_t)(row % cycle) + 1;
        if (length[row] > reach) length[row] = reach;
    }
    return EXIT_DONE;
}

int beside_read(beside_arrays *beside, const arguments *args, const io_array *z, const grid *around) {
    const beside_kind mask = {.file = args->mask,
                              .dtype = SJ_BOOL,
                              .whole = true,
                              .most = 1,
                              .advice = "; --bias FILE adds numbers to the logits"};
    const beside_kind bias = {.file = args->bias};
    const beside_kind lengths = {
        .file = args->lengths, .dtype = SJ_I64, .of_rows = true, .whole = true, .most = around->n, .advice = ""};
    const beside_kind sink = {.file = args->sink, .of_rows = true};
    int code = take_file(args, &mask, z, around, &beside->mask);
    if (code == EXIT_DONE) code = take_file(args, &bias, z, around, &beside->bias);
    if (code == EXIT_DONE) code = take_file(args, &lengths, z, around, &beside->lengths);
    if (code == EXIT_DONE && args->causal) code = take_causal(args, z, around, &beside->lengths);
    if (code == EXIT_DONE) code = take_file(args, &sink, z, around, &beside->sink);
    return code;
}

void beside_keep_row(beside_arrays *beside, const grid *around, size_t row) {
    io_array *const of_entries[] = {&beside->mask, &beside->bias}, *const of_rows[] = {&beside->lengths, &beside->sink};
    const grid rows = {around->outer, 1, around->inner, around->axis};
    for (size_t i = 0; i < 2; i++) {
        if (of_entries[i]->data) keep_row(of_entries[i], around, row);
        if (of_rows[i]->data) keep_row(of_rows[i], &rows, row);
    }
}

void beside_free(beside_arrays *beside) {
    io_array_free(&beside->mask);
    io_array_free(&beside->bias);
    io_array_free(&beside->lengths);
    io_array_free(&beside->sink);
}
