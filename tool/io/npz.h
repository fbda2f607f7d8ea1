/* npz.h: the members of a .npz archive, which is a ZIP file of .npy files. read.c finds and extracts one; write.c makes
 * archives of one stored member. */
#ifndef SJ_IO_NPZ_H
#define SJ_IO_NPZ_H

#include "io.h"

#include <stdint.h>

typedef struct npz_archive {
    const char *path; /* for messages */
    const unsigned char *bytes;
    size_t length;
    size_t directory, directory_end; /* the central directory, where every size is taken from */
} npz_archive;

typedef struct npz_member {
    const unsigned char *name; /* inside the archive's bytes, not terminated */
    size_t name_length;
    unsigned flags, method;
    uint32_t crc;
    uint64_t compressed, size; /* as declared, until npz_find has compared them with the file */
    uint64_t local;            /* offset of the local header */
    size_t data;               /* offset of the member's bytes; set by npz_find */
} npz_member;

/* Finds the central directory. */
bool npz_open(npz_archive *archive, const char *path, const unsigned char *bytes, size_t length, io_error *error);

/* The member called `wanted` or `wanted`.npy; with NULL the only one whose name ends in .npy. Its bytes are inside the
 * file, overlap no other member, and its declared size is one that they can expand to. */
bool npz_find(const npz_archive *archive, const char *wanted, npz_member *member, io_error *error);

/* At most `limit` bytes of the member; checked by CRC-32 when that is all of it. *data points into the archive or to
 * *owned, which the caller frees. */
bool npz_extract(const npz_archive *archive, const npz_member *member, size_t limit, const unsigned char **data,
                 size_t *length, unsigned char **owned, io_error *error);

#define NPZ_FRAME_MAX(name_length) (256 + 2 * (name_length))

/* The bytes before and after a stored member's own: they are written to `out` one after the other, and the lengths of
 * the two parts returned. ZIP64 fields are used when `size` needs them. */
typedef struct npz_frame {
    size_t before, after;
} npz_frame;
npz_frame npz_format(const char *name, uint64_t size, uint32_t crc, unsigned char *out);

#endif
