/* suggest.c: the edit distance behind "did you mean": insertions, deletions, replacements and swapped neighbours.
 * Names longer than the table of distances are never slips of ours. */
#include "suggest.h"

#include <stdbool.h>
#include <string.h>

enum { LONGEST = 31 };

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length) {
    size_t d[LONGEST + 1][LONGEST + 1];
    for (size_t i = 0; i <= a_length; i++) d[i][0] = i;
    for (size_t j = 0; j <= b_length; j++) d[0][j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        for (size_t j = 1; j <= b_length; j++) {
            const size_t replaced = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            d[i][j] = least(replaced, least(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    }
    return d[a_length][b_length];
}

name_suggestion suggestion_for(const char *typed) { return (name_suggestion){typed, NULL, 0}; }

void suggestion_consider(name_suggestion *suggestion, const char *candidate) {
    const size_t typed_length = strlen(suggestion->typed), length = strlen(candidate);
    if (typed_length > LONGEST || length > LONGEST) return;
    const bool begun = typed_length >= 3 && strncmp(candidate, suggestion->typed, typed_length) == 0;
    const size_t distance = begun ? 1 : edit_distance(suggestion->typed, typed_length, candidate, length);
    /* One wrong letter, and one more for every four, is still a slip; beyond that it is another word. */
    if (distance > 1 + length / 4) return;
    if (suggestion->best && distance >= suggestion->distance) return;
    suggestion->best = candidate;
    suggestion->distance = distance;
}
