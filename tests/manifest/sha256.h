/* sha256.h: SHA-256 (FIPS 180-4) of a stream of bytes, so that the manifest's program needs no library. Called by
 * manifest.c. */
#ifndef SJ_TEST_SHA256_H
#define SJ_TEST_SHA256_H

#include <stddef.h>
#include <stdint.h>

typedef struct sha256 {
    uint32_t state[8];
    uint64_t bytes; /* taken so far */
    unsigned char block[64];
} sha256;

#define SHA256_TEXT 65 /* hexadecimal digits and the end */

sha256 sha256_start(void);
void sha256_add(sha256 *hash, const unsigned char *data, size_t count);
void sha256_finish(sha256 *hash, char text[SHA256_TEXT]);

#endif
