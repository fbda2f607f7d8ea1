/* npy.c: the .npy header: magic, version, length, and a Python dictionary of descr, fortran_order and shape.
 * Accepts exactly the grammar NumPy writes (1.0, 2.0, 3.0, Python 2's long integers) and names the byte that differs.
 */
#include "npy.h"

#include "bytes.h"
#include "fail.h"

#include <stdarg.h>
#include <string.h>

typedef struct scanner {
    const unsigned char *bytes;
    size_t at, end;
    bool long_suffix; /* Python 2 wrote 3L for 3, in versions 1.0 and 2.0 */
    npy_fault *fault;
} scanner;

static bool reject(scanner *s, size_t offset, const char *format, ...) IO_PRINTF(3, 4);

static bool reject(scanner *s, size_t offset, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(s->fault->message, sizeof s->fault->message, format, arguments);
    va_end(arguments);
    s->fault->offset = offset;
    return false;
}

static bool reject_here(scanner *s, const char *expected) {
    char found[IO_QUOTE_ROOM];
    if (s->at == s->end) return reject(s, s->at, "the header ends where %s is expected", expected);
    return reject(s, s->at, "found %s where %s is expected", io_quote(found, s->bytes + s->at, s->end - s->at),
                  expected);
}

static bool is_space(unsigned char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

static void skip_space(scanner *s) {
    while (s->at < s->end && is_space(s->bytes[s->at])) s->at++;
}

static bool next_is(scanner *s, char expected) {
    skip_space(s);
    return s->at < s->end && s->bytes[s->at] == (unsigned char)expected;
}

static bool take(scanner *s, char expected) {
    if (!next_is(s, expected)) return false;
    s->at++;
    return true;
}

static bool take_word(scanner *s, const char *word) {
    const size_t length = strlen(word);
    skip_space(s);
    if (s->end - s->at < length || memcmp(s->bytes + s->at, word, length) != 0) return false;
    s->at += length;
    return true;
}

/* A quoted string without escapes: all that a supported header contains. */
static bool take_string(scanner *s, const char *what, const unsigned char **text, size_t *length) {
    skip_space(s);
    if (s->at == s->end || (s->bytes[s->at] != '\'' && s->bytes[s->at] != '"')) return reject_here(s, what);
    const unsigned char quote = s->bytes[s->at];
    const size_t start = s->at + 1;
    size_t stop = start;
    while (stop < s->end && s->bytes[stop] != quote && s->bytes[stop] != '\\') stop++;
    if (stop == s->end || s->bytes[stop] == '\\') return reject(s, stop, "%s is not a plain quoted string", what);
    *text = s->bytes + start;
    *length = stop - start;
    s->at = stop + 1;
    return true;
}

static bool supported(char kind, char size) {
    switch (kind) {
    case 'f':
        return size == '2' || size == '4' || size == '8';
    case 'i':
    case 'u':
        return size == '1' || size == '2' || size == '4' || size == '8';
    case 'b':
        return size == '1';
    default:
        return false;
    }
}

static bool parse_descr(scanner *s, npy_header *header) {
    if (next_is(s, '[')) return reject(s, s->at, "the array has named fields; expected one number per element");
    const unsigned char *text = NULL;
    size_t length = 0;
    if (!take_string(s, "a dtype such as '<f8'", &text, &length)) return false;
    const size_t offset = (size_t)(text - s->bytes);
    char found[IO_QUOTE_ROOM];
    io_quote(found, text, length);
    if (length >= 2 && text[1] == 'O') {
        return reject(s, offset, "dtype %s holds pickled Python objects, which are never loaded", found);
    }
    if (length != 3 || !supported((char)text[1], (char)text[2])) {
        return reject(s, offset, "dtype %s; expected f2, f4, f8, i1 to i8, u1 to u8 or b1 after '<', '>' or '|'",
                      found);
    }
    header->kind = (char)text[1];
    header->item = (size_t)(text[2] - '0');
    header->big_endian = text[0] == '>';
    const bool ordered = text[0] == '<' || text[0] == '>';
    if (!ordered && !(text[0] == '|' && header->item == 1)) {
        return reject(s, offset, "dtype %s does not say its byte order; expected '<' or '>'", found);
    }
    return true;
}

static bool parse_order(scanner *s, npy_header *header) {
    if (take_word(s, "True")) {
        header->fortran_order = true;
    } else if (take_word(s, "False")) {
        header->fortran_order = false;
    } else {
        return reject_here(s, "True or False");
    }
    return true;
}

static bool parse_dimension(scanner *s, size_t *dimension) {
    skip_space(s);
    const size_t start = s->at;
    if (next_is(s, '-')) return reject(s, start, "a dimension is negative");
    if (take_word(s, "True") || take_word(s, "False")) return reject(s, start, "a dimension is a boolean");
    size_t value = 0;
    while (s->at < s->end && s->bytes[s->at] >= '0' && s->bytes[s->at] <= '9') {
        const size_t digit = (size_t)(s->bytes[s->at] - '0');
        if (!multiply_checked(&value, 10) || value > (size_t)PTRDIFF_MAX - digit) {
            return reject(s, start, "a dimension is larger than memory");
        }
        value += digit;
        s->at++;
    }
    if (s->at == start) return reject_here(s, "a dimension");
    if (s->long_suffix && s->at < s->end && s->bytes[s->at] == 'L') s->at++;
    *dimension = value;
    return true;
}

static bool parse_shape(scanner *s, npy_header *header) {
    if (!take(s, '(')) return reject_here(s, "a shape such as (3, 4)");
    header->ndim = 0;
    bool comma = true;
    while (!take(s, ')')) {
        if (!comma) return reject_here(s, "',' or ')' in the shape");
        if (header->ndim == IO_MAX_NDIM) return reject(s, s->at, "more than %d dimensions", IO_MAX_NDIM);
        if (!parse_dimension(s, &header->shape[header->ndim++])) return false;
        comma = take(s, ',');
    }
    /* (3) is a number in Python, not a shape. */
    if (header->ndim == 1 && !comma) return reject(s, s->at, "the shape has no comma, so it is not a tuple");
    return true;
}

enum { SEEN_DESCR = 1, SEEN_ORDER = 2, SEEN_SHAPE = 4, SEEN_ALL = 7 };

static bool parse_entry(scanner *s, npy_header *header, unsigned *seen) {
    static const struct {
        const char *name;
        bool (*parse)(scanner *, npy_header *);
    } keys[] = {{"descr", parse_descr}, {"fortran_order", parse_order}, {"shape", parse_shape}};
    const unsigned char *text = NULL;
    size_t length = 0;
    char found[IO_QUOTE_ROOM];
    if (!take_string(s, "a key", &text, &length)) return false;
    const size_t offset = (size_t)(text - s->bytes);
    for (unsigned k = 0; k < 3; k++) {
        if (length != strlen(keys[k].name) || memcmp(text, keys[k].name, length) != 0) continue;
        if (*seen & 1u << k) return reject(s, offset, "the key '%s' appears twice", keys[k].name);
        *seen |= 1u << k;
        if (!take(s, ':')) return reject_here(s, "':'");
        return keys[k].parse(s, header);
    }
    return reject(s, offset, "unknown key %s; expected descr, fortran_order and shape", io_quote(found, text, length));
}

static bool parse_dictionary(scanner *s, npy_header *header) {
    const size_t start = s->at;
    unsigned seen = 0;
    bool comma = true;
    if (!take(s, '{')) return reject_here(s, "'{'");
    while (!take(s, '}')) {
        if (!comma) return reject_here(s, "',' or '}'");
        if (!parse_entry(s, header, &seen)) return false;
        comma = take(s, ',');
    }
    skip_space(s);
    if (s->at != s->end) return reject_here(s, "only spaces");
    if (seen == SEEN_ALL) return true;
    return reject(s, start, "the key '%s' is missing",
                  !(seen & SEEN_DESCR)   ? "descr"
                  : !(seen & SEEN_ORDER) ? "fortran_order"
                                         : "shape");
}

/* Dimensions of 0 are left out of the product: a shape whose other dimensions overflow is no array in NumPy either. */
static bool count_elements(scanner *s, npy_header *header) {
    size_t product = sizeof(double);
    bool empty = false;
    for (int d = 0; d < header->ndim; d++) {
        empty = empty || header->shape[d] == 0;
        if (header->shape[d] != 0 && !multiply_checked(&product, header->shape[d])) {
            return reject(s, header->data_offset, "the shape asks for more elements than memory can hold");
        }
    }
    header->elements = empty ? 0 : product / sizeof(double);
    header->data_bytes = header->elements * header->item;
    return true;
}

bool npy_parse(const unsigned char *bytes, size_t length, npy_header *header, npy_fault *fault) {
    scanner s = {bytes, 0, length, false, fault};
    memset(header, 0, sizeof *header);
    if (length < NPY_MAGIC_LENGTH || memcmp(bytes, NPY_MAGIC, NPY_MAGIC_LENGTH) != 0) {
        return reject(&s, 0, "not a .npy file: it does not begin with \\x93NUMPY");
    }
    if (length < 10) return reject(&s, length, "the file ends inside the .npy header");
    if (bytes[6] < 1 || bytes[6] > 3 || bytes[7] != 0) {
        return reject(&s, 6, "unknown .npy version %d.%d; expected 1.0, 2.0 or 3.0", bytes[6], bytes[7]);
    }
    const bool wide = bytes[6] > 1;
    const size_t text_at = wide ? 12 : 10;
    if (length < text_at) return reject(&s, length, "the file ends inside the .npy header");
    const size_t text_length = wide ? (size_t)load32_le(bytes + 8) : load16_le(bytes + 8);
    if (text_length > NPY_HEADER_MAX) {
        return reject(&s, 8, "the header claims %zu bytes; at most %d are read", text_length, NPY_HEADER_MAX);
    }
    if (text_length > length - text_at) {
        return reject(&s, 8, "the header claims %zu bytes, the file holds %zu more", text_length, length - text_at);
    }
    s.at = text_at;
    s.end = text_at + text_length;
    s.long_suffix = bytes[6] < 3;
    header->data_offset = s.end;
    return parse_dictionary(&s, header) && count_elements(&s, header);
}

size_t npy_format(const io_array *array, unsigned char out[NPY_WRITTEN_MAX]) {
    char *text = (char *)out + 10;
    const size_t room = NPY_WRITTEN_MAX - 10;
    size_t used = (size_t)snprintf(text, room, "{'descr': '<f%d', 'fortran_order': False, 'shape': (",
                                   (int)io_item(array->dtype));
    for (int d = 0; d < array->ndim; d++) {
        const char *after = array->ndim == 1 ? "," : d + 1 < array->ndim ? ", " : "";
        used += (size_t)snprintf(text + used, room - used, "%zu%s", array->shape[d], after);
    }
    used += (size_t)snprintf(text + used, room - used, "), }");
    const size_t total = (10 + used + 1 + 63) / 64 * 64;
    for (int i = 0; i < NPY_MAGIC_LENGTH; i++) out[i] = (unsigned char)NPY_MAGIC[i];
    store16_le(out + 6, 1); /* version 1.0 */
    store16_le(out + 8, (uint16_t)(total - 10));
    memset(text + used, ' ', total - 10 - used);
    out[total - 1] = '\n';
    return total;
}
