/* reference.h: the formulas of the tutorial "Softmax function and its derivative", once each, as plain textbook C in
 * double precision. For reading beside the article, for `softjac article`, and as a structural test oracle.
 * Nothing in the library calls it. Arrays are C-ordered; shapes are in the comments. */
#ifndef SJ_REFERENCE_H
#define SJ_REFERENCE_H

#include <stddef.h>

/* softmax.c: "one example" and "multiple examples". z, s: (n) and (m, n). Overflows as the formula does. */
void ref_softmax(const double *z, double *s, size_t n);
void ref_softmax_batch(const double *z, double *s, size_t m, size_t n);

/* softmax.c: "Underflow and Overflow": the same after subtracting each row's maximum. z, s: (m, n) */
void ref_softmax_shifted_batch(const double *z, double *s, size_t m, size_t n);

/* gradient.c: "with respect to a feature": s_q (delta_qr - s_r). z, out: (n) */
void ref_gradient(const double *z, size_t q, double *out, size_t n);

/* jacobian.c: "with respect to a sample": diag(s) - s s^T. z: (n), out: (n, n) */
void ref_jacobian_sample(const double *z, double *out, size_t n);

/* jacobian.c: "multiple samples", the triple loop, and one diag - outer per sample. z: (m, n), out: (m, n, m, n) */
void ref_jacobian_loop(const double *z, double *out, size_t m, size_t n);
void ref_jacobian_dense(const double *z, double *out, size_t m, size_t n);

/* loss.c: "Gradient using loss function": S * (G - (G * S) 1). s, g, out: (m, n) */
void ref_loss_gradient(const double *s, const double *g, double *out, size_t m, size_t n);

/* loss.c: the article's example L = sum of squares: its value and dL/da = 2 a. a, out: (size) */
double ref_sum_of_squares(const double *a, size_t size);
void ref_sum_of_squares_gradient(const double *a, double *out, size_t size);

#endif
