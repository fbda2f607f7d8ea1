/* target.h: what a loss asks of one row: its label or its probabilities, the weights of the classes, and the cotangent
 * of log-softmax that they make. Called by row.h and losses.h; calls chunk.h. */
#ifndef SJ_KERNEL_TARGET_H
#define SJ_KERNEL_TARGET_H

#include "chunk.h"
#include "math/pair.h"
#include "total.h"

/* The target of a row. */
typedef struct target {
    bool ignored;
    size_t label;  /* n: probabilities in its place */
    double weight; /* of the label's class */
    dd scale;      /* of its gradient */
} target;

static inline double class_weight(const sj_losses *of, size_t k) {
    const sj_operand *each = &of->weights;
    if (!each->data) return 1;
    return (double)chunk_load(each->data, each->dtype, (ptrdiff_t)k * each->class_stride);
}

/* Number `which` of a row; 1 where there is none. */
static inline double row_number(const sj_run *run, int which, size_t index) {
    const sj_operand *numbers = &run->numbers[which];
    if (!numbers->data) return 1;
    return (double)chunk_load(chunk_at(numbers->data, numbers, numbers->row_stride, index), numbers->dtype, 0);
}

static inline void row_number_put(const sj_run *run, int which, size_t index, real value) {
    const sj_operand *numbers = &run->numbers[which];
    if (numbers->data)
        chunk_store(chunk_at(numbers->data, numbers, numbers->row_stride, index), numbers->dtype, 0, value);
}

/* A number of a row, rounded to the kernel's dtype, where it is asked for. */
static inline void loss_put(const sj_run *run, int which, size_t index, double value) {
    row_number_put(run, which, index, (real)value);
    if (which == SJ_ROW_LOSS && run->losses->total) total_add(run->losses->total, (double)(real)value);
}

static inline target target_of_row(const sj_run *run, size_t index) {
    const sj_losses *of = run->losses;
    target t = {.label = run->n, .weight = 1};
    if (run->more[0].data) {
        const int64_t label = sj_integer(chunk_seek_more(run, 0, index), run->more[0].dtype, 0);
        t.ignored = label == of->ignore_index;
        t.label = t.ignored ? run->n : (size_t)label;
        t.weight = t.ignored ? 0 : class_weight(of, t.label);
    }
    t.scale = dd_mul((dd){of->scale[0], of->scale[1]}, (dd){row_number(run, SJ_ROW_UPSTREAM, index), 0});
    return t;
}

/* The same with weights, each rounded once: in float64 the roundings of three factors would be too many. */
V_OUTLINE void weighted_pairs(const target *t, const sj_losses *of, dd kept, dd spread, const real *y, size_t start,
                              size_t count, real *to) {
    for (size_t i = 0; i < count; i++) {
        const double part = y ? (double)y[i] : start + i == t->label ? 1 : 0;
        const dd p = dd_add(dd_mul(kept, (dd){part, 0}), spread);
        to[i] = (real)dd_mul(p, (dd){class_weight(of, start + i), 0}).hi;
    }
}

/* g_k = -scale p_k with p_k = weight_k (kept y_k + spread), y the probabilities or 1 at the label. */
static inline const real *target_cotangent(const target *t, const sj_run *run, const char *probabilities, size_t start,
                                           size_t count, real *to) {
    const sj_losses *of = run->losses;
    const dd scale = {-t->scale.hi, -t->scale.lo};
    const dd kept = dd_mul(scale, (dd){of->kept[0], of->kept[1]});
    const dd spread = dd_mul(scale, (dd){of->spread[0], of->spread[1]});
    const real *y = run->g.data ? chunk_read(probabilities, &run->g, start, count, to) : NULL;
    if (of->weights.data && sizeof(real) == sizeof(double)) {
        weighted_pairs(t, of, kept, spread, y, start, count, to);
        return to;
    }
    if (y) {
        for (size_t i = 0; i < count; i++) to[i] = (real)(kept.hi * (double)y[i] + spread.hi);
    } else {
        for (size_t i = 0; i < count; i++) to[i] = (real)spread.hi;
        if (t->label - start < count) to[t->label - start] = (real)(kept.hi + spread.hi);
    }
    if (!of->weights.data) return to;
    for (size_t i = 0; i < count; i++) to[i] = (real)((double)to[i] * class_weight(of, start + i));
    return to;
}

#endif
