/* second.c: the Hessian-vector product, of plain arrays that _general.py has made. Called by module.c. */
#include "second.h"

#include "numpy.h"
#include "operations.h"
#include "options.h"

typedef struct second_request {
    sj_view z, g, v, h, out;
    sj_options options;
    sj_error error;
} second_request;

PyObject *softmax_hvp(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *z, *g, *v, *h, *out, *options[OPTION_ARGUMENTS];
    second_request r;
    if (!PyArg_ParseTuple(args, "OOOOOOOOO:softmax_hvp", &z, &g, &v, &h, &out, &options[0], &options[1], &options[2],
                          &options[3]))
        return NULL;
    if (read_options(options, &r.options, &r.error) != PLAIN) return NULL;
    const bool plain = view_of(z, &r.z) && view_of(g, &r.g) && view_of(v, &r.v) && view_of(out, &r.out);
    if (!plain || (h != Py_None && !view_of(h, &r.h))) Py_RETURN_NOTIMPLEMENTED;
    NPY_BEGIN_THREADS_DEF;
    NPY_BEGIN_THREADS;
    const sj_status status = sj_softmax_hvp(r.z, r.g, r.v, h == Py_None ? NULL : &r.h, r.out, &r.options);
    NPY_END_THREADS;
    if (status) return raise_status(status, r.error.message);
    return Py_NewRef(out);
}
