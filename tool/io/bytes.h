/* bytes.h: integers from and to bytes by shifts, right on hosts of either byte order, and checked size arithmetic.
 * Used by every file of io/ that touches a binary format. */
#ifndef SJ_IO_BYTES_H
#define SJ_IO_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline uint16_t load16_le(const unsigned char *p) { return (uint16_t)(p[0] | (unsigned)p[1] << 8); }
static inline uint16_t load16_be(const unsigned char *p) { return (uint16_t)((unsigned)p[0] << 8 | p[1]); }
static inline uint32_t load32_le(const unsigned char *p) { return load16_le(p) | (uint32_t)load16_le(p + 2) << 16; }
static inline uint32_t load32_be(const unsigned char *p) { return (uint32_t)load16_be(p) << 16 | load16_be(p + 2); }
static inline uint64_t load64_le(const unsigned char *p) { return load32_le(p) | (uint64_t)load32_le(p + 4) << 32; }
static inline uint64_t load64_be(const unsigned char *p) { return (uint64_t)load32_be(p) << 32 | load32_be(p + 4); }

static inline void store16_le(unsigned char *p, uint16_t value) {
    p[0] = (unsigned char)value;
    p[1] = (unsigned char)(value >> 8);
}
static inline void store32_le(unsigned char *p, uint32_t value) {
    store16_le(p, (uint16_t)value);
    store16_le(p + 2, (uint16_t)(value >> 16));
}
static inline void store64_le(unsigned char *p, uint64_t value) {
    store32_le(p, (uint32_t)value);
    store32_le(p + 4, (uint32_t)(value >> 32));
}

/* *product *= factor, unless it would exceed PTRDIFF_MAX, the most one object may hold. */
static inline bool multiply_checked(size_t *product, size_t factor) {
    if (factor != 0 && *product > (size_t)PTRDIFF_MAX / factor) return false;
    *product *= factor;
    return true;
}

#endif
