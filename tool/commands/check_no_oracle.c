/* check_no_oracle.c: oracle.h where MPFR is not installed. oracle_name() is NULL, which tells verify and article that
 * there is no truth to compare with; nothing else here is called with success. */
#include "oracle.h"

#include <math.h>

const char *oracle_name(void) { return NULL; }

oracle *oracle_new(void) { return NULL; }

void oracle_free(oracle *truth) { (void)truth; }

bool oracle_row(oracle *truth, form_id id, const double *z, const double *g, size_t q, size_t n) {
    (void)truth, (void)id, (void)z, (void)g, (void)q, (void)n;
    return false;
}

size_t oracle_entries(const oracle *truth) {
    (void)truth;
    return 0;
}

double oracle_value(const oracle *truth, size_t i) {
    (void)truth, (void)i;
    return NAN;
}

double oracle_ulps(const oracle *truth, size_t i, double got, sj_dtype dtype) {
    (void)truth, (void)i, (void)got, (void)dtype;
    return NAN;
}

double oracle_relative(const oracle *truth, size_t i, double got) {
    (void)truth, (void)i, (void)got;
    return NAN;
}

double oracle_componentwise(const oracle *truth, size_t i, double got, sj_dtype dtype) {
    (void)truth, (void)i, (void)got, (void)dtype;
    return NAN;
}
