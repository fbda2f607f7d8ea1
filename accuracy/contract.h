/* contract.h: the accuracy contract as numbers: what an entry of a form may be off, in which unit. The bounds every
 * other file of accuracy/ judges by. */
#ifndef SJ_ACCURACY_CONTRACT_H
#define SJ_ACCURACY_CONTRACT_H

#include "forms.h"

#define MODES 2 /* SJ_DEFAULT, SJ_EXACT */
#define DTYPES 2

/* Errors are ulps of the true value, for products units of u times the condition of the entry (oracle.h). logsumexp is
 * a difference near 0: the smaller of the two counts. */
static inline const char *contract_unit(form_id id) { return forms[id].takes_g ? "u" : "ulp"; }

/* Exact float32 is correctly rounded: at most half an ulp. Exact float64 is not where the truth is within 2^-90 or so
 * of a tie, and then errs by that much more than u. */
#define TIE_SLACK 0x1p-30

static inline double contract_bound(form_id id, sj_dtype dtype, sj_mode mode) {
    if (forms[id].takes_g) return mode == SJ_EXACT ? 1 + TIE_SLACK : 4;
    if (mode == SJ_DEFAULT) return 2;
    return dtype == SJ_F32 ? 0.5 : 0.51;
}

static inline const char *mode_name(sj_mode mode) { return mode == SJ_EXACT ? "exact" : "default"; }

#endif
