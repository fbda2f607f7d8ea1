/* output.c: writes a file into a temporary beside it, syncs, renames and syncs the folder; streams directly.
 * Called by write.c. A failure at any call leaves the old file whole and no temporary. */
#include "output.h"

#include "fail.h"
#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define WRITE_AT_ONCE ((size_t)1 << 30)
#define WRITTEN_EARLY ((size_t)1 << 19)

static bool names_descriptor(const char *path) {
    return strncmp(path, "/dev/fd/", 8) == 0 || strncmp(path, "/dev/std", 8) == 0 || strncmp(path, "/proc/", 6) == 0;
}

bool output_is_stream(const char *path) {
    struct stat status;
    if (strcmp(path, "-") == 0 || names_descriptor(path)) return true;
    return stat(path, &status) == 0 && !S_ISREG(status.st_mode);
}

static int open_retrying(const char *path, int flags, mode_t mode) {
    int file;
    do {
        file = open(path, flags | O_CLOEXEC, mode);
    } while (file < 0 && errno == EINTR);
    return file;
}

/* /dev/stdout with standard output sent to a file must append at its offset, as "-" does, not start over. */
static bool is_standard_output(const char *path) {
    struct stat named, standard;
    if (strcmp(path, "-") == 0) return true;
    return names_descriptor(path) && stat(path, &named) == 0 && fstat(STDOUT_FILENO, &standard) == 0 &&
           named.st_dev == standard.st_dev && named.st_ino == standard.st_ino;
}

static bool open_stream(io_output *output, const char *path, io_error *error) {
    struct stat status;
    if (is_standard_output(path)) {
        output->name = "standard output";
        output->file = STDOUT_FILENO;
        if (fflush(stdout) == 0) return true;
        return io_fail(error, IO_TRANSFER_ERROR, output->name, "cannot be written: %s", strerror(errno));
    }
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        return io_fail(error, IO_CANNOT_CREATE, path, "is a folder; expected a file");
    }
    output->file = open_retrying(path, O_WRONLY | O_TRUNC, 0);
    output->owned = output->file >= 0;
    if (output->owned) return true;
    return io_fail(error, IO_CANNOT_CREATE, path, "cannot be opened for writing: %s", strerror(errno));
}

/* The folder of the target, with its slash. */
static size_t folder_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

static int create_temporary(io_output *output, mode_t mode) {
    const size_t folder = folder_length(output->target);
    const size_t room = folder + 40;
    output->temporary = malloc(room);
    if (!output->temporary) return -1;
    memcpy(output->temporary, output->target, folder);
    unsigned long salt = (unsigned long)time(NULL) ^ (unsigned long)clock() << 12;
    for (int attempt = 0; attempt < 100; attempt++, salt = salt * 69069 + 1) {
        snprintf(output->temporary + folder, room - folder, ".softjac-%lx-%lx", (unsigned long)getpid() & 0xffffffff,
                 salt & 0xffffffff);
        guard_add(output->temporary);
        /* Readable too: a result may be mapped. */
        const int file = open_retrying(output->temporary, O_RDWR | O_CREAT | O_EXCL, mode);
        if (file >= 0) return file;
        guard_drop(output->temporary);
        if (errno != EEXIST) return -1;
    }
    return -1;
}

static void forget_temporary(io_output *output) {
    if (output->temporary) guard_drop(output->temporary);
    free(output->temporary);
    output->temporary = NULL;
}

/* A file that is replaced keeps its mode, and its owner where that is allowed. */
static bool keep_permissions(const io_output *output, const struct stat *before) {
    if (fchown(output->file, before->st_uid, before->st_gid) != 0 && errno != EPERM) return false;
    return fchmod(output->file, before->st_mode & 0777) == 0;
}

static bool choose_target(io_output *output, const char *path, bool *exists, struct stat *before, io_error *error) {
    *exists = stat(path, before) == 0;
    if (*exists) {
        if (access(path, W_OK) != 0) {
            return io_fail(error, IO_CANNOT_CREATE, path, "cannot be replaced: %s", strerror(errno));
        }
        output->target = realpath(path, NULL);
    } else if (lstat(path, before) == 0) {
        return io_fail(error, IO_CANNOT_CREATE, path, "is a symbolic link to nothing");
    } else {
        output->target = strdup(path);
    }
    if (output->target) return true;
    return errno == ENOMEM ? io_fail_memory(error, path)
                           : io_fail(error, IO_CANNOT_CREATE, path, "cannot be created: %s", strerror(errno));
}

static bool open_replacement(io_output *output, const char *path, io_error *error) {
    struct stat before;
    bool exists;
    if (!choose_target(output, path, &exists, &before, error)) return false;
    /* A new file gets what the umask leaves; one that replaces a private file is private from its first byte. */
    output->file = create_temporary(output, exists ? 0600 : 0666);
    if (output->file < 0) {
        const int reason = errno;
        forget_temporary(output);
        if (reason == ENOMEM) return io_fail_memory(error, path);
        return io_fail(error, IO_CANNOT_CREATE, path, "cannot be created: %s", strerror(reason));
    }
    output->owned = true;
    if (!exists || keep_permissions(output, &before)) return true;
    return io_fail(error, IO_CANNOT_CREATE, path, "its permissions cannot be kept: %s", strerror(errno));
}

bool output_open(io_output *output, const char *path, io_error *error) {
    output->name = path;
    output->file = -1;
    output->owned = false;
    output->target = output->temporary = NULL;
    output->used = 0;
    const bool opened =
        output_is_stream(path) ? open_stream(output, path, error) : open_replacement(output, path, error);
    if (!opened) output_abandon(output);
    return opened;
}

static bool write_all(io_output *output, const unsigned char *bytes, size_t length, io_error *error) {
    while (length > 0) {
        const ssize_t put = write(output->file, bytes, length < WRITE_AT_ONCE ? length : WRITE_AT_ONCE);
        if (put > 0) {
            bytes += put;
            length -= (size_t)put;
        } else if (put < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            struct pollfd ready = {output->file, POLLOUT, 0};
            poll(&ready, 1, -1);
        } else if (put == 0 || errno != EINTR) {
            return io_fail(error, IO_TRANSFER_ERROR, output->name, "cannot be written: %s",
                           put == 0 ? "no bytes are taken" : strerror(errno));
        }
    }
    return true;
}

static bool flush_buffer(io_output *output, io_error *error) {
    const size_t used = output->used;
    output->used = 0;
    return write_all(output, output->buffer, used, error);
}

bool output_write(io_output *output, const void *bytes, size_t length, io_error *error) {
    if (length > sizeof output->buffer - output->used && !flush_buffer(output, error)) return false;
    if (length > sizeof output->buffer) return write_all(output, bytes, length, error);
    memcpy(output->buffer + output->used, bytes, length);
    output->used += length;
    return true;
}

static bool failed(const io_output *output, int reason, io_error *error) {
    return io_fail(error, IO_TRANSFER_ERROR, output->name, "cannot be written: %s", strerror(reason));
}

bool output_extend(const io_output *output, uint64_t length, bool sparse, io_error *error) {
    struct statvfs disk;
    if (!sparse && fstatvfs(output->file, &disk) == 0 && disk.f_frsize > 0 && length / disk.f_frsize > disk.f_bavail)
        return failed(output, ENOSPC, error);
    return ftruncate(output->file, (off_t)length) == 0 || failed(output, errno, error);
}

bool output_reserve(const io_output *output, uint64_t length, io_error *error) {
#ifdef __linux__
    /* Not posix_fallocate: where a file system cannot reserve, the C library would write every block. */
    if (length > 0 && fallocate(output->file, 0, 0, (off_t)length) != 0 && errno != EOPNOTSUPP && errno != ENOSYS)
        return failed(output, errno, error);
#endif
    return ftruncate(output->file, (off_t)length) == 0 || failed(output, errno, error);
}

/* The disk begins at once with what would otherwise wait for the sync at the end; small pieces are left to the kernel.
 */
static void begin_writing(const io_output *output, uint64_t offset, size_t length) {
#ifdef __linux__
    if (length >= WRITTEN_EARLY) sync_file_range(output->file, (off_t)offset, (off_t)length, SYNC_FILE_RANGE_WRITE);
#else
    (void)output, (void)offset, (void)length;
#endif
}

bool output_place(const io_output *output, uint64_t offset, const void *bytes, size_t length, io_error *error) {
    const unsigned char *from = bytes;
    const uint64_t begin = offset;
    while (length > 0) {
        const ssize_t put = pwrite(output->file, from, length < WRITE_AT_ONCE ? length : WRITE_AT_ONCE, (off_t)offset);
        if (put > 0) {
            from += put;
            offset += (size_t)put;
            length -= (size_t)put;
        } else if (put == 0 || errno != EINTR) {
            return io_fail(error, IO_TRANSFER_ERROR, output->name, "cannot be written: %s",
                           put == 0 ? "no bytes are taken" : strerror(errno));
        }
    }
    begin_writing(output, begin, (size_t)(offset - begin));
    return true;
}

/* Some file systems cannot sync, and say so by these. */
static bool sync_file(int file) {
    int result;
    do {
        result = fsync(file);
    } while (result != 0 && errno == EINTR);
    return result == 0 || errno == EINVAL || errno == ENOTSUP;
}

static bool close_file(io_output *output) {
    const bool owned = output->owned;
    output->owned = false;
    /* After EINTR the descriptor is gone on Linux: a second close could hit another's file. */
    return !owned || close(output->file) == 0 || errno == EINTR;
}

/* -1 with *failed false where a folder may be written but not listed: it cannot be synced. */
static int open_folder(const io_output *output, bool *failed) {
    const size_t length = folder_length(output->target);
    const char kept = output->target[length];
    output->target[length] = '\0';
    const int folder = open_retrying(length ? output->target : ".", O_RDONLY | O_DIRECTORY, 0);
    output->target[length] = kept;
    *failed = folder < 0 && errno != EACCES;
    return folder;
}

static bool replace(io_output *output, io_error *error) {
    bool failed;
    /* Opened before the rename, so that only the sync itself can fail after it. */
    const int folder = open_folder(output, &failed);
    if (failed || rename(output->temporary, output->target) != 0) {
        const int reason = errno;
        if (folder >= 0) close(folder);
        return io_fail(error, IO_CANNOT_CREATE, output->name, "cannot be replaced: %s", strerror(reason));
    }
    forget_temporary(output);
    if (folder < 0) return true;
    const bool synced = sync_file(folder);
    const int reason = errno;
    close(folder);
    if (synced) return true;
    return io_fail(error, IO_TRANSFER_ERROR, output->name, "is written, but its folder cannot be synced: %s",
                   strerror(reason));
}

static bool commit(io_output *output, io_error *error) {
    if (!flush_buffer(output, error)) return false;
    const bool stream = !output->target;
    if ((!stream && !sync_file(output->file)) || !close_file(output)) {
        return io_fail(error, IO_TRANSFER_ERROR, output->name, "cannot be written: %s", strerror(errno));
    }
    return stream || replace(output, error);
}

bool output_commit(io_output *output, io_error *error) {
    const bool committed = commit(output, error);
    output_abandon(output);
    return committed;
}

void output_abandon(io_output *output) {
    close_file(output);
    if (output->temporary) unlink(output->temporary);
    forget_temporary(output);
    free(output->target);
    output->target = NULL;
}
