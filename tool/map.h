/* map.h: files larger than memory as arrays in memory, for calls that need a whole row, or all rows, at once. What is
 * resident of them is given back as it grows; the machine reads it again where it is needed again. */
#ifndef TOOL_MAP_H
#define TOOL_MAP_H

#include "input.h"
#include "output.h"

/* Every input and result of a command at once. */
enum { MAPPINGS_MOST = 8 };

typedef struct mappings {
    struct mapping {
        void *base;
        size_t length;
    } at[MAPPINGS_MOST];
    int count;
} mappings;

/* Maps the file of an input. What the file does not hold as the library takes it (another dtype or byte order, numbers
 * that are broadcast) is first made into a file without name, in $TMPDIR or /var/tmp. EXIT_DONE or the exit code. */
int map_input(mappings *maps, const arguments *args, input *in);

/* Maps the file of a result; nothing where it is in memory. EXIT_DONE or the exit code. */
int map_result(mappings *maps, const arguments *args, result *into);

/* Gives back what is resident, where that is more than `most` bytes. Called from time to time while others compute. */
void map_trim(const mappings *maps, size_t most);

/* No pointer into them may be used after. */
void map_free(mappings *maps);

#endif
