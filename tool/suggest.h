/* suggest.h: "did you mean": the known name nearest to a mistyped one. Used by parse.c. */
#ifndef TOOL_SUGGEST_H
#define TOOL_SUGGEST_H

#include <stddef.h>

typedef struct name_suggestion {
    const char *typed;
    const char *best; /* NULL while nothing is near enough */
    size_t distance;
} name_suggestion;

name_suggestion suggestion_for(const char *typed);

/* Takes `candidate` if it is nearer than the best so far and near enough to be a slip. */
void suggestion_consider(name_suggestion *suggestion, const char *candidate);

#endif
