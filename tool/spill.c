/* spill.c: the files of spill.h. An array in Fortran order is turned slab by slab, across its first axis or its last,
 * whichever is longer: one end of the way is then a run of the file, and the other has runs of a slab's width. */
#include "spill.h"
#include "memory.h"

#include "io/convert.h"
#include "io/fail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int spill_open(const arguments *args, spill_file *file, size_t bytes) {
    io_error error;
    const char *folder = getenv("TMPDIR");
    snprintf(file->name, sizeof file->name, "%s/softjac-XXXXXX", folder && *folder ? folder : "/var/tmp");
    file->output = (io_output){.name = file->name, .file = mkstemp(file->name)};
    if (file->output.file < 0)
        return fail(args, EXIT_CANNOT_CREATE, "%s: cannot be created: %s", file->name, strerror(errno));
    unlink(file->name);
    if (output_extend(&file->output, bytes, false, &error)) return EXIT_DONE;
    close(file->output.file);
    return fail(args, error.exit_code, "%s", error.message);
}

/* `width` indices from `first` along the axis, and all of the others. */
typedef struct slab {
    const npy_input *in;
    const io_output *to;
    int axis;
    size_t first, width;
    size_t others; /* elements at one index of the axis */
    char *stored;  /* room for its elements in the order of the file */
} slab;

static bool read_slab(const slab *of, io_error *error) {
    const npy_header *header = &of->in->header;
    const size_t item = io_item(of->in->dtype), extent = header->shape[of->axis];
    if (of->axis > 0) return npy_read(of->in, of->first * of->others, of->width * of->others, of->stored, error);
    for (size_t run = 0; run < of->others; run++) {
        if (!npy_read(of->in, run * extent + of->first, of->width, of->stored + run * of->width * item, error))
            return false;
    }
    return true;
}

static bool write_slab(const slab *of, const io_array *turned, io_error *error) {
    const size_t item = io_item(turned->dtype), extent = of->in->header.shape[of->axis];
    const char *from = turned->data;
    if (of->axis == 0)
        return output_place(of->to, (of->first * of->others * item), from, of->width * of->others * item, error);
    for (size_t run = 0; run < of->others; run++) {
        const size_t offset = ((run * extent + of->first) * item);
        if (!output_place(of->to, offset, from + run * of->width * item, of->width * item, error)) return false;
    }
    return true;
}

/* The header of elements as the machine has them. */
static npy_header native(const npy_input *in, bool fortran_order) {
    npy_header header = in->header;
    header.kind = 'f';
    header.item = io_item(in->dtype);
    header.big_endian = false;
    if (!convert_is_copy(&header)) header.big_endian = true;
    header.fortran_order = fortran_order;
    header.data_offset = 0;
    header.data_bytes = header.elements * header.item;
    return header;
}

static bool turn_slab(const slab *of, io_error *error) {
    io_array turned;
    npy_header header = native(of->in, true);
    header.shape[of->axis] = of->width;
    header.elements = of->width * of->others;
    if (!read_slab(of, error)) return false;
    if (!convert_elements(&header, (const unsigned char *)of->stored, &turned))
        return io_fail_memory(error, of->in->name);
    const bool written = write_slab(of, &turned, error);
    io_array_free(&turned);
    return written;
}

static bool turn(const arguments *args, const npy_input *in, const io_output *to, io_error *error) {
    const npy_header *header = &in->header;
    const int last = header->ndim - 1;
    slab of = {.in = in, .to = to, .axis = header->shape[0] >= header->shape[last] ? 0 : last};
    const size_t extent = header->shape[of.axis], item = io_item(in->dtype);
    of.others = header->elements / extent;
    /* Elements are held twice, before and after, in half of the memory. */
    size_t width = memory_allowed(args) / 4 / item / of.others;
    if (width == 0) width = 1;
    if (width > extent) width = extent;
    of.stored = malloc(width * of.others * item);
    bool turned = of.stored || io_fail_memory(error, in->name);
    for (; turned && of.first < extent; of.first += of.width) {
        of.width = extent - of.first < width ? extent - of.first : width;
        turned = turn_slab(&of, error);
    }
    free(of.stored);
    return turned && npy_unchanged(in, error);
}

int spill_transposed(const arguments *args, npy_input *in) {
    io_error error;
    spill_file file = {.name = ""};
    const npy_header header = native(in, false);
    const int code = spill_open(args, &file, header.data_bytes);
    if (code != EXIT_DONE) return code;
    if (!turn(args, in, &file.output, &error)) {
        close(file.output.file);
        return fail(args, error.exit_code, "%s", error.message);
    }
    npy_close(in);
    *in = (npy_input){in->name, file.output.file, header, in->dtype, header.data_bytes};
    return EXIT_DONE;
}
