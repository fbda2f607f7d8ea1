/* support.c: see support.h. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

const sj_dtype dtypes[2] = {SJ_F32, SJ_F64};
const sj_dtype half_dtypes[2] = {SJ_F16, SJ_BF16};

static bool cpu_has(const char *set) {
#if defined(__x86_64__)
    unsigned a, b, c, d;
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                      __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
    if (strcmp(set, "avx2") == 0) return avx2;
    if (strcmp(set, "avx512") == 0)
        return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#else
    (void)set;
#endif
    return true; /* every CPU of the architecture has it */
}

static bool is_built(const char *set) {
    const char *name;
    for (size_t i = 0; (name = sj_kernel_set_built(i)) != NULL; i++)
        if (strcmp(name, set) == 0) return true;
    return false;
}

int require_kernel_set(void) {
    const char *wanted = getenv("SOFTJAC_ISA");
    if (!wanted || strcmp(sj_kernel_set(), wanted) == 0) return 0;
    if (!is_built(wanted)) {
        printf("skipped: kernel set %s is not built for this architecture\n", wanted);
        return EXIT_SKIPPED;
    }
    if (!cpu_has(wanted)) {
        printf("skipped: this CPU lacks %s\n", wanted);
        return EXIT_SKIPPED;
    }
    printf("the library uses kernel set %s; expected %s\n", sj_kernel_set(), wanted);
    return EXIT_FAILURE;
}

/* SplitMix64 */
static uint64_t random_bits(random_stream *r) {
    uint64_t x = r->state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

double random_uniform(random_stream *r, double low, double high) {
    return low + (high - low) * ((double)(random_bits(r) >> 11) * 0x1p-53);
}

/* Twelve uniforms: the same bits whatever the libm. */
double random_normal(random_stream *r) {
    double sum = -6;
    for (int i = 0; i < 12; i++) sum += random_uniform(r, 0, 1);
    return sum;
}

size_t random_below(random_stream *r, size_t bound) { return (size_t)(random_bits(r) % bound); }

sj_dtype any_dtype(random_stream *r) {
    const size_t i = random_below(r, 4);
    return i < 2 ? dtypes[i] : half_dtypes[i - 2];
}

const char *dtype_name(sj_dtype dtype) {
    return dtype == SJ_F32 ? "f32" : dtype == SJ_F64 ? "f64" : dtype == SJ_F16 ? "f16" : "bf16";
}

size_t dtype_bytes(sj_dtype dtype) {
    return dtype == SJ_F32 ? sizeof(float) : dtype == SJ_F64 ? sizeof(double) : sizeof(uint16_t);
}

static bool is_half(sj_dtype dtype) { return dtype == SJ_F16 || dtype == SJ_BF16; }

/* Half precision by the definition of its formats, apart from the library's conversions. */
static int fraction_bits(sj_dtype dtype) { return dtype == SJ_F16 ? 10 : 7; }
static int least_exponent(sj_dtype dtype) { return dtype == SJ_F16 ? -14 : -126; }

static double round_to_half(sj_dtype dtype, double x) {
    if (x == 0 || !isfinite(x)) return x;
    const int own = ilogb(x), exponent = own < least_exponent(dtype) ? least_exponent(dtype) : own;
    const double last = ldexp(1, exponent - fraction_bits(dtype)), rounded = nearbyint(x / last) * last;
    return fabs(rounded) < ldexp(1, 2 - least_exponent(dtype)) ? rounded : copysign(INFINITY, x);
}

static double half_value(sj_dtype dtype, uint16_t bits) {
    const int fraction = fraction_bits(dtype), top = (1 << (15 - fraction)) - 1;
    const int exponent = bits >> fraction & top, digits = bits & ((1 << fraction) - 1);
    const double sign = bits >> 15 ? -1 : 1;
    if (exponent == top) return digits ? (double)NAN : sign * INFINITY;
    if (exponent == 0) return sign * ldexp(digits, least_exponent(dtype) - fraction);
    return sign * ldexp(digits + (1 << fraction), exponent - 1 + least_exponent(dtype) - fraction);
}

static uint16_t half_bits(sj_dtype dtype, double x) {
    const int fraction = fraction_bits(dtype), least = least_exponent(dtype), top = (1 << (15 - fraction)) - 1;
    const double size = fabs(round_to_half(dtype, x));
    const unsigned sign = signbit(x) ? 0x8000 : 0;
    if (isnan(x)) return (uint16_t)(sign | (unsigned)top << fraction | 1);
    if (isinf(size)) return (uint16_t)(sign | (unsigned)top << fraction);
    if (size < ldexp(1, least)) return (uint16_t)(sign | (unsigned)ldexp(size, fraction - least));
    const int exponent = ilogb(size);
    const unsigned digits = (unsigned)ldexp(size, fraction - exponent) - (1u << fraction);
    return (uint16_t)(sign | (unsigned)(exponent - least + 1) << fraction | digits);
}

double round_to(sj_dtype dtype, double x) {
    return dtype == SJ_F32 ? (double)(float)x : is_half(dtype) ? round_to_half(dtype, x) : x;
}

double element_get(const void *data, sj_dtype dtype, size_t i) {
    if (is_half(dtype)) return half_value(dtype, ((const uint16_t *)data)[i]);
    return dtype == SJ_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

void element_set(void *data, sj_dtype dtype, size_t i, double x) {
    if (is_half(dtype))
        ((uint16_t *)data)[i] = half_bits(dtype, x);
    else if (dtype == SJ_F32)
        ((float *)data)[i] = (float)x;
    else
        ((double *)data)[i] = x;
}

void *new_elements(sj_dtype dtype, size_t count) {
    void *data = malloc((count ? count : 1) * dtype_bytes(dtype));
    assert_non_null(data);
    return data;
}

void *typed(sj_dtype dtype, const double *values, size_t count) {
    void *data = new_elements(dtype, count);
    for (size_t i = 0; i < count; i++) element_set(data, dtype, i, values[i]);
    return data;
}

void untype(sj_dtype dtype, const void *data, double *values, size_t count) {
    for (size_t i = 0; i < count; i++) values[i] = element_get(data, dtype, i);
}

void fill_random(void *data, sj_dtype dtype, size_t count, uint64_t seed) {
    random_stream r = {seed};
    for (size_t i = 0; i < count; i++) element_set(data, dtype, i, 3 * random_normal(&r));
}

int result_shape(form_id id, int ndim, int axis, const size_t *shape, size_t *result) {
    int count = 0;
    for (int d = 0; d < ndim; d++)
        if (d != axis || forms[id].result == RESULT_ROW) result[count++] = shape[d];
    if (forms[id].result == RESULT_MATRIX) {
        result[count++] = shape[axis];
        result[count++] = shape[axis];
    }
    return count;
}

void form_row_with(const sj_options *options, form_id id, sj_dtype dtype, const double *z, const double *g, size_t q,
                   size_t n, double *out) {
    size_t shape[2] = {0};
    const size_t entries = form_entries(&forms[id], n);
    const int ndim = result_shape(id, 1, 0, &n, shape);
    void *logits = typed(dtype, z, n), *cotangent = typed(dtype, g ? g : z, n), *result = new_elements(dtype, entries);
    const form_arguments a = {.z = sj_array(logits, dtype, 1, &n),
                              .g = sj_array(cotangent, dtype, 1, &n),
                              .q = q,
                              .out = sj_array(result, dtype, ndim, shape)};
    assert_int_equal(forms[id].call(&a, options), SJ_OK);
    untype(dtype, result, out, entries);
    free(logits);
    free(cotangent);
    free(result);
}

void form_row(form_id id, sj_dtype dtype, const double *z, const double *g, size_t q, size_t n, double *out) {
    form_row_with(NULL, id, dtype, z, g, q, n, out);
}

bool same_bits(sj_dtype dtype, const void *a, size_t i, const void *b, size_t j) {
    const size_t item = dtype_bytes(dtype);
    if (isnan(element_get(a, dtype, i)) && isnan(element_get(b, dtype, j))) return true;
    return memcmp((const char *)a + i * item, (const char *)b + j * item, item) == 0;
}
