/* turn.h: blocks of V_LANES rows turned so that entry k of every row is one vector, and back: a network of zips in
 * registers, no gather. Called by columns.h and block.h; calls simd/.
 *
 * Vector i of a tile holds rows i F .. i F + F - 1, each in P lanes, P F = V_LANES. With the bits of a vector's number
 * before those of a lane's, an entry stands at (row, k) and shall stand at (k, row): every zip of vector i with vector
 * i + P / 2 turns these bits by one, so it takes log2(V_LANES) of them. */
#ifndef SJ_KERNEL_TURN_H
#define SJ_KERNEL_TURN_H

#include "simd/portable.h"

#define MOST_TURNED 64 /* entries of a row that is turned back */

/* How contiguous rows of n entries share vectors; filled once a run. */
typedef struct turning {
    size_t n;
    size_t width;        /* P */
    vec_int apart, near; /* lanes of consecutive rows to P lanes a row, and back: where P < V_LANES */
} turning;

static inline turning turning_of(size_t n) {
    turning t = {.n = n, .width = V_LANES};
    real_int near[V_LANES], shift = 0, lane = 0;
    if (!NATIVE_PERMUTE || n > V_LANES / 2) return t;
    for (t.width = 2; t.width < n; t.width *= 2) shift++;
    shift++;
    const vec_int lanes = v_lanes(), mask = lanes & (real_int)(t.width - 1);
    t.apart = (lanes >> shift) * (real_int)n + mask;
    for (real_int row_at = 0; lane < (real_int)V_LANES; row_at += (real_int)t.width)
        for (size_t k = 0; k < n && lane < (real_int)V_LANES; k++) near[lane++] = row_at + (real_int)k;
    memcpy(&t.near, near, sizeof near);
    return t;
}

V_INLINE void tile_zip(vec *tile, size_t width) {
    for (size_t step = V_LANES; step > 1; step /= 2) {
        vec zipped[V_LANES];
        for (size_t i = 0; i < width / 2; i++) {
            zipped[2 * i] = v_zip_low(tile[i], tile[i + width / 2]);
            zipped[2 * i + 1] = v_zip_high(tile[i], tile[i + width / 2]);
        }
        for (size_t i = 0; i < width / 2; i++) tile[2 * i] = zipped[2 * i], tile[2 * i + 1] = zipped[2 * i + 1];
    }
}

V_INLINE void tile_unzip(vec *tile, size_t width) {
    for (size_t step = V_LANES; step > 1; step /= 2) {
        vec apart[V_LANES];
        for (size_t i = 0; i < width / 2; i++) {
            apart[i] = v_even(tile[2 * i], tile[2 * i + 1]);
            apart[i + width / 2] = v_odd(tile[2 * i], tile[2 * i + 1]);
        }
        for (size_t i = 0; i < width / 2; i++) tile[i] = apart[i], tile[i + width / 2] = apart[i + width / 2];
    }
}

/* A whole tile: entry k of vector i and entry i of vector k change places. Zips within 16 bytes, then 16 bytes at a
 * time: no more operations than above, and each a single instruction. */
V_INLINE void tile_turn(vec *tile) {
    vec turned[V_LANES];
    for (size_t step = CLOSE_LANES; step > 1; step /= 2) {
        for (size_t at = 0; at < V_LANES; at += CLOSE_LANES)
            for (size_t i = 0; i < CLOSE_LANES / 2; i++) {
                turned[at + 2 * i] = v_zip_low_close(tile[at + i], tile[at + i + CLOSE_LANES / 2]);
                turned[at + 2 * i + 1] = v_zip_high_close(tile[at + i], tile[at + i + CLOSE_LANES / 2]);
            }
        for (size_t i = 0; i < V_LANES; i++) tile[i] = turned[i];
    }
    const size_t parts = V_LANES / CLOSE_LANES;
    for (size_t step = parts; step > 1; step /= 2) {
        for (size_t k = 0; k < CLOSE_LANES; k++)
            for (size_t i = 0; i < parts / 2; i++) {
                const vec a = tile[2 * i * CLOSE_LANES + k], b = tile[(2 * i + 1) * CLOSE_LANES + k];
                turned[i * CLOSE_LANES + k] = v_even_close(a, b);
                turned[(i + parts / 2) * CLOSE_LANES + k] = v_odd_close(a, b);
            }
        for (size_t i = 0; i < V_LANES; i++) tile[i] = turned[i];
    }
}

/* V_LANES entries of an array of `count`, from the one `at` on; 0 where there are not as many. */
V_INLINE vec load_within(const real *array, size_t at, size_t count) {
    if (at >= count) return v_zero();
    return count - at >= V_LANES ? v_load(array + at) : v_load_n(array + at, count - at, 0);
}

V_INLINE void store_within(real *array, vec a, size_t at, size_t count) {
    if (at >= count) return;
    if (count - at >= V_LANES)
        v_store(array + at, a);
    else
        v_store_n(array + at, a, count - at);
}

/* `width` vectors of an array of `count` entries, `apart` entries from one to the next. */
V_INLINE void tile_load(const real *array, size_t count, size_t apart, size_t width, vec *tile) {
    if ((width - 1) * apart + V_LANES <= count)
        for (size_t i = 0; i < width; i++) tile[i] = v_load(array + i * apart);
    else
        for (size_t i = 0; i < width; i++) tile[i] = load_within(array, i * apart, count);
}

/* n <= width: a vector is turned with `apart` and one tile is all. Tiles are copies, so that they live in registers. */
V_INLINE void rows_load_packed(const real *rows, size_t count, const turning *t, size_t width, vec *turned) {
    const size_t taken = V_LANES / width * t->n;
    vec tile[V_LANES];
    tile_load(rows, count, taken, width, tile);
    for (size_t i = 0; i < width; i++) tile[i] = v_permute(tile[i], t->apart);
    tile_zip(tile, width);
    for (size_t k = 0; k < width; k++) turned[k] = tile[k];
}

V_INLINE void rows_store_packed(real *rows, size_t count, const turning *t, size_t width, const vec *turned) {
    const size_t taken = V_LANES / width * t->n;
    vec tile[V_LANES];
    for (size_t k = 0; k < width; k++) tile[k] = turned[k];
    if (width < V_LANES)
        tile_unzip(tile, width);
    else
        tile_turn(tile);
    for (size_t i = 0; i < width && width < V_LANES; i++) tile[i] = v_permute(tile[i], t->near);
    if ((width - 1) * taken + V_LANES <= count)
        for (size_t i = 0; i < width; i++) v_store(rows + i * taken, tile[i]);
    else
        for (size_t i = 0; i < width; i++) store_within(rows, tile[i], i * taken, count);
}

#if NATIVE_PERMUTE
/* Rows that share vectors with others. */
V_INLINE void rows_load_shared(const real *rows, size_t count, const turning *t, vec *turned) {
    if (t->width == 2) rows_load_packed(rows, count, t, 2, turned);
    if (t->width == 4) rows_load_packed(rows, count, t, 4, turned);
    if (t->width == 8 && V_LANES > 8) rows_load_packed(rows, count, t, 8, turned);
}

V_INLINE void rows_store_shared(real *rows, size_t count, const turning *t, const vec *turned) {
    if (t->width == 2) rows_store_packed(rows, count, t, 2, turned);
    if (t->width == 4) rows_store_packed(rows, count, t, 4, turned);
    if (t->width == 8 && V_LANES > 8) rows_store_packed(rows, count, t, 8, turned);
}
#endif

/* V_LANES contiguous rows of t->n entries, the first of an array of `count` entries; 0 stands for what it lacks.
 * `turned` has room for whole tiles: n rounded up to a multiple of V_LANES. */
static inline void rows_load(const real *rows, size_t count, const turning *t, vec *turned) {
#if NATIVE_PERMUTE
    if (t->width < V_LANES) {
        rows_load_shared(rows, count, t, turned);
        return;
    }
#endif
    for (size_t k = 0; k < t->n; k += V_LANES) {
        vec tile[V_LANES];
        tile_load(rows + k, count - k, t->n, V_LANES, tile);
        tile_turn(tile);
        for (size_t i = 0; i < V_LANES; i++) turned[k + i] = tile[i];
    }
}

/* How rows are stored: past the caches, in whole vectors, or no further than the array. */
typedef enum lines_way { LINES_STREAM, LINES_WHOLE, LINES_WITHIN } lines_way;

/* Rows one after the other, from tiles: stores in the order of tiles would keep lines of many rows waiting. */
V_INLINE void lines_store(real *rows, size_t count, size_t n, const vec *tiles, lines_way way) {
    for (size_t lane = 0; lane < V_LANES; lane++)
        for (size_t k = 0, at = lane * n; k < n; k += V_LANES, at += V_LANES) {
            if (way == LINES_STREAM)
                v_stream(rows + at, tiles[k + lane]);
            else if (way == LINES_WHOLE)
                v_store(rows + at, tiles[k + lane]);
            else
                store_within(rows, tiles[k + lane], at, count);
        }
}

/* Whether rows that may go past the caches do. */
static inline bool rows_stream(const real *rows, const turning *t, bool stream) {
    return stream && t->n > V_LANES && t->n % V_LANES == 0 && v_before_stream(rows) == 0;
}

/* The way back, to an array of `count` entries. Stores are whole vectors where the next ones repair what they spill
 * over. */
static inline void rows_store(real *rows, size_t count, const turning *t, const vec *turned, bool stream) {
#if NATIVE_PERMUTE
    if (t->width < V_LANES) {
        rows_store_shared(rows, count, t, turned);
        return;
    }
#endif
    if (t->n <= V_LANES) {
        rows_store_packed(rows, count, t, V_LANES, turned);
        return;
    }
    vec tiles[MOST_TURNED];
    for (size_t k = 0; k < t->n; k += V_LANES) {
        vec tile[V_LANES];
        for (size_t i = 0; i < V_LANES; i++) tile[i] = turned[k + i];
        tile_turn(tile);
        for (size_t i = 0; i < V_LANES; i++) tiles[k + i] = tile[i];
    }
    const size_t whole = (t->n + V_LANES - 1) / V_LANES * V_LANES;
    const bool room = (V_LANES - 1) * t->n + whole <= count;
    if (room && rows_stream(rows, t, stream))
        lines_store(rows, count, t->n, tiles, LINES_STREAM);
    else if (room)
        lines_store(rows, count, t->n, tiles, LINES_WHOLE);
    else
        lines_store(rows, count, t->n, tiles, LINES_WITHIN);
}

#endif
