/* check_plain.h: any form by the textbook formulas of src/reference, one row in float64: what verify and article set
 * beside the library. The article has no log forms; theirs are its formulas with the logarithm taken at the end. */
#ifndef TOOL_CHECK_PLAIN_H
#define TOOL_CHECK_PLAIN_H

#include "forms.h"

/* out has form_entries() elements; work has n, and n > 0. */
void plain_row(form_id id, const double *z, const double *g, size_t q, size_t n, double *work, double *out);

#endif
