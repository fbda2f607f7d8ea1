/* wrap.h: prose broken into lines. Used by help.c and table.c. */
#ifndef TOOL_WRAP_H
#define TOOL_WRAP_H

#include <stdio.h>

#define WRAP_WIDTH 80

/* Prints `text` in lines of at most `width` columns, each after `indent` spaces; a blank line keeps paragraphs apart.
 */
void wrap_text(FILE *out, const char *text, int indent, int width);

#endif
