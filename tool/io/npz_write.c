/* npz_write.c: the ZIP records around one stored member. Called by write.c, which writes the member between them.
 * Date and attributes are constants: equal arrays give equal files. */
#include "npz.h"

#include "bytes.h"

#include <string.h>

enum { VERSION_PLAIN = 20, VERSION_ZIP64 = 45, DATE_1980_01_01 = 0x21, FLAG_UTF8 = 0x800 };

typedef struct builder {
    unsigned char *out;
    size_t at;
} builder;

static void put16(builder *b, unsigned value) {
    store16_le(b->out + b->at, (uint16_t)value);
    b->at += 2;
}

static void put32(builder *b, uint64_t value) {
    store32_le(b->out + b->at, value < 0xffffffff ? (uint32_t)value : 0xffffffff);
    b->at += 4;
}

static void put64(builder *b, uint64_t value) {
    store64_le(b->out + b->at, value);
    b->at += 8;
}

static void put_bytes(builder *b, const void *bytes, size_t length) {
    memcpy(b->out + b->at, bytes, length);
    b->at += length;
}

typedef struct entry {
    const char *name;
    uint64_t size;
    uint32_t crc;
    bool zip64;
} entry;

/* The fields that the local header and the central directory share, up to the length of the extra field. */
static void put_shared(builder *b, const entry *e) {
    put16(b, e->zip64 ? VERSION_ZIP64 : VERSION_PLAIN);
    put16(b, FLAG_UTF8);
    put16(b, 0); /* stored */
    put16(b, 0);
    put16(b, DATE_1980_01_01);
    put32(b, e->crc);
    put32(b, e->size);
    put32(b, e->size);
    put16(b, (unsigned)strlen(e->name));
    put16(b, e->zip64 ? 20 : 0);
}

static void put_zip64_field(builder *b, const entry *e) {
    if (!e->zip64) return;
    put16(b, 1);
    put16(b, 16);
    put64(b, e->size);
    put64(b, e->size);
}

static void put_local(builder *b, const entry *e) {
    put_bytes(b, "PK\x03\x04", 4);
    put_shared(b, e);
    put_bytes(b, e->name, strlen(e->name));
    put_zip64_field(b, e);
}

static void put_central(builder *b, const entry *e) {
    put_bytes(b, "PK\x01\x02", 4);
    put16(b, 3 << 8 | VERSION_ZIP64); /* made on Unix */
    put_shared(b, e);
    put16(b, 0);
    put16(b, 0);
    put16(b, 0);
    put32(b, (uint64_t)0100644 << 16);
    put32(b, 0);
    put_bytes(b, e->name, strlen(e->name));
    put_zip64_field(b, e);
}

static void put_zip64_end(builder *b, uint64_t directory, uint64_t length) {
    put_bytes(b, "PK\x06\x06", 4);
    put64(b, 44);
    put16(b, 3 << 8 | VERSION_ZIP64);
    put16(b, VERSION_ZIP64);
    put32(b, 0);
    put32(b, 0);
    put64(b, 1);
    put64(b, 1);
    put64(b, length);
    put64(b, directory);
    put_bytes(b, "PK\x06\x07", 4);
    put32(b, 0);
    put64(b, directory + length);
    put32(b, 1);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): written through the builder */
npz_frame npz_format(const char *name, uint64_t size, uint32_t crc, unsigned char *out) {
    builder b = {out, 0};
    const entry e = {name, size, crc, size >= 0xffffffff};
    put_local(&b, &e);
    const size_t before = b.at;
    const uint64_t directory = before + size;
    put_central(&b, &e);
    const uint64_t length = b.at - before;
    if (directory >= 0xffffffff) put_zip64_end(&b, directory, length);
    put_bytes(&b, "PK\x05\x06", 4);
    put16(&b, 0);
    put16(&b, 0);
    put16(&b, 1);
    put16(&b, 1);
    put32(&b, length);
    put32(&b, directory);
    put16(&b, 0);
    return (npz_frame){before, b.at - before};
}
