/* npz.c: reads ZIP archives of .npy files through the central directory (NumPy's local headers carry no sizes).
 * Called by read.c with the whole file in memory; every offset and size in it is compared with that before use. */
#include "npz.h"

#include "bytes.h"
#include "fail.h"
#include "inflate.h"

#include <stdlib.h>
#include <string.h>

enum { END_RECORD = 22, ZIP64_LOCATOR = 20, ZIP64_END = 56, CENTRAL = 46, LOCAL = 30 };

/* Deflate codes at best 258 bytes in 2 bits. */
#define DEFLATE_RATIO_MAX 1032

static bool reject(const npz_archive *archive, io_error *error, size_t offset, const char *what) {
    return io_fail(error, IO_BAD_DATA, archive->path, "byte %zu: %s", offset, what);
}

/* The end record is the last thing in the file but for its comment. Returns length when there is none. */
static size_t find_end_record(const unsigned char *bytes, size_t length) {
    for (size_t comment = 0; comment <= 0xffff && comment + END_RECORD <= length; comment++) {
        const size_t at = length - END_RECORD - comment;
        if (memcmp(bytes + at, "PK\x05\x06", 4) == 0 && load16_le(bytes + at + 20) == comment) return at;
    }
    return length;
}

static bool read_zip64_end(npz_archive *archive, size_t end, uint64_t *size, uint64_t *offset, size_t *next,
                           io_error *error) {
    const unsigned char *bytes = archive->bytes;
    const size_t locator = end - ZIP64_LOCATOR;
    if (end < ZIP64_LOCATOR + ZIP64_END || memcmp(bytes + locator, "PK\x06\x07", 4) != 0) {
        return reject(archive, error, end, "the ZIP64 end record is missing");
    }
    const uint64_t at = load64_le(bytes + locator + 8);
    if (at > locator - ZIP64_END || memcmp(bytes + at, "PK\x06\x06", 4) != 0) {
        return reject(archive, error, locator, "the ZIP64 end record is not where its locator says");
    }
    *size = load64_le(bytes + at + 40);
    *offset = load64_le(bytes + at + 48);
    *next = (size_t)at;
    return true;
}

bool npz_open(npz_archive *archive, const char *path, const unsigned char *bytes, size_t length, io_error *error) {
    *archive = (npz_archive){path, bytes, length, 0, 0};
    const size_t end = find_end_record(bytes, length);
    if (end == length) {
        return io_fail(error, IO_BAD_DATA, path, "the ZIP archive's end record is missing: the file is cut short");
    }
    if (load16_le(bytes + end + 4) != 0 || load16_le(bytes + end + 6) != 0) {
        return reject(archive, error, end, "the archive is split over several files");
    }
    uint64_t size = load32_le(bytes + end + 12), offset = load32_le(bytes + end + 16);
    size_t next = end;
    const bool zip64 = load16_le(bytes + end + 10) == 0xffff || size == 0xffffffff || offset == 0xffffffff;
    if (zip64 && !read_zip64_end(archive, end, &size, &offset, &next, error)) return false;
    if (offset > next || size != next - offset) {
        return reject(archive, error, end, "the central directory is not where the end record says");
    }
    archive->directory = (size_t)offset;
    archive->directory_end = next;
    return true;
}

/* Sizes of 0xffffffff stand in the ZIP64 extra field, in this order, each only if its short form is full. */
static bool read_zip64_fields(const unsigned char *extra, size_t length, npz_member *member) {
    uint64_t *const fields[] = {&member->size, &member->compressed, &member->local};
    bool wanted = false;
    for (int f = 0; f < 3; f++) wanted = wanted || *fields[f] == 0xffffffff;
    if (!wanted) return true;
    while (length >= 4) {
        const size_t body = load16_le(extra + 2);
        if (body > length - 4) return false;
        if (load16_le(extra) == 1) {
            size_t at = 0;
            for (int f = 0; f < 3; f++) {
                if (*fields[f] != 0xffffffff) continue;
                if (body - at < 8) return false;
                *fields[f] = load64_le(extra + 4 + at);
                at += 8;
            }
            return true;
        }
        extra += 4 + body;
        length -= 4 + body;
    }
    return false;
}

/* Reads the entry at *at and moves *at to the next. */
static bool read_entry(const npz_archive *archive, size_t *at, npz_member *member, io_error *error) {
    const unsigned char *p = archive->bytes + *at;
    const size_t left = archive->directory_end - *at;
    if (left < CENTRAL || memcmp(p, "PK\x01\x02", 4) != 0) {
        return reject(archive, error, *at, "no entry of the central directory begins here");
    }
    const size_t name = load16_le(p + 28), extra = load16_le(p + 30), comment = load16_le(p + 32);
    if (name + extra + comment > left - CENTRAL) {
        return reject(archive, error, *at, "an entry is longer than the central directory");
    }
    *member = (npz_member){p + CENTRAL,
                           name,
                           load16_le(p + 8),
                           load16_le(p + 10),
                           load32_le(p + 16),
                           load32_le(p + 20),
                           load32_le(p + 24),
                           load32_le(p + 42),
                           0};
    if (!read_zip64_fields(p + CENTRAL + name, extra, member)) {
        return reject(archive, error, *at, "an entry's ZIP64 field is damaged");
    }
    *at += CENTRAL + name + extra + comment;
    return true;
}

static bool ends_in_npy(const npz_member *member) {
    return member->name_length >= 4 && memcmp(member->name + member->name_length - 4, ".npy", 4) == 0;
}

static bool is_wanted(const npz_member *member, const char *wanted) {
    if (!wanted) return ends_in_npy(member);
    const size_t length = strlen(wanted);
    if (member->name_length != length && !(member->name_length == length + 4 && ends_in_npy(member))) return false;
    return memcmp(member->name, wanted, length) == 0;
}

/* Says which members there are, as many as the message holds. */
static bool reject_choice(const npz_archive *archive, const char *what, io_error *error) {
    char names[256] = "";
    size_t used = 0, at = archive->directory;
    npz_member member = {0};
    io_error ignored;
    while (at < archive->directory_end && read_entry(archive, &at, &member, &ignored)) {
        char quoted[IO_QUOTE_ROOM];
        io_quote(quoted, member.name, member.name_length);
        if (used + strlen(quoted) + 6 > sizeof names) {
            memcpy(names + used, ", ...", 6);
            break;
        }
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", quoted);
    }
    return io_fail(error, IO_BAD_DATA, archive->path, "%s; members: %s", what, names[0] ? names : "none");
}

/* The local header must agree on the name, and header and data must lie before the central directory. */
static bool locate(const npz_archive *archive, npz_member *member, io_error *error) {
    const uint64_t local = member->local;
    if (archive->directory < LOCAL || local > archive->directory - LOCAL) {
        return reject(archive, error, archive->directory, "a member begins outside the archive");
    }
    const unsigned char *p = archive->bytes + local;
    const size_t name = load16_le(p + 26), extra = load16_le(p + 28);
    const size_t room = archive->directory - LOCAL - (size_t)local;
    if (memcmp(p, "PK\x03\x04", 4) != 0 || name != member->name_length || name + extra > room ||
        memcmp(p + LOCAL, member->name, name) != 0) {
        return reject(archive, error, (size_t)local, "the member's local header does not match the central directory");
    }
    if (member->compressed > room - name - extra) {
        return reject(archive, error, (size_t)local, "the member is longer than the archive");
    }
    member->data = (size_t)local + LOCAL + name + extra;
    return true;
}

static bool check_coding(const npz_archive *archive, const npz_member *member, io_error *error) {
    const size_t at = (size_t)member->local;
    if (member->flags & 0x2041) return reject(archive, error, at, "the member is encrypted");
    if (member->method != 0 && member->method != 8) {
        return io_fail(error, IO_BAD_DATA, archive->path,
                       "byte %zu: unknown compression method %u; expected stored (0) or deflate (8)", at,
                       member->method);
    }
    if (member->method == 0 && member->size != member->compressed) {
        return reject(archive, error, at, "a stored member declares two different sizes");
    }
    if (member->size > PTRDIFF_MAX || member->size / DEFLATE_RATIO_MAX > member->compressed) {
        return reject(archive, error, at, "the member declares more bytes than its data can expand to");
    }
    return true;
}

static bool overlaps(const npz_member *chosen, const npz_member *other) {
    if (other->local >= chosen->local) return other->local < chosen->data + chosen->compressed;
    const uint64_t distance = chosen->local - other->local;
    /* Not as one sum: the other member's declared length is unchecked and may wrap. */
    return other->compressed > distance || LOCAL + other->name_length + other->compressed > distance;
}

bool npz_find(const npz_archive *archive, const char *wanted, npz_member *member, io_error *error) {
    size_t found = 0, chosen_at = 0;
    npz_member entry = {0};
    for (size_t at = archive->directory; at < archive->directory_end;) {
        const size_t entry_at = at;
        if (!read_entry(archive, &at, &entry, error)) return false;
        if (!is_wanted(&entry, wanted)) continue;
        found++;
        chosen_at = entry_at;
        *member = entry;
    }
    if (found == 0) return reject_choice(archive, wanted ? "no such member" : "no member ends in .npy", error);
    if (found > 1) {
        return reject_choice(archive, wanted ? "several members have this name" : "choose a member by 'file.npz:name'",
                             error);
    }
    if (!locate(archive, member, error) || !check_coding(archive, member, error)) return false;
    for (size_t at = archive->directory; at < archive->directory_end;) {
        const size_t entry_at = at;
        if (!read_entry(archive, &at, &entry, error)) return false;
        if (entry_at != chosen_at && overlaps(member, &entry)) {
            return reject(archive, error, (size_t)member->local, "the member overlaps another one");
        }
    }
    return true;
}

static bool inflate_member(const npz_archive *archive, const npz_member *member, size_t limit, size_t *length,
                           unsigned char **owned, io_error *error) {
    const unsigned char *packed = archive->bytes + member->data;
    switch (io_inflate(packed, (size_t)member->compressed, limit, owned, length)) {
    case INFLATE_OK:
        return true;
    case INFLATE_NO_MEMORY:
        return io_fail_memory(error, archive->path);
    case INFLATE_UNSUPPORTED:
        return io_fail(error, IO_BAD_DATA, archive->path,
                       "the member is compressed and this build has no zlib; save with numpy.savez instead");
    default:
        return reject(archive, error, member->data, "the member's compressed data is damaged");
    }
}

/* Whether all `length` bytes are the member that the directory declares. */
static bool check_whole(const npz_archive *archive, const npz_member *member, const unsigned char *data, size_t length,
                        io_error *error) {
    if (length != member->size) {
        return io_fail(error, IO_BAD_DATA, archive->path,
                       "byte %zu: the member expands to %s than the %zu bytes declared", member->data,
                       length < member->size ? "less" : "more", (size_t)member->size);
    }
    if (io_crc32(0, data, length) == member->crc) return true;
    return reject(archive, error, member->data, "the member's CRC-32 does not match its data");
}

bool npz_extract(const npz_archive *archive, const npz_member *member, size_t limit, const unsigned char **data,
                 size_t *length, unsigned char **owned, io_error *error) {
    const size_t size = (size_t)member->size;
    const bool whole = limit >= size;
    *owned = NULL;
    *length = whole ? size : limit;
    *data = archive->bytes + member->data;
    if (member->method == 8) {
        /* One byte more than declared shows a stream that is longer. */
        if (!inflate_member(archive, member, whole ? size + 1 : limit, length, owned, error)) return false;
        *data = *owned;
    }
    if (!whole || check_whole(archive, member, *data, *length, error)) return true;
    free(*owned);
    *owned = NULL;
    return false;
}
