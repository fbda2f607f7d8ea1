/* inflate.c: raw deflate through zlib where it is installed, and CRC-32 with or without it. Called by npz.c and
 * npz_write.c. */
#include "inflate.h"

#include <stdbool.h>
#include <stdlib.h>

#ifdef IO_HAVE_ZLIB

#define ZLIB_CONST
#include <zlib.h>

#define FIRST_ROOM ((size_t)64 << 10)
#define MOST_AT_ONCE ((size_t)1 << 30) /* zlib counts in unsigned int */

static unsigned at_once(size_t length) { return (unsigned)(length < MOST_AT_ONCE ? length : MOST_AT_ONCE); }

static bool grow(unsigned char **out, size_t *room, size_t limit) {
    const size_t wanted = *room == 0 ? FIRST_ROOM : *room > limit / 2 ? limit : *room * 2;
    const size_t next = wanted < limit ? wanted : limit;
    unsigned char *bytes = realloc(*out, next ? next : 1);
    if (!bytes) return false;
    *out = bytes;
    *room = next;
    return true;
}

static inflate_result inflate_all(z_stream *z, const unsigned char *bytes, size_t length, size_t limit,
                                  unsigned char **out, size_t *made) {
    size_t room = 0, taken = 0;
    int status = Z_OK;
    while (status == Z_OK) {
        if (*made == room && room == limit && room != 0) return INFLATE_OK;
        if (*made == room && !grow(out, &room, limit)) return INFLATE_NO_MEMORY;
        const unsigned in = at_once(length - taken), space = at_once(room - *made);
        z->next_in = bytes + taken;
        z->avail_in = in;
        z->next_out = *out + *made;
        z->avail_out = space;
        status = inflate(z, Z_NO_FLUSH);
        taken += in - z->avail_in;
        *made += space - z->avail_out;
    }
    if (status == Z_MEM_ERROR) return INFLATE_NO_MEMORY;
    return status == Z_STREAM_END ? INFLATE_OK : INFLATE_CORRUPT;
}

inflate_result io_inflate(const unsigned char *bytes, size_t length, size_t limit, unsigned char **out, size_t *made) {
    z_stream z = {0};
    *out = NULL;
    *made = 0;
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK) return INFLATE_NO_MEMORY;
    const inflate_result result = inflate_all(&z, bytes, length, limit, out, made);
    inflateEnd(&z);
    if (result != INFLATE_OK) {
        free(*out);
        *out = NULL;
    }
    return result;
}

uint32_t io_crc32(uint32_t crc, const unsigned char *bytes, size_t length) {
    uLong state = crc;
    while (length > 0) {
        const unsigned part = at_once(length);
        state = crc32(state, bytes, part);
        bytes += part;
        length -= part;
    }
    return (uint32_t)state;
}

#else

inflate_result io_inflate(const unsigned char *bytes, size_t length, size_t limit, unsigned char **out, size_t *made) {
    (void)bytes, (void)length, (void)limit;
    *out = NULL;
    *made = 0;
    return INFLATE_UNSUPPORTED;
}

/* Four bits at a time: a table of 16 entries needs no set-up and is fast enough beside the disk. */
uint32_t io_crc32(uint32_t crc, const unsigned char *bytes, size_t length) {
    static const uint32_t step[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
                                      0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                      0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    crc = ~crc;
    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        crc = crc >> 4 ^ step[crc & 15];
        crc = crc >> 4 ^ step[crc & 15];
    }
    return ~crc;
}

#endif
