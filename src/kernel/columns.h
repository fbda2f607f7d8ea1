/* columns.h: long rows that lie side by side, as along the first axis of a matrix: a cache line's worth of neighbours
 * is turned into contiguous rows on a stage, tile by tile, and back; between, they are rows like others. Called by
 * short_rows.h; calls turn.h and the functions of a long row. */
#ifndef SJ_KERNEL_COLUMNS_H
#define SJ_KERNEL_COLUMNS_H

#include "long_rows.h"
#include "turn.h"

#define COLUMNS (64 / sizeof(real))
#define STAGE_ENTRIES (COLUMNS * (CHUNK + 2 * V_LANES)) /* 128 KiB and some, on the stack */

/* Neighbouring rows share cache lines. */
static inline bool is_column(const sj_operand *array) {
    const bool across = array->class_stride != 1 && array->class_stride != 0 && array->input_stride == 0;
    return array->data && array->dtype == REAL_DTYPE && array->row_stride == 1 && across;
}

/* Entries of a staged row: with those of the last vector, and some that keep rows out of each other's cache sets. */
static inline size_t stage_pitch(size_t n) { return (n + V_LANES - 1) / V_LANES * V_LANES + V_LANES; }

/* Whether a run is better off here. */
static inline bool columns_serve(const sj_run *run) {
    const size_t arrays = run->g.data ? 2 : 1;
    if (run->rows < 2 || run->n > CHUNK || arrays * COLUMNS * stage_pitch(run->n) > STAGE_ENTRIES) return false;
    return is_column(&run->z) || is_column(&run->g) || is_column(&run->out);
}

/* V_LANES entries, from the k-th on, of `count` rows. Which of the two ways is known where this is inlined. */
V_INLINE void tile_move(real *column, ptrdiff_t stride, size_t count, size_t entries, real *rows, size_t pitch,
                        bool load) {
    vec tile[V_LANES];
    for (size_t i = 0; i < V_LANES; i++) {
        if (!load)
            tile[i] = v_load(rows + i * pitch);
        else if (i >= entries)
            tile[i] = v_zero();
        else
            tile[i] = load_within(column + (ptrdiff_t)i * stride, 0, count);
    }
    tile_zip(tile, V_LANES);
    for (size_t i = 0; i < V_LANES; i++) {
        if (load)
            v_store(rows + i * pitch, tile[i]);
        else if (i < entries)
            store_within(column + (ptrdiff_t)i * stride, tile[i], 0, count);
    }
}

/* Rows first .. first + count of the run to the stage, or back. */
V_INLINE void columns_move(const sj_operand *array, size_t first, size_t count, size_t n, real *stage, bool load) {
    const ptrdiff_t stride = array->class_stride;
    const size_t pitch = stage_pitch(n);
    real *column = (real *)(void *)array->data + first;
    for (size_t k = 0; k < n; k += V_LANES)
        for (size_t i = 0; i < count; i += V_LANES)
            tile_move(column + (ptrdiff_t)k * stride + i, stride, count - i, n - k, stage + i * pitch + k, pitch, load);
}

static void columns_load(const sj_operand *array, size_t first, size_t count, size_t n, real *stage) {
    columns_move(array, first, count, n, stage, true);
}

static void columns_store(const sj_operand *array, size_t first, size_t count, size_t n, real *stage) {
    columns_move(array, first, count, n, stage, false);
}

/* The array that stands for rows from `first` on: itself, or the stage. */
static inline sj_operand staged(const sj_operand *array, size_t first, size_t n, real *stage) {
    if (is_column(array)) return (sj_operand){(char *)stage, REAL_DTYPE, (ptrdiff_t)stage_pitch(n), 1, 0};
    sj_operand from = *array;
    if (from.data) from.data = chunk_at(from.data, array, array->row_stride, first);
    return from;
}

/* The results take the place of the logits on the stage. `many`: as in serve_rows. */
V_OUTLINE void column_rows(const sj_run *run, row_function *single, row_function *many) {
    real stage[STAGE_ENTRIES], *const g = stage + COLUMNS * stage_pitch(run->n);
    sj_run part = *run;
    row r;
    r.run = &part;
    for (size_t first = 0; first < run->rows; first += COLUMNS) {
        part.rows = run->rows - first < COLUMNS ? run->rows - first : COLUMNS;
        part.z = staged(&run->z, first, run->n, stage);
        part.g = staged(&run->g, first, run->n, g);
        part.out = staged(&run->out, first, run->n, stage);
        if (is_column(&run->z)) columns_load(&run->z, first, part.rows, run->n, stage);
        if (is_column(&run->g)) columns_load(&run->g, first, part.rows, run->n, g);
        if (many)
            many(&r);
        else
            long_rows(&r, single);
        if (is_column(&run->out)) columns_store(&run->out, first, part.rows, run->n, stage);
    }
}

#endif
