/* options.h: words and numbers of Python as options of the library. Used by call.c and losses.c. */
#ifndef SOFTJAC_OPTIONS_H
#define SOFTJAC_OPTIONS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <softjac.h>

/* PLAIN goes on; OTHER is for _general.py; FAILED has set an exception. */
typedef enum outcome { PLAIN, OTHER, FAILED } outcome;

/* An option whose values have names, in the order of their values in softjac.h. */
typedef struct words {
    const char *name, *expected;
    const char *list[4];
} words;

extern const words layouts, reductions;

/* The place of a word in its list; None is the first. */
outcome read_word(const words *known, PyObject *value, int *chosen);

/* Of mode, nonfinite, given and threads, in this order; a failing call leaves its message in `error`. */
enum { OPTION_ARGUMENTS = 4 };
outcome read_options(PyObject *const *args, sj_options *options, sj_error *error);

#endif
