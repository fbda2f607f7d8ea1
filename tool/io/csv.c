/* csv.c: CSV and TSV text to a float64 matrix. Called by read.c with the whole text in memory.
 * Strict: a field is a decimal number, inf or nan, and every line has as many as the first; errors name line and
 * column. */
#include "csv.h"

#include "fail.h"
#include "locale_guard.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_TEXT_MAX 1200 /* every float64 written out in full is shorter */

typedef struct reader {
    const char *path;
    const unsigned char *at, *end;
    char separator;
    size_t line; /* counted from 1 */
    size_t rows, columns;
    size_t first_line; /* the line that set the number of columns */
    double *values;
    size_t count, room;
    io_error *error;
} reader;

typedef struct field {
    const unsigned char *text;
    size_t length;
} field;

static bool is_blank(const reader *r, unsigned char c) { return c == ' ' || (c == '\t' && r->separator != '\t'); }

static bool ends_line(unsigned char c) { return c == '\n' || c == '\r'; }

static bool ends_fields(const reader *r) { return r->at == r->end || ends_line(*r->at) || *r->at == '#'; }

static bool is_digit(unsigned char c) { return c >= '0' && c <= '9'; }

static void skip_blanks(reader *r) {
    while (r->at < r->end && is_blank(r, *r->at)) r->at++;
}

static void skip_line(reader *r) {
    while (r->at < r->end && !ends_line(*r->at)) r->at++;
    if (r->at < r->end && *r->at == '\r') r->at++;
    if (r->at < r->end && *r->at == '\n') r->at++;
    r->line++;
}

static bool reject_field(const reader *r, size_t column, const field *f, const char *what) {
    char found[IO_QUOTE_ROOM];
    return io_fail(r->error, IO_BAD_DATA, r->path, "line %zu, column %zu: %s %s", r->line, column, what,
                   io_quote(found, f->text, f->length));
}

/* The field at the cursor; leaves the cursor on the separator or at the end of the fields. */
static bool take_field(reader *r, size_t column, field *f) {
    skip_blanks(r);
    f->text = r->at;
    const bool quoted = r->at < r->end && *r->at == '"';
    if (quoted) {
        f->text = ++r->at;
        while (r->at < r->end && *r->at != '"' && !ends_line(*r->at)) r->at++;
        f->length = (size_t)(r->at - f->text);
        if (r->at == r->end || *r->at != '"') return reject_field(r, column, f, "a quote is not closed:");
        r->at++;
        skip_blanks(r);
        if (ends_fields(r) || *r->at == (unsigned char)r->separator) return true;
        return reject_field(r, column, f, "text follows the closing quote of");
    }
    while (!ends_fields(r) && *r->at != (unsigned char)r->separator) r->at++;
    const unsigned char *stop = r->at;
    while (stop > f->text && is_blank(r, stop[-1])) stop--;
    f->length = (size_t)(stop - f->text);
    return true;
}

static bool equals_word(const field *f, size_t from, const char *word) {
    if (f->length - from != strlen(word)) return false;
    for (size_t i = from; i < f->length; i++) {
        if ((f->text[i] | 0x20) != (unsigned char)word[i - from]) return false;
    }
    return true;
}

static size_t skip_digits(const field *f, size_t at) {
    while (at < f->length && is_digit(f->text[at])) at++;
    return at;
}

/* What strtod would take is wider (hexadecimal, nan(...)), and depends on the C library. */
static bool is_number(const field *f) {
    size_t at = f->length > 0 && (f->text[0] == '+' || f->text[0] == '-');
    if (equals_word(f, at, "nan") || equals_word(f, at, "inf") || equals_word(f, at, "infinity")) return true;
    const size_t whole = at;
    size_t digits = (at = skip_digits(f, at)) - whole;
    if (at < f->length && f->text[at] == '.') {
        const size_t point = ++at;
        digits += (at = skip_digits(f, at)) - point;
    }
    if (digits == 0) return false;
    if (at < f->length && (f->text[at] | 0x20) == 'e') {
        at++;
        if (at < f->length && (f->text[at] == '+' || f->text[at] == '-')) at++;
        const size_t exponent = at;
        if ((at = skip_digits(f, at)) == exponent) return false;
    }
    return at == f->length;
}

/* What to add where a field holds what other files separate fields by. */
static const char *separator_hint(const reader *r, const field *f) {
    for (size_t i = 0; i < f->length; i++) {
        const unsigned char c = f->text[i];
        if (c == (unsigned char)r->separator || (c != ';' && c != ',' && c != '\t')) continue;
        return r->separator == '\t' ? "; fields here are separated by tabs" : "; fields here are separated by commas";
    }
    return "";
}

static bool reject_number(const reader *r, size_t column, const field *f) {
    char found[IO_QUOTE_ROOM];
    return io_fail(r->error, IO_BAD_DATA, r->path, "line %zu, column %zu: expected a number, found %s%s", r->line,
                   column, io_quote(found, f->text, f->length), separator_hint(r, f));
}

static bool parse_number(const reader *r, size_t column, const field *f, double *value) {
    char text[NUMBER_TEXT_MAX];
    if (f->length == 0) {
        return io_fail(r->error, IO_BAD_DATA, r->path,
                       "line %zu, column %zu: the field is empty; expected a number or nan", r->line, column);
    }
    if (!is_number(f)) return reject_number(r, column, f);
    if (f->length >= sizeof text) return reject_field(r, column, f, "a number of over 1199 characters:");
    memcpy(text, f->text, f->length);
    text[f->length] = '\0';
    *value = strtod(text, NULL);
    const unsigned char last = f->text[f->length - 1];
    /* An infinity that was not spelled as one. */
    if (isinf(*value) && (is_digit(last) || last == '.'))
        return reject_field(r, column, f, "outside the range of float64:");
    return true;
}

static bool append(reader *r, double value) {
    if (r->count == r->room) {
        const size_t room = r->room ? r->room * 2 : 1024;
        double *values = room > PTRDIFF_MAX / sizeof *values ? NULL : realloc(r->values, room * sizeof *values);
        if (!values) return io_fail_memory(r->error, r->path);
        r->values = values;
        r->room = room;
    }
    r->values[r->count++] = value;
    return true;
}

static bool check_columns(reader *r, size_t columns) {
    if (r->columns == 0) {
        r->columns = columns;
        r->first_line = r->line;
    }
    if (columns == r->columns) return true;
    return io_fail(r->error, IO_BAD_DATA, r->path, "line %zu has %zu field%s; expected %zu, as in line %zu", r->line,
                   columns, columns == 1 ? "" : "s", r->columns, r->first_line);
}

/* Moves over a separator; false at the end of the line's fields. */
static bool take_separator(reader *r) {
    if (ends_fields(r)) return false;
    r->at++;
    return true;
}

/* A name starts with a letter, or a byte of one, and is not nan or inf: "1.o" is a damaged number, not a name. */
static bool is_name(const field *f) {
    if (f->length == 0 || is_number(f)) return false;
    const unsigned char c = f->text[0];
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

/* How other programs spell a missing value: a line of nothing else is data to be refused, not a header to be skipped.
 */
static bool is_missing(const field *f) {
    return equals_word(f, 0, "na") || equals_word(f, 0, "null") || equals_word(f, 0, "none");
}

/* Steps over the line if all its fields are names; otherwise puts the cursor back. */
static bool take_header(reader *r) {
    const unsigned char *start = r->at;
    size_t columns = 0;
    bool names = true, told = false;
    do {
        field f;
        if (!take_field(r, ++columns, &f)) return false;
        names = names && is_name(&f);
        told = told || !is_missing(&f);
    } while (take_separator(r));
    if (!names || !told) {
        r->at = start;
        return true;
    }
    return check_columns(r, columns);
}

static bool take_row(reader *r) {
    size_t columns = 0;
    do {
        field f;
        double value = 0;
        if (!take_field(r, ++columns, &f)) return false;
        /* A surplus field is reported as such below, whatever it holds. */
        if (r->columns != 0 && columns > r->columns) continue;
        if (!parse_number(r, columns, &f, &value) || !append(r, value)) return false;
    } while (take_separator(r));
    r->rows++;
    return check_columns(r, columns);
}

static bool parse_lines(reader *r) {
    bool first = true;
    while (r->at < r->end) {
        skip_blanks(r);
        if (!ends_fields(r) && first) {
            first = false;
            if (!take_header(r)) return false;
        }
        if (!ends_fields(r) && !take_row(r)) return false;
        skip_line(r);
    }
    if (r->rows == 0)
        return io_fail(r->error, IO_BAD_DATA, r->path, "holds no line of numbers, and is no .npy or .npz file");
    return true;
}

/* Text has no control bytes; a .npy file that lost its first bytes, or UTF-16, is full of them. */
static bool check_text(const reader *r) {
    for (const unsigned char *p = r->at; p < r->end; p++) {
        if (*p >= 0x20 || *p == '\t' || ends_line(*p)) continue;
        return io_fail(r->error, IO_BAD_DATA, r->path,
                       "byte %zu is 0x%02x: not .npy, .npz or plain text of numbers (UTF-8)", (size_t)(p - r->at), *p);
    }
    return true;
}

static const unsigned char *skip_mark(const unsigned char *bytes, size_t length) {
    return length >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? bytes + 3 : bytes;
}

bool csv_parse(const char *path, const unsigned char *bytes, size_t length, char separator, io_array *array,
               io_error *error) {
    reader r = {.path = path, .at = bytes, .end = bytes + length, .separator = separator, .line = 1, .error = error};
    locale_guard guard;
    memset(array, 0, sizeof *array);
    if (!check_text(&r)) return false;
    if (!locale_enter(&guard)) return io_fail_memory(error, path);
    r.at = skip_mark(bytes, length);
    const bool read = parse_lines(&r);
    locale_leave(&guard);
    if (!read) {
        free(r.values);
        return false;
    }
    array->dtype = SJ_F64;
    array->ndim = 2;
    array->shape[0] = r.rows;
    array->shape[1] = r.columns;
    array->data = r.values;
    return true;
}

char csv_separator(const unsigned char *bytes, size_t length) {
    reader r = {.at = skip_mark(bytes, length), .end = bytes + length, .separator = ','};
    char separator = ',';
    while (r.at < r.end) {
        skip_blanks(&r);
        const unsigned char *start = r.at;
        while (!ends_fields(&r)) r.at++;
        const size_t fields = (size_t)(r.at - start);
        if (fields > 0) {
            if (memchr(start, '\t', fields) && !memchr(start, ',', fields)) separator = '\t';
            break;
        }
        skip_line(&r);
    }
    return separator;
}
