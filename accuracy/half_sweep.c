/* half_sweep.c: `accuracy halves`: softmax and log-softmax of every pair of float16 logits, and of bfloat16, in default
 * and exact mode, 2^32 rows of two entries each. Called by main.c.
 *
 * The measure in double is right to 2^-50 of the entry, which is 2^-39 ulp of float16: exact mode passes within that of
 * half a unit. */
#include "commands.h"
#include "support.h"

#include <inttypes.h>
#include <math.h>
#include <softjac.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUES 65536

typedef struct format {
    const char *name;
    sj_dtype dtype;
    int digits, least, largest; /* after the first digit; exponents of normal numbers */
} format;

static const format formats[] = {{"f16", SJ_F16, 10, -14, 15}, {"bf16", SJ_BF16, 7, -126, 127}};

typedef enum half_kind { HALF_SOFTMAX, HALF_LOG_SOFTMAX, HALF_KINDS } half_kind;

static const char *const kind_names[] = {"softmax", "log-softmax"};

typedef struct tally {
    double worst;
    double row[2];
    uint64_t tried, beyond;
} tally;

typedef struct sweep {
    const format *format;
    double values[VALUES];
    uint16_t z[VALUES][2], out[VALUES][2];
    double want[VALUES][HALF_KINDS][2];
    tally tallies[HALF_KINDS][2];
} sweep;

/* Of two logits: s and log s of the first, whose difference to the second is d. */
static void truths(double d, double want[HALF_KINDS][2], int entry) {
    const double e = exp(-fabs(d));
    want[HALF_SOFTMAX][entry] = d >= 0 ? 1 / (1 + e) : e / (1 + e);
    want[HALF_LOG_SOFTMAX][entry] = d >= 0 ? -log1p(e) : d - log1p(e);
}

static double power_of_two(int e) {
    const uint64_t bits = (uint64_t)(1023 + e) << 52;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* -1022 or less where x is subnormal or 0. */
static int exponent_of(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (int)(bits >> 52 & 0x7ff) - 1023;
}

static double ulps(const format *f, double got, double want) {
    const double size = fabs(want), end = power_of_two(f->largest) * (2 - power_of_two(-f->digits - 1));
    if (!isfinite(got) || size >= end) return isinf(got) && size >= end && (got > 0) == (want > 0) ? 0 : INFINITY;
    const int own = exponent_of(size);
    return fabs(got - want) * power_of_two(f->digits - (own < f->least ? f->least : own));
}

/* docs/numerics.md, "Half precision": half a unit, and in default mode the 2 ulp of float32 before. */
static double allowed(int mode) { return 0.5 + (mode == SJ_EXACT ? 0x1p-38 : 2 * 0x1p-13); }

static bool judge(sweep *s, half_kind kind, int mode) {
    tally *t = &s->tallies[kind][mode];
    sj_options options = SJ_OPTIONS_INIT;
    const size_t shape[] = {VALUES, 2};
    options.mode = (sj_mode)mode;
    const sj_view z = sj_array(s->z, s->format->dtype, 2, shape), out = sj_array(s->out, s->format->dtype, 2, shape);
    if ((kind == HALF_SOFTMAX ? sj_softmax : sj_log_softmax)(z, out, &options) != SJ_OK) return false;
    for (size_t i = 0; i < VALUES; i++) {
        if (!isfinite(s->values[s->z[i][0]]) || !isfinite(s->values[s->z[i][1]])) continue;
        for (int entry = 0; entry < 2; entry++) {
            const double error = ulps(s->format, s->values[s->out[i][entry]], s->want[i][kind][entry]);
            t->tried++;
            if (!(error <= allowed(mode))) t->beyond++;
            if (error <= t->worst) continue;
            *t = (tally){error, {s->values[s->z[i][0]], s->values[s->z[i][1]]}, t->tried, t->beyond};
        }
    }
    return true;
}

/* Every row that begins with these bits. */
static bool sweep_rows(sweep *s, uint16_t first) {
    for (size_t i = 0; i < VALUES; i++) {
        s->z[i][0] = first, s->z[i][1] = (uint16_t)i;
        const double d = s->values[first] - s->values[i];
        truths(d, s->want[i], 0);
        truths(-d, s->want[i], 1);
    }
    bool called = true;
    for (int kind = 0; kind < HALF_KINDS; kind++)
        for (int mode = 0; mode < 2; mode++) called = judge(s, (half_kind)kind, mode) && called;
    return called;
}

static bool sweep_format(sweep *s, const format *f, unsigned stride) {
    bool kept = true;
    memset(s, 0, sizeof *s);
    s->format = f;
    for (unsigned i = 0; i < VALUES; i++) {
        const uint16_t bits = (uint16_t)i;
        s->values[i] = element_get(&bits, f->dtype, 0);
    }
    for (unsigned first = 0; first < VALUES; first += stride)
        if (isfinite(s->values[first])) kept = sweep_rows(s, (uint16_t)first) && kept;
    for (int kind = 0; kind < HALF_KINDS; kind++)
        for (int mode = 0; mode < 2; mode++) {
            const tally *t = &s->tallies[kind][mode];
            printf("halves %s %s %s%s: %.6f of %g ulp z=%a,%a tried=%" PRIu64 " beyond=%" PRIu64 "\n", sj_kernel_set(),
                   f->name, kind_names[kind], mode == SJ_EXACT ? " exact" : "", t->worst, allowed(mode), t->row[0],
                   t->row[1], t->tried, t->beyond);
            kept = kept && t->beyond == 0 && t->tried > 0;
        }
    return kept;
}

int halves_command(int argc, char **argv) {
    unsigned stride = 1;
    const char *only = NULL;
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc) return 2;
        if (strcmp(argv[i], "--stride") == 0)
            stride = (unsigned)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--format") == 0)
            only = argv[i + 1];
        else
            return 2;
    }
    if (stride == 0) return 2;
    sweep *s = malloc(sizeof *s);
    if (!s) return 1;
    bool kept = true, any = false;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (only && strcmp(only, formats[i].name) != 0) continue;
        any = true;
        kept = sweep_format(s, &formats[i], stride) && kept;
    }
    free(s);
    if (!any) return 2;
    printf("halves: one in %u of the 2^16 first logits of a type, with every second one\n", stride);
    return kept ? 0 : 1;
}
