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

/* Hessian times v of a loss of the softmax by its logits: of sum over q of g_q s_q, or of sum over q of s_q^2 where g
 * is NULL. out has n elements. False if the library fails. */
bool autodiff_hessian_product(const double *z, const double *g, const double *v, size_t n, double *out);

#ifdef __cplusplus
}
#endif

#endif
