/* forms.h: the one list of operations that the tests, `softjac verify` and the benchmark run over.
 * A form names a quantity, the shape of its result for a row of n logits, and the library call for it. */
#ifndef SJ_FORMS_H
#define SJ_FORMS_H

#include <softjac.h>

#include <stdbool.h>

typedef enum form_id {
    FORM_SOFTMAX,
    FORM_LOG_SOFTMAX,
    FORM_LOGSUMEXP,
    FORM_GRADIENT,
    FORM_JACOBIAN,
    FORM_VJP,
    FORM_JVP,
    FORM_LOG_GRADIENT,
    FORM_LOG_JACOBIAN,
    FORM_LOG_VJP,
    FORM_LOG_JVP,
    FORM_COUNT
} form_id;

typedef enum form_result { RESULT_SCALAR, RESULT_ROW, RESULT_MATRIX } form_result; /* 1, n, n*n entries a row */

/* Every argument a form may take; a call ignores what its form does not use. */
typedef struct form_arguments {
    sj_view z;        /* logits */
    sj_view g;        /* cotangent or tangent, the shape of z */
    size_t q;         /* the selected output of a gradient */
    sj_layout layout; /* of a Jacobian */
    sj_view out;
} form_arguments;

typedef struct form {
    form_id id;
    const char *name; /* as on the command line: "softmax", "log-vjp", ... */
    form_result result;
    bool takes_class; /* uses q */
    bool takes_g;     /* uses g */
    sj_status (*call)(const form_arguments *arguments, const sj_options *options);
} form;

/* forms[id].id == id for every id below FORM_COUNT. */
extern const form forms[FORM_COUNT];

/* Number of entries in the result for one row of n logits. */
size_t form_entries(const form *entry, size_t n);

#endif
