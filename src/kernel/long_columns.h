/* long_columns.h: rows side by side that are too long for the stage of columns.h: a line's worth of neighbours
 * together, a tile of them after the other, so that a line of memory is read once a sweep and not once a row. The
 * operations of a row are those of long_rows.h, in their order, and so are its bits. Called by forward.h; calls
 * row_groups.h.
 *
 * Only rows that are near and have no NaN. The others are left to the functions of one row. */
#ifndef SJ_KERNEL_LONG_COLUMNS_H
#define SJ_KERNEL_LONG_COLUMNS_H

#include "row_groups.h"

#define TILE_ROWS LINE_ENTRIES
#define TILE_ENTRIES (TILE_ROWS * (CHUNK + V_LANES)) /* 128 KiB and some, on the stack */

typedef struct long_columns {
    const sj_run *run;
    columns at;  /* the neighbours, and the entries of the tile */
    sj_run part; /* the tile, turned */
    bool left[TILE_ROWS];
    row_state states[TILE_ROWS];
    weighing how[TILE_ROWS];
    row_scalars scalars[TILE_ROWS];
    _Alignas(64) real tile[TILE_ENTRIES];
} long_columns;

/* Whether a run is better off here. Sets without fused arithmetic keep weights of long rows in the output. */
static inline bool long_columns_serve(const sj_run *run, bool emits) {
    if (!NATIVE_FMA || run->rows <= 1) return false;
    const bool plain = run->given == SJ_GIVEN_LOGITS && run->read == SJ_UNREAD && !run->team && !run->losses;
    if (!plain || !is_column(&run->z) || columns_together(run) > 0) return false;
    return !emits || is_column(&run->out);
}

static void tiles_move(long_columns *l, const sj_operand *array, size_t start, bool load) {
    sj_operand from = *array;
    from.data = chunk_at(array->data, array, array->class_stride, start);
    columns_turn(&from, l->at, l->tile, load);
}

/* The entries of every row from `start` on, in the tile. */
static void tiles_load(long_columns *l, size_t start) {
    l->at.n = l->part.n = chunk_piece(l->run->n, start, CHUNK);
    tiles_move(l, &l->run->z, start, true);
    l->part.z = (sj_operand){(char *)l->tile, REAL_DTYPE, (ptrdiff_t)stage_pitch(l->at.n), 1, 0};
}

/* What row_reduce_near leaves of every row; of those that are left, nothing. */
static void tiles_reduce(long_columns *l, row *r, keeping keep) {
    const size_t n = l->run->n;
    row_state spans[TILE_ROWS];
    real min[TILE_ROWS];
    r->run = l->run;
    const size_t size = n > SPAN ? row_span_size(r) : n;
    r->run = &l->part;
    r->keep = keep;
    r->whole = keep == KEEP_SUM;
    r->kept = r->shared = false;
    r->held = 0;
    for (size_t i = 0; i < l->at.count; i++) l->left[i] = false, min[i] = REAL(INFINITY);
    for (size_t start = 0; start < n; start += CHUNK) {
        tiles_load(l, start);
        const bool begins = start % size == 0, ends = start + CHUNK >= n || (start + CHUNK) % size == 0;
        for (size_t i = 0; i < l->at.count; i++) {
            vec least;
            if (l->left[i]) continue;
            row_seek(r, i);
            l->left[i] = !row_reduce_span(r, 0, l->part.n, &least);
            if (l->left[i]) continue;
            r->state.argmax += start;
            spans[i] = begins ? r->state : state_merge(spans[i], r->state);
            const real low = v_min_lane(least);
            min[i] = low < min[i] ? low : min[i];
            if (ends) l->states[i] = start < size ? spans[i] : state_merge(l->states[i], spans[i]);
        }
    }
    for (size_t i = 0; i < l->at.count; i++) {
        if (l->left[i]) continue;
        l->how[i] = weighing_near_times(v_set1(min[i]), l->states[i].max, 0);
        l->left[i] = l->states[i].rest.hi != l->states[i].rest.hi || drops_uncounted(&l->states[i], n, l->how[i]);
        if (!l->left[i]) l->scalars[i] = state_finish(&l->states[i], l->how[i]);
    }
}

/* The results of a row's part of a tile. n: entries of the whole row; where its maximum is, state.argmax says as the
 * part counts. */
typedef void part_function(row *r, size_t n);

/* The row as it is after row_reduce. */
static void tile_seek(const long_columns *l, row *r, size_t i, size_t start) {
    row_seek(r, i);
    r->state = l->states[i];
    r->state.argmax -= start;
    r->how = l->how[i];
    r->ref = reference_near_times(r->state.max, 0);
    r->scalars = l->scalars[i];
}

static void tiles_emit(long_columns *l, row *r, part_function *emit) {
    for (size_t start = 0; start < l->run->n; start += CHUNK) {
        tiles_load(l, start);
        l->part.out = l->part.z;
        for (size_t i = 0; i < l->at.count; i++) {
            if (l->left[i]) continue;
            tile_seek(l, r, i, start);
            emit(r, l->run->n);
        }
        tiles_move(l, &l->run->out, start, false);
    }
}

/* A number a row, in its place. */
static void tiles_number(long_columns *l, row *r, part_function *emit) {
    l->part.out = staged(&l->run->out, l->at, NULL);
    for (size_t i = 0; i < l->at.count; i++) {
        if (l->left[i]) continue;
        tile_seek(l, r, i, 0);
        emit(r, l->run->n);
    }
}

/* Every row of a run. emits: as many results as entries; else one number. In place, those that are left are written
 * back as they were read. */
V_OUTLINE void long_columns_rows(const sj_run *run, keeping keep, bool emits, part_function *emit,
                                 row_function *single) {
    long_columns l;
    row r;
    l.run = run;
    l.part = *run;
    l.part.stream = false;
    l.part.staged = true;
    r.room = NULL;
    for (l.at = (columns){.together = TILE_ROWS}; l.at.first < run->rows; l.at.first += TILE_ROWS) {
        l.at.count = l.part.rows = chunk_piece(run->rows, l.at.first, TILE_ROWS);
        tiles_reduce(&l, &r, keep);
        if (emits)
            tiles_emit(&l, &r, emit);
        else
            tiles_number(&l, &r, emit);
        r.run = run;
        for (size_t i = 0; i < l.at.count; i++) {
            if (!l.left[i]) continue;
            row_seek(&r, l.at.first + i);
            single(&r);
        }
    }
    v_end();
}

#endif
