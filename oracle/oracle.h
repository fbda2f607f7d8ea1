/* oracle.h: truth. Evaluates the textbook formula of a form with MPFR, at a precision where its cancellation
 * is harmless, and measures computed entries against it. Independent of the library's own forms. */
#ifndef SJ_ORACLE_H
#define SJ_ORACLE_H

#include "forms.h"

typedef struct oracle oracle; /* holds the true entries of one row's result */

/* Name and version of the arithmetic behind the truth, e.g. "MPFR 4.2.0". */
const char *oracle_name(void);

/* NULL when out of memory. */
oracle *oracle_new(void);
void oracle_free(oracle *truth);

/* The true result of form `id` for one row: z[n] and, where the form takes it, g[n] are exact inputs; q is the
 * selected class. Logits and g must be finite, except that z may hold -inf beside a finite entry.
 * Replaces what `truth` held. False when out of memory or n = 0. Entries below 2^-1150 are held as 0. */
bool oracle_row(oracle *truth, form_id id, const double *z, const double *g, size_t q, size_t n);

/* The same for d/dz <u, J(z) g>, plus J h where h is not NULL; oracle_componentwise then takes as condition of entry r
 *   sum over k of |J_rk| e_k d_k, where e_k = sum over j of |delta_kj - s_j| |u_j - u_m|, d_k the same of g,
 * plus that of J h: what the entry would be if none of its differences cancelled. */
bool oracle_second(oracle *truth, const double *z, const double *g, const double *u, const double *h, size_t n);
/* The target of a row of a loss, p_k = w_k ((1 - smoothing) y_k + smoothing / n), and what its gradient is times. */
typedef struct oracle_target {
    const double *y; /* NULL: 1 at the label */
    const double *w; /* NULL: 1 */
    size_t label;
    double smoothing, z_loss, upstream, divisor;
} oracle_target;

/* The gradient of cross-entropy, entries 0 .. n - 1, and, as entry n, the loss; as oracle_row. The condition of an
 * entry: s_q sum of p + p_q, of the loss: itself, each with the size of the z-loss's part. Weights must not be
 * negative. */
bool oracle_cross_entropy(oracle *truth, const oracle_target *of, const double *z, size_t n);

size_t oracle_entries(const oracle *truth);

/* Entry i rounded to the nearest double. */
double oracle_value(const oracle *truth, size_t i);

/* |got - truth_i| in units of the last place of truth_i in dtype: the spacing of dtype at |truth_i|, never less
 * than the smallest subnormal. Infinity when got is not finite and the rounded truth is. */
double oracle_ulps(const oracle *truth, size_t i, double got, sj_dtype dtype);

/* |got - truth_i| / |truth_i|; 0 if both are 0, infinity if only truth_i is. Says nothing of use where truth_i is below
 * the smallest normal number of the dtype: there count ulps. */
double oracle_relative(const oracle *truth, size_t i, double got);

/* |got - truth_i| in units of u times the condition of entry i, after allowing half of the smallest subnormal; u is the
 * unit roundoff of dtype. The condition, evaluated by oracle_row:
 *   VJP, JVP, log JVP   sum over k of |J_ik| |g_k - g_m|, m the row's argmax
 *   log VJP             sum over k of |J_ki| |g_k|: this Jacobian's transpose does not annihilate constants
 *   logsumexp           max(|z_m|, logsumexp - z_m)
 * Infinity for other forms. */
double oracle_componentwise(const oracle *truth, size_t i, double got, sj_dtype dtype);

#endif
