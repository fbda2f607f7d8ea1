/* numpy.h: NumPy's C API, whose table of functions module.c imports and the other sources share; and views of arrays.
 */
#ifndef SOFTJAC_NUMPY_H
#define SOFTJAC_NUMPY_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#define NPY_NO_DEPRECATED_API NPY_1_22_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL softjac_array_api
#define PY_UFUNC_UNIQUE_SYMBOL softjac_ufunc_api
#ifndef SOFTJAC_IMPORTS_NUMPY
#define NO_IMPORT_ARRAY
#define NO_IMPORT_UFUNC
#endif
#include <numpy/arrayobject.h>
#include <numpy/ufuncobject.h>

#include <softjac.h>

#include <stdbool.h>

/* The dtype of the library for a type number of NumPy; 0 where there is none. */
sj_dtype dtype_of(int type);

/* The view of an array that is plain: exactly an ndarray, of a dtype of the library in native byte order, aligned, with
 * strides in whole elements and no more dimensions than a view has. False where it is not. */
bool view_of(PyObject *object, sj_view *view);

/* The same of labels, which are int64. */
bool view_of_labels(PyObject *object, sj_view *view);

#endif
