/* call.c: one operation on plain arrays: its options, the array of its result, one call of the library over all rows,
 * a failure as an exception. Called by module.c; what is not plain is prepared by _general.py. */
#include "numpy.h"
#include "operations.h"
#include "options.h"

/* The positional arguments of every operation, in this order. */
enum { X, OPERAND, AXIS, OUT, DTYPE, MODE, ARGUMENTS = MODE + OPTION_ARGUMENTS };

typedef struct request {
    const operation *op;
    PyObject *const *args;
    sj_view z, g, out;
    int axis; /* counted from the front */
    size_t q;
    int layout;
    bool keepdims;
    sj_options options;
    sj_error error;
} request;

static outcome read_axis(request *r) {
    PyObject *value = r->args[AXIS];
    if (!PyLong_CheckExact(value)) return OTHER;
    const Py_ssize_t given = PyNumber_AsSsize_t(value, NULL), ndim = r->z.ndim;
    if (given < -ndim || given >= ndim) return OTHER;
    r->axis = r->z.axis = (int)(given < 0 ? given + ndim : given);
    return PLAIN;
}

/* The index of a class, from the end where it is negative. */
static outcome read_class(request *r) {
    PyObject *value = r->args[OPERAND];
    if (!PyLong_CheckExact(value)) return OTHER;
    const Py_ssize_t given = PyNumber_AsSsize_t(value, NULL), n = (Py_ssize_t)r->z.shape[r->axis];
    const Py_ssize_t q = given < 0 ? given + n : given;
    if (q < 0 || q >= n) {
        PyErr_Format(PyExc_IndexError, "k = %R is out of bounds for %zd classes", value, n);
        return FAILED;
    }
    r->q = (size_t)q;
    return PLAIN;
}

static bool same_shape(const sj_view *a, const sj_view *b) {
    bool same = a->ndim == b->ndim;
    for (int d = 0; same && d < a->ndim; d++) same = a->shape[d] == b->shape[d];
    return same;
}

static outcome read_operand(request *r) {
    PyObject *value = r->args[OPERAND];
    switch (r->op->operand) {
    case TAKES_KEEPDIMS:
        if (PyBool_Check(value)) {
            r->keepdims = value == Py_True;
            return PLAIN;
        }
        PyErr_Format(PyExc_TypeError, "keepdims must be a bool, not %s; b is a keyword", Py_TYPE(value)->tp_name);
        return FAILED;
    case TAKES_CLASS:
        return read_class(r);
    case TAKES_LAYOUT:
        return read_word(&layouts, value, &r->layout);
    case TAKES_ARRAY:
        return view_of(value, &r->g) && same_shape(&r->z, &r->g) ? PLAIN : OTHER;
    default:
        return PLAIN;
    }
}

/* ---------------------------------------------------------------- result */

/* The shape of a result that is not that of the logits. */
static int result_shape(const request *r, npy_intp *shape) {
    const sj_view *z = &r->z;
    const bool blocks = r->op->operand == TAKES_LAYOUT && r->layout == SJ_BLOCKS, dense = r->layout == SJ_DENSE;
    int ndim = 0;
    for (int d = 0; d < z->ndim; d++) {
        if (d != r->axis || dense)
            shape[ndim++] = (npy_intp)z->shape[d];
        else if (r->keepdims)
            shape[ndim++] = 1;
    }
    if (blocks) shape[ndim] = shape[ndim + 1] = (npy_intp)z->shape[r->axis];
    for (int d = 0; d < z->ndim && dense; d++) shape[ndim + d] = (npy_intp)z->shape[d];
    return ndim + (blocks ? 2 : 0) + (dense ? z->ndim : 0);
}

static PyObject *new_result(const request *r, int type) {
    npy_intp shape[2 * SJ_MAX_NDIM + 1];
    if (r->op->operand == TAKES_KEEPDIMS || r->op->operand == TAKES_LAYOUT)
        return PyArray_SimpleNew(result_shape(r, shape), shape, type);
    PyArray_Descr *descr = PyArray_DescrFromType(type);
    return PyArray_NewLikeArray((PyArrayObject *)r->args[X], NPY_KEEPORDER, descr, 0);
}

/* The type number of the widest of the arrays; of float16 and bfloat16 neither is. */
static outcome widest_type(const request *r, int *type) {
    const sj_dtype z = r->z.dtype, g = r->op->operand == TAKES_ARRAY ? r->g.dtype : z;
    *type = z == SJ_F64 || g == SJ_F64 ? NPY_FLOAT64 : NPY_FLOAT32;
    if (z == g) *type = PyArray_TYPE((PyArrayObject *)r->args[X]);
    return z == g || z == SJ_F32 || g == SJ_F32 || *type == NPY_FLOAT64 ? PLAIN : OTHER;
}

/* The type number of a new result: what dtype asks for, else the widest. */
static outcome result_type(const request *r, int *type) {
    if (r->args[DTYPE] == Py_None) return widest_type(r, type);
    PyArray_Descr *descr;
    if (!PyArray_DescrConverter(r->args[DTYPE], &descr)) return FAILED;
    *type = descr->type_num;
    const bool native = PyArray_ISNBO(descr->byteorder);
    Py_DECREF(descr);
    return dtype_of(*type) && native ? PLAIN : OTHER;
}

/* A new reference to the array that receives the result; its view is r->out. */
static outcome take_result(request *r, PyObject **result) {
    PyObject *out = r->args[OUT];
    if (out == Py_None) {
        int type;
        const outcome got = result_type(r, &type);
        if (got != PLAIN) return got;
        *result = new_result(r, type);
        if (!*result) return FAILED;
    } else {
        if (r->args[DTYPE] != Py_None || !view_of(out, &r->out)) return OTHER;
        if (PyArray_FailUnlessWriteable((PyArrayObject *)out, "output array") < 0) return FAILED;
        *result = Py_NewRef(out);
    }
    return view_of(*result, &r->out) ? PLAIN : OTHER;
}

/* The library knows no dimension of size 1 where the class axis was. */
static void drop_kept_axis(request *r) {
    sj_view *out = &r->out;
    if (!r->keepdims || out->ndim != r->z.ndim || out->shape[r->axis] != 1) return;
    out->ndim--;
    for (int d = r->axis; d < out->ndim; d++) {
        out->shape[d] = out->shape[d + 1];
        out->strides[d] = out->strides[d + 1];
    }
}

/* ---------------------------------------------------------------- call */

static sj_status compute(const request *r) {
    switch (r->op->operand) {
    case TAKES_CLASS:
        return r->op->gradient(r->z, r->q, r->out, &r->options);
    case TAKES_LAYOUT:
        return r->op->jacobian(r->z, (sj_layout)r->layout, r->out, &r->options);
    case TAKES_ARRAY:
        return r->op->product(r->z, r->g, r->out, &r->options);
    default:
        return r->op->map(r->z, r->out, &r->options);
    }
}

static outcome perform(request *r) {
    NPY_BEGIN_THREADS_DEF;
    drop_kept_axis(r);
    NPY_BEGIN_THREADS_THRESHOLDED(PyArray_SIZE((PyArrayObject *)r->args[X]));
    const sj_status status = compute(r);
    NPY_END_THREADS;
    if (status == SJ_OK) return PLAIN;
    if (status == SJ_BAD_OVERLAP) return OTHER;
    raise_status(status, r->error.message);
    return FAILED;
}

PyObject *call_operation(const operation *op, PyObject *const *args, Py_ssize_t count) {
    request r;
    PyObject *result = NULL;
    if (count != ARGUMENTS) {
        PyErr_Format(PyExc_TypeError, "%s takes %d positional arguments, %zd given", op->name, ARGUMENTS, count);
        return NULL;
    }
    r.op = op;
    r.args = args;
    r.keepdims = false;
    r.layout = SJ_BLOCKS;
    outcome got = read_options(&args[MODE], &r.options, &r.error);
    if (got == PLAIN) got = view_of(args[X], &r.z) ? PLAIN : OTHER;
    if (got == PLAIN) got = read_axis(&r);
    if (got == PLAIN) got = read_operand(&r);
    if (got == PLAIN) got = take_result(&r, &result);
    if (got == PLAIN) got = perform(&r);
    if (got == PLAIN) return args[OUT] == Py_None ? PyArray_Return((PyArrayObject *)result) : result;
    Py_XDECREF(result);
    if (got == FAILED) return NULL;
    Py_INCREF(Py_NotImplemented);
    return Py_NotImplemented;
}
