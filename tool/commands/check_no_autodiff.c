/* check_no_autodiff.c: autodiff.h where ADOL-C or a C++ compiler is not installed. autodiff_name() is NULL, which tells
 * verify and article that there is no automatic differentiation to compare with. */
#include "autodiff.h"

const char *autodiff_name(void) { return NULL; }

/* NOLINTNEXTLINE(readability-non-const-parameter): the signature is that of autodiff.h */
bool autodiff_row(form_id id, const double *z, const double *g, size_t q, size_t n, double *out) {
    (void)id, (void)z, (void)g, (void)q, (void)n, (void)out;
    return false;
}
