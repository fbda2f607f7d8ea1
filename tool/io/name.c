/* name.c: splits 'file.npz:member' and reads the extension. Called by read.c and write.c. */
#include "name.h"

#include <stdlib.h>
#include <string.h>

static char *join(const char *text, size_t length, const char *suffix) {
    const size_t tail = strlen(suffix);
    char *out = malloc(length + tail + 1);
    if (!out) return NULL;
    memcpy(out, text, length);
    memcpy(out + length, suffix, tail + 1);
    return out;
}

/* ASCII only: the locale must not change what a file is. */
static bool ends_in(const char *text, size_t length, const char *suffix) {
    const size_t tail = strlen(suffix);
    if (length < tail) return false;
    for (size_t i = 0; i < tail; i++) {
        const char c = text[length - tail + i];
        if ((c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) != suffix[i]) return false;
    }
    return true;
}

static void read_extension(io_name *name) {
    static const struct {
        const char *suffix;
        io_format format;
    } extensions[] = {{".npy", IO_NPY}, {".npz", IO_NPZ}, {".csv", IO_CSV}, {".tsv", IO_TSV}};
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++) {
        if (!ends_in(name->file, strlen(name->file), extensions[i].suffix)) continue;
        name->known = true;
        name->format = extensions[i].format;
    }
}

bool io_name_split(io_name *name, const char *path, bool writing) {
    size_t length = strlen(path);
    const char *member = NULL;
    for (const char *colon = strchr(path, ':'); colon && !member; colon = strchr(colon + 1, ':')) {
        if (!ends_in(path, (size_t)(colon - path), ".npz")) continue;
        member = colon + 1;
        length = (size_t)(colon - path);
    }
    *name = (io_name){join(path, length, ""), NULL, false, IO_CSV};
    if (!name->file) return false;
    read_extension(name);
    if (!member && !writing) return true;
    if (!member) member = "arr_0";
    const size_t member_length = strlen(member);
    const bool complete = !writing || member_length == 0 || ends_in(member, member_length, ".npy");
    name->member = join(member, member_length, complete ? "" : ".npy");
    if (name->member) return true;
    io_name_free(name);
    return false;
}

void io_name_free(io_name *name) {
    free(name->file);
    free(name->member);
    name->file = name->member = NULL;
}
