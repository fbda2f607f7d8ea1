/* emit.h: one inline function per quantity: entries of the result from the row's scalars and one vector of entries.
 * Called by forward.h and the derivatives, a chunk of a row or a block of rows at a time; reads no row. The entries of
 * the argmax and of a selected class, where a complement stands, are set afterwards by the caller. */
#ifndef SJ_KERNEL_EMIT_H
#define SJ_KERNEL_EMIT_H

#include "simd/portable.h"

/* Constants of one row's emission; what each means is said where it is used. */
typedef struct emission {
    vec a, b, c, d, e, f;
} emission;

V_INLINE emission emission_of(double a, double b) { return (emission){.a = v_set1((real)a), .b = v_set1((real)b)}; }

/* What the double leaves of x when it is rounded to the kernel's dtype. */
static inline double below_real(double hi, double lo) { return (hi - (double)(real)hi) + lo; }

/* An emit function maps weights w and further entries x (logits or cotangent) to results. */
typedef vec emit_function(vec w, vec x, const emission *e);

/* s_q = w_q inverse. a, b: inverse, as a sum; without fused arithmetic the second half costs a rounding, as it saves
 * one */
V_INLINE vec emit_softmax(vec w, vec x, const emission *e) {
    (void)x;
    return NATIVE_FMA ? v_fma(w, e->a, v_mul(w, e->b)) : v_mul(w, e->a);
}

/* log s_q = (z_q - z_m) - log1p(T): both terms <= 0. a: z_m, b: log1p(T) */
V_INLINE vec emit_log_softmax(vec w, vec z, const emission *e) {
    (void)w;
    return v_sub(v_sub(z, e->a), e->b);
}

/* -s_q s_r, from w_r and a: s_q / (sum of weights without bias), b: 2^-bias. 0 - x rather than -x: an entry whose s is
 * 0 is +0. The unscaling comes last and is exact, so small entries are rounded once. */
V_INLINE vec emit_off_diagonal(vec w, vec x, const emission *e) {
    (void)x;
    return v_sub(v_zero(), v_mul(v_mul(w, e->a), e->b));
}

/* -s_r: off the diagonal of the Jacobian of log-softmax. a, b: inverse, as a sum */
V_INLINE vec emit_minus_softmax(vec w, vec x, const emission *e) { return v_sub(v_zero(), emit_softmax(w, x, e)); }

/* s_q d_q - s_q D, d = g - g_m; at the argmax, where d = 0, -s_m D; 0 without weight, whatever g is there. Both terms
 * are formed a power of two above the result, f the inverse of it, so that a subnormal one is rounded once. a: the
 * power, b: g_m a, c: inverse, and d e: D as a factor of the weight, split. */
V_INLINE vec emit_product(vec w, vec g, const emission *e) {
    const vec d = v_keep_gt(v_fma(g, e->a, v_sub(v_zero(), e->b)), w, v_zero());
    return v_mul(v_fma(v_mul(w, d), e->c, v_sub(v_zero(), v_mul(v_mul(w, e->d), e->e))), e->f);
}

/* g_q - s_q sum of g: as c_q g_q - s_q sum over k != q of g_k, without loss while s_q <= 1/2; the argmax is set
 * afterwards. a b: the sum of g as a factor of the weight, split */
V_INLINE vec emit_log_vjp(vec w, vec g, const emission *e) { return v_sub(g, v_mul(v_mul(w, e->a), e->b)); }

/* (g_q - g_m) - D, formed a times the result. b: g_m a, c: D a, d: 1 / a */
V_INLINE vec emit_log_jvp(vec w, vec g, const emission *e) {
    (void)w;
    return v_mul(v_sub(v_fma(g, e->a, v_sub(v_zero(), e->b)), e->c), e->d);
}

/* out[0..n) from w[0..n) and x[0..n); out may be x. */
V_INLINE void emit_chunk(emit_function *emit, const emission *e, const real *w, const real *x, real *out, size_t n) {
    size_t i = 0;
    for (; i + V_LANES <= n; i += V_LANES) v_store(out + i, emit(v_load(w + i), v_load(x + i), e));
    if (i < n) v_store_n(out + i, emit(v_load_n(w + i, n - i, 0), v_load_n(x + i, n - i, 0), e), n - i);
}

#endif
