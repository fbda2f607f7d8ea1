/* truth.h: what oracle.c, formulas.c and measure.c share: the true entries of one row and the numbers they come from.
 * Private to oracle/. */
#ifndef SJ_TRUTH_H
#define SJ_TRUTH_H

#include "numbers.h"
#include "oracle.h"

/* Every stored entry and condition is right to an absolute 2^-1170 at least (oracle.c says why); what falls below
 * 2^-1150, far under the last place of any dtype, may be rounding noise around a true 0 and is stored as 0. */
#define TRUTH_FLUSH_EXPONENT (-1150)

/* Bits of what is computed where no cotangent is large; oracle.c says why. */
#define TRUTH_PRECISION 1280

struct oracle {
    /* the row, kept from call to call: forms of the same row share its exponentials */
    double *row; /* the logits the numbers below belong to */
    size_t n, row_capacity;
    size_t largest; /* lowest index of the largest logit */
    numbers z;      /* logits less `shift`, exact or to working precision */
    numbers s;      /* exp(z_k) / sum over k of exp(z_k) */

    numbers scalars; /* the five below */
    mpfr_ptr shift, sum, total, work, work2;

    /* the result */
    numbers entries;
    numbers conditions; /* what oracle_componentwise divides by, where the form has it; else empty */
};

/* formulas.c: fills entries and conditions from z, s, sum. False when out of memory. */
bool truth_evaluate(oracle *truth, form_id id, const double *g, size_t q);

/* What falls below the flush exponent becomes 0. */
void truth_flush(oracle *truth);

/* oracle.c: the row's exponentials, to `precision` bits at least. False when out of memory. */
bool truth_row(oracle *truth, const double *z, size_t n, mpfr_prec_t precision);

/* Bits that a factor of the size of g takes on top. */
mpfr_prec_t truth_bits_of(const double *g, size_t n);

#endif
