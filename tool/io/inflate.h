/* inflate.h: what .npz members need from compression: raw deflate and CRC-32. Called by npz.c and npz_write.c.
 * The only file that knows whether zlib is there. */
#ifndef SJ_IO_INFLATE_H
#define SJ_IO_INFLATE_H

#include <stddef.h>
#include <stdint.h>

typedef enum inflate_result {
    INFLATE_OK,
    INFLATE_CORRUPT, /* not a deflate stream, or it ends early */
    INFLATE_NO_MEMORY,
    INFLATE_UNSUPPORTED, /* built without zlib */
} inflate_result;

/* Inflates until the stream ends or `limit` bytes are made. *out is owned by the caller and grows with what is made;
 * NULL on failure. */
inflate_result io_inflate(const unsigned char *bytes, size_t length, size_t limit, unsigned char **out, size_t *made);

/* The CRC-32 of zip files; `crc` is 0 or the result for the bytes before. */
uint32_t io_crc32(uint32_t crc, const unsigned char *bytes, size_t length);

#endif
