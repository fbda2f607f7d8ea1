/* help.h: --help, examples first, from the table of options.h. Called by main.c. */
#ifndef TOOL_HELP_H
#define TOOL_HELP_H

#include "options.h"

#include <stdio.h>

/* Help on one command; COMMAND_COUNT is softjac itself. */
void print_help(FILE *out, command_id command);

#endif
