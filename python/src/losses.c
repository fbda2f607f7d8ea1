/* losses.c: cross-entropy and its gradient, and the metrics, of plain arrays that _losses.py has made. Called by
 * module.c. */
#include "losses.h"

#include "numpy.h"
#include "operations.h"
#include "options.h"

typedef struct loss_request {
    sj_view z, target, loss, grad, weights, upstream;
    sj_loss_options how;
    sj_options options;
    sj_error error;
} loss_request;

/* The view of an array, or none of None. */
static bool take_optional(PyObject *array, sj_view *view, const sj_view **optional) {
    *optional = array == Py_None ? NULL : view;
    return array == Py_None || view_of(array, view);
}

static bool is_writeable(PyObject *array) {
    return array == Py_None || PyArray_FailUnlessWriteable((PyArrayObject *)array, "output array") == 0;
}

static sj_status run(loss_request *r, const sj_view *loss, const sj_view *grad) {
    NPY_BEGIN_THREADS_DEF;
    NPY_BEGIN_THREADS;
    const sj_status status = sj_cross_entropy(r->z, r->target, loss, grad, &r->how, &r->options);
    NPY_END_THREADS;
    return status;
}

PyObject *cross_entropy(PyObject *Py_UNUSED(module), PyObject *args) {
    const sj_loss_options how = SJ_LOSS_OPTIONS_INIT;
    PyObject *z, *target, *loss, *grad, *reduction, *weights, *upstream;
    PyObject *options[OPTION_ARGUMENTS] = {Py_None, Py_None, Py_None, Py_None};
    const sj_view *loss_view, *grad_view;
    long long ignored;
    int chosen;
    loss_request r;
    r.how = how;
    if (!PyArg_ParseTuple(args, "OOOOOdOLdOOOO:cross_entropy", &z, &target, &loss, &grad, &reduction,
                          &r.how.label_smoothing, &weights, &ignored, &r.how.z_loss, &upstream, &options[0],
                          &options[1], &options[3]))
        return NULL;
    if (read_word(&reductions, reduction, &chosen) != PLAIN) return NULL;
    if (read_options(options, &r.options, &r.error) != PLAIN) return NULL;
    r.how.reduction = (sj_reduction)chosen;
    r.how.ignore_index = ignored;
    bool plain = view_of(z, &r.z) && (view_of_labels(target, &r.target) || view_of(target, &r.target));
    plain = plain && take_optional(loss, &r.loss, &loss_view) && take_optional(grad, &r.grad, &grad_view);
    plain = plain && take_optional(weights, &r.weights, &r.how.weights);
    plain = plain && take_optional(upstream, &r.upstream, &r.how.upstream);
    if (!plain) Py_RETURN_NOTIMPLEMENTED;
    if (!is_writeable(loss) || !is_writeable(grad)) return NULL;
    const sj_status status = run(&r, loss_view, grad_view);
    if (status == SJ_BAD_OVERLAP) Py_RETURN_NOTIMPLEMENTED;
    if (status) return raise_status(status, r.error.message);
    Py_INCREF(Py_None);
    return Py_None;
}

typedef sj_status (*metric)(sj_view pred, sj_view truth, double *out, sj_error *error);

static PyObject *measure(metric compute, PyObject *args) {
    PyObject *pred, *truth;
    sj_view pred_view, truth_view;
    sj_error error;
    double result;
    if (!PyArg_ParseTuple(args, "OO", &pred, &truth)) return NULL;
    if (!view_of(pred, &pred_view) || !view_of(truth, &truth_view)) Py_RETURN_NOTIMPLEMENTED;
    NPY_BEGIN_THREADS_DEF;
    NPY_BEGIN_THREADS;
    const sj_status status = compute(pred_view, truth_view, &result, &error);
    NPY_END_THREADS;
    return status ? raise_status(status, error.message) : PyFloat_FromDouble(result);
}

PyObject *mape(PyObject *Py_UNUSED(module), PyObject *args) { return measure(sj_mape, args); }

PyObject *max_relative_error(PyObject *Py_UNUSED(module), PyObject *args) {
    return measure(sj_max_relative_error, args);
}
