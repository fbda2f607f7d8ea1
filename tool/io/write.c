/* write.c: io_write: the format from the extension, then npy.c, npz_write.c or csv_print.c into output.c.
 * The array is checked against the format before anything is created. */
#include "bytes.h"
#include "csv.h"
#include "fail.h"
#include "inflate.h"
#include "name.h"
#include "npy.h"
#include "npz.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK ((size_t)4096) /* elements encoded at a time */

/* Elements first .. first + count as little-endian bytes; returns how many bytes. */
static size_t encode(const io_array *array, size_t first, size_t count, unsigned char *out) {
    if (array->dtype == SJ_F16) {
        for (size_t i = 0; i < count; i++) store16_le(out + 2 * i, ((const uint16_t *)array->data)[first + i]);
        return 2 * count;
    }
    if (array->dtype == SJ_F32) {
        for (size_t i = 0; i < count; i++) {
            uint32_t bits;
            memcpy(&bits, (const float *)array->data + first + i, sizeof bits);
            store32_le(out + 4 * i, bits);
        }
        return 4 * count;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t bits;
        memcpy(&bits, (const double *)array->data + first + i, sizeof bits);
        store64_le(out + 8 * i, bits);
    }
    return 8 * count;
}

static bool write_elements(io_output *output, const io_array *array, io_error *error) {
    unsigned char chunk[8 * CHUNK];
    const size_t elements = io_elements(array);
    for (size_t done = 0; done < elements; done += CHUNK) {
        const size_t count = elements - done < CHUNK ? elements - done : CHUNK;
        if (!output_write(output, chunk, encode(array, done, count, chunk), error)) return false;
    }
    return true;
}

static bool write_npy(io_output *output, const io_array *array, io_error *error) {
    unsigned char header[NPY_WRITTEN_MAX];
    return output_write(output, header, npy_format(array, header), error) && write_elements(output, array, error);
}

static uint32_t member_crc(const io_array *array, const unsigned char *header, size_t header_length) {
    unsigned char chunk[8 * CHUNK];
    const size_t elements = io_elements(array);
    uint32_t crc = io_crc32(0, header, header_length);
    for (size_t done = 0; done < elements; done += CHUNK) {
        const size_t count = elements - done < CHUNK ? elements - done : CHUNK;
        crc = io_crc32(crc, chunk, encode(array, done, count, chunk));
    }
    return crc;
}

static bool write_npz(io_output *output, const io_array *array, const char *member, io_error *error) {
    unsigned char header[NPY_WRITTEN_MAX];
    const size_t header_length = npy_format(array, header);
    const uint64_t size = header_length + (uint64_t)io_elements(array) * io_item(array->dtype);
    unsigned char *records = malloc(NPZ_FRAME_MAX(strlen(member)));
    if (!records) return io_fail_memory(error, output->name);
    const npz_frame frame = npz_format(member, size, member_crc(array, header, header_length), records);
    const bool written = output_write(output, records, frame.before, error) && write_npy(output, array, error) &&
                         output_write(output, records + frame.before, frame.after, error);
    free(records);
    return written;
}

static bool write_format(io_output *output, const io_name *name, const io_array *array, io_error *error) {
    switch (name->format) {
    case IO_NPY:
        return write_npy(output, array, error);
    case IO_NPZ:
        return write_npz(output, array, name->member, error);
    case IO_TSV:
        return csv_print(output, array, '\t', error);
    default:
        return csv_print(output, array, ',', error);
    }
}

static bool check(const char *path, io_name *name, const io_array *array, io_error *error) {
    if (!name->known) {
        if (!output_is_stream(name->file)) {
            return io_fail(error, IO_CANNOT_CREATE, path, "the name does not end in .npy, .npz, .csv or .tsv");
        }
        name->format = IO_CSV;
    }
    const bool text = name->format == IO_CSV || name->format == IO_TSV;
    if (text && array->ndim > 2) {
        return io_fail(error, IO_BAD_DATA, path,
                       "text holds at most 2 dimensions, the array has %d; write .npy or .npz", array->ndim);
    }
    if (strlen(name->member) > IO_MEMBER_MAX || !*name->member) {
        return io_fail(error, IO_CANNOT_CREATE, path, "the member's name has no or over %d bytes", IO_MEMBER_MAX);
    }
    return true;
}

bool io_write(const char *path, const io_array *array, io_error *error) {
    io_name name;
    if (!io_name_split(&name, path, true)) return io_fail_memory(error, path);
    io_output *output = malloc(sizeof *output);
    bool written = output ? check(path, &name, array, error) : io_fail_memory(error, path);
    written = written && output_open(output, name.file, error);
    if (written) {
        if (write_format(output, &name, array, error)) {
            written = output_commit(output, error);
        } else {
            output_abandon(output);
            written = false;
        }
    }
    free(output);
    io_name_free(&name);
    return written;
}
