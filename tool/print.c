/* print.c: the text of print.h. One walk over what shows measures the numbers, a second prints them in one format, so
 * that columns align and every number carries at least nine significant digits. */
#include "print.h"
#include "command.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIGNIFICANT = 9 };

typedef enum number_notation { WHOLE, FIXED, SCIENTIFIC } number_notation;

typedef struct array_printer {
    FILE *out;
    const io_array *array;
    size_t head[IO_MAX_NDIM], tail[IO_MAX_NDIM]; /* entries that show at both ends of a dimension */
    size_t stride[IO_MAX_NDIM];
    int limit, column;
    double smallest, largest; /* magnitudes, of finite nonzero numbers */
    bool whole;               /* every number is an integer */
    number_notation notation;
    int decimals, width;
} array_printer;

typedef void (*value_visit)(array_printer *printer, double value);

static void format_number(const array_printer *printer, double value, char text[64]) {
    if (value == 0)
        snprintf(text, 64, signbit(value) ? "-0" : "0");
    else if (!isfinite(value))
        snprintf(text, 64, isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
    else
        snprintf(text, 64, printer->notation == SCIENTIFIC ? "%.*e" : "%.*f", printer->decimals, value);
}

static void measure_range(array_printer *printer, double value) {
    const double size = fabs(value);
    if (!isfinite(value) || value == 0) return;
    if (printer->smallest == 0 || size < printer->smallest) printer->smallest = size;
    if (size > printer->largest) printer->largest = size;
    if (value != trunc(value)) printer->whole = false;
}

/* Decimals that hold more than trailing zeros. */
static void measure_decimals(array_printer *printer, double value) {
    char text[64];
    const int all = printer->decimals;
    printer->decimals = SIGNIFICANT - 1;
    if (printer->notation == FIXED) printer->decimals -= (int)floor(log10(printer->smallest));
    format_number(printer, value, text);
    printer->decimals = all;
    const char *point = strchr(text, '.');
    if (!point) return;
    const char *end = point + 1 + strspn(point + 1, "0123456789");
    while (end[-1] == '0') end--;
    const int needed = (int)(end - point - 1);
    if (needed > printer->decimals) printer->decimals = needed;
}

static void measure_width(array_printer *printer, double value) {
    char text[64];
    format_number(printer, value, text);
    const int width = (int)strlen(text);
    if (width > printer->width) printer->width = width;
}

static void visit_shown(array_printer *printer, int depth, size_t offset, value_visit visit) {
    if (depth == printer->array->ndim) {
        visit(printer, io_element(printer->array->data, printer->array->dtype, offset));
        return;
    }
    const size_t extent = printer->array->shape[depth], stride = printer->stride[depth];
    for (size_t i = 0; i < printer->head[depth]; i++) visit_shown(printer, depth + 1, offset + i * stride, visit);
    for (size_t i = extent - printer->tail[depth]; i < extent; i++)
        visit_shown(printer, depth + 1, offset + i * stride, visit);
}

static void choose_notation(array_printer *printer) {
    printer->whole = true;
    visit_shown(printer, 0, 0, measure_range);
    if (printer->whole && printer->largest < 1e9) printer->notation = WHOLE;
    /* Beyond four orders of magnitude a fixed point would print more zeros than digits. */
    else if (printer->smallest >= 1e-4 && printer->largest < 1e6 && printer->largest < 1e4 * printer->smallest)
        printer->notation = FIXED;
    else
        printer->notation = SCIENTIFIC;
    if (printer->notation != WHOLE) visit_shown(printer, 0, 0, measure_decimals);
    visit_shown(printer, 0, 0, measure_width);
}

static size_t shown_elements(const array_printer *printer) {
    size_t shown = 1;
    for (int d = 0; d < printer->array->ndim; d++) shown *= printer->head[d] + printer->tail[d];
    return shown;
}

static void set_ends(array_printer *printer, int depth, size_t ends) {
    const size_t extent = printer->array->shape[depth];
    printer->head[depth] = extent <= 2 * ends ? extent : ends;
    printer->tail[depth] = extent <= 2 * ends ? 0 : ends;
}

/* Three at each end; fewer, then only the first of the leading dimensions, until few enough show. */
static void choose_corners(array_printer *printer) {
    const int ndim = printer->array->ndim;
    size_t stride = 1;
    for (int d = ndim - 1; d >= 0; d--) {
        printer->stride[d] = stride;
        stride *= printer->array->shape[d];
        printer->head[d] = printer->array->shape[d];
        printer->tail[d] = 0;
    }
    if (io_elements(printer->array) <= PRINT_MOST) return;
    /* Each dimension is cut before the next product, so that six to the power of 32 is never formed. */
    for (size_t ends = 3; ends >= 1; ends--) {
        const int shallow = ends == 3 ? 4 : ends == 2 ? 5 : 10; /* 6^4, 4^5 and 2^10 still fit or nearly */
        for (int d = 0; d < ndim; d++) set_ends(printer, d, ends);
        if (ndim <= shallow && shown_elements(printer) <= PRINT_MOST) return;
    }
    for (int d = 0; d < ndim - 3; d++) printer->head[d] = 1, printer->tail[d] = 0;
}

static void break_line(array_printer *printer, int indent) {
    fprintf(printer->out, "\n%*s", indent, "");
    printer->column = indent;
}

static void print_item(array_printer *printer, const char *text, bool first, int width) {
    const int space = first ? 0 : 1;
    if (!first && printer->limit && printer->column + space + width >= printer->limit)
        break_line(printer, printer->array->ndim);
    else if (!first)
        fputc(' ', printer->out);
    fprintf(printer->out, "%*s", width, text);
    printer->column += space + width;
}

static void print_value(array_printer *printer, size_t offset, bool first) {
    char text[64];
    format_number(printer, io_element(printer->array->data, printer->array->dtype, offset), text);
    print_item(printer, text, first, printer->width);
}

static void print_level(array_printer *printer, int depth, size_t offset);

static void print_entry(array_printer *printer, int depth, size_t offset, bool first) {
    const int left = printer->array->ndim - depth;
    if (left == 1) {
        print_value(printer, offset, first);
        return;
    }
    if (!first) {
        for (int blank = 2; blank < left; blank++) fputc('\n', printer->out);
        break_line(printer, depth + 1);
    }
    print_level(printer, depth + 1, offset);
}

static void print_level(array_printer *printer, int depth, size_t offset) {
    const size_t extent = printer->array->shape[depth], stride = printer->stride[depth];
    const size_t head = printer->head[depth], tail = printer->tail[depth];
    fputc('[', printer->out);
    printer->column = depth + 1;
    for (size_t i = 0; i < head; i++) print_entry(printer, depth, offset + i * stride, i == 0);
    if (head + tail < extent) {
        if (depth + 1 < printer->array->ndim) break_line(printer, depth + 1);
        print_item(printer, "...", depth + 1 < printer->array->ndim, 3);
    }
    for (size_t i = extent - tail; i < extent; i++) print_entry(printer, depth, offset + i * stride, false);
    fputc(']', printer->out);
}

void print_array(FILE *out, const io_array *array, int width) {
    array_printer printer = {.out = out, .array = array, .limit = width};
    choose_corners(&printer);
    if (io_elements(array) > 0) choose_notation(&printer);
    if (array->ndim == 0)
        print_value(&printer, 0, true);
    else if (io_elements(array) == 0)
        fputs("[]", out);
    else
        print_level(&printer, 0, 0);
    fputc('\n', out);
}
