/* columns.h: rows that lie side by side, as along the first axis of a matrix: some cache lines' worth of neighbours
 * goes to a stage and back. Long rows are turned on the way, tile by tile, and are rows like others between; short ones
 * stay side by side, but close. Called by short_rows.h; calls turn.h. */
#ifndef SJ_KERNEL_COLUMNS_H
#define SJ_KERNEL_COLUMNS_H

#include "long_rows.h"
#include "turn.h"

#define SHORT_ROW 64

/* Every row of a run. */
typedef void run_function(const sj_run *run);

#define LINE_ENTRIES (64 / sizeof(real))
#define STAGE_ENTRIES                                                                                                  \
    (((size_t)1 << 19) / sizeof(real) + LINE_ENTRIES * 2 * V_LANES) /* 512 KiB and some, on the stack */

/* Most lines of neighbours: one page of memory gives that many for one miss of the translation of its address, and
 * where rows are a power of two apart, nothing but what is read at once stays in cache. */
#define MOST_LINES 8

/* Rows as short as these are served where they are: as many lines as they have entries do not get in each other's way.
 */
#define FEW_ENTRIES 16

/* Neighbouring rows share cache lines. */
static inline bool is_column(const sj_operand *array) {
    const bool across = array->class_stride != 1 && array->class_stride != 0 && array->input_stride == 0;
    return array->data && array->dtype == REAL_DTYPE && array->row_stride == 1 && across;
}

/* Entries of a staged long row: with those of the last vector, and some that keep rows out of each other's cache sets.
 */
static inline size_t stage_pitch(size_t n) { return (n + V_LANES - 1) / V_LANES * V_LANES + V_LANES; }

/* Neighbours that go to the stage together. */
static inline size_t columns_together(const sj_run *run) {
    const size_t arrays = run->g.data ? 2 : 1, line = arrays * LINE_ENTRIES * stage_pitch(run->n);
    const size_t lines = STAGE_ENTRIES / line;
    return LINE_ENTRIES * (lines < MOST_LINES ? lines : MOST_LINES);
}

/* Whether a run is better off here. A run that is staged is not staged again. */
static inline bool columns_serve(const sj_run *run) {
    if (run->n <= FEW_ENTRIES || run->rows <= 1) return false;
    const size_t together = columns_together(run);
    if (together == 0) return false;
    const ptrdiff_t near = run->n <= SHORT_ROW ? (ptrdiff_t)(MOST_LINES * LINE_ENTRIES) : 0;
    const sj_operand *const arrays[] = {&run->z, &run->g, &run->out};
    for (size_t i = 0; i < 3; i++)
        if (is_column(arrays[i]) && sj_magnitude(arrays[i]->class_stride) > (size_t)near) return true;
    return false;
}

/* Some neighbours. */
typedef struct columns {
    size_t first, count, n, together;
} columns;

/* Entries [k, end) of neighbours, from memory to where they are `together` apart, or back. */
V_INLINE void columns_copy(const sj_operand *array, columns c, size_t k, size_t end, real *close, bool load) {
    for (size_t at = k; at < end; at++) {
        real *column = (real *)(void *)array->data + c.first + (ptrdiff_t)at * array->class_stride;
        real *line = close + (at - k) * c.together;
        real *to = load ? line : column, *from = load ? column : line;
        for (size_t i = 0; i < c.count; i += V_LANES)
            store_within(to + i, load_within(from + i, 0, c.count - i), 0, c.count - i);
    }
}

/* A square of V_LANES entries of as many neighbours, from one array to the other. */
V_INLINE void square_turn(const real *from, size_t from_pitch, real *to, size_t to_pitch) {
    vec tile[V_LANES];
    for (size_t i = 0; i < V_LANES; i++) tile[i] = v_load(from + i * from_pitch);
    tile_turn(tile);
    for (size_t i = 0; i < V_LANES; i++) v_store(to + i * to_pitch, tile[i]);
}

/* The same, to rows of the stage or back. What is beyond the last entry and the last neighbour is turned, and not used.
 */
V_INLINE void columns_turn(const sj_operand *array, columns c, real *stage, bool load) {
    const size_t pitch = stage_pitch(c.n);
    real close[V_LANES * MOST_LINES * LINE_ENTRIES];
    for (size_t k = 0; k < c.n; k += V_LANES) {
        const size_t end = c.n - k < V_LANES ? c.n : k + V_LANES;
        if (load) columns_copy(array, c, k, end, close, true);
        for (size_t i = 0; i < c.count; i += V_LANES) {
            if (load)
                square_turn(close + i, c.together, stage + i * pitch + k, pitch);
            else
                square_turn(stage + i * pitch + k, pitch, close + i, c.together);
        }
        if (!load) columns_copy(array, c, k, end, close, false);
    }
}

/* To the stage, or back, of an array that needs it. */
V_INLINE void columns_move(const sj_operand *array, columns c, real *stage, bool load) {
    if (!is_column(array)) return;
    if (c.n <= SHORT_ROW)
        columns_copy(array, c, 0, c.n, stage, load);
    else
        columns_turn(array, c, stage, load);
}

/* The array that stands for these rows: itself, or the stage. */
static inline sj_operand staged(const sj_operand *array, columns c, real *stage) {
    if (is_column(array)) {
        const bool turned = c.n > SHORT_ROW;
        const ptrdiff_t apart = turned ? (ptrdiff_t)stage_pitch(c.n) : 1, class = turned ? 1 : (ptrdiff_t)c.together;
        return (sj_operand){(char *)stage, REAL_DTYPE, apart, class, 0};
    }
    sj_operand from = *array;
    if (from.data) from.data = chunk_at(from.data, array, array->row_stride, c.first);
    return from;
}

/* What is one number or record a row stays where it is. */
static inline void columns_beside(const sj_run *run, columns c, sj_run *part) {
    for (size_t i = 0; i < SJ_MORE; i++) part->more[i] = staged(&run->more[i], c, NULL);
    for (size_t i = 0; i < SJ_ROW_NUMBERS && run->losses; i++) part->numbers[i] = staged(&run->numbers[i], c, NULL);
}

/* The results take the place of the logits on the stage. serve: the function of the run. */
V_OUTLINE void column_rows(const sj_run *run, run_function *serve) {
    const size_t together = columns_together(run);
    real stage[STAGE_ENTRIES], *const g = stage + together * stage_pitch(run->n);
    sj_run part = *run;
    part.stream = false;
    part.staged = true;
    columns c = {0, 0, run->n, together};
    for (; c.first < run->rows; c.first += together) {
        part.rows = c.count = run->rows - c.first < together ? run->rows - c.first : together;
        part.z = staged(&run->z, c, stage);
        part.g = staged(&run->g, c, g);
        part.out = staged(&run->out, c, stage);
        part.read_from = run->read_from + c.first;
        columns_beside(run, c, &part);
        columns_move(&run->z, c, stage, true);
        columns_move(&run->g, c, g, true);
        serve(&part);
        columns_move(&run->out, c, stage, false);
    }
}

#endif
