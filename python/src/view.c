/* view.c: the library's view of a NumPy array. Called by call.c and losses.c. */
#include "numpy.h"

#include <string.h>

/* The bfloat16 of ml_dtypes is not one of NumPy's own: it is known by its name. */
static bool is_bfloat16(int type) {
    if (!PyTypeNum_ISUSERDEF(type)) return false;
    PyArray_Descr *descr = PyArray_DescrFromType(type);
    if (!descr) return false;
    const char *name = descr->typeobj->tp_name, *last = strrchr(name, '.');
    const bool same = strcmp(last ? last + 1 : name, "bfloat16") == 0;
    Py_DECREF(descr);
    return same;
}

sj_dtype dtype_of(int type) {
    switch (type) {
    case NPY_FLOAT16:
        return SJ_F16;
    case NPY_FLOAT32:
        return SJ_F32;
    case NPY_FLOAT64:
        return SJ_F64;
    default:
        return is_bfloat16(type) ? SJ_BF16 : (sj_dtype)0;
    }
}

/* Of any array whose elements have the dtype, if that is one. */
static bool view_as(PyArrayObject *array, sj_dtype dtype, sj_view *view) {
    const int ndim = PyArray_NDIM(array);
    const npy_intp size = PyArray_ITEMSIZE(array);
    if (!dtype || !PyArray_ISBEHAVED_RO(array) || ndim > SJ_MAX_NDIM) return false;
    view->dtype = dtype;
    view->data = PyArray_DATA(array);
    view->ndim = ndim;
    view->axis = -1;
    for (int d = 0; d < ndim; d++) {
        const npy_intp stride = PyArray_STRIDE(array, d);
        /* A double may be aligned to half its size. */
        if (stride % size != 0) return false;
        view->shape[d] = (size_t)PyArray_DIM(array, d);
        view->strides[d] = stride / size;
    }
    return true;
}

bool view_of(PyObject *object, sj_view *view) {
    if (!PyArray_CheckExact(object)) return false;
    PyArrayObject *array = (PyArrayObject *)object;
    return view_as(array, dtype_of(PyArray_TYPE(array)), view);
}

bool view_of_labels(PyObject *object, sj_view *view) {
    if (!PyArray_CheckExact(object)) return false;
    PyArrayObject *array = (PyArrayObject *)object;
    const bool fits = PyArray_ISSIGNED(array) && PyArray_ITEMSIZE(array) == sizeof(npy_int64);
    return view_as(array, fits ? SJ_I64 : (sj_dtype)0, view);
}
