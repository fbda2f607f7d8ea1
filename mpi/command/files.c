/* files.c: .npy files by MPI-IO. Rank 0 reads headers, with all their checks, and makes, renames and removes outputs.
 * Until all of a result is on the disk it is a temporary beside its place; a job that is ended by a signal removes it.
 */
#include "command.h"

#include "io/fail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_OUTPUTS 2
#define PATH_ROOM 4200

/* The temporaries, by output. */
static char temporaries[MOST_OUTPUTS][PATH_ROOM];
static int made;

static void trouble_mpi(trouble *t, int code, int error, const char *path, const char *doing) {
    char text[MPI_MAX_ERROR_STRING] = "";
    int length = 0;
    if (error == MPI_SUCCESS) return;
    (void)MPI_Error_string(error, text, &length);
    trouble_set(t, code, "%s: cannot %s: %.200s", path, doing, text);
}

/* ---------------------------------------------------------------- in */

/* The bytes of a header, as many as there are, and the length of the file. */
static bool read_head(const char *path, unsigned char *bytes, size_t *length, size_t *size, trouble *t) {
    struct stat about;
    const int from = open(path, O_RDONLY | O_CLOEXEC);
    if (from < 0 || fstat(from, &about) != 0) {
        trouble_set(t, EXIT_NO_INPUT, "%s: cannot open: %s", path, strerror(errno));
        if (from >= 0) close(from);
        return false;
    }
    *length = 0;
    for (ssize_t got = 1; got > 0 && *length<NPY_HEAD_MAX; *length += got> 0 ? (size_t)got : 0) {
        got = read(from, bytes + *length, NPY_HEAD_MAX - *length);
        if (got < 0) trouble_set(t, EXIT_TRANSFER_FAILED, "%s: cannot read: %s", path, strerror(errno));
    }
    *size = (size_t)about.st_size;
    close(from);
    return t->code == 0;
}

static sj_dtype dtype_of(const npy_header *h, bool integers) {
    if (integers)
        return h->kind == 'i' && h->item == 8 ? SJ_I64 : h->kind == 'i' && h->item == 4 ? SJ_I32 : (sj_dtype)0;
    if (h->kind != 'f') return (sj_dtype)0;
    return h->item == 8 ? SJ_F64 : h->item == 4 ? SJ_F32 : h->item == 2 ? SJ_F16 : (sj_dtype)0;
}

static bool is_big_endian(void) {
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 0;
}

static void check_header(file *f, bool integers, trouble *t) {
    unsigned char *bytes = malloc(NPY_HEAD_MAX);
    size_t length, size;
    npy_fault fault;
    if (!bytes) {
        trouble_set(t, EXIT_NO_MEMORY, "out of memory");
        return;
    }
    if (read_head(f->path, bytes, &length, &size, t)) {
        const npy_header *h = &f->header;
        if (!npy_parse(bytes, length, &f->header, &fault))
            trouble_set(t, EXIT_BAD_DATA, "%s: byte %zu: %s", f->path, fault.offset, fault.message);
        else if (h->data_offset + h->data_bytes != size)
            trouble_set(t, EXIT_BAD_DATA, "%s: %zu bytes; the header at byte 0 announces %zu", f->path, size,
                        h->data_offset + h->data_bytes);
        else if (!dtype_of(h, integers))
            trouble_set(t, EXIT_BAD_DATA, "%s: elements of kind '%c' and %zu bytes; expected %s", f->path, h->kind,
                        h->item, integers ? "int32 or int64" : "float16, float32 or float64");
        else if (h->fortran_order && h->ndim > 1)
            trouble_set(t, EXIT_BAD_DATA, "%s: Fortran order; expected C order (numpy.ascontiguousarray)", f->path);
        else if (h->item > 1 && h->big_endian != is_big_endian())
            trouble_set(t, EXIT_BAD_DATA, "%s: the other byte order; expected this machine's", f->path);
        f->dtype = dtype_of(h, integers);
    }
    free(bytes);
}

int file_open(const job *j, file *f, const char *path, bool integers) {
    trouble t = {0, ""};
    *f = (file){.path = path, .handle = MPI_FILE_NULL};
    if (j->rank == 0) check_header(f, integers, &t);
    int code = settle(j, &t);
    if (code) return code;
    MPI_Bcast(f, (int)sizeof *f, MPI_BYTE, 0, MPI_COMM_WORLD);
    f->path = path, f->handle = MPI_FILE_NULL; /* addresses are each rank's own */
    f->item = f->header.item;
    f->width = f->header.ndim > 0 ? f->header.shape[f->header.ndim - 1] : 1;
    const int error = MPI_File_open(MPI_COMM_WORLD, path, MPI_MODE_RDONLY, MPI_INFO_NULL, &f->handle);
    trouble_mpi(&t, EXIT_NO_INPUT, error, path, "open");
    return settle(j, &t);
}

void file_close(file *f) {
    if (f->handle != MPI_FILE_NULL) MPI_File_close(&f->handle);
}

/* ---------------------------------------------------------------- out */

static bool write_all(int to, const void *bytes, size_t length) {
    for (size_t at = 0; at < length;) {
        const ssize_t put = write(to, (const char *)bytes + at, length - at);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        at += (size_t)put;
    }
    return true;
}

/* The header, and room for the elements: a full disk shows here where it can. */
static void make_temporary(const char *path, const char *temporary, const io_array *as, trouble *t) {
    unsigned char head[NPY_WRITTEN_MAX];
    const size_t length = npy_format(as, head), bytes = io_elements(as) * io_item(as->dtype);
    const int to = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (to < 0) {
        trouble_set(t, EXIT_CANNOT_CREATE, "%s: cannot create: %s", path, strerror(errno));
        return;
    }
    if (!write_all(to, head, length) || ftruncate(to, (off_t)(length + bytes)) != 0)
        trouble_set(t, EXIT_TRANSFER_FAILED, "%s: cannot write: %s", path, strerror(errno));
    close(to);
}

int file_create(const job *j, file *f, const char *path, sj_dtype dtype, int ndim, const size_t *shape) {
    trouble t = {0, ""};
    io_array as = {.dtype = dtype, .ndim = ndim};
    unsigned char head[NPY_WRITTEN_MAX];
    char *temporary = temporaries[made];
    int process = (int)getpid();
    for (int d = 0; d < ndim; d++) as.shape[d] = shape[d];
    *f = (file){.path = path, .handle = MPI_FILE_NULL, .dtype = dtype, .item = io_item(dtype), .width = 1};
    f->header.data_offset = npy_format(&as, head);
    f->width = ndim > 0 ? shape[ndim - 1] : 1;
    MPI_Bcast(&process, 1, MPI_INT, 0, MPI_COMM_WORLD); /* part of the name */
    if (snprintf(temporary, PATH_ROOM, "%s.%d.tmp", path, process) >= PATH_ROOM)
        trouble_set(&t, EXIT_CANNOT_CREATE, "%.60s...: too long a name", path);
    made++;
    if (j->rank == 0) watch_for(temporary);
    if (j->rank == 0 && !t.code) make_temporary(path, temporary, &as, &t);
    const int code = settle(j, &t);
    if (code) return code;
    const int error = MPI_File_open(MPI_COMM_WORLD, temporary, MPI_MODE_WRONLY, MPI_INFO_NULL, &f->handle);
    trouble_mpi(&t, EXIT_CANNOT_CREATE, error, path, "create");
    return settle(j, &t);
}

/* Its name must outlive a loss of power, too. */
static void sync_folder(const char *path) {
    char folder[PATH_ROOM];
    (void)snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash) slash[slash == folder] = 0;
    const int at = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (at < 0) return;
    (void)fsync(at);
    close(at);
}

static void publish(const char *temporary, const char *path, trouble *t) {
    const int of = open(temporary, O_RDONLY | O_CLOEXEC);
    if (of < 0 || fsync(of) != 0 || rename(temporary, path) != 0)
        trouble_set(t, EXIT_TRANSFER_FAILED, "%s: cannot finish: %s", path, strerror(errno));
    else
        sync_folder(path);
    if (of >= 0) close(of);
}

int files_commit(const job *j, file **outputs, int count, int code) {
    trouble t = {0, ""};
    for (int i = 0; i < count; i++) {
        if (outputs[i]->handle == MPI_FILE_NULL) continue;
        if (!code) trouble_mpi(&t, EXIT_TRANSFER_FAILED, MPI_File_sync(outputs[i]->handle), outputs[i]->path, "write");
        trouble_mpi(&t, EXIT_TRANSFER_FAILED, MPI_File_close(&outputs[i]->handle), outputs[i]->path, "write");
    }
    if (!code) code = settle(j, &t);
    if (j->rank == 0 && !code)
        for (int i = 0; i < count; i++) publish(temporaries[i], outputs[i]->path, &t);
    if (j->rank == 0 && (code || t.code))
        for (int i = 0; i < made; i++) (void)unlink(temporaries[i]);
    return code ? code : settle(j, &t);
}

/* ---------------------------------------------------------------- elements */

int file_select(const job *j, file *f, size_t first, size_t count) {
    trouble t = {0, ""};
    MPI_Datatype element, run, tile;
    const size_t start = f->header.data_offset + first * f->item;
    MPI_Type_contiguous((int)f->item, MPI_BYTE, &element);
    MPI_Type_commit(&element);
    MPI_Type_contiguous((int)(count ? count : 1), element, &run);
    MPI_Type_create_resized(run, 0, (MPI_Aint)((f->width ? f->width : 1) * f->item), &tile);
    MPI_Type_commit(&tile);
    const int error = MPI_File_set_view(f->handle, (MPI_Offset)start, element, tile, "native", MPI_INFO_NULL);
    trouble_mpi(&t, EXIT_TRANSFER_FAILED, error, f->path, "select columns");
    MPI_Type_free(&run), MPI_Type_free(&tile), MPI_Type_free(&element);
    return settle(j, &t);
}

/* What is short of its count ends early, which the length of the file says it does not. */
static void check_count(trouble *t, const file *f, const MPI_Status *status, size_t bytes, const char *doing) {
    int got = 0;
    MPI_Get_count(status, MPI_BYTE, &got);
    if (!t->code && (size_t)got != bytes)
        trouble_set(t, EXIT_TRANSFER_FAILED, "%s: cannot %s: %d bytes of %zu", f->path, doing, got, bytes);
}

int file_read(const job *j, const file *f, size_t row, size_t rows, size_t count, void *data) {
    trouble t = {0, ""};
    MPI_Status status;
    const size_t bytes = rows * count * f->item, at = row * count;
    const int error = MPI_File_read_at_all(f->handle, (MPI_Offset)at, data, (int)bytes, MPI_BYTE, &status);
    trouble_mpi(&t, EXIT_TRANSFER_FAILED, error, f->path, "read");
    check_count(&t, f, &status, bytes, "read");
    return settle(j, &t);
}

int file_write(const job *j, const file *f, size_t row, size_t rows, size_t count, const void *data) {
    trouble t = {0, ""};
    MPI_Status status;
    const size_t bytes = rows * count * f->item, at = row * count;
    const int error = MPI_File_write_at_all(f->handle, (MPI_Offset)at, data, (int)bytes, MPI_BYTE, &status);
    trouble_mpi(&t, EXIT_TRANSFER_FAILED, error, f->path, "write");
    check_count(&t, f, &status, bytes, "write");
    return settle(j, &t);
}
