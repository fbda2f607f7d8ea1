/* archive.h: builds ZIP archives byte by byte, so that a test can falsify any one field. Used by test_npz.c and
 * test_npz_hostile.c; independent of npz_write.c. */
#ifndef SJ_TEST_IO_ARCHIVE_H
#define SJ_TEST_IO_ARCHIVE_H

#include "support.h"

typedef struct part {
    const char *name;
    const void *data; /* as stored in the archive */
    size_t length;
    size_t size; /* uncompressed, as declared in the central directory */
    uint32_t crc;
    unsigned method, flags;
} part;

/* CRC-32 bit by bit, from its polynomial. */
static inline uint32_t crc_by_definition(const void *data, size_t length) {
    const unsigned char *bytes_in = data;
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < length; i++) {
        crc ^= bytes_in[i];
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
    return ~crc;
}

static inline part stored(const char *name, const bytes *content) {
    return (part){
        name, content->data, content->length, content->length, crc_by_definition(content->data, content->length), 0, 0};
}

/* One deflate block of the kind that copies: valid deflate without a compressor. */
static inline bytes deflate_by_copying(const bytes *content) {
    bytes b = {.length = 0};
    add_little(&b, 1, 1);
    add_little(&b, content->length, 2);
    add_little(&b, ~content->length, 2);
    add_bytes(&b, content->data, content->length);
    return b;
}

static inline part deflated(const char *name, const bytes *content, const bytes *packed) {
    return (part){
        name, packed->data, packed->length, content->length, crc_by_definition(content->data, content->length), 8, 0};
}

/* As NumPy does, local headers hold 0xffffffff and a ZIP64 field instead of sizes. */
static inline void add_local(bytes *b, const part *p) {
    add_bytes(b, "PK\x03\x04", 4);
    add_little(b, 45, 2);
    add_little(b, p->flags, 2);
    add_little(b, p->method, 2);
    add_little(b, 0, 4);
    add_little(b, p->crc, 4);
    add_little(b, 0xffffffff, 4);
    add_little(b, 0xffffffff, 4);
    add_little(b, strlen(p->name), 2);
    add_little(b, 20, 2);
    add_bytes(b, p->name, strlen(p->name));
    add_little(b, 1, 2);
    add_little(b, 16, 2);
    add_little(b, p->size, 8);
    add_little(b, p->length, 8);
    add_bytes(b, p->data, p->length);
}

static inline void add_central(bytes *b, const part *p, size_t local, bool zip64) {
    add_bytes(b, "PK\x01\x02", 4);
    add_little(b, 45, 2);
    add_little(b, 45, 2);
    add_little(b, p->flags, 2);
    add_little(b, p->method, 2);
    add_little(b, 0, 4);
    add_little(b, p->crc, 4);
    add_little(b, zip64 ? 0xffffffff : p->length, 4);
    add_little(b, zip64 ? 0xffffffff : p->size, 4);
    add_little(b, strlen(p->name), 2);
    add_little(b, zip64 ? 28 + 6 : 0, 2);
    add_little(b, 0, 2);
    add_little(b, 0, 2);
    add_little(b, 0, 2);
    add_little(b, 0, 4);
    add_little(b, zip64 ? 0xffffffff : local, 4);
    add_bytes(b, p->name, strlen(p->name));
    if (!zip64) return;
    add_little(b, 0x7777, 2); /* a field of another kind comes first */
    add_little(b, 2, 2);
    add_little(b, 0, 2);
    add_little(b, 1, 2);
    add_little(b, 24, 2);
    add_little(b, p->size, 8);
    add_little(b, p->length, 8);
    add_little(b, local, 8);
}

static inline void add_end(bytes *b, size_t count, size_t length, size_t directory) {
    add_bytes(b, "PK\x05\x06", 4);
    add_little(b, 0, 4);
    add_little(b, count, 2);
    add_little(b, count, 2);
    add_little(b, length, 4);
    add_little(b, directory, 4);
    add_little(b, 0, 2);
}

static inline void add_zip64_end(bytes *b, size_t count, size_t length, size_t directory) {
    const size_t at = b->length;
    add_bytes(b, "PK\x06\x06", 4);
    add_little(b, 44, 8);
    add_little(b, 45, 2);
    add_little(b, 45, 2);
    add_little(b, 0, 8);
    add_little(b, count, 8);
    add_little(b, count, 8);
    add_little(b, length, 8);
    add_little(b, directory, 8);
    add_bytes(b, "PK\x06\x07", 4);
    add_little(b, 0, 4);
    add_little(b, at, 8);
    add_little(b, 1, 4);
}

static inline bytes archive_of(const part *parts, size_t count, bool zip64) {
    bytes b = {.length = 0};
    size_t locals[8];
    for (size_t i = 0; i < count; i++) {
        locals[i] = b.length;
        add_local(&b, &parts[i]);
    }
    const size_t directory = b.length;
    for (size_t i = 0; i < count; i++) add_central(&b, &parts[i], locals[i], zip64);
    const size_t length = b.length - directory;
    if (zip64) add_zip64_end(&b, count, length, directory);
    add_end(&b, zip64 ? 0xffff : count, zip64 ? 0xffffffff : length, zip64 ? 0xffffffff : directory);
    return b;
}

#endif
