/* memory.h: arrays for a program that has nothing to say without them. Used by every file of accuracy/. */
#ifndef SJ_ACCURACY_MEMORY_H
#define SJ_ACCURACY_MEMORY_H

#include <stdio.h>
#include <stdlib.h>

/* `count` elements, not cleared; ends the program where there is no memory. The caller frees. */
static inline void *new_array(size_t count, size_t size) {
    void *array = count <= (size_t)-1 / size ? malloc(count ? count * size : 1) : NULL;
    if (!array) {
        (void)fprintf(stderr, "accuracy: out of memory\n");
        exit(1);
    }
    return array;
}

#endif
