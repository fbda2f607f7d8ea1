/* check_plain.c: the textbook formulas behind one call. See check_plain.h. */
#include "check_plain.h"

#include "reference.h"

#include <math.h>

/* delta_qr - s_r */
static void log_gradient(const double *s, size_t q, size_t n, double *out) {
    for (size_t r = 0; r < n; r++) out[r] = (r == q ? 1 : 0) - s[r];
}

/* g_q - s_q * sum of g */
static void log_vjp(const double *s, const double *g, size_t n, double *out) {
    double sum = 0;
    for (size_t k = 0; k < n; k++) sum += g[k];
    for (size_t q = 0; q < n; q++) out[q] = g[q] - s[q] * sum;
}

/* t_q - sum of s t */
static void log_jvp(const double *s, const double *t, size_t n, double *out) {
    double mean = 0;
    for (size_t k = 0; k < n; k++) mean += s[k] * t[k];
    for (size_t q = 0; q < n; q++) out[q] = t[q] - mean;
}

static double logsumexp(const double *z, size_t n) {
    double sum = exp(z[0]);
    for (size_t k = 1; k < n; k++) sum += exp(z[k]);
    return log(sum);
}

void plain_row(form_id id, const double *z, const double *g, size_t q, size_t n, double *work, double *out) {
    double *s = work;
    ref_softmax(z, s, n);
    switch (id) {
    case FORM_SOFTMAX:
        ref_softmax(z, out, n);
        break;
    case FORM_LOG_SOFTMAX:
        for (size_t k = 0; k < n; k++) out[k] = log(s[k]);
        break;
    case FORM_LOGSUMEXP:
        out[0] = logsumexp(z, n);
        break;
    case FORM_GRADIENT:
        ref_gradient(z, q, out, n);
        break;
    case FORM_JACOBIAN:
        ref_jacobian_sample(z, out, n);
        break;
    case FORM_VJP:
    case FORM_JVP:
        ref_loss_gradient(s, g, out, 1, n);
        break;
    case FORM_LOG_GRADIENT:
        log_gradient(s, q, n, out);
        break;
    case FORM_LOG_JACOBIAN:
        for (size_t p = 0; p < n; p++) log_gradient(s, p, n, out + p * n);
        break;
    case FORM_LOG_VJP:
        log_vjp(s, g, n, out);
        break;
    case FORM_LOG_JVP:
        log_jvp(s, g, n, out);
        break;
    case FORM_COUNT:
        break;
    }
}
