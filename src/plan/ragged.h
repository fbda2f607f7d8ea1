/* ragged.h: rows of different lengths that are packed one after the other along the class axis, as runs of rows that
 * the kernels know. Called by plan.c; api/offsets.c describes them. */
#ifndef SJ_PLAN_RAGGED_H
#define SJ_PLAN_RAGGED_H

#include "kernel/table.h"

typedef struct sj_ragged {
    sj_operand offsets; /* where rows begin, and at last where the last one ends; row_stride from one to the next */
    size_t rows;
    bool numbers; /* the result of a row is one number, and `step` elements after it that of the next */
    ptrdiff_t step;
} sj_ragged;

static inline int64_t sj_ragged_at(const sj_ragged *ragged, size_t i) {
    const sj_operand *offsets = &ragged->offsets;
    return sj_integer(offsets->data, offsets->dtype, (ptrdiff_t)i * offsets->row_stride);
}

static inline size_t sj_ragged_length(const sj_ragged *ragged, size_t row) {
    return (size_t)(sj_ragged_at(ragged, row + 1) - sj_ragged_at(ragged, row));
}

/* Work is divided by entries, and one item more a row: the first row that begins at this item or later. */
size_t sj_ragged_from(const sj_ragged *ragged, size_t item);

/* Makes the first row of `one`, a copy of `run`, a row of the packed ones; *reading becomes what it is read with. */
void sj_ragged_seek(const sj_ragged *ragged, size_t row, const sj_run *run, sj_run *one, sj_reading *reading);

/* Who serves rows of one length. */
typedef struct sj_ragged_server sj_ragged_server;
struct sj_ragged_server {
    void (*serve)(const sj_ragged_server *server, sj_run *run);
    size_t block; /* fewer rows cost as much */
};

/* Rows [first, end) of at most `most` entries, each in every row of `run`, which is whole packed rows. */
void sj_ragged_rows(const sj_ragged_server *server, const sj_ragged *ragged, size_t first, size_t end, size_t most,
                    const sj_run *run);

#endif
