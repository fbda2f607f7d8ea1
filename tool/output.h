/* output.h: where a command's result goes: a file, text for a person, CSV text for a pipe, or JSON. */
#ifndef TOOL_OUTPUT_H
#define TOOL_OUTPUT_H

#include "command.h"

#include <signal.h>

/* Before anything is computed: can a result of `ndim` dimensions go where the command line says? */
int check_output(const arguments *args, int ndim);

/* Writes or prints the result. EXIT_DONE or the exit code, with its message printed. */
int emit_array(const arguments *args, const io_array *array);

/* Flushes standard output; EXIT_CANNOT_WRITE with a message when something printed did not arrive. */
int finish_stdout(const arguments *args);

/* SIGINT, SIGTERM and SIGHUP wait from one to the other. */
void hold_ending_signals(sigset_t *before);
void release_ending_signals(const sigset_t *before);

#endif
