/* autodiff.h: derivatives by a general automatic-differentiation library, in the part autograd plays in the
 * article. The formulas it differentiates are the article's plain ones. C interface over the library's C++. */
#ifndef SJ_AUTODIFF_H
#define SJ_AUTODIFF_H

#include "forms.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Name and version of the library behind this interface, e.g. "ADOL-C 2.7.2". */
const char *autodiff_name(void);

/* The result of form `id` in plain double precision for one row: values by evaluating, derivatives by taping the plain
 * formula and differentiating it. out has form_entries() elements. False if the form has no automatic derivative
 * (then out is untouched) or the library fails. */
bool autodiff_row(form_id id, const double *z, const double *g, size_t q, size_t n, double *out);

/* A loss of the logits, in its plain formula with s = softmax(z): */
typedef enum autodiff_loss {
    AUTODIFF_LINEAR,       /* sum over q of p_q s_q */
    AUTODIFF_SQUARES,      /* sum over q of s_q^2, the article's; takes no p */
    AUTODIFF_LOGSUMEXP,    /* log of the sum of exp(z_k); takes no p */
    AUTODIFF_CROSS_ENTROPY /* minus the sum over q of p_q log s_q */
} autodiff_loss;

/* The loss's Hessian by the logits times v. out has n elements. False if the library fails; so below. */
bool autodiff_hessian_product(autodiff_loss loss, const double *z, const double *p, const double *v, size_t n,
                              double *out);

/* Its gradients by g and by z of <u, J(z) g>, taped as the formula of the VJP: n elements each. */
bool autodiff_double_backward(const double *z, const double *g, const double *u, size_t n, double *grad_g,
                              double *grad_z);

/* The derivative of softmax(z / T), or of its log, by T: n elements. id: FORM_SOFTMAX or FORM_LOG_SOFTMAX. */
bool autodiff_by_temperature(form_id id, const double *z, double temperature, size_t n, double *out);

#ifdef __cplusplus
}
#endif

#endif
