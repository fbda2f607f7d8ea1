/* json.c: the JSON text of json.h. Writes straight to the stream, so a large array needs no second copy. */
#include "json.h"
#include "command.h"

#include <math.h>
#include <stdlib.h>

/* Length of the UTF-8 sequence at `text`; 0 if there is none. */
static int utf8_length(const unsigned char *text) {
    const unsigned char first = text[0];
    const int length = first < 0x80                    ? 1
                       : first >= 0xC2 && first < 0xE0 ? 2
                       : first >= 0xE0 && first < 0xF0 ? 3
                       : first >= 0xF0 && first < 0xF5 ? 4
                                                       : 0;
    for (int i = 1; i < length; i++) {
        if ((text[i] & 0xC0) != 0x80) return 0;
    }
    const bool overlong = (first == 0xE0 && text[1] < 0xA0) || (first == 0xF0 && text[1] < 0x90);
    const bool surrogate = first == 0xED && text[1] >= 0xA0, beyond = first == 0xF4 && text[1] >= 0x90;
    return overlong || surrogate || beyond ? 0 : length;
}

void json_string(FILE *out, const char *text) {
    fputc('"', out);
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        const int length = utf8_length(at);
        if (length == 0)
            fputs("\\ufffd", out);
        else if (*at == '"' || *at == '\\')
            fprintf(out, "\\%c", *at);
        else if (*at < 0x20)
            fprintf(out, "\\u%04x", *at);
        else
            fwrite(at, 1, (size_t)length, out);
        at += length ? length : 1;
    }
    fputc('"', out);
}

void json_number(FILE *out, sj_dtype dtype, double value) {
    char text[40];
    if (isnan(value))
        fputs("\"nan\"", out);
    else if (isinf(value))
        fputs(value < 0 ? "\"-inf\"" : "\"inf\"", out);
    else {
        const int most = dtype == SJ_F64 ? 17 : 9; /* always enough to read back the same value */
        for (int digits = dtype == SJ_F64 ? 15 : 6; digits <= most; digits++) {
            snprintf(text, sizeof text, "%.*g", digits, value);
            if (dtype == SJ_F64 ? strtod(text, NULL) == value : strtof(text, NULL) == (float)value) break;
        }
        fputs(text, out);
    }
}

void json_shape(FILE *out, int ndim, const size_t *shape) {
    fputc('[', out);
    for (int d = 0; d < ndim; d++) fprintf(out, d ? ", %zu" : "%zu", shape[d]);
    fputc(']', out);
}

static void json_level(FILE *out, const io_array *array, int depth, size_t *next) {
    if (depth == array->ndim) {
        json_number(out, array->dtype, io_element(array->data, array->dtype, (*next)++));
        return;
    }
    fputc('[', out);
    for (size_t i = 0; i < array->shape[depth]; i++) {
        if (i) fputs(depth + 1 == array->ndim ? ", " : ",\n", out);
        json_level(out, array, depth + 1, next);
    }
    fputc(']', out);
}

void json_array(FILE *out, const io_array *array) {
    size_t next = 0;
    json_level(out, array, 0, &next);
}
