/* records.h: the worst entry found of every form, for one dtype, mode and kernel set: confirmed by the oracle, written
 * as one line of text, read back by a replay and by the report. Called by search.c, report.c, main.c. */
#ifndef SJ_ACCURACY_RECORDS_H
#define SJ_ACCURACY_RECORDS_H

#include "candidate.h"
#include "contract.h"
#include "evaluate.h"
#include "oracle.h"

typedef struct record {
    form_id id;
    sj_dtype dtype;
    sj_mode mode;
    char set[32];   /* kernel set, or the name of a peer */
    double error;   /* of the worst entry; in units of contract.h */
    bool confirmed; /* by the oracle; else it is the filter's */
    size_t entry;   /* where */
    size_t tried;   /* entries measured */
    size_t beyond;  /* entries beyond the contract */
    size_t judged;  /* rows the oracle was asked about, in this run */
    candidate input;
} record;

/* What confirms: the oracle, memory of its own, and the longest row it is asked about. */
typedef struct judge {
    oracle *truth;
    batch work;
    size_t longest;
    double disagreement[DTYPES]; /* the largest between filter and oracle */
    double got, want;            /* the worst entry of the row judged last, and the truth rounded to double */
} judge;

/* The error of the worst entry of one row by the oracle, and how many of its entries are beyond the contract. False
 * if the row is longer than the judge takes. Ends the program if the oracle contradicts the filter. */
bool judge_row(judge *j, form_id id, sj_dtype dtype, sj_mode mode, const candidate *c, worst_entry *worst);

/* Error of entry i in units of contract.h. */
double oracle_error(const oracle *truth, form_id id, size_t i, double got, sj_dtype dtype);

void judge_free(judge *j);

void record_write(const record *r, FILE *out);

/* Reads one line; false for a comment, an empty line, or one that record_write did not write. */
bool record_read(record *r, const char *line);

/* One line of any length without its end, in memory that grows; NULL at the end of the file. */
char *next_line(FILE *in, char **line, size_t *capacity);

#endif
