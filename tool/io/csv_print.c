/* csv_print.c: numbers to text that reads back to the same bits. Called by write.c. */
#include "csv.h"

#include "fail.h"
#include "locale_guard.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Whoever reads float32 may round the text once, or twice by way of float64; both must give the value. A float16 is
 * printed as the float32 it is. */
static bool reads_back(const char *text, double value, sj_dtype dtype) {
    if (dtype == SJ_F64) return strtod(text, NULL) == value;
    return strtof(text, NULL) == (float)value && (float)strtod(text, NULL) == (float)value;
}

void csv_format(double value, sj_dtype dtype, char out[CSV_NUMBER_MAX]) {
    if (!isfinite(value)) {
        snprintf(out, CSV_NUMBER_MAX, isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
        return;
    }
    /* A normal number that some text of at most DIG digits names is named by %.DIGg, which drops trailing zeros: it is
     * the shortest already. Subnormals have fewer digits, so they start from one. */
    const double smallest_normal = dtype == SJ_F64 ? DBL_MIN : FLT_MIN;
    const int dig = dtype == SJ_F64 ? DBL_DIG : FLT_DIG;
    const int most = dtype == SJ_F64 ? DBL_DECIMAL_DIG : FLT_DECIMAL_DIG;
    for (int digits = fabs(value) < smallest_normal ? 1 : dig; digits <= most; digits++) {
        snprintf(out, CSV_NUMBER_MAX, "%.*g", digits, value);
        if (reads_back(out, value, dtype)) return;
    }
}

static bool print_rows(io_output *output, const io_array *array, char separator, io_error *error) {
    const size_t rows = array->ndim == 2 ? array->shape[0] : 1;
    const size_t columns = array->ndim == 0 ? 1 : array->shape[array->ndim - 1];
    for (size_t i = 0; i < rows * columns; i++) {
        char text[CSV_NUMBER_MAX + 1];
        csv_format(io_element(array->data, array->dtype, i), array->dtype, text);
        const size_t length = strlen(text);
        text[length] = (i + 1) % columns == 0 ? '\n' : separator;
        if (!output_write(output, text, length + 1, error)) return false;
    }
    return true;
}

bool csv_print(io_output *output, const io_array *array, char separator, io_error *error) {
    locale_guard guard;
    if (!locale_enter(&guard)) return io_fail_memory(error, output->name);
    const bool printed = print_rows(output, array, separator, error);
    locale_leave(&guard);
    return printed;
}
