/* read.c: io_read: bytes from source.c, the format from the first of them, then npy.c, npz.c or csv.c, and convert.c.
 * Reads a header before the rest, so that a damaged or endless input is refused early. */
#include "convert.h"
#include "csv.h"
#include "fail.h"
#include "name.h"
#include "npy_input.h"
#include "npz.h"
#include "source.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

size_t io_elements(const io_array *array) {
    size_t elements = 1;
    for (int d = 0; d < array->ndim; d++) elements *= array->shape[d];
    return elements;
}

void io_array_free(io_array *array) {
    free(array->data);
    array->data = NULL;
}

static bool read_npy(io_source *source, io_array *array, io_error *error) {
    npy_header header;
    if (!npy_check_header(source->name, source->bytes, source->length, &header, error)) return false;
    const size_t expected = header.data_offset + header.data_bytes;
    if (!source_fill(source, expected + NPY_SURPLUS_MAX, error)) return false;
    if (!npy_check_length(source->name, &header, source->length, !source->ended, error)) return false;
    if (convert_elements(&header, source->bytes + header.data_offset, array)) return true;
    return io_fail_memory(error, source->name);
}

/* The member's header is looked at before the member is inflated: a small file cannot ask for much work in vain. */
static bool read_member_header(const npz_archive *archive, const npz_member *member, npy_header *header,
                               io_error *error) {
    const unsigned char *data;
    unsigned char *owned;
    size_t length;
    if (!npz_extract(archive, member, NPY_HEAD_MAX, &data, &length, &owned, error)) return false;
    const bool parsed = npy_check_header(archive->path, data, length, header, error);
    free(owned);
    return parsed && npy_check_length(archive->path, header, (size_t)member->size, false, error);
}

static bool read_npz(io_source *source, const char *path, const char *wanted, io_array *array, io_error *error) {
    npz_archive archive;
    npz_member member;
    npy_header header;
    const unsigned char *data;
    unsigned char *owned;
    size_t length;
    if (!source_fill(source, SIZE_MAX, error)) return false;
    if (!npz_open(&archive, path, source->bytes, source->length, error)) return false;
    if (!npz_find(&archive, wanted, &member, error)) return false;
    if (!read_member_header(&archive, &member, &header, error)) return false;
    bool read = npz_extract(&archive, &member, SIZE_MAX, &data, &length, &owned, error);
    if (read && !convert_elements(&header, data + header.data_offset, array)) {
        read = io_fail_memory(error, path);
    }
    free(owned);
    return read;
}

static bool read_text(io_source *source, const io_name *name, io_array *array, io_error *error) {
    /* An endless binary input is told by its first bytes, before it fills memory. */
    const bool binary = source->length > 0 && memchr(source->bytes, 0, source->length) != NULL;
    if (!binary && !source_fill(source, SIZE_MAX, error)) return false;
    if (source->length == 0) return io_fail(error, IO_BAD_DATA, source->name, "is empty");
    char separator = csv_separator(source->bytes, source->length);
    if (name->known && name->format == IO_CSV) separator = ',';
    if (name->known && name->format == IO_TSV) separator = '\t';
    return csv_parse(source->name, source->bytes, source->length, separator, array, error);
}

static bool starts_with(const io_source *source, const char *magic, size_t length) {
    return source->length >= length && memcmp(source->bytes, magic, length) == 0;
}

static bool read_source(io_source *source, const io_name *name, const char *path, io_array *array, io_error *error) {
    if (!source_fill(source, NPY_HEAD_MAX, error)) return false;
    if (starts_with(source, "PK\x03\x04", 4) || starts_with(source, "PK\x05\x06", 4)) {
        return read_npz(source, path, name->member, array, error);
    }
    if (name->member) return io_fail(error, IO_BAD_DATA, source->name, "is no .npz archive, so it has no members");
    if (starts_with(source, NPY_MAGIC, NPY_MAGIC_LENGTH)) return read_npy(source, array, error);
    return read_text(source, name, array, error);
}

bool io_read(const char *path, io_array *array, io_error *error) {
    io_name name;
    io_source source;
    memset(array, 0, sizeof *array);
    if (!io_name_split(&name, path, false)) return io_fail_memory(error, path);
    const bool read = source_open(&source, name.file, error) && read_source(&source, &name, path, array, error);
    source_close(&source);
    io_name_free(&name);
    return read;
}
