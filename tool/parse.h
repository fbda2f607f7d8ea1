/* parse.h: a command line into struct arguments, by the table of options.h. Called by main.c. */
#ifndef TOOL_PARSE_H
#define TOOL_PARSE_H

#include "command.h"
#include "options.h"

typedef enum request { REQUEST_RUN, REQUEST_HELP, REQUEST_VERSION, REQUEST_WRONG } request;

/* On REQUEST_RUN, *command and *args are complete. On REQUEST_HELP, *command is what help is asked on, or
 * COMMAND_COUNT for softjac itself. On REQUEST_WRONG a message has been printed. */
request parse_command_line(int count, char *const *words, command_id *command, arguments *args);

#endif
