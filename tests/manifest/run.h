/* run.h: one call of one case: its inputs made and laid out in memory, the library called, the result read back in C
 * order. Between cases.h and manifest.c. */
#ifndef SJ_TEST_RUN_H
#define SJ_TEST_RUN_H

#include "cases.h"

/* Inputs and result as doubles, row after row whatever their order in memory. */
typedef struct case_result {
    double *z, *g, *out;
    size_t entries; /* of out */
} case_result;

/* Rows of n logits. False, with a message on standard error, when the call fails or memory ends. */
bool case_run(const bit_case *bits, size_t n, sj_mode mode, case_result *result);
void case_result_free(case_result *result);

#endif
