/* agree.c: see agree.h. */
#include "agree.h"

#include <math.h>
#include <stdlib.h>

/* Both bounds of the accuracy contract: 2 and 0.51 ulp an entry; 4u and 1u of a product's condition, and half a
 * subnormal each. logsumexp near 0 counts in u of its larger part, 2u and 1u. */
#define ENTRY_ULPS 2.51
#define PRODUCT_UNITS 5
#define LOGSUMEXP_UNITS 3

static double unit_of(sj_dtype dtype) { return dtype == SJ_F32 ? 0x1p-24 : 0x1p-53; }

static double smallest_of(sj_dtype dtype) { return dtype == SJ_F32 ? 0x1p-149 : 0x1p-1074; }

/* The spacing above |x|: the truth beside x has that spacing, or the one below it. */
static double spacing(double x, sj_dtype dtype) {
    if (dtype == SJ_F32) return (double)nextafterf((float)fabs(x), INFINITY) - fabs(x);
    return nextafter(fabs(x), INFINITY) - fabs(x);
}

/* The softmax of one row and its sums, in plain double: a bound needs few digits. */
typedef struct row_sums {
    const double *s, *g;
    double g_m;
    double weighted;   /* sum of s_k |g_k - g_m| */
    double total_size; /* sum of |g_k| */
    double complement; /* 1 - s_m */
    size_t m;
} row_sums;

static row_sums sums_of(const double *s, const double *g, size_t n) {
    row_sums sums = {.s = s, .g = g};
    for (size_t k = 0; k < n; k++)
        if (s[k] > s[sums.m]) sums.m = k;
    sums.g_m = g[sums.m];
    for (size_t k = 0; k < n; k++) {
        sums.weighted += s[k] * fabs(g[k] - sums.g_m);
        sums.total_size += fabs(g[k]);
        if (k != sums.m) sums.complement += s[k];
    }
    return sums;
}

/* Sum over k of |J_ik| |g_k - g_m|; for log-vjp of |J_ki| |g_k|. */
static double condition(form_id id, const row_sums *sums, size_t i) {
    const double s = sums->s[i], c = i == sums->m ? sums->complement : 1 - s, d = fabs(sums->g[i] - sums->g_m);
    if (id == FORM_LOG_VJP) return c * fabs(sums->g[i]) + s * (sums->total_size - fabs(sums->g[i]));
    const double others = sums->weighted - s * d;
    return id == FORM_LOG_JVP ? c * d + others : s * (c * d + others);
}

static double largest(const double *z, size_t n) {
    double a = z[0];
    for (size_t k = 1; k < n; k++) a = fmax(a, z[k]);
    return a;
}

/* What entry i of a row may differ by. */
static double allowed(const bit_case *bits, const double *z, size_t n, const row_sums *sums, size_t i, double exact) {
    const double u = unit_of(bits->out), ulps = ENTRY_ULPS * spacing(exact, bits->out);
    if (forms[bits->form].takes_g) return PRODUCT_UNITS * u * condition(bits->form, sums, i) + smallest_of(bits->out);
    if (bits->form != FORM_LOGSUMEXP) return ulps;
    const double a = largest(z, n);
    return fmax(ulps, LOGSUMEXP_UNITS * u * fmax(fabs(a), exact - a));
}

double agree_share(const bit_case *bits, size_t n, const case_result *exact, const double *got) {
    const size_t entries = form_entries(&forms[bits->form], n);
    double *s = malloc(n * sizeof *s), worst = s ? 0 : INFINITY;
    for (size_t row = 0; s && row < bits->rows; row++) {
        const double *z = exact->z + row * n, *g = exact->g + row * n;
        if (sj_softmax(sj_vector_f64(z, n), sj_vector_f64(s, n), NULL) != SJ_OK) worst = INFINITY;
        const row_sums sums = sums_of(s, g, n);
        for (size_t i = 0; i < entries; i++) {
            const double want = exact->out[row * entries + i], have = got[row * entries + i];
            if (want == have) continue; /* infinities among them */
            const double share = fabs(have - want) / allowed(bits, z, n, &sums, i, want);
            worst = isnan(share) ? INFINITY : fmax(worst, share);
        }
    }
    free(s);
    return worst;
}
