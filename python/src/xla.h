/* xla.h: the part of XLA's C interface for foreign functions that xla.c uses, declared anew, so that no XLA is needed
 * to build. Source of its facts: xla/ffi/api/c_api.h, version 0.3, of jaxlib 0.10.2. Later versions append to
 * structures, whose first member is their size; another major version may not be spoken to. */
#ifndef SOFTJAC_PYTHON_XLA_H
#define SOFTJAC_PYTHON_XLA_H

#include <stddef.h>
#include <stdint.h>

enum { XLA_MAJOR = 0, XLA_MINOR = 3 };
enum { XLA_EXTENSION_METADATA = 1 };
enum { XLA_ATTRIBUTE_SCALAR = 3 };
enum { XLA_S64 = 5, XLA_F16 = 10, XLA_F32 = 11, XLA_F64 = 12, XLA_BF16 = 16 };
enum { XLA_INVALID_ARGUMENT = 3, XLA_UNIMPLEMENTED = 12 };

typedef struct xla_extension {
    size_t size;
    int type;
    struct xla_extension *next;
} xla_extension;

typedef struct xla_version {
    size_t size;
    xla_extension *extensions;
    int major, minor;
} xla_version;

/* What a handler says of itself when XLA asks. */
typedef struct xla_metadata {
    size_t size;
    xla_version version;
    uint32_t traits;
} xla_metadata;

typedef struct xla_metadata_extension {
    xla_extension base;
    xla_metadata *metadata;
} xla_metadata_extension;

typedef struct xla_error_request {
    size_t size;
    xla_extension *extensions;
    const char *message;
    int code;
} xla_error_request;

typedef struct xla_api {
    size_t size;
    xla_extension *extensions;
    xla_version version;
    const void *internal;
    void *(*create_error)(xla_error_request *);
} xla_api;

typedef struct xla_buffer {
    size_t size;
    xla_extension *extensions;
    int type;
    void *data;
    int64_t ndim;
    int64_t *shape;
} xla_buffer;

/* Arguments, or results. */
typedef struct xla_buffers {
    size_t size;
    xla_extension *extensions;
    int64_t count;
    int *kinds;
    xla_buffer **buffers;
} xla_buffers;

typedef struct xla_span {
    const char *text;
    size_t size;
} xla_span;

typedef struct xla_scalar {
    int type;
    void *data;
} xla_scalar;

typedef struct xla_attributes {
    size_t size;
    xla_extension *extensions;
    int64_t count;
    int *kinds;
    xla_span **names;
    void **values;
} xla_attributes;

typedef struct xla_frame {
    size_t size;
    xla_extension *extensions;
    const xla_api *api;
    void *context;
    int stage;
    xla_buffers args, results;
    xla_attributes attributes;
} xla_frame;

/* NULL, or an error that create_error made. */
typedef void *xla_handler(xla_frame *frame);

#endif
