/* long_derivatives.h: gradient of one output, Jacobian, VJP and JVP of one long row, from its finished state. The
 * diagonal and the argmax, where complements stand, are set here. Called by derivatives.h. */
#ifndef SJ_KERNEL_LONG_DERIVATIVES_H
#define SJ_KERNEL_LONG_DERIVATIVES_H

#include "cotangent.h"
#include "forward.h"

/* s_q and c_q = 1 - s_q of one entry; no entry but the argmax has s > 1/2, so only there does 1 - s cancel. */
typedef struct entry {
    dd s, c;
} entry;

/* c_m = T / (1 + T) */
static inline dd row_complement(const row *r) { return dd_mul(r->state.rest, r->scalars.inverse); }

static inline entry row_entry_softmax(const row *r, size_t q, real z) {
    entry e;
    e.s = dd_mul(entry_weight(z, &r->ref, r->how), r->scalars.inverse);
    e.c = q == r->state.argmax ? row_complement(r) : dd_complement(e.s);
    return e;
}

/* Constants of row q of the Jacobian off its diagonal, and the diagonal entry. */
static inline emission jacobian_row(const row *r, entry e, bool log) {
    if (log) return softmax_emission(r);
    return emission_of(dd_mul(e.s, dd_scale(r->scalars.inverse, 1 / r->scalars.unbias)).hi, r->scalars.unbias);
}

static inline double diagonal(entry e, bool log) { return log ? e.c.hi : dd_mul(e.s, e.c).hi; }

static inline void gradient_row(row *r, bool log) {
    const size_t q = r->run->q;
    const entry e = row_entry_softmax(r, q, row_logits(r, q, 1)[0]);
    const emission off = jacobian_row(r, e, log);
    row_emit(r, log ? emit_minus_softmax : emit_off_diagonal, &off, READS_WEIGHTS);
    row_set(r, q, diagonal(e, log));
}

/* The part of the Jacobian with q in [q0, q0 + rows) and r in [r0, r0 + count). */
static inline void jacobian_tile(row *r, const real *z_q, size_t q0, size_t rows, size_t r0, size_t count, bool log) {
    const sj_operand *out = &r->run->out;
    char *const base = r->out;
    const real *w = row_weights(r, r0, count);
    for (size_t i = 0; i < rows; i++) {
        const size_t q = q0 + i;
        const entry e = row_entry_softmax(r, q, z_q[i]);
        const emission off = jacobian_row(r, e, log);
        char *line = chunk_at(base, out, out->class_stride, q);
        real *to = chunk_begin(line, out, out->input_stride, r0, r->x_scratch);
        emit_chunk(log ? emit_minus_softmax : emit_off_diagonal, &off, w, w, to, count);
        if (q - r0 < count) to[q - r0] = (real)diagonal(e, log);
        chunk_end(line, out, out->input_stride, r0, count, to);
    }
}

static inline void jacobian_of_row(row *r, bool log) {
    real z_q[CHUNK];
    for (size_t q0 = 0; q0 < r->run->n; q0 += CHUNK) {
        const size_t rows = row_piece(r, q0);
        memcpy(z_q, row_logits(r, q0, rows), rows * sizeof(real));
        for (size_t r0 = 0; r0 < r->run->n; r0 += CHUNK) jacobian_tile(r, z_q, q0, rows, r0, row_piece(r, r0), log);
    }
}

static inline void jacobian_fill(row *r, double value) {
    const sj_operand *out = &r->run->out;
    for (size_t q = 0; q < r->run->n; q++)
        for (size_t k = 0; k < r->run->n; k++)
            chunk_store(r->out, out->dtype, (ptrdiff_t)q * out->class_stride + (ptrdiff_t)k * out->input_stride,
                        (real)value);
}

/* out_q = s_q (d_q - D) */
static inline void product_row(row *r) {
    const cotangent c = cotangent_reduce(r);
    const double unbias = r->scalars.unbias, unscale = 1 / (double)c.scale;
    /* 1 / (1 + T), near 1, rather than 1 / (sum of weights): D stays as large as the weights are */
    const dd inverse = dd_scale(r->scalars.inverse, 1 / unbias);
    const dd dot = dd_mul(c.dot, dd_mul(inverse, inverse));
    const split factor = split_factor(dot.hi, unbias * unscale, unbias);
    const real lift = c.largest <= LIFT_LIMIT ? PRODUCT_LIFT : 1;
    const emission e = {.a = v_set1(c.scale * lift),
                        .b = v_set1(c.at_max * lift),
                        .c = v_set1((real)(r->scalars.inverse.hi * unscale)),
                        .d = v_set1((real)factor.a),
                        .e = v_set1((real)factor.b * lift),
                        .f = v_set1(1 / lift)};
    row_emit(r, emit_product, &e, READS_G);
}

/* out_q = d_q - D, a quarter of it where d could overflow */
static inline void log_jvp_row(row *r) {
    const cotangent c = cotangent_reduce(r);
    const double g_m = (double)row_entry(r->g, &r->run->g, r->state.argmax);
    const double part = c.largest > REAL_LARGEST / 4 ? 0.25 : 1;
    const double dot = c.dot.hi * (r->scalars.inverse.hi * (part / (double)c.scale));
    const emission e = {.a = v_set1((real)part),
                        .b = v_set1((real)(g_m * part)),
                        .c = v_set1((real)dot),
                        .d = v_set1((real)(1 / part))};
    row_emit(r, emit_log_jvp, &e, READS_G);
}

/* out_q = c_q g_q - s_q sum over k != q of g_k */
static inline void log_vjp_row(row *r) {
    const size_t m = r->state.argmax;
    const double unbias = r->scalars.unbias, inverse = r->scalars.inverse.hi, s_m = r->state.top.hi * inverse;
    /* g is scaled so that its sum is finite, and the argmax's entry so that no part of it is subnormal before it is */
    const real scale = cotangent_largest(r, false) > REAL_LARGEST * TOTAL_SCALE ? TOTAL_SCALE : 1;
    const double g_m = (double)row_entry(r->g, &r->run->g, m) * (double)scale;
    const dd rest = cotangent_total(r, scale), all = dd_add(rest, (dd){g_m, 0});
    const dd near_one = dd_scale(r->scalars.inverse, 1 / unbias);
    const split factor = split_factor(dd_mul(all, near_one).hi, 1 / (double)scale, unbias);
    const double lift = fabs(g_m) < 1 && fabs(rest.hi) < 1 ? 0x1p64 : 1;
    const double own = fabs(g_m) < 1 ? row_complement(r).hi * (g_m * lift) : r->state.rest.hi * (g_m * inverse);
    const emission e = emission_of(factor.a, factor.b);
    row_emit(r, emit_log_vjp, &e, READS_G);
    row_set(r, m, (own - s_m * (rest.hi * lift)) / lift / (double)scale);
}

#endif
