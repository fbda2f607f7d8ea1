/* second.h: the Hessian-vector product as a method of the module; _core.pyi has its arguments. */
#ifndef SOFTJAC_SECOND_H
#define SOFTJAC_SECOND_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

PyObject *softmax_hvp(PyObject *module, PyObject *args);

#endif
