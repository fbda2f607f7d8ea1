/* module.c: the extension module softjac._core: the table of operations, a function and a gufunc for each, exceptions,
 * and what is known of the build. Everything computed is computed by libsoftjac. */
#define SOFTJAC_IMPORTS_NUMPY
#include "losses.h"
#include "numpy.h"
#include "operations.h"
#include "second.h"

const operation operations[OPERATIONS] = {
    [SOFTMAX] = {"softmax", TAKES_NOTHING, .map = sj_softmax},
    [LOG_SOFTMAX] = {"log_softmax", TAKES_NOTHING, .map = sj_log_softmax},
    [LOGSUMEXP] = {"logsumexp", TAKES_KEEPDIMS, .map = sj_logsumexp},
    [SOFTMAX_GRADIENT] = {"softmax_gradient", TAKES_CLASS, .gradient = sj_softmax_gradient},
    [LOG_SOFTMAX_GRADIENT] = {"log_softmax_gradient", TAKES_CLASS, .gradient = sj_log_softmax_gradient},
    [SOFTMAX_JACOBIAN] = {"softmax_jacobian", TAKES_LAYOUT, .jacobian = sj_softmax_jacobian},
    [LOG_SOFTMAX_JACOBIAN] = {"log_softmax_jacobian", TAKES_LAYOUT, .jacobian = sj_log_softmax_jacobian},
    [SOFTMAX_VJP] = {"softmax_vjp", TAKES_ARRAY, .product = sj_softmax_vjp},
    [SOFTMAX_JVP] = {"softmax_jvp", TAKES_ARRAY, .product = sj_softmax_jvp},
    [LOG_SOFTMAX_VJP] = {"log_softmax_vjp", TAKES_ARRAY, .product = sj_log_softmax_vjp},
    [LOG_SOFTMAX_JVP] = {"log_softmax_jvp", TAKES_ARRAY, .product = sj_log_softmax_jvp},
};

static PyObject *exception_of(sj_status status) {
    switch (status) {
    case SJ_BAD_DTYPE:
        return PyExc_TypeError;
    case SJ_BAD_CLASS:
        return PyExc_IndexError;
    default:
        return PyExc_ValueError;
    }
}

PyObject *raise_status(sj_status status, const char *message) {
    PyErr_SetString(exception_of(status), message);
    return NULL;
}

#define METHOD_OF(id, name)                                                                                            \
    static PyObject *name(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count) {                      \
        return call_operation(&operations[id], args, count);                                                           \
    }
METHOD_OF(SOFTMAX, softmax)
METHOD_OF(LOG_SOFTMAX, log_softmax)
METHOD_OF(LOGSUMEXP, logsumexp)
METHOD_OF(SOFTMAX_GRADIENT, softmax_gradient)
METHOD_OF(LOG_SOFTMAX_GRADIENT, log_softmax_gradient)
METHOD_OF(SOFTMAX_JACOBIAN, softmax_jacobian)
METHOD_OF(LOG_SOFTMAX_JACOBIAN, log_softmax_jacobian)
METHOD_OF(SOFTMAX_VJP, softmax_vjp)
METHOD_OF(SOFTMAX_JVP, softmax_jvp)
METHOD_OF(LOG_SOFTMAX_VJP, log_softmax_vjp)
METHOD_OF(LOG_SOFTMAX_JVP, log_softmax_jvp)

static PyObject *sets_built(void) {
    PyObject *names = PyList_New(0);
    for (size_t i = 0; names && sj_kernel_set_built(i); i++) {
        PyObject *name = PyUnicode_FromString(sj_kernel_set_built(i));
        if (!name || PyList_Append(names, name) < 0) Py_CLEAR(names);
        Py_XDECREF(name);
    }
    return names;
}

static PyObject *build(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(nothing)) {
    PyObject *names = sets_built();
    if (!names) return NULL;
    return Py_BuildValue("{s:s,s:s,s:N,s:i}", "version", sj_version(), "kernel_set", sj_kernel_set(), "kernel_sets",
                         names, "threads", sj_threads());
}

#define METHOD(name)                                                                                                   \
    { #name, (PyCFunction)(void (*)(void))(name), METH_FASTCALL, NULL }
static PyMethodDef methods[] = {
    METHOD(softmax),
    METHOD(log_softmax),
    METHOD(logsumexp),
    METHOD(softmax_gradient),
    METHOD(log_softmax_gradient),
    METHOD(softmax_jacobian),
    METHOD(log_softmax_jacobian),
    METHOD(softmax_vjp),
    METHOD(softmax_jvp),
    METHOD(log_softmax_vjp),
    METHOD(log_softmax_jvp),
    {"cross_entropy", cross_entropy, METH_VARARGS, NULL},
    {"softmax_hvp", softmax_hvp, METH_VARARGS, NULL},
    {"mape", mape, METH_VARARGS, NULL},
    {"max_relative_error", max_relative_error, METH_VARARGS, NULL},
    {"build", build, METH_NOARGS, NULL},
    {"xla_handlers", xla_handlers, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static int import_numpy(void) {
    import_array1(-1);
    import_umath1(-1);
    return 0;
}

static int fill_module(PyObject *module) {
    if (import_numpy() < 0) return -1;
    PyObject *gufuncs = PyDict_New();
    if (!gufuncs) return -1;
    const int failed = add_gufuncs(gufuncs) < 0 || PyModule_AddObjectRef(module, "gufuncs", gufuncs) < 0;
    Py_DECREF(gufuncs);
    return failed ? -1 : 0;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)fill_module},
#ifdef Py_GIL_DISABLED
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                                 "softjac._core",
                                 "Operations of libsoftjac on plain arrays; see softjac.",
                                 0,
                                 methods,
                                 slots,
                                 NULL,
                                 NULL,
                                 NULL};

PyMODINIT_FUNC PyInit__core(void) { return PyModuleDef_Init(&definition); }
