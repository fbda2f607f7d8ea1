/* pages.h: the pages made from the table of options.h while the command is built: man page and shell completions.
 * pages.c chooses one; man.c, bash.c, zsh.c and fish.c each print one to a stream. */
#ifndef TOOL_PAGES_H
#define TOOL_PAGES_H

#include "options.h"

#include <stdio.h>

void print_man(FILE *out);
void print_bash(FILE *out);
void print_zsh(FILE *out);
void print_fish(FILE *out);

/* Length of the first sentence of a help text without its full stop: what a completion menu has room for. */
int first_sentence(const char *help);

#endif
