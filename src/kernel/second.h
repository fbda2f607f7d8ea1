/* second.h: second derivatives of a row: H_r = s_r (e_r d_r - cov), the derivative of <u, J(z) g> by z_r, with
 * e = u - <s, u>, d = g - <s, g>, cov = <s, e d>; plus J h where there is an h. Called through table.c; calls
 * derivatives.h.
 *
 * All cotangents are taken relative to the argmax, and as pairs: e_m = -E where u_m - <s, u> would cancel. In doubles
 * for every dtype, for a mean E may be as small beside u as s is: floats would lose it. Powers of two bring the largest
 * entry of g and of u near 2^LIFTED, so that a mean has its digits where s is below the normal numbers, and products of
 * both with weights are finite. */
#ifndef SJ_KERNEL_SECOND_H
#define SJ_KERNEL_SECOND_H

#include "derivatives.h"

#define LIFTED 240

/* The largest power that lifts a tiny cotangent, and the smallest that lowers one. */
#define SCALE_HIGH 900
#define SCALE_LOW (-1020)

/* A cotangent of the row: where it is, 2^exponent, and what it is relative to. */
typedef struct centred {
    const char *at;
    const sj_operand *of;
    int exponent;
    cotangent c; /* at that scale; dot: sum over k != m of w_k d_k */
    dd mean;     /* D, or E: dot over the sum of the weights */
} centred;

/* 2^k, 0 or infinite where no double is. */
static inline double two_power(int k) { return k <= 0 ? power_of_two((double)k) : 1 / power_of_two((double)-k); }

/* Of a mean, or of h: a little above what it is scaled to. */
#define LARGEST_CENTRED 0x1p490

static inline const real *centred_read(const centred *x, size_t start, size_t count, real *scratch) {
    return chunk_read(x->at, x->of, start, count, scratch);
}

/* Largest |x| of the entries that have weight; NaN is passed over. */
static real centred_largest(row *r, const centred *x) {
    const cotangent as_is = {.scale = 1};
    real largest = 0;
    for (size_t start = 0; start < r->run->n; start += CHUNK) {
        const size_t count = row_piece(r, start);
        const real *w = row_weights(r, start, count);
        const real *own = centred_read(x, start, count, r->x_scratch);
        const real part = chunk_largest(w, own, count, &as_is, r->ref.least);
        largest = part > largest ? part : largest;
    }
    return largest;
}

/* Its largest entry will be near 2^lifted. */
static centred centred_of(row *r, const char *at, const sj_operand *of, int lifted) {
    centred x = {.at = at, .of = of, .exponent = SCALE_HIGH};
    const real largest = centred_largest(r, &x);
    int exponent = 0;
    (void)frexp(largest, &exponent); /* largest < 2^exponent */
    if (largest > 0 && lifted - exponent < SCALE_HIGH) x.exponent = lifted - exponent;
    if (x.exponent < SCALE_LOW) x.exponent = SCALE_LOW;
    x.c.g_m = row_entry(at, of, r->state.argmax);
    return x;
}

/* Its mean, at its scale. False where it is not finite. */
static bool centred_sum(row *r, centred *x) {
    x->c.scale = (real)two_power(x->exponent);
    x->c.at_max = x->c.g_m * x->c.scale;
    x->c.dot = (dd){0, 0};
    for (size_t start = 0; start < r->run->n; start += CHUNK) {
        const size_t count = row_piece(r, start);
        const real *w = row_weights(r, start, count), *low = row_lows(r, start);
        const real *own = centred_read(x, start, count, r->x_scratch);
        const bool counted = r->how == WEIGH_SHALLOW;
        x->c.dot = dd_add(x->c.dot, counted ? chunk_dot(w, low, own, count, &x->c, r->ref.least, true)
                                            : chunk_dot(w, low, own, count, &x->c, r->ref.least, false));
    }
    x->mean = dd_mul(x->c.dot, r->scalars.inverse);
    return fabs(x->mean.hi) <= LARGEST_CENTRED && fabs(x->c.at_max) <= LARGEST_CENTRED;
}

/* What an entry of a centred cotangent is formed with. */
typedef struct centre {
    vec scale, g_m, at_max;
    vpair mean;
} centre;

V_INLINE centre centre_of(const centred *x) {
    return (centre){v_set1(x->c.scale), v_set1(x->c.g_m), v_set1(x->c.at_max), spread(x->mean)};
}

/* x - x_m - mean, to twice the digits but for the last few. */
V_INLINE vpair centre_entry(const centre *of, vec x) {
    const vec scaled = v_mul(x, of->scale), d = v_sub(scaled, of->at_max);
    const vec lost = difference_error(scaled, of->at_max, d);
    const vpair y = vpair_sum(d, v_sub(v_zero(), of->mean.hi));
    return (vpair){y.hi, v_add(y.lo, v_sub(lost, of->mean.lo))};
}

/* e d, of what has no weight 0. */
V_INLINE vpair centre_product(const centre *g, const centre *u, vec x, vec y, vec w, vec least) {
    const vpair d = centre_entry(g, cotangent_counted(w, x, g->g_m, least));
    const vpair e = centre_entry(u, cotangent_counted(w, y, u->g_m, least));
    return vpair_product(d, e);
}

/* The weights of a chunk, and the entries of its cotangents: h is u where there is none. */
typedef struct second_chunk {
    const real *w, *low, *g, *u, *h;
} second_chunk;

typedef struct second_scratch {
    _Alignas(64) real u[CHUNK], h[CHUNK];
} second_scratch;

/* Sum of w e d over n entries. */
static dd chunk_covariance(const second_chunk *of, size_t n, const centre *g, const centre *u, vec least) {
    vsum sums[SUM_PARTS];
    vec begun[SUM_PARTS];
    for (size_t part = 0; part < SUM_PARTS; part++) sums[part] = vsum_zero(), begun[part] = v_zero();
    for (size_t i = 0, part = 0; i < n; i += V_LANES, part = (part + 1) % SUM_PARTS) {
        const size_t count = n - i < V_LANES ? n - i : V_LANES;
        const vec w = v_load_n(of->w + i, count, 0), low = v_load_n(of->low + i, count, 0);
        const vpair p = centre_product(g, u, v_load_n(of->g + i, count, 0), v_load_n(of->u + i, count, 0), w, least);
        const vec x = v_mul(w, p.hi);
        vsum_join(&sums[part], x, v_fma(w, p.lo, v_fma(low, p.hi, v_product_error(w, p.hi, x))));
    }
    return vsum_total(sums, begun);
}

typedef struct second_emission {
    centre g, u, h;
    bool with_h;
    vpair covariance, factor; /* factor: of w, for 2^WEIGHT_BIAS s */
    vec power;                /* then `last`: what is left of all scales */
    descent last;
    vec least;
} second_emission;

/* out[0..n); out may be g. */
static void chunk_second(const second_chunk *of, const second_emission *e, size_t n, real *out) {
    for (size_t i = 0; i < n; i += V_LANES) {
        const size_t count = n - i < V_LANES ? n - i : V_LANES;
        const vec w = v_load_n(of->w + i, count, 0), low = v_load_n(of->low + i, count, 0);
        const vec x = v_load_n(of->g + i, count, 0), y = v_load_n(of->u + i, count, 0);
        const vpair p = centre_product(&e->g, &e->u, x, y, w, e->least);
        vpair v = vpair_sum(p.hi, v_sub(v_zero(), e->covariance.hi));
        v.lo = v_add(v.lo, v_sub(p.lo, e->covariance.lo));
        if (e->with_h) {
            const vec h = cotangent_counted(w, v_load_n(of->h + i, count, 0), e->h.g_m, e->least);
            const vpair t = centre_entry(&e->h, h), sum = vpair_sum(v.hi, t.hi);
            v = (vpair){sum.hi, v_add(sum.lo, v_add(v.lo, t.lo))};
        }
        const vmask counts = v_gt(w, e->least);
        const vpair s = vpair_product((vpair){v_keep(counts, w), v_keep(counts, low)}, e->factor);
        const vec result = v_mul(vpair_times(vpair_fast_sum(s.hi, s.lo), vpair_fast_sum(v.hi, v.lo)), e->power);
        v_store_n(out + i, v_keep(counts, v_descend(result, &e->last)), count);
    }
}

/* Scales of g and u whose product is that of h, where h is the largest. */
static void scales_join(centred *g, centred *u, centred *h) {
    const int over = g->exponent + u->exponent - h->exponent, least = SCALE_LOW;
    if (over > 0) {
        const int own = g->exponent - over > least ? g->exponent - over : least;
        u->exponent -= over - (g->exponent - own);
        g->exponent = own;
    }
    h->exponent = g->exponent + u->exponent;
}

/* The powers of two that take the scales and the bias from a result. */
static void second_unscale(second_emission *e, int exponent) {
    const int lowest = 1 - REAL_BIAS, highest = REAL_BIAS - 1;
    const int last = exponent > 0 ? 0 : exponent < lowest ? lowest : exponent;
    int first = exponent - last;
    first = first > highest ? highest : first < lowest ? lowest : first;
    const int rest = exponent - last - first; /* of what overflows in any case unless it is tiny: in the second step */
    e->power = v_set1((real)two_power(first));
    e->last = descent_by(v_set1((real)two_power(rest > 0 ? (rest > highest ? highest : rest) : last)));
}

static inline second_chunk second_read(row *r, const centred *x, bool with_h, size_t start, size_t count,
                                       second_scratch *scratch) {
    second_chunk of = {.w = row_weights(r, start, count), .low = row_lows(r, start)};
    of.g = centred_read(&x[0], start, count, r->x_scratch);
    of.u = centred_read(&x[1], start, count, scratch->u);
    of.h = with_h ? centred_read(&x[2], start, count, scratch->h) : of.u;
    return of;
}

/* x: g, u and h. */
static void second_emit(row *r, const centred *x, bool with_h) {
    const sj_operand *out = &r->run->out;
    second_scratch scratch;
    second_emission e = {.g = centre_of(&x[0]), .u = centre_of(&x[1]), .with_h = with_h, .least = r->ref.least};
    if (with_h) e.h = centre_of(&x[2]);
    dd covariance = {0, 0};
    for (size_t start = 0; start < r->run->n; start += CHUNK) {
        const size_t count = row_piece(r, start);
        const second_chunk of = second_read(r, x, false, start, count, &scratch);
        covariance = dd_add(covariance, chunk_covariance(&of, count, &e.g, &e.u, e.least));
    }
    const bool given = r->how == WEIGH_GIVEN;
    e.covariance = spread(dd_mul(covariance, r->scalars.inverse));
    e.factor = spread(dd_scale(r->scalars.inverse, given ? WEIGHT_ONE : 1 / r->scalars.unbias));
    second_unscale(&e, -WEIGHT_BIAS - x[0].exponent - x[1].exponent);
    for (size_t start = 0; start < r->run->n; start += CHUNK) {
        const size_t count = row_piece(r, start);
        const second_chunk of = second_read(r, x, with_h, start, count, &scratch);
        real *to = chunk_begin(r->out, out, out->class_stride, start, r->x_scratch);
        chunk_second(&of, &e, count, to);
        chunk_end(r->out, out, out->class_stride, start, count, to);
    }
}

static void second_row(row *r) {
    const row_kind kind = row_reduce(r, KEEP_PRODUCT);
    if (kind != ROW_FINITE) {
        row_fill(r, kind == ROW_NAN ? NAN : 0);
        return;
    }
    const bool with_h = r->run->more[1].data;
    r->state.argmax = row_find(r);
    centred x[3];
    x[0] = centred_of(r, r->g, &r->run->g, LIFTED);
    x[1] = centred_of(r, chunk_seek_more(r->run, 0, r->index), &r->run->more[0], LIFTED);
    if (with_h) {
        x[2] = centred_of(r, chunk_seek_more(r->run, 1, r->index), &r->run->more[1], 2 * LIFTED);
        scales_join(&x[0], &x[1], &x[2]);
    }
    bool finite = centred_sum(r, &x[0]);
    finite = centred_sum(r, &x[1]) && finite;
    if (with_h) finite = centred_sum(r, &x[2]) && finite;
    if (finite)
        second_emit(r, x, with_h);
    else
        row_fill(r, NAN);
}

static void second_rows(const sj_run *run) { rows_alone(run, second_row, false); }

#endif
