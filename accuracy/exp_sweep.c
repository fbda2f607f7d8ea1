/* exp_sweep.c: `accuracy exp`: the float32 exponential of every kernel set this CPU runs, on all 2^32 inputs. Called by
 * main.c; calls the cores of exp_core.c.
 *
 * A measure in double (libm's exp is right to 2^-52, with its scaling 2^-51: 2^-27 ulp of float32) passes what is
 * clear of the bound; MPFR decides within BAND of it, and evaluates the worst. */
#include "commands.h"
#include "exp_core.h"
#include "forms.h"

#include <inttypes.h>
#include <math.h>
#include <mpfr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BAND 0x1p-20 /* wider than the measure in double errs */

#define SET(set) extern const exp_core exp_core_##set;
SJ_KERNEL_SETS
#undef SET

#define SET(set) &exp_core_##set,
static const exp_core *const cores[] = {SJ_KERNEL_SETS};
#undef SET

#define CORES (sizeof cores / sizeof cores[0]) /* NOLINT(bugprone-sizeof-expression): pointers are what it counts */

/* The worst of one kind for one core. */
typedef struct peak {
    double error; /* by the measure in double */
    float z, a, weight, rest;
    bool far;
    uint64_t beyond;
} peak;

static const char *const names[EXP_KINDS] = {"weight, ulp", "weight, u", "weight as a sum, u"};

/* In u = 2^-24 of the weight, as src/kernel/math/exp.h derives them; an ulp is u or more. */
static const double bounds[EXP_KINDS] = {1.17, 1.17, 0.17};

typedef struct tally {
    peak peaks[EXP_KINDS];
    uint64_t tried, deep, not_floored;
} tally;

typedef struct sweep {
    size_t cores;
    tally tallies[CORES];
    uint64_t excluded; /* NaN, +inf, and finite inputs above every near reference, where no far one is swept */
    float z[EXP_BLOCK], weight[EXP_BLOCK], rest[EXP_BLOCK];
    double want[EXP_BLOCK];
} sweep;

static float float_of(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static double power_of_two(int e) {
    const uint64_t bits = (uint64_t)(1023 + e) << 52;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static double measured(int kind, double weight, double rest, double want) {
    const double distance = kind == EXP_PAIR_U ? fabs((weight - want) + rest) : fabs(weight - want);
    return kind == EXP_ULP ? distance * power_of_two(23 - ilogb(want)) : distance / want * 0x1p24;
}

static int shift_of(const exp_core *core, float a, bool far) { return core->bias - (far ? 0 : core->integer(a)); }

/* The same by MPFR: want = EXP_SCALE exp(z - a, or near z) 2^shift. */
static double confirmed(int kind, const exp_core *core, const peak *p) {
    const double weight = (double)p->weight, rest = (double)p->rest;
    mpfr_t want, distance;
    mpfr_inits2(200, want, distance, (mpfr_ptr)0);
    mpfr_set_d(want, (double)p->z, MPFR_RNDN);
    mpfr_sub_d(want, want, p->far ? (double)p->a : 0, MPFR_RNDN);
    mpfr_exp(want, want, MPFR_RNDN);
    mpfr_mul_d(want, want, core->scale, MPFR_RNDN);
    mpfr_mul_2si(want, want, shift_of(core, p->a, p->far), MPFR_RNDN);
    mpfr_d_sub(distance, weight, want, MPFR_RNDN);
    if (kind == EXP_PAIR_U) mpfr_add_d(distance, distance, rest, MPFR_RNDN);
    if (kind == EXP_ULP)
        mpfr_mul_2si(distance, distance, 24 - mpfr_get_exp(want), MPFR_RNDN);
    else {
        mpfr_div(distance, distance, want, MPFR_RNDN);
        mpfr_mul_2si(distance, distance, 24, MPFR_RNDN);
    }
    const double error = fabs(mpfr_get_d(distance, MPFR_RNDN));
    mpfr_clears(want, distance, (mpfr_ptr)0);
    return error;
}

/* One reference and the logits measured against it: above `lowest`, and up to `a`. */
typedef struct window {
    float a, lowest;
    bool far;
} window;

/* A block with an entry worse than any before, or in the band of the bound. */
static void note_block(const sweep *s, peak *p, int kind, const exp_core *c, const window *w) {
    const double factor = c->scale * power_of_two(shift_of(c, w->a, w->far));
    for (size_t i = 0; i < EXP_BLOCK; i++) {
        const peak here = {measured(kind, (double)s->weight[i], (double)s->rest[i], factor * s->want[i]),
                           s->z[i],
                           w->a,
                           s->weight[i],
                           s->rest[i],
                           w->far,
                           p->beyond};
        if (!(here.error <= bounds[kind] - BAND) && !(confirmed(kind, c, &here) <= bounds[kind])) p->beyond++;
        if (here.error <= p->error) continue;
        const uint64_t beyond = p->beyond;
        *p = here;
        p->beyond = beyond;
    }
}

static void measure_block(sweep *s, size_t core, const window *w, uint64_t inside) {
    const exp_core *c = cores[core];
    tally *t = &s->tallies[core];
    const double factor = c->scale * power_of_two(shift_of(c, w->a, w->far));
    c->weights(s->z, w->a, w->far, s->weight, s->rest);
    double worsts[EXP_KINDS];
    c->worst(s->weight, s->rest, s->want, factor, worsts);
    for (int kind = 0; kind < EXP_KINDS; kind++)
        if (!(worsts[kind] <= fmin(t->peaks[kind].error, bounds[kind] - BAND)))
            note_block(s, &t->peaks[kind], kind, c, w);
    t->tried += inside;
}

/* All of a block is in the window, none of it, or it straddles: then what is out of it is replaced by the reference. */
static void window_block(sweep *s, const float *z, const window *w) {
    uint64_t inside = 0;
    for (size_t i = 0; i < EXP_BLOCK; i++) {
        const bool in = z[i] <= w->a && z[i] > w->lowest;
        inside += in;
        s->z[i] = in ? z[i] : w->a;
    }
    if (inside == 0) return;
    const double from = w->far ? (double)w->a : 0;
    for (size_t i = 0; i < EXP_BLOCK; i++) s->want[i] = exp((double)s->z[i] - from);
    for (size_t core = 0; core < s->cores; core++) measure_block(s, core, w, inside);
}

/* Logits deeper than the depth weigh as the floor does. */
static void deep_block(sweep *s, const float *z, float a) {
    for (size_t core = 0; core < s->cores; core++) {
        tally *t = &s->tallies[core];
        const float floor = a - cores[core]->depth;
        memcpy(s->z, z, sizeof s->z);
        s->z[0] = floor;
        cores[core]->weights(s->z, a, false, s->weight, s->rest);
        const float least = s->weight[0];
        for (size_t i = 1; i < EXP_BLOCK; i++) {
            t->deep++;
            if (!(s->weight[i] == least)) t->not_floored++;
        }
    }
}

#define WINDOWS_MOST 16

/* Near references from the highest to the lowest, each as far down as it has weight; then far ones: 0, whose
 * differences are all of float32, the ends of the near range, and two beyond. */
static size_t make_windows(window *windows) {
    const exp_core *c = cores[0];
    const float far[] = {0, nextafterf(c->high, INFINITY), nextafterf(c->low, -INFINITY), 1000.5f, -54321.25f};
    size_t count = 0;
    for (float a = c->high;; a = fmaxf(a - c->depth, c->low)) {
        windows[count++] = (window){a, a - c->depth, false};
        if (a == c->low) break;
    }
    for (size_t i = 1; i < count; i++) windows[i].lowest = fmaxf(windows[i].lowest, c->low - c->depth);
    for (size_t i = 0; i < sizeof far / sizeof *far; i++) windows[count++] = (window){far[i], far[i] - c->depth, true};
    return count;
}

static void sweep_block(sweep *s, uint32_t first, const window *windows, size_t count) {
    float z[EXP_BLOCK];
    for (uint32_t i = 0; i < EXP_BLOCK; i++) z[i] = float_of(first + i);
    const float low = windows[0].a < 0 ? windows[0].a : cores[0]->low;
    if (isnan(z[EXP_BLOCK - 1]) && isnan(z[0])) {
        s->excluded += EXP_BLOCK;
    } else if (z[0] < low - cores[0]->depth && z[EXP_BLOCK - 1] < low - cores[0]->depth) {
        deep_block(s, z, low);
    } else {
        if (z[0] > cores[0]->high) s->excluded += EXP_BLOCK;
        for (size_t i = 0; i < count; i++) window_block(s, z, &windows[i]);
    }
}

static size_t runnable(void) {
    for (size_t i = 0; i < CORES; i++)
        if (strcmp(cores[i]->set, sj_kernel_set()) == 0) return i + 1;
    return 1;
}

static bool print_tally(const exp_core *core, const tally *t) {
    bool kept = t->not_floored == 0;
    for (int kind = 0; kind < EXP_KINDS; kind++) {
        const peak *p = &t->peaks[kind];
        printf("exp %s f32 %s: %.6f of %g z=%a a=%a tried=%" PRIu64 " beyond=%" PRIu64 "\n", core->set, names[kind],
               confirmed(kind, core, p), bounds[kind], (double)p->z, (double)p->a, t->tried, p->beyond);
        kept = kept && p->beyond == 0;
    }
    if (t->not_floored)
        printf("exp %s: %" PRIu64 " deep inputs do not weigh as the floor\n", core->set, t->not_floored);
    return kept;
}

int exp_command(int argc, char **argv) {
    window windows[WINDOWS_MOST];
    uint64_t stride = 1;
    if (argc == 3 && strcmp(argv[1], "--stride") == 0) stride = strtoull(argv[2], NULL, 10);
    if ((argc != 1 && argc != 3) || stride == 0) return 2;
    sweep *s = calloc(1, sizeof *s);
    if (!s) return 1;
    s->cores = runnable();
    const size_t count = make_windows(windows);
    for (uint64_t first = 0; first < UINT64_C(1) << 32; first += stride * EXP_BLOCK)
        sweep_block(s, (uint32_t)first, windows, count);
    bool kept = true;
    for (size_t i = 0; i < s->cores && i < CORES; i++) kept = print_tally(cores[i], &s->tallies[i]) && kept;
    printf("exp: every %" PRIu64 ". block of %d of the 2^32 inputs; %" PRIu64
           " NaN, +inf or above a near reference, %" PRIu64 " deep\n",
           stride, EXP_BLOCK, s->excluded, s->tallies[0].deep);
    free(s);
    return kept ? 0 : 1;
}
