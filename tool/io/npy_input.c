/* npy_input.c: the pieces of npy_input.h, by pread. What the file stores as the machine does is read in place; the rest
 * passes through a small buffer. */
#include "npy_input.h"

#include "convert.h"
#include "fail.h"
#include "name.h"
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_AT_ONCE ((size_t)1 << 30)
enum { CONVERTED_AT_ONCE = 32 << 10 };

bool npy_check_header(const char *path, const unsigned char *bytes, size_t length, npy_header *header,
                      io_error *error) {
    npy_fault fault = {0};
    if (npy_parse(bytes, length, header, &fault)) return true;
    return io_fail(error, IO_BAD_DATA, path, "byte %zu: %s", fault.offset, fault.message);
}

bool npy_check_length(const char *path, const npy_header *header, size_t length, bool more, io_error *error) {
    const size_t held = length - header->data_offset;
    if (held < header->data_bytes) {
        return io_fail(error, IO_BAD_DATA, path, "byte %zu: the shape needs %zu bytes of elements, the file holds %zu",
                       length, header->data_bytes, held);
    }
    if (held > header->data_bytes) {
        return io_fail(error, IO_BAD_DATA, path, "byte %zu: %s%zu bytes follow the last element",
                       header->data_offset + header->data_bytes, more ? "at least " : "", held - header->data_bytes);
    }
    return true;
}

static bool begins_as_npy(const char *file) {
    struct stat status;
    char magic[NPY_MAGIC_LENGTH];
    /* Files of /proc say that they are empty, and are read as a stream. */
    if (stat(file, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size == 0) return false;
    const int opened = open(file, O_RDONLY | O_CLOEXEC);
    if (opened < 0) return false;
    const bool begins =
        pread(opened, magic, sizeof magic, 0) == NPY_MAGIC_LENGTH && memcmp(magic, NPY_MAGIC, sizeof magic) == 0;
    close(opened);
    return begins;
}

bool npy_is_file(const char *path) {
    io_name name;
    if (strcmp(path, "-") == 0 || !io_name_split(&name, path, false)) return false;
    const bool is = !name.member && begins_as_npy(name.file);
    io_name_free(&name);
    return is;
}

static bool read_header(npy_input *input, io_source *source, io_error *error) {
    struct stat status;
    npy_header *header = &input->header;
    if (fstat(source->file, &status) != 0)
        return io_fail(error, IO_TRANSFER_ERROR, source->name, "cannot be read: %s", strerror(errno));
    if (!S_ISREG(status.st_mode))
        return io_fail(error, IO_NO_INPUT, source->name, "is no regular file, and is to be read in pieces");
    if (!source_fill(source, NPY_HEAD_MAX, error)) return false;
    if (!npy_check_header(source->name, source->bytes, source->length, header, error)) return false;
    const size_t most = header->data_offset + header->data_bytes + NPY_SURPLUS_MAX;
    const bool more = (unsigned long long)status.st_size > most;
    size_t length = more ? most : (size_t)status.st_size;
    if (length < source->length) length = source->length;
    if (!npy_check_length(source->name, header, length, more, error)) return false;
    input->bytes = (uint64_t)status.st_size;
    input->dtype = convert_dtype(header);
    return true;
}

bool npy_open(npy_input *input, const char *path, io_error *error) {
    io_source source;
    memset(input, 0, sizeof *input);
    input->name = path;
    input->file = -1;
    const bool opened = source_open(&source, path, error) && read_header(input, &source, error);
    if (opened) {
        input->file = source.file;
        source.owned = false;
    }
    source_close(&source);
    return opened;
}

static bool read_at(const npy_input *input, size_t offset, void *out, size_t length, io_error *error) {
    unsigned char *to = out;
    while (length > 0) {
        const ssize_t got = pread(input->file, to, length < READ_AT_ONCE ? length : READ_AT_ONCE, (off_t)offset);
        if (got > 0) {
            to += got;
            offset += (size_t)got;
            length -= (size_t)got;
        } else if (got == 0) {
            return io_fail(error, IO_BAD_DATA, input->name, "byte %zu: the file ends here, and held %llu bytes before",
                           offset, (unsigned long long)input->bytes);
        } else if (errno != EINTR) {
            return io_fail(error, IO_TRANSFER_ERROR, input->name, "cannot be read after byte %zu: %s", offset,
                           strerror(errno));
        }
    }
    return true;
}

bool npy_read(const npy_input *input, size_t first, size_t count, void *out, io_error *error) {
    unsigned char stored[CONVERTED_AT_ONCE];
    const npy_header *header = &input->header;
    const size_t item = header->item, offset = header->data_offset + first * item;
    if (convert_is_copy(header)) return read_at(input, offset, out, count * item, error);
    const size_t out_item = io_item(input->dtype), most = sizeof stored / item;
    for (size_t done = 0; done < count;) {
        const size_t next = count - done < most ? count - done : most;
        if (!read_at(input, offset + done * item, stored, next * item, error)) return false;
        convert_run(header, stored, next, (unsigned char *)out + done * out_item);
        done += next;
    }
    return true;
}

bool npy_unchanged(const npy_input *input, io_error *error) {
    struct stat status;
    if (fstat(input->file, &status) != 0 || (uint64_t)status.st_size == input->bytes) return true;
    return io_fail(error, IO_BAD_DATA, input->name, "changed while it was read: it held %llu bytes, and now holds %llu",
                   (unsigned long long)input->bytes, (unsigned long long)status.st_size);
}

void npy_close(npy_input *input) {
    if (input->file >= 0) close(input->file);
    input->file = -1;
}
