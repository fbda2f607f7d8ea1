/* check_data.h: the input of `softjac verify` and `softjac article` where the user gives none, the same on every run.
 * Filled by check_data.c, read by verify.c and article.c. */
#ifndef TOOL_CHECK_DATA_H
#define TOOL_CHECK_DATA_H

#include <stddef.h>

#define CHECK_ROWS 1000
#define CHECK_CLASSES 5

/* Logits as the article draws them: half-integers from -15 to 15, equally likely, from a fixed seed. */
void check_logits(double *z, size_t count);

/* What verify takes through the products, an element at a time. */

/* A tangent: the logits themselves, the direction in which a temperature moves them (0 where they are -inf). */
double check_tangent(double z);

/* A cotangent of log-softmax: that of the cross-entropy with the smoothed label 7/8 at class q, 1/8 over the rest. */
double check_log_cotangent(size_t k, size_t q, size_t n);

#endif
