/* light_row.h: one row of exact mode in plain double: its pieces and its state, from logits or from a softmax that is
 * given, all of float32. Called by settle.h and light_rows.h; calls light.h, and row.h for the row in pairs. */
#ifndef SJ_KERNEL_EXACT_LIGHT_ROW_H
#define SJ_KERNEL_EXACT_LIGHT_ROW_H

#include "light.h"
#include "row.h"

/* What settles the entries that plain double leaves undecided: the state of the row in `pairs`, made at the first. */
typedef struct settlement {
    bool ready;
    size_t by; /* the class whose s the factor of a line of a Jacobian has; SIZE_MAX: none was asked for */
    wide weight_by;
    wide factor;    /* of every entry, in a loss; 0: none */
    wide at_max;    /* g at the argmax */
    wide sum, size; /* D and A, or the sum of g over the sum of weights and that of |g| */
    wide log;       /* log1p(T) */
    float z_scratch[CHUNK], g_scratch[CHUNK];
} settlement;

/* Weights of a long row that are read again from the L2 cache, 512 KiB on the stack: that takes less time than to make
 * them. Of a row far longer its part would be gone from the cache. */
#define LIGHT_ROOM (((size_t)1 << 19) / sizeof(double))

typedef struct light_row {
    const sj_run *run;
    exact_row *pairs; /* free for use until the row is left to pairs */
    const char *z, *g;
    char *out;
    size_t index, argmax;
    bool given;
    light_origin from;
    double top, inverse; /* top: the weight of the maximum; inverse: 1 / (top + rest) */
    dd rest;
    settlement settle;
    double w[CHUNK]; /* of the whole row where it is no longer */
    double *room;    /* for those of LIGHT_ROOM entries; NULL: none */
    size_t held;     /* entries, the first of the row in whole pieces, whose weights are there */
    float z_scratch[CHUNK], g_scratch[CHUNK], out_scratch[CHUNK];
} light_row;

/* The result of row `index`, or false, and the row's logits as they were, where pairs are needed. */
typedef bool light_function(light_row *r, size_t index);

static inline bool light_fits(const sj_run *run) {
    return run->n > 0 && run->z.dtype == SJ_F32 && run->out.dtype == SJ_F32 && (!run->g.data || run->g.dtype == SJ_F32);
}

static inline size_t light_piece(const light_row *r, size_t start) { return chunk_piece(r->run->n, start, CHUNK); }

static inline const float *light_read(const char *row, const sj_operand *array, size_t start, size_t count,
                                      float *scratch) {
    const ptrdiff_t stride = array->class_stride;
    const float *from = (const float *)(const void *)chunk_at(row, array, stride, start);
    if (stride == 1) return from;
    for (size_t i = 0; i < count; i++) scratch[i] = from[(ptrdiff_t)i * stride];
    return scratch;
}

static const float *light_logits(light_row *r, size_t start, size_t count) {
    return light_read(r->z, &r->run->z, start, count, r->z_scratch);
}

static inline float light_g_at_argmax(const light_row *r) {
    const float *g = (const float *)(const void *)r->g;
    return g[(ptrdiff_t)r->argmax * r->run->g.class_stride];
}

/* Weights of a piece of the row into r->w, and their sum but for entry `skip`. */
static inline dd light_weights(light_row *r, const float *z, size_t count, size_t skip) {
    return r->given ? light_widen(z, count, skip, r->w) : light_weigh(z, count, skip, r->from, r->w);
}

/* Where those of the piece at `start` are kept until the results are formed, or at least while it is handled. */
static inline double *light_place(light_row *r, size_t start) {
    return start + CHUNK <= r->held ? r->room + start : r->w;
}

/* Weights of a piece of a row whose sums are known. */
static const double *light_weights_again(light_row *r, size_t start, size_t count) {
    if (r->run->n <= CHUNK || start + CHUNK <= r->held) return light_place(r, start);
    const float *z = light_logits(r, start, count);
    if (r->given)
        (void)light_widen(z, count, SIZE_MAX, r->w);
    else
        light_weigh_again(z, count, r->from, r->w);
    return r->w;
}

/* The maxima of rows that are a matter of plain double. A softmax may not be empty, or infinite. */
static inline bool light_serves(const light_row *r, double max) {
    if (r->given) return max > 0 && max <= REAL_LARGEST;
    return max >= -REAL_LARGEST && max <= REAL_LARGEST;
}

static inline light_origin light_origin_of(const light_row *r, double max) {
    const bool near = r->given || (max >= -LIGHT_NEAR && max <= LIGHT_NEAR);
    return (light_origin){max, near ? 0 : max, r->run->g.data != NULL};
}

/* Maximum of the row sought; -inf or worse: none. */
static float light_survey(light_row *r) {
    float max = -(float)INFINITY;
    for (size_t start = 0; start < r->run->n; start += CHUNK) {
        const size_t count = light_piece(r, start);
        const float part = light_max(light_logits(r, start, count), count);
        max = part > max ? part : max;
    }
    return max;
}

static void light_seek(light_row *r, size_t index) {
    chunk_seek(r->run, index, &r->z, &r->g, &r->out);
    r->index = index;
    r->given = r->run->given == SJ_GIVEN_SOFTMAX;
    r->held = 0;
    r->settle.ready = false;
    r->settle.by = SIZE_MAX;
    r->settle.factor = (wide){0, 0, 0};
}

/* The first entry that is the maximum, from the piece at `start` on. */
static void light_find_argmax(light_row *r, size_t start) {
    for (r->argmax = r->run->n; start < r->run->n && r->argmax == r->run->n; start += CHUNK) {
        const size_t count = light_piece(r, start);
        const size_t found = light_find(light_logits(r, start, count), count, (float)r->from.max);
        if (found < count) r->argmax = start + found;
    }
}

/* Maximum and state of a row; false where it is not a matter of plain double. */
static bool light_reduce(light_row *r, size_t index) {
    const sj_run *run = r->run;
    light_seek(r, index);
    const float max = light_survey(r);
    if (!light_serves(r, (double)max)) return false;
    r->from = light_origin_of(r, (double)max);
    r->top = r->given ? r->from.max : light_weight_at(r->from.max, r->from);
    r->rest = (dd){0, 0};
    r->argmax = run->n;
    for (size_t start = 0; start < run->n; start += CHUNK) {
        const size_t count = light_piece(r, start);
        const float *z = light_logits(r, start, count);
        const size_t found = r->argmax == run->n ? light_find(z, count, max) : count;
        r->rest = dd_add(r->rest, light_weights(r, z, count, found));
        if (found == count) continue;
        r->argmax = start + found;
        r->w[found] = r->top;
    }
    r->inverse = r->given ? 1 : 1 / (r->rest.hi + r->top);
    return r->rest.hi == r->rest.hi; /* else a NaN among the logits */
}

/* What an entry is made of: its weight w, its logit or g as x, and constants of the row. */
typedef enum light_kind {
    LIGHT_TIMES,       /* w a and w b are the bounds */
    LIGHT_MINUS_TIMES, /* less those */
    LIGHT_LOG,         /* (x - a) - b, no cancellation; times c and times size are the bounds */
    LIGHT_VJP,         /* w a (d - c), d = x - b; relative to w a (|d| + size) */
    LIGHT_LOG_JVP,     /* d - c, d = x - b; relative to |d| + size */
    LIGHT_LOG_VJP      /* x - w a; relative to |x| + |w| size */
} light_kind;

#endif
