/* candidate.h: one input of the search: a row, a cotangent, a selected class; drawn from a family, or changed a little
 * from another. Written as text that a later run replays. Called by search.c and records.c; calls families.h. */
#ifndef SJ_ACCURACY_CANDIDATE_H
#define SJ_ACCURACY_CANDIDATE_H

#include "families.h"

#include <stdio.h>

/* Rows up to this length are written entry by entry, and climbed from. */
#define EXPLICIT_MOST 64

typedef struct candidate {
    size_t n, q, capacity;
    double *z, *g;            /* values of the dtype */
    size_t family, cotangent; /* where it was drawn from */
    uint64_t seed;            /* and with which stream */
} candidate;

void candidate_free(candidate *c);
void candidate_copy(candidate *to, const candidate *from);

/* A row of n entries: the same for the same arguments on every machine with the same libm. */
void candidate_draw(candidate *c, sj_dtype dtype, size_t family, size_t cotangent, size_t n, uint64_t seed);

/* `to` from `from` by one small change that keeps n: a logit or cotangent moved by ulps or by a random amount, entries
 * made equal or exchanged, the row shifted. */
void candidate_mutate(candidate *to, const candidate *from, sj_dtype dtype, random_stream *r);

/* One entry more or fewer. */
void candidate_resize(candidate *c, size_t n, random_stream *r);

/* "n=2 q=0 z=0x1p+0,0x0p+0 g=...", or for long rows "n=5000 q=0 drawn=FAMILY/COTANGENT/SEED". */
void candidate_write(const candidate *c, bool with_g, FILE *out);

/* Reads what candidate_write wrote, from a piece of text that may go on. False if it is not that. */
bool candidate_read(candidate *c, sj_dtype dtype, const char *text);

/* The logits as the library reads them: entries deeper than its documented depth have s = 0 whatever a huge cotangent
 * would make of them. `cut` has n elements; the result is it, or c->z. */
const double *candidate_logits(const candidate *c, sj_dtype dtype, bool with_g, double *cut);

/* A row with a logit at the edge of the depth, where default mode may give it weight or not. */
bool candidate_is_vague(const candidate *c, sj_dtype dtype);

#endif
