/* operations.h: the operations of the C library that Python reaches, as one table. Read by call.c, which serves plain
 * arrays, and by gufunc.c, which makes a generalised ufunc of each. */
#ifndef SOFTJAC_OPERATIONS_H
#define SOFTJAC_OPERATIONS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <softjac.h>

/* What an operation takes beside the logits. Its result has the shape of the logits, but for those of KEEPDIMS, which
 * lack the class axis, and of LAYOUT, which are Jacobians. */
typedef enum operand_kind { TAKES_NOTHING, TAKES_KEEPDIMS, TAKES_CLASS, TAKES_LAYOUT, TAKES_ARRAY } operand_kind;

typedef enum operation_id {
    SOFTMAX,
    LOG_SOFTMAX,
    LOGSUMEXP,
    SOFTMAX_GRADIENT,
    LOG_SOFTMAX_GRADIENT,
    SOFTMAX_JACOBIAN,
    LOG_SOFTMAX_JACOBIAN,
    SOFTMAX_VJP,
    SOFTMAX_JVP,
    LOG_SOFTMAX_VJP,
    LOG_SOFTMAX_JVP,
    OPERATIONS
} operation_id;

/* One of the four functions is set, as `operand` says. */
typedef struct operation {
    const char *name;
    operand_kind operand;
    sj_status (*map)(sj_view z, sj_view out, const sj_options *options);
    sj_status (*gradient)(sj_view z, size_t q, sj_view out, const sj_options *options);
    sj_status (*jacobian)(sj_view z, sj_layout layout, sj_view out, const sj_options *options);
    sj_status (*product)(sj_view z, sj_view g, sj_view out, const sj_options *options);
} operation;

extern const operation operations[OPERATIONS];

/* Sets the exception that a status means; always returns NULL. */
PyObject *raise_status(sj_status status, const char *message);

/* A generalised ufunc for every operation into the dict; -1 with an exception on failure. */
int add_gufuncs(PyObject *dict);

/* Capsules of the functions that XLA calls, by the name of the operation. */
PyObject *xla_handlers(PyObject *module, PyObject *nothing);

/* The operation on plain arrays, with positional arguments as _core.pyi has them; NotImplemented where one is not. */
PyObject *call_operation(const operation *op, PyObject *const *args, Py_ssize_t count);

#endif
