/* measure.c: distances from a computed entry to the truth held by an oracle: in ulps, relative, and against the
 * condition of a product. The last step of the oracle; see oracle.h. */
#include "truth.h"

#include <math.h>

/* Precision of a distance: a computed double less an entry, rounded once. */
#define DISTANCE_PRECISION 64

typedef struct format {
    int digits;           /* significand bits, the leading one included */
    int smallest;         /* exponent of the smallest subnormal */
    int largest_exponent; /* of the binade of the largest finite number */
} format;

static format format_of(sj_dtype dtype) {
    switch (dtype) {
    case SJ_F16:
        return (format){11, -24, 15};
    case SJ_BF16:
        return (format){8, -133, 127};
    case SJ_F32:
        return (format){24, -149, 127};
    default:
        return (format){53, -1074, 1023};
    }
}

size_t oracle_entries(const oracle *truth) { return truth->entries.count; }

double oracle_value(const oracle *truth, size_t i) { return mpfr_get_d(truth->entries.at[i], MPFR_RNDN); }

/* What is above the subnormal numbers of the format. */
static double rounded(mpfr_srcptr x, sj_dtype dtype) {
    const format layout = format_of(dtype);
    mpfr_t near;
    mpfr_init2(near, layout.digits);
    mpfr_set(near, x, MPFR_RNDN);
    const double value = mpfr_get_d(near, MPFR_RNDN);
    mpfr_clear(near);
    return fabs(value) >= ldexp(2, layout.largest_exponent) ? copysign(INFINITY, value) : value;
}

/* Exponent of the spacing of the format in the binade that holds |x|: for 2^e <= |x| < 2^(e + 1) it is
 * e - digits + 1, so a power of two has the spacing above it, not the half spacing below. */
static int spacing_exponent(mpfr_srcptr x, format layout) {
    if (mpfr_zero_p(x)) return layout.smallest;
    const mpfr_exp_t binade = mpfr_get_exp(x) - 1; /* MPFR's significand lies in [1/2, 1) */
    if (binade > layout.largest_exponent) return layout.largest_exponent - layout.digits + 1;
    if (binade - layout.digits + 1 < layout.smallest) return layout.smallest;
    return (int)binade - layout.digits + 1;
}

double oracle_ulps(const oracle *truth, size_t i, double got, sj_dtype dtype) {
    mpfr_srcptr entry = truth->entries.at[i];
    if (!isfinite(got)) return got == rounded(entry, dtype) ? 0 : INFINITY;
    if (!mpfr_number_p(entry)) return INFINITY;
    MPFR_DECL_INIT(distance, DISTANCE_PRECISION);
    mpfr_sub_d(distance, entry, got, MPFR_RNDN);
    mpfr_mul_2si(distance, distance, -spacing_exponent(entry, format_of(dtype)), MPFR_RNDN);
    return fabs(mpfr_get_d(distance, MPFR_RNDN));
}

double oracle_relative(const oracle *truth, size_t i, double got) {
    mpfr_srcptr entry = truth->entries.at[i];
    if (!isfinite(got) || !mpfr_number_p(entry)) return got == oracle_value(truth, i) ? 0 : INFINITY;
    if (mpfr_zero_p(entry)) return got == 0 ? 0 : INFINITY;
    MPFR_DECL_INIT(distance, DISTANCE_PRECISION);
    mpfr_sub_d(distance, entry, got, MPFR_RNDN);
    mpfr_div(distance, distance, entry, MPFR_RNDN);
    return fabs(mpfr_get_d(distance, MPFR_RNDN));
}

double oracle_componentwise(const oracle *truth, size_t i, double got, sj_dtype dtype) {
    const format layout = format_of(dtype);
    mpfr_srcptr entry = truth->entries.at[i];
    if (!isfinite(got) || !mpfr_number_p(entry)) return got == rounded(entry, dtype) ? 0 : INFINITY;
    if (i >= truth->conditions.count) return INFINITY;
    MPFR_DECL_INIT(distance, DISTANCE_PRECISION);
    MPFR_DECL_INIT(allowed, DISTANCE_PRECISION);
    mpfr_set_ui_2exp(allowed, 1, layout.smallest - 1, MPFR_RNDN);
    mpfr_sub_d(distance, entry, got, MPFR_RNDN);
    mpfr_abs(distance, distance, MPFR_RNDN);
    mpfr_sub(distance, distance, allowed, MPFR_RNDN);
    if (mpfr_sgn(distance) <= 0) return 0;
    if (mpfr_zero_p(truth->conditions.at[i])) return INFINITY;
    mpfr_div(distance, distance, truth->conditions.at[i], MPFR_RNDN);
    mpfr_mul_2si(distance, distance, layout.digits, MPFR_RNDN);
    return mpfr_get_d(distance, MPFR_RNDN);
}
