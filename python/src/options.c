/* options.c: words and numbers of Python as options of the library. Called by call.c and losses.c. */
#include "options.h"

#include <limits.h>

enum { MODE, NONFINITE, GIVEN, THREADS };

static const words modes = {"mode", "'default' or 'exact'", {"default", "exact"}};
static const words policies = {"nonfinite", "'ieee', 'limit' or 'zero'", {"ieee", "limit", "zero"}};
static const words givens = {"given", "'logits' or 'softmax'", {"logits", "softmax"}};
const words layouts = {"layout", "'blocks' or 'dense'", {"blocks", "dense"}};
const words reductions = {"reduction", "'none', 'sum' or 'mean'", {"none", "sum", "mean"}};

outcome read_word(const words *known, PyObject *value, int *chosen) {
    *chosen = 0;
    if (value == Py_None) return PLAIN;
    for (int i = 0; PyUnicode_Check(value) && known->list[i]; i++) {
        *chosen = i;
        if (PyUnicode_CompareWithASCIIString(value, known->list[i]) == 0) return PLAIN;
    }
    PyErr_Format(PyExc_ValueError, "%s must be %s, not %R", known->name, known->expected, value);
    return FAILED;
}

static outcome read_threads(PyObject *value, int *threads) {
    *threads = 0;
    if (value == Py_None) return PLAIN;
    const Py_ssize_t count = PyNumber_AsSsize_t(value, NULL);
    if (count == -1 && PyErr_Occurred()) return FAILED;
    if (count < 1) {
        PyErr_Format(PyExc_ValueError, "threads must be at least 1, or None, not %zd", count);
        return FAILED;
    }
    *threads = count > INT_MAX ? INT_MAX : (int)count;
    return PLAIN;
}

outcome read_options(PyObject *const *args, sj_options *options, sj_error *error) {
    const sj_options defaults = SJ_OPTIONS_INIT;
    int mode, policy, given;
    *options = defaults;
    options->error = error;
    outcome got = read_word(&modes, args[MODE], &mode);
    if (got == PLAIN) got = read_word(&policies, args[NONFINITE], &policy);
    if (got == PLAIN) got = read_word(&givens, args[GIVEN], &given);
    if (got == PLAIN) got = read_threads(args[THREADS], &options->threads);
    if (got != PLAIN) return got;
    options->mode = (sj_mode)mode;
    options->nonfinite = (sj_nonfinite)policy;
    options->given = (sj_given)given;
    return PLAIN;
}
