/* reading.h: masked rows as rows that the kernels know. Called by plan.c. */
#ifndef SJ_PLAN_READING_H
#define SJ_PLAN_READING_H

#include "kernel/table.h"

/* Who serves what is read. */
typedef struct sj_reader sj_reader;
struct sj_reader {
    /* Does every row of a run that is read, or, of one without anything masked, as it stands. */
    void (*serve)(const sj_reader *reader, sj_run *run);
    sj_select *select;
    size_t most; /* entries of the longest row that is staged */
};

/* Every row of a run that is yet to be read. */
void sj_read_rows(const sj_reader *reader, const sj_run *run);

#endif
