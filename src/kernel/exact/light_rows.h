/* light_rows.h: the quantities of a row of float32 in plain double, each entry as two bounds that must round alike; an
 * entry where they do not is settled by itself, or the row is left to pairs. Called by exact/rows.h; calls settle.h,
 * and emit.h for a line of a Jacobian. */
#ifndef SJ_KERNEL_EXACT_LIGHT_ROWS_H
#define SJ_KERNEL_EXACT_LIGHT_ROWS_H

#include "light_sweep.h"
#include "settle.h"

typedef struct light_emission {
    double a, b, c, size, error; /* error: of a kind with a cotangent */
} light_emission;

typedef struct light_vectors {
    vec a, b, c, size, error;
} light_vectors;

typedef struct light_bounds {
    vec low, high;
} light_bounds;

V_INLINE light_bounds light_around(vec value, vec size, vec error) {
    const vec distance = v_mul(size, error);
    return (light_bounds){v_sub(value, distance), v_add(value, distance)};
}

V_INLINE light_bounds light_entry(vec w, vec x, const light_vectors *e, light_kind kind) {
    const vec a = e->a, b = e->b, c = e->c, size = e->size;
    switch (kind) {
    case LIGHT_LOG: {
        const vec value = v_sub(v_sub(x, a), b);
        return (light_bounds){v_mul(value, c), v_mul(value, size)};
    }
    case LIGHT_VJP: {
        const vec s = v_mul(w, a), d = v_sub(x, b);
        return light_around(v_mul(s, v_sub(d, c)), v_mul(s, v_add(v_size(d), size)), e->error);
    }
    case LIGHT_LOG_JVP: {
        const vec d = v_sub(x, b);
        return light_around(v_sub(d, c), v_add(v_size(d), size), e->error);
    }
    case LIGHT_LOG_VJP:
        return light_around(v_sub(x, v_mul(w, a)), v_add(v_size(x), v_mul(v_size(w), size)), e->error);
    default:
        return (light_bounds){v_mul(w, a), v_mul(w, b)};
    }
}

static inline bool light_reads_weights(light_kind kind) { return kind != LIGHT_LOG && kind != LIGHT_LOG_JVP; }
static inline bool light_reads_g(light_kind kind) { return kind >= LIGHT_VJP; }

/* The float both bounds round to, never -0; where they do not, bits that differ. */
typedef struct light_result {
    singles value;
    single_bits differ;
} light_result;

static inline bool light_is_positive(light_kind kind) { return kind == LIGHT_TIMES || kind == LIGHT_MINUS_TIMES; }

V_INLINE light_result light_rounded(light_bounds bounds, light_kind kind) {
    singles low = __builtin_convertvector(bounds.low, singles), high = __builtin_convertvector(bounds.high, singles);
    if (!light_is_positive(kind)) {
        low = low + (singles){0}; /* -0 becomes +0 */
        high = high + (singles){0};
    }
    const single_bits differ = (single_bits)low ^ (single_bits)high;
    if (kind == LIGHT_MINUS_TIMES) low = (singles){0} - low;
    return (light_result){low, differ};
}

/* The result from w[0..V_LANES) and x[0..V_LANES) into `to`; what differs. */
V_INLINE single_bits light_vector(const double *w, const float *x, const light_vectors *e, light_kind kind, float *to) {
    const light_bounds bounds = light_entry(light_reads_weights(kind) ? v_load(w) : v_zero(),
                                            light_is_positive(kind) ? v_zero() : widened(x), e, kind);
    const light_result result = light_rounded(bounds, kind);
    memcpy(to, &result.value, sizeof result.value);
    return result.differ;
}

V_INLINE light_vectors light_spread(const light_emission *e) {
    return (light_vectors){v_set1(e->a), v_set1(e->b), v_set1(e->c), v_set1(e->size), v_set1(e->error)};
}

/* Entries from w[0..n) and x[0..n), w filled up to a whole vector; whether all are decided. */
V_INLINE bool light_entries_of(const double *w, const float *x, size_t n, const light_emission *e, light_kind kind,
                               float *to) {
    const light_vectors constants = light_spread(e);
    single_bits differ = {0};
    size_t i = 0;
    for (; i + V_LANES <= n; i += V_LANES) differ |= light_vector(w + i, x + i, &constants, kind, to + i);
    if (i < n) {
        float last[V_LANES], filled[LIGHT_GROUP];
        if (!light_is_positive(kind)) light_fill(x + i, n - i, LIGHT_GROUP, 0, filled);
        single_bits rest = light_vector(w + i, filled, &constants, kind, last);
        for (size_t lane = n - i; lane < V_LANES; lane++) rest[lane] = 0; /* not entries of the row */
        differ |= rest;
        memcpy(to + i, last, (n - i) * sizeof *to);
    }
    int32_t lanes[V_LANES], any = 0;
    memcpy(lanes, &differ, sizeof differ);
    for (size_t lane = 0; lane < V_LANES; lane++) any |= lanes[lane];
    return any == 0;
}

/* One line of results at `line`, `stride` apart: a row, or a row of a Jacobian. */
typedef struct light_line {
    char *at;
    ptrdiff_t stride;
    size_t set; /* this entry is `value`; n: none */
    float value;
    size_t by; /* of a line of a Jacobian with a factor s_by; n: none */
} light_line;

/* Settles what is undecided of to[0..n), entries `start` on of the line. */
static bool light_settle(light_row *r, const light_line *line, const double *w, const float *x, size_t start, size_t n,
                         const light_emission *e, light_kind kind, float *to) {
    const light_vectors constants = light_spread(e);
    for (size_t i = 0; i < n; i += V_LANES) {
        float group[LIGHT_GROUP] = {0}, ignored[V_LANES];
        if (!light_is_positive(kind)) light_fill(x + i, n - i, LIGHT_GROUP, 0, group);
        const single_bits differ = light_vector(w + i, group, &constants, kind, ignored);
        for (size_t lane = 0; lane < V_LANES && i + lane < n; lane++) {
            const size_t q = start + i + lane;
            if (differ[lane] == 0 || q == line->set) continue;
            if (!settle(r, q, group[lane], kind, line->by, to + i + lane)) return false;
        }
    }
    return true;
}

static inline bool light_in_place(const sj_run *run) {
    return run->out.data == run->z.data || (run->g.data && run->out.data == run->g.data);
}

/* The line, or with `store` false only whether it is decided. */
V_INLINE bool light_pass(light_row *r, const light_line *line, const light_emission *e, light_kind kind, bool store) {
    const sj_run *run = r->run;
    const size_t n = run->n;
    const bool direct = line->stride == 1 && store && !light_in_place(run);
    for (size_t start = 0; start < n; start += CHUNK) {
        const size_t count = light_piece(r, start);
        const float *x = r->out_scratch; /* where the kind reads none */
        const double *w = r->w;
        if (light_reads_weights(kind)) w = light_weights_again(r, start, count);
        if (kind == LIGHT_LOG) x = light_logits(r, start, count);
        if (light_reads_g(kind)) x = light_read(r->g, &run->g, start, count, r->g_scratch);
        float *const at = (float *)(void *)chunk_at(line->at, &run->out, line->stride, start);
        float *const to = direct ? at : r->out_scratch;
        if (!light_entries_of(w, x, count, e, kind, to) && !light_settle(r, line, w, x, start, count, e, kind, to))
            return false;
        if (line->set - start < count) to[line->set - start] = line->value;
        for (size_t i = 0; i < count && store && !direct; i++) at[(ptrdiff_t)i * line->stride] = to[i];
    }
    return true;
}

/* In place, a row longer than its scratch must be decided before it is overwritten. */
V_INLINE bool light_emit(light_row *r, const light_line *line, light_emission e, light_kind kind) {
    const bool first = light_in_place(r->run) && r->run->n > CHUNK;
    if (first && !light_pass(r, line, &e, kind, false)) return false;
    return light_pass(r, line, &e, kind, true);
}

static inline light_line light_row_line(const light_row *r) {
    return (light_line){r->out, r->run->out.class_stride, r->run->n, 0, r->run->n};
}

static inline light_emission light_factor(double factor, double error) {
    return (light_emission){.a = factor * (1 - error), .b = factor * (1 + error)};
}

static bool light_softmax(light_row *r, size_t index) {
    if (!light_sweep_weights(r, index) && !light_reduce(r, index)) return false;
    const light_line line = light_row_line(r);
    return light_emit(r, &line, light_factor(r->inverse, LIGHT_SOFTMAX), LIGHT_TIMES);
}

/* The float that all of value -+ distance round to, never -0; false where they do not. */
static inline bool light_decided(double value, double distance, float *to) {
    *to = (float)(value - distance) + 0.0f;
    return *to == (float)(value + distance);
}

static inline double light_log(const light_row *r) { return v_lane(light_log1p(v_set1(r->rest.hi / r->top))); }

static bool light_log_softmax(light_row *r, size_t index) {
    if (!light_reduce(r, index)) return false;
    const light_line line = light_row_line(r);
    const light_emission e = {.a = r->from.max, .b = light_log(r), .c = 1 - LIGHT_ERROR, .size = 1 + LIGHT_ERROR};
    return light_emit(r, &line, e, LIGHT_LOG);
}

/* logsumexp, from log1p(T). */
static inline bool light_sum_decided(const light_row *r, double log, float *to) {
    const double value = r->from.max + log;
    return light_decided(value, (value < 0 ? -value : value) * 0x1p-52 + log * LIGHT_ERROR, to);
}

static bool light_logsumexp(light_row *r, size_t index) {
    float sum;
    if (!light_reduce(r, index) || !light_sum_decided(r, light_log(r), &sum)) return false;
    *(float *)(void *)r->out = sum;
    return true;
}

/* Row q of the Jacobian of softmax or of its logarithm. */
V_INLINE bool light_jacobian_row(light_row *r, size_t q, double weight, bool log, light_line line) {
    const double s = weight * r->inverse, c = q == r->argmax ? r->rest.hi * r->inverse : 1 - s;
    const double diagonal = log ? c : s * c, error = log ? LIGHT_ERROR : LIGHT_PRODUCT;
    const double factor = log ? r->inverse : s * r->inverse;
    line.set = q;
    if (!log) line.by = q;
    line.value = (float)(diagonal * (1 - LIGHT_PRODUCT));
    if (line.value != (float)(diagonal * (1 + LIGHT_PRODUCT))) return false;
    return light_emit(r, &line, light_factor(factor, error), LIGHT_MINUS_TIMES);
}

static inline double light_weight_of(light_row *r, size_t q) {
    if (r->run->n <= CHUNK) return r->w[q];
    const double z = (double)*light_logits(r, q, 1);
    return r->given ? z : light_weight_at(z, r->from);
}

static inline bool light_gradient_of(light_row *r, size_t index, bool log) {
    const size_t q = r->run->q;
    if (!light_reduce(r, index)) return false;
    return light_jacobian_row(r, q, light_weight_of(r, q), log, light_row_line(r));
}

/* A row of the Jacobian in pairs where it is not decided; the state in pairs is made at the first. */
static void light_jacobian_pairs(light_row *r, bool first, size_t q, bool log) {
    const sj_operand *out = &r->run->out;
    if (first) {
        exact_seek(r->pairs, r->index);
        (void)exact_reduce(r->pairs);
        r->settle.ready = true;
    }
    exact_jacobian_row(r->pairs, q, exact_weight_of(r->pairs, q), log, (ptrdiff_t)q * out->class_stride,
                       out->input_stride);
}

static inline bool light_jacobian_of(light_row *r, size_t index, bool log) {
    const sj_operand *out = &r->run->out;
    bool first = true;
    if (!light_reduce(r, index)) return false;
    for (size_t q = 0; q < r->run->n; q++) {
        const light_line line = {chunk_at(r->out, out, out->class_stride, q), out->input_stride, r->run->n, 0,
                                 r->run->n};
        if (light_jacobian_row(r, q, light_weight_of(r, q), log, line)) continue;
        light_jacobian_pairs(r, first, q, log);
        first = false;
    }
    return true;
}

static bool light_gradient(light_row *r, size_t index) { return light_gradient_of(r, index, false); }
static bool light_log_gradient(light_row *r, size_t index) { return light_gradient_of(r, index, true); }
static bool light_jacobian(light_row *r, size_t index) { return light_jacobian_of(r, index, false); }
static bool light_log_jacobian(light_row *r, size_t index) { return light_jacobian_of(r, index, true); }

#endif
