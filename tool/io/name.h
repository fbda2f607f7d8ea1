/* name.h: what the name of a file says: 'file.npz:member' in two parts, and the format of the extension.
 * Called by read.c and write.c. */
#ifndef SJ_IO_NAME_H
#define SJ_IO_NAME_H

#include "io.h"

#define IO_MEMBER_MAX 4096

typedef struct io_name {
    char *file;   /* without the member */
    char *member; /* NULL if none is named */
    bool known;   /* whether the extension names a format */
    io_format format;
} io_name;

/* For writing, the member is completed: 'arr_0.npy', or the name given with .npy after it. False when out of memory. */
bool io_name_split(io_name *name, const char *path, bool writing);

void io_name_free(io_name *name);

#endif
