/* families.h: every family of rows the search draws from: those of the tests and harder ones. Called by candidate.c;
 * calls tests/unit/rows.h. */
#ifndef SJ_ACCURACY_FAMILIES_H
#define SJ_ACCURACY_FAMILIES_H

#include "rows.h"

size_t family_count(void);
const row_family *family_at(size_t i);

/* Index of the family or cotangent family whose name is `name`, spaces written as '_'; SIZE_MAX if there is none. */
size_t family_find(const char *name);
size_t cotangent_find(const char *name);

/* `name` with '_' for spaces, at most size - 1 characters. */
void family_token(const char *name, char *token, size_t size);

/* The number of the dtype `steps` places above x, below for steps < 0. */
double step_by(sj_dtype dtype, double x, int steps);

/* Last depth below the maximum with a softmax that is not 0. */
double last_depth(sj_dtype dtype);

#endif
