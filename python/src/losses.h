/* losses.h: cross-entropy and the metrics as methods of the module; _core.pyi has their arguments. */
#ifndef SOFTJAC_LOSSES_H
#define SOFTJAC_LOSSES_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

PyObject *cross_entropy(PyObject *module, PyObject *args);
PyObject *mape(PyObject *module, PyObject *args);
PyObject *max_relative_error(PyObject *module, PyObject *args);

#endif
