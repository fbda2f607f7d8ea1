/* wrap.c: greedy line breaking at spaces; a word longer than a line stands on its own. */
#include "wrap.h"

#include <string.h>

void wrap_text(FILE *out, const char *text, int indent, int width) {
    int column = 0;
    while (*text) {
        if (*text == '\n') {
            fputs(column ? "\n\n" : "", out);
            column = 0;
            text += strspn(text, "\n");
            continue;
        }
        const int word = (int)strcspn(text, " \n");
        if (column && column + 1 + word > width) {
            fputc('\n', out);
            column = 0;
        }
        column += fprintf(out, "%*s%.*s", column ? 1 : indent, "", word, text);
        text += word;
        text += strspn(text, " ");
    }
    if (column) fputc('\n', out);
}
