/* emit.h: one inline function per quantity: entries of the result from the row's scalars and one vector of entries.
 * Called by forward.h and the derivatives, a chunk of a row or a block of rows at a time; reads no row. The entries of
 * the argmax and of a selected class, where a complement stands, are set afterwards by the caller. */
#ifndef SJ_KERNEL_EMIT_H
#define SJ_KERNEL_EMIT_H

#include "math/descend.h"
#include "math/exp.h"

/* Constants of one row's emission; what each means is said where it is used. */
typedef struct emission {
    vpair factor;
    vec a, b, c, d, rest, down;
    descent last;
    vec least; /* weights no larger count as 0 */
} emission;

/* Some entries of a row: weights, what their rounding left (where the emission asks for it), and what else is read:
 * logits or cotangent. */
typedef struct entries {
    vec w, low, x;
} entries;

typedef vec emit_function(entries in, const emission *e);

/* s_q = w_q inverse, of a shallow row of at most PLAIN_ROW entries: s is above 2^-119 (of float32, exp(-64) 2^-26), so
 * what w factor.lo loses where it is subnormal is below 2^-7 ulp of it. factor: inverse, of weights with their bias */
#define PLAIN_ROW ((size_t)1 << 26)
V_INLINE vec emit_softmax(entries in, const emission *e) { return v_times_pair(in.w, e->factor); }

/* The same to the last bit as of rows that are deep. factor: inverse without bias, last: 2^-bias */
V_INLINE vec emit_shallow_softmax(entries in, const emission *e) {
    return v_mul(v_times_pair(in.w, e->factor), e->last.power);
}

/* The same where entries may be subnormal, or 0. */
V_INLINE vec emit_deep_softmax(entries in, const emission *e) {
    return v_descend(v_times_pair(v_keep(v_gt(in.w, e->least), in.w), e->factor), &e->last);
}

/* The same with what the weight's rounding left. */
V_INLINE vec emit_softmax_pair(entries in, const emission *e) {
    const vmask counts = v_gt(in.w, e->least);
    return v_descend(vpair_times((vpair){v_keep(counts, in.w), v_keep(counts, in.low)}, e->factor), &e->last);
}

/* log s_q = (z_q - z_m) - log1p(T): both terms <= 0. a: z_m, b: log1p(T) */
V_INLINE vec emit_log_softmax(entries in, const emission *e) { return v_sub(v_sub(in.x, e->a), e->b); }

/* The same of logits times `factor`, their maximum a + c. Of those below SCALED_LOW the second part, which -inf has
 * not, is half an ulp at most. */
V_INLINE vec emit_scaled_log(entries in, const emission *e) {
    const vec bounded = v_max(v_set1(-SCALED_LOW), in.x);
    const vpair scaled = v_scaled(bounded, e->factor);
    const vec x = v_select(v_eq(bounded, in.x), scaled.hi, v_mul(in.x, e->factor.hi));
    return v_add(v_sub(v_sub(x, e->a), e->b), v_sub(scaled.lo, e->c));
}

/* The same of pairs whose maximum is 0. */
V_INLINE vec emit_paired_log(entries in, const emission *e) { return v_add(v_sub(in.x, e->b), in.low); }

/* s_q times a number, as emit_log_vjp has it. */
V_INLINE vec emit_times(entries in, const emission *e) {
    const vec a = v_keep(v_gt(in.w, e->least), e->a);
    return v_add(v_descend(v_times_pair(v_mul(in.w, a), e->factor), &e->last), v_zero()); /* what is 0 is not -0 */
}

/* -s_q s_r, from w_r and factor: s_q / (sum of weights without bias), last: 2^-bias; and -s_r, off the diagonal of the
 * Jacobian of log-softmax, with the factor of softmax. 0 - x rather than -x: an entry whose s is 0 is +0. The unscaling
 * comes last, so small entries are rounded once. */
V_INLINE vec emit_off_diagonal(entries in, const emission *e) { return v_sub(v_zero(), emit_softmax_pair(in, e)); }

/* The same where every entry has weight and a normal result. */
V_INLINE vec emit_plain_off_diagonal(entries in, const emission *e) {
    return v_sub(v_zero(), v_mul(vpair_times((vpair){in.w, in.low}, e->factor), e->last.power));
}

/* The same from s_r and -s_q, of which none is small but 0. The sum begins with 0, so that an entry whose s is 0 is +0.
 */
V_INLINE vec plain_off_diagonal(vpair s, vpair minus) {
    if (!NATIVE_FMA) return v_add(vpair_times(s, minus), v_zero());
    return v_fma(s.hi, minus.hi, v_fma(s.hi, minus.lo, v_fma(s.lo, minus.hi, v_zero())));
}

/* s_q (g_q - G), G = g_m + D; 0 without weight, whatever g is there. Formed a power of two above the result, so that a
 * subnormal one is rounded once. factor: inverse without bias, a: scale of g, b + down (c + rest): G at that scale,
 * last: the power that is left */
V_INLINE vec emit_product(entries in, const emission *e) {
    const vmask counts = v_gt(in.w, e->least);
    const vec y = v_fma(v_keep(counts, in.x), e->a, v_sub(v_zero(), e->b));
    const vpair s = vpair_product((vpair){in.w, in.low}, e->factor);
    const vec s_down = v_mul(s.hi, v_sub(v_zero(), e->down));
    const vec lo_down = v_mul(s.lo, v_sub(v_zero(), e->down));
    const vec least = v_fma(s.lo, y, v_fma(lo_down, e->c, v_mul(s_down, e->rest)));
    const vec v = v_fma(s.hi, y, v_fma(s_down, e->c, least));
    return v_descend(v_keep(counts, v), &e->last);
}

/* The same of weights that are not given: the products of those that do not count would be subnormal. */
V_INLINE vec emit_deep_product(entries in, const emission *e) {
    return emit_product((entries){v_keep(v_gt(in.w, e->least), in.w), in.low, in.x}, e);
}

#if defined(SJ_REAL_f32)
#define TINY_WEIGHT 0x1p-60f
#else
#define TINY_WEIGHT 0x1p-400
#endif

/* The same of weights that are given and a cotangent so large that it is scaled down: what it does to the product with
 * a tiny weight, a power of two undoes before the product is formed and after. Lifted, the weight is at most 1/8:
 * differences may be twice the largest number. */
V_INLINE vec emit_given_product(entries in, const emission *e) {
    const vec one = v_set1(1);
    const vmask tiny = v_gt(v_set1(TINY_WEIGHT), in.w);
    const vec lift = v_select(tiny, v_set1(REAL(0.125) / TINY_WEIGHT), one),
              drop = v_select(tiny, v_set1(8 * TINY_WEIGHT), one);
    return v_mul(emit_product((entries){v_mul(in.w, lift), v_mul(in.low, lift), in.x}, e), drop);
}

/* The same where every entry has weight and G is b + c to all digits that show: down is 1, and `rest` nothing beside D.
 */
V_INLINE vec emit_plain_product(entries in, const emission *e) {
    const vec y = v_fma(in.x, e->a, v_sub(v_zero(), e->b));
    const vpair s = vpair_product((vpair){in.w, in.low}, e->factor);
    const vec least = v_fma(s.lo, y, v_mul(s.hi, v_sub(v_zero(), e->c)));
    return v_mul(v_fma(s.hi, y, least), e->last.power); /* subnormal only where g - G is tiny */
}

/* The same of a softmax that is given: w is s_q itself. + 0: what is 0 is not -0. */
V_INLINE vec emit_product_of_softmax(entries in, const emission *e) {
    const vec y = v_fma(in.x, e->a, v_sub(v_zero(), e->b));
    return v_add(v_mul(v_fma(in.w, y, v_mul(in.w, v_sub(v_zero(), e->c))), e->last.power), v_zero());
}

/* g_q - s_q sum of g: as c_q g_q - s_q sum over k != q of g_k, without loss while s_q <= 1/2; the argmax is set
 * afterwards. a factor last: the sum of g as a factor of the weight, a and last powers of two: s_q times it is formed
 * above the subnormal numbers */
V_INLINE vec emit_log_vjp(entries in, const emission *e) {
    const vec a = v_keep(v_gt(in.w, e->least), e->a);
    const vpair w = {v_mul(in.w, a), v_mul(in.low, a)};
    return v_sub(in.x, v_descend(vpair_times(w, e->factor), &e->last));
}

/* The same where s_q times the sum may overflow and the result not: a holds a quarter of the sum. */
V_INLINE vec emit_log_vjp_huge(entries in, const emission *e) {
    const vec a = v_keep(v_gt(in.w, e->least), e->a), four = v_set1(4), quarter = v_set1(REAL(0.25));
    const vpair w = {v_mul(in.w, a), v_mul(in.low, a)};
    const vec part = v_descend(vpair_times(w, e->factor), &e->last);
    const vec large = v_mul(v_sub(v_mul(in.x, quarter), part), four);
    const vmask overflows = v_gt(v_size(part), v_set1(REAL_LARGEST / 16));
    return v_select(overflows, large, v_sub(in.x, v_mul(part, four)));
}

/* g_q - G, formed a times the result. b, c: G a, as a sum, d: 1 / a */
V_INLINE vec emit_log_jvp(entries in, const emission *e) {
    return v_mul(v_sub(v_fma(in.x, e->a, v_sub(v_zero(), e->b)), e->c), e->d);
}

/* The first n < V_LANES of out from w, low and x. */
V_INLINE void emit_few(emit_function *emit, const emission *e, const real *w, const real *low, const real *x, real *out,
                       size_t n) {
    const entries in = {v_load_n(w, n, 0), v_load_n(low, n, 0), v_load_n(x, n, 0)};
    v_store_n(out, emit(in, e), n);
}

/* How results are stored: to lines at hand; to others, which are asked for that many bytes ahead, because a store waits
 * where no cache has its line; or past the caches, to multiples of the size of an entry. */
typedef enum emit_way { EMIT_AT_HAND, EMIT_AHEAD, EMIT_STREAM } emit_way;

#define EMIT_AHEAD_BYTES 1024

/* out[0..n) from w, low and x; out may be x. */
V_INLINE void emit_chunk(emit_function *emit, const emission *e, const real *w, const real *low, const real *x,
                         real *out, size_t n, emit_way way) {
    size_t i = way == EMIT_STREAM ? v_before_stream(out) : 0;
    if (i > n) i = n;
    if (i > 0) emit_few(emit, e, w, low, x, out, i);
#pragma GCC unroll 4
    for (; i + V_LANES <= n; i += V_LANES) {
        if (way == EMIT_AHEAD) v_prefetch_near((const char *)(out + i) + EMIT_AHEAD_BYTES);
        const vec result = emit((entries){v_load(w + i), v_load(low + i), v_load(x + i)}, e);
        if (way == EMIT_STREAM)
            v_stream(out + i, result);
        else
            v_store(out + i, result);
    }
    if (i < n) emit_few(emit, e, w + i, low + i, x + i, out + i, n - i);
}

#endif
