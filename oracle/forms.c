/* forms.c: the table of forms: each operation's name, the shape of its result and its library call.
 * Tests, `softjac verify` and the benchmark loop over it, so that a new operation is one line here. */
#include "forms.h"

static sj_status softmax(const form_arguments *a, const sj_options *options) {
    return sj_softmax(a->z, a->out, options);
}

static sj_status log_softmax(const form_arguments *a, const sj_options *options) {
    return sj_log_softmax(a->z, a->out, options);
}

static sj_status logsumexp(const form_arguments *a, const sj_options *options) {
    return sj_logsumexp(a->z, a->out, options);
}

static sj_status gradient(const form_arguments *a, const sj_options *options) {
    return sj_softmax_gradient(a->z, a->q, a->out, options);
}

static sj_status jacobian(const form_arguments *a, const sj_options *options) {
    return sj_softmax_jacobian(a->z, a->layout, a->out, options);
}

static sj_status vjp(const form_arguments *a, const sj_options *options) {
    return sj_softmax_vjp(a->z, a->g, a->out, options);
}

static sj_status jvp(const form_arguments *a, const sj_options *options) {
    return sj_softmax_jvp(a->z, a->g, a->out, options);
}

static sj_status log_gradient(const form_arguments *a, const sj_options *options) {
    return sj_log_softmax_gradient(a->z, a->q, a->out, options);
}

static sj_status log_jacobian(const form_arguments *a, const sj_options *options) {
    return sj_log_softmax_jacobian(a->z, a->layout, a->out, options);
}

static sj_status log_vjp(const form_arguments *a, const sj_options *options) {
    return sj_log_softmax_vjp(a->z, a->g, a->out, options);
}

static sj_status log_jvp(const form_arguments *a, const sj_options *options) {
    return sj_log_softmax_jvp(a->z, a->g, a->out, options);
}

const form forms[FORM_COUNT] = {
    /* id, name, result, takes_class, takes_g, call */
    {FORM_SOFTMAX, "softmax", RESULT_ROW, false, false, softmax},
    {FORM_LOG_SOFTMAX, "log-softmax", RESULT_ROW, false, false, log_softmax},
    {FORM_LOGSUMEXP, "logsumexp", RESULT_SCALAR, false, false, logsumexp},
    {FORM_GRADIENT, "gradient", RESULT_ROW, true, false, gradient},
    {FORM_JACOBIAN, "jacobian", RESULT_MATRIX, false, false, jacobian},
    {FORM_VJP, "vjp", RESULT_ROW, false, true, vjp},
    {FORM_JVP, "jvp", RESULT_ROW, false, true, jvp},
    {FORM_LOG_GRADIENT, "log-gradient", RESULT_ROW, true, false, log_gradient},
    {FORM_LOG_JACOBIAN, "log-jacobian", RESULT_MATRIX, false, false, log_jacobian},
    {FORM_LOG_VJP, "log-vjp", RESULT_ROW, false, true, log_vjp},
    {FORM_LOG_JVP, "log-jvp", RESULT_ROW, false, true, log_jvp},
};

size_t form_entries(const form *entry, size_t n) {
    switch (entry->result) {
    case RESULT_SCALAR:
        return 1;
    case RESULT_ROW:
        return n;
    case RESULT_MATRIX:
        return n * n;
    }
    return 0;
}
