/* light_turn.h: blocks of V_LANES rows of float32 turned so that entry k of every row is one vector of doubles, and
 * results turned back. Called by light_block.h; calls light.h. */
#ifndef SJ_KERNEL_EXACT_LIGHT_TURN_H
#define SJ_KERNEL_EXACT_LIGHT_TURN_H

#include "light.h"

/* Rows of an array of a block. */
typedef struct light_rows_at {
    float *first;
    ptrdiff_t row_stride, class_stride;
    size_t rows, n;
} light_rows_at;

#if V_BYTES == 64
#define ZIP_LOW 0, 8, 1, 9, 2, 10, 3, 11
#define ZIP_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#elif V_BYTES == 32
#define ZIP_LOW 0, 4, 1, 5
#define ZIP_HIGH 2, 6, 3, 7
#else
#define ZIP_LOW 0, 2
#define ZIP_HIGH 1, 3
#endif

/* V_LANES entries of as many rows turned, or turned back: the network of turn.h, in vectors half as wide. */
V_INLINE void singles_turn(singles tile[V_LANES]) {
    for (size_t step = V_LANES; step > 1; step /= 2) {
        singles zipped[V_LANES];
        for (size_t i = 0; i < V_LANES / 2; i++) {
            zipped[2 * i] = __builtin_shufflevector(tile[i], tile[i + V_LANES / 2], ZIP_LOW);
            zipped[2 * i + 1] = __builtin_shufflevector(tile[i], tile[i + V_LANES / 2], ZIP_HIGH);
        }
        for (size_t i = 0; i < V_LANES; i++) tile[i] = zipped[i];
    }
}
#undef ZIP_LOW
#undef ZIP_HIGH

static inline bool light_rows_turn(const light_rows_at *at) {
    return at->class_stride == 1 && at->rows == V_LANES && at->n >= V_LANES;
}

/* The last tile of a row ends with it, over the one before: nothing is read or written beside the row. */
static inline size_t light_tile(const light_rows_at *at, size_t k) {
    return k + V_LANES <= at->n ? k : at->n - V_LANES;
}

/* Lanes without a row hold zeros. */
static void light_rows_load(const light_rows_at *at, vec *turned) {
    const ptrdiff_t apart = at->row_stride;
    if (light_rows_turn(at)) {
        for (size_t k = 0; k < at->n; k += V_LANES) {
            const size_t first = light_tile(at, k);
            singles tile[V_LANES];
            for (size_t lane = 0; lane < V_LANES; lane++)
                memcpy(&tile[lane], at->first + (ptrdiff_t)lane * apart + first, sizeof tile[lane]);
            singles_turn(tile);
            for (size_t i = 0; i < V_LANES; i++) turned[first + i] = wide_singles(tile[i]);
        }
        return;
    }
    for (size_t k = 0; k < at->n; k++) {
        const float *from = at->first + (ptrdiff_t)k * at->class_stride;
        singles entries = {0};
        for (size_t lane = 0; lane < V_LANES; lane++)
            entries[lane] = lane < at->rows ? from[(ptrdiff_t)lane * apart] : 0;
        turned[k] = wide_singles(entries);
    }
}

/* The way back of results, of all rows but those of a bit in `left`. */
static void light_rows_store(const light_rows_at *at, unsigned left, const singles *turned) {
    const ptrdiff_t apart = at->row_stride;
    if (left == 0 && light_rows_turn(at)) {
        for (size_t k = 0; k < at->n; k += V_LANES) {
            const size_t first = light_tile(at, k);
            singles tile[V_LANES];
            for (size_t i = 0; i < V_LANES; i++) tile[i] = turned[first + i];
            singles_turn(tile);
            for (size_t lane = 0; lane < V_LANES; lane++)
                memcpy(at->first + (ptrdiff_t)lane * apart + first, &tile[lane], sizeof tile[lane]);
        }
        return;
    }
    for (size_t lane = 0; lane < at->rows; lane++)
        for (size_t k = 0; k < at->n && !(left >> lane & 1); k++)
            at->first[(ptrdiff_t)lane * apart + (ptrdiff_t)k * at->class_stride] =
                ((const float *)(const void *)&turned[k])[lane];
}

#endif
