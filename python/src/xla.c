/* xla.c: handlers that XLA calls on its own arrays, one for each map and product that softjac/jax.py differentiates:
 * views of the buffers, one call of the library, a failure as XLA's error. Handed to Python by module.c. */
#include "xla.h"

#include "operations.h"

#include <stdbool.h>
#include <string.h>

static void *refuse(const xla_frame *frame, int code, const char *message) {
    xla_error_request request = {sizeof request, NULL, message, code};
    // cppcheck-suppress returnDanglingLifetime ; the error is a copy of XLA's
    return frame->api->create_error(&request);
}

static bool answers_metadata(const xla_frame *frame) {
    for (xla_extension *e = frame->extensions; e; e = e->next) {
        if (e->type != XLA_EXTENSION_METADATA) continue;
        xla_metadata *metadata = ((xla_metadata_extension *)(void *)e)->metadata;
        metadata->version.major = XLA_MAJOR;
        metadata->version.minor = XLA_MINOR;
        metadata->traits = 0;
        return true;
    }
    return false;
}

/* 0, which the library refuses by name, where it is none of the library's. */
static sj_dtype buffer_dtype(int type) {
    switch (type) {
    case XLA_F16:
        return SJ_F16;
    case XLA_BF16:
        return SJ_BF16;
    case XLA_F32:
        return SJ_F32;
    case XLA_F64:
        return SJ_F64;
    default:
        return (sj_dtype)0;
    }
}

static bool buffer_view(const xla_buffers *of, int64_t i, sj_view *view) {
    size_t shape[SJ_MAX_NDIM];
    const xla_buffer *buffer = of->buffers[i];
    if (buffer->ndim > SJ_MAX_NDIM) return false;
    for (int64_t d = 0; d < buffer->ndim; d++) shape[d] = (size_t)buffer->shape[d];
    *view = sj_array(buffer->data, buffer_dtype(buffer->type), (int)buffer->ndim, shape);
    return true;
}

static bool read_axis(const xla_attributes *attributes, int *axis) {
    for (int64_t i = 0; i < attributes->count; i++) {
        const xla_span *name = attributes->names[i];
        const xla_scalar *value = attributes->values[i];
        if (name->size != 4 || memcmp(name->text, "axis", 4) != 0) continue;
        if (attributes->kinds[i] != XLA_ATTRIBUTE_SCALAR || value->type != XLA_S64) return false;
        *axis = (int)*(const int64_t *)value->data;
        return true;
    }
    return false;
}

static void *serve(const xla_frame *frame, const operation *op) {
    const bool takes_g = op->operand == TAKES_ARRAY;
    sj_view z, g = {0}, out;
    sj_error error = {0};
    sj_options options = SJ_OPTIONS_INIT;
    options.error = &error;
    if (answers_metadata(frame)) return NULL;
    if (frame->api->version.major != XLA_MAJOR)
        return refuse(frame, XLA_UNIMPLEMENTED, "softjac knows version 0 of XLA's foreign-function interface alone");
    if (frame->args.count != (takes_g ? 2 : 1) || frame->results.count != 1)
        return refuse(frame, XLA_INVALID_ARGUMENT, "softjac: not the number of arrays that this function has");
    if (!buffer_view(&frame->args, 0, &z) || (takes_g && !buffer_view(&frame->args, 1, &g)) ||
        !buffer_view(&frame->results, 0, &out))
        return refuse(frame, XLA_INVALID_ARGUMENT, "softjac: more dimensions than SJ_MAX_NDIM");
    if (!read_axis(&frame->attributes, &z.axis))
        return refuse(frame, XLA_INVALID_ARGUMENT, "softjac: no attribute axis of int64");
    const sj_status status = takes_g ? op->product(z, g, out, &options) : op->map(z, out, &options);
    return status == SJ_OK ? NULL : refuse(frame, XLA_INVALID_ARGUMENT, error.message);
}

#define HANDLER(id, name)                                                                                              \
    static void *name(xla_frame *frame) { return serve(frame, &operations[id]); }
HANDLER(SOFTMAX, softmax)
HANDLER(LOG_SOFTMAX, log_softmax)
HANDLER(LOGSUMEXP, logsumexp)
HANDLER(SOFTMAX_VJP, softmax_vjp)
HANDLER(LOG_SOFTMAX_VJP, log_softmax_vjp)
HANDLER(LOG_SOFTMAX_JVP, log_softmax_jvp)

static const struct {
    int id;
    xla_handler *handler;
} handlers[] = {
    {SOFTMAX, softmax},         {LOG_SOFTMAX, log_softmax},         {LOGSUMEXP, logsumexp},
    {SOFTMAX_VJP, softmax_vjp}, {LOG_SOFTMAX_VJP, log_softmax_vjp}, {LOG_SOFTMAX_JVP, log_softmax_jvp},
};

PyObject *xla_handlers(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(nothing)) {
    PyObject *all = PyDict_New();
    for (size_t i = 0; all && i < sizeof handlers / sizeof *handlers; i++) {
        void *address;
        memcpy(&address, &handlers[i].handler, sizeof address); /* ISO C has no cast from a function to an object */
        PyObject *capsule = PyCapsule_New(address, NULL, NULL);
        if (!capsule || PyDict_SetItemString(all, operations[handlers[i].id].name, capsule) < 0) Py_CLEAR(all);
        Py_XDECREF(capsule);
    }
    return all;
}
