/* source.c: reads a file, pipe or standard input into a buffer that doubles. Called by read.c.
 * Short reads, interruptions and files that grow or shrink meanwhile all end as "what was read is what there is". */
#include "source.h"

#include "fail.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_ROOM ((size_t)128 << 10)
#define READ_AT_ONCE ((size_t)1 << 30) /* Linux moves at most 2 GiB per call; other systems fail above INT_MAX */

bool source_open(io_source *source, const char *path, io_error *error) {
    const bool standard = strcmp(path, "-") == 0;
    *source = (io_source){standard ? "standard input" : path, NULL, 0, 0, STDIN_FILENO, !standard, false};
    struct stat status;
    if (!standard) {
        do {
            source->file = open(path, O_RDONLY | O_CLOEXEC);
        } while (source->file < 0 && errno == EINTR);
        if (source->file < 0) return io_fail(error, IO_NO_INPUT, path, "cannot be opened: %s", strerror(errno));
    }
    if (fstat(source->file, &status) == 0 && S_ISDIR(status.st_mode)) {
        return io_fail(error, IO_NO_INPUT, source->name, "is a folder; expected a file");
    }
    return true;
}

static bool grow(io_source *source) {
    if (source->length < source->room) return true;
    const size_t room = source->room ? source->room * 2 : FIRST_ROOM;
    unsigned char *bytes = room > PTRDIFF_MAX ? NULL : realloc(source->bytes, room);
    if (!bytes) return false;
    source->bytes = bytes;
    source->room = room;
    return true;
}

bool source_fill(io_source *source, size_t length, io_error *error) {
    while (!source->ended && source->length < length) {
        if (!grow(source)) return io_fail_memory(error, source->name);
        size_t wanted = source->room - source->length;
        if (wanted > length - source->length) wanted = length - source->length;
        if (wanted > READ_AT_ONCE) wanted = READ_AT_ONCE;
        const ssize_t got = read(source->file, source->bytes + source->length, wanted);
        if (got > 0) {
            source->length += (size_t)got;
        } else if (got == 0) {
            source->ended = true;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            /* A terminal or pipe that another process left non-blocking. */
            struct pollfd ready = {source->file, POLLIN, 0};
            poll(&ready, 1, -1);
        } else if (errno != EINTR) {
            return io_fail(error, IO_TRANSFER_ERROR, source->name, "cannot be read after byte %zu: %s", source->length,
                           strerror(errno));
        }
    }
    return true;
}

void source_close(io_source *source) {
    if (source->owned && source->file >= 0) close(source->file);
    free(source->bytes);
    source->bytes = NULL;
}
