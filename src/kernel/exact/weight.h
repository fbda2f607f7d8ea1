/* weight.h: the weight of a logit in exact mode: exp(z) or exp(z - a) as a pair to 2^-85 with the power of two apart.
 * Called by exact/row.h; calls simd/ and wide.h. Constants from exact.sollya.
 *
 *   k = 64 e + j nearest to x 64/ln2,  r = x - k ln2/64,  2^(j/64) exp(r) 2^e
 *
 * No fused arithmetic but for errors of products, which are exact either way: the same bits in every set.
 *   near  |a| <= EXACT_NEAR: x = z, and the weights of pieces of a row, relative to whatever integer, are the same
 *   far   x = z - a, exact for every logit with weight (within a factor of two of a) */
#ifndef SJ_KERNEL_EXACT_WEIGHT_H
#define SJ_KERNEL_EXACT_WEIGHT_H

#include "../chunk.h"
#include "wide.h"

/* 2^20 + 1024 times 64/ln2 is below 2^27: k times a piece of ln2/64 is exact. */
#define EXACT_NEAR 0x1p20

/* Smaller logits are 0: exp of them is 1 to any digit, and nothing here underflows. */
#define EXACT_TINY 0x1p-200

#define LN2_64_1 0x1.62e43p-7
#define LN2_64_2 (-0x1.05c611p-35)
#define LN2_64_3 0x1.abc9e38p-62
#define LN2_64_4 0x1.9cc01f97b57ap-89
#define INVERSE_LN2_64 0x1.71547652b82fep6
#define SIXTH_HI 0x1.5555555555555p-3
#define SIXTH_LO 0x1.5555555555555p-57
#define WEIGHT_TERMS 7
static const double weight_terms[WEIGHT_TERMS] = {/* 1 / k!, k = 10 .. 4 */
                                                  0x1.27e4fb7789f5cp-22, 0x1.71de3a556c734p-19, 0x1.a01a01a01a01ap-16,
                                                  0x1.a01a01a01a01ap-13, 0x1.6c16c16c16c17p-10, 0x1.1111111111111p-7,
                                                  0x1.5555555555555p-5};
static const dd weight_entries[64] = {/* 2^(j/64) */
                                      {0x1p0, 0},
                                      {0x1.02c9a3e778061p0, -0x1.19083535b085dp-56},
                                      {0x1.059b0d3158574p0, 0x1.d73e2a475b465p-55},
                                      {0x1.0874518759bc8p0, 0x1.186be4bb284ffp-57},
                                      {0x1.0b5586cf9890fp0, 0x1.8a62e4adc610bp-54},
                                      {0x1.0e3ec32d3d1a2p0, 0x1.03a1727c57b53p-59},
                                      {0x1.11301d0125b51p0, -0x1.6c51039449b3ap-54},
                                      {0x1.1429aaea92dep0, -0x1.32fbf9af1369ep-54},
                                      {0x1.172b83c7d517bp0, -0x1.19041b9d78a76p-55},
                                      {0x1.1a35beb6fcb75p0, 0x1.e5b4c7b4968e4p-55},
                                      {0x1.1d4873168b9aap0, 0x1.e016e00a2643cp-54},
                                      {0x1.2063b88628cd6p0, 0x1.dc775814a8495p-55},
                                      {0x1.2387a6e756238p0, 0x1.9b07eb6c70573p-54},
                                      {0x1.26b4565e27cddp0, 0x1.2bd339940e9d9p-55},
                                      {0x1.29e9df51fdee1p0, 0x1.612e8afad1255p-55},
                                      {0x1.2d285a6e4030bp0, 0x1.0024754db41d5p-54},
                                      {0x1.306fe0a31b715p0, 0x1.6f46ad23182e4p-55},
                                      {0x1.33c08b26416ffp0, 0x1.32721843659a6p-54},
                                      {0x1.371a7373aa9cbp0, -0x1.63aeabf42eae2p-54},
                                      {0x1.3a7db34e59ff7p0, -0x1.5e436d661f5e3p-56},
                                      {0x1.3dea64c123422p0, 0x1.ada0911f09ebcp-55},
                                      {0x1.4160a21f72e2ap0, -0x1.ef3691c309278p-58},
                                      {0x1.44e086061892dp0, 0x1.89b7a04ef80dp-59},
                                      {0x1.486a2b5c13cdp0, 0x1.3c1a3b69062fp-56},
                                      {0x1.4bfdad5362a27p0, 0x1.d4397afec42e2p-56},
                                      {0x1.4f9b2769d2ca7p0, -0x1.4b309d25957e3p-54},
                                      {0x1.5342b569d4f82p0, -0x1.07abe1db13cadp-55},
                                      {0x1.56f4736b527dap0, 0x1.9bb2c011d93adp-54},
                                      {0x1.5ab07dd485429p0, 0x1.6324c054647adp-54},
                                      {0x1.5e76f15ad2148p0, 0x1.ba6f93080e65ep-54},
                                      {0x1.6247eb03a5585p0, -0x1.383c17e40b497p-54},
                                      {0x1.6623882552225p0, -0x1.bb60987591c34p-54},
                                      {0x1.6a09e667f3bcdp0, -0x1.bdd3413b26456p-54},
                                      {0x1.6dfb23c651a2fp0, -0x1.bbe3a683c88abp-57},
                                      {0x1.71f75e8ec5f74p0, -0x1.16e4786887a99p-55},
                                      {0x1.75feb564267c9p0, -0x1.0245957316dd3p-54},
                                      {0x1.7a11473eb0187p0, -0x1.41577ee04992fp-55},
                                      {0x1.7e2f336cf4e62p0, 0x1.05d02ba15797ep-56},
                                      {0x1.82589994cce13p0, -0x1.d4c1dd41532d8p-54},
                                      {0x1.868d99b4492edp0, -0x1.fc6f89bd4f6bap-54},
                                      {0x1.8ace5422aa0dbp0, 0x1.6e9f156864b27p-54},
                                      {0x1.8f1ae99157736p0, 0x1.5cc13a2e3976cp-55},
                                      {0x1.93737b0cdc5e5p0, -0x1.75fc781b57ebcp-57},
                                      {0x1.97d829fde4e5p0, -0x1.d185b7c1b85d1p-54},
                                      {0x1.9c49182a3f09p0, 0x1.c7c46b071f2bep-56},
                                      {0x1.a0c667b5de565p0, -0x1.359495d1cd533p-54},
                                      {0x1.a5503b23e255dp0, -0x1.d2f6edb8d41e1p-54},
                                      {0x1.a9e6b5579fdbfp0, 0x1.0fac90ef7fd31p-54},
                                      {0x1.ae89f995ad3adp0, 0x1.7a1cd345dcc81p-54},
                                      {0x1.b33a2b84f15fbp0, -0x1.2805e3084d708p-57},
                                      {0x1.b7f76f2fb5e47p0, -0x1.5584f7e54ac3bp-56},
                                      {0x1.bcc1e904bc1d2p0, 0x1.23dd07a2d9e84p-55},
                                      {0x1.c199bdd85529cp0, 0x1.11065895048ddp-55},
                                      {0x1.c67f12e57d14bp0, 0x1.2884dff483cadp-54},
                                      {0x1.cb720dcef9069p0, 0x1.503cbd1e949dbp-56},
                                      {0x1.d072d4a07897cp0, -0x1.cbc3743797a9cp-54},
                                      {0x1.d5818dcfba487p0, 0x1.2ed02d75b3707p-55},
                                      {0x1.da9e603db3285p0, 0x1.c2300696db532p-54},
                                      {0x1.dfc97337b9b5fp0, -0x1.1a5cd4f184b5cp-54},
                                      {0x1.e502ee78b3ff6p0, 0x1.39e8980a9cc8fp-55},
                                      {0x1.ea4afa2a490dap0, -0x1.e9c23179c2893p-54},
                                      {0x1.efa1bee615a27p0, 0x1.dc7f486a4b6bp-54},
                                      {0x1.f50765b6e454p0, 0x1.9d3e12dd8a18bp-54},
                                      {0x1.fa7c1819e90d8p0, 0x1.74853f3a5931ep-55}};

/* Entries of a row handled at a time. The sums are exact, so it does not matter to the bits. */
#define EXACT_PIECE ((size_t)1024)

/* Weights of a piece of a row: (hi[i] + lo[i]) 2^exponent[i], hi in [0.99, 2.02), or 0 without weight. */
typedef struct weights {
    double hi[EXACT_PIECE], lo[EXACT_PIECE];
    int exponent[EXACT_PIECE];
} weights;

/* exp(r) - 1, r + low the argument, |r| < 2^-6.4. r^2/2 + r^3/6 in pairs; the rest, from r^4/24 on, below 2^-30. */
V_INLINE vpair exp_less_one(vec r, vec low) {
    vec tail = v_set1(weight_terms[0]);
    for (int i = 1; i < WEIGHT_TERMS; i++) tail = v_add(v_mul(tail, r), v_set1(weight_terms[i]));
    const vpair x = vpair_fast_sum(r, low), square = vpair_mul(x, x);
    const vpair sixth = vpair_fast_sum(v_set1(SIXTH_HI), v_mul(tail, r));
    const vpair third = vpair_mul(x, (vpair){sixth.hi, v_add(sixth.lo, v_set1(SIXTH_LO))});
    const vpair half = vpair_fast_sum(v_set1(0.5), third.hi);
    const vpair second = vpair_mul(square, (vpair){half.hi, v_add(half.lo, third.lo)});
    const vpair sum = vpair_fast_sum(x.hi, second.hi);
    return vpair_fast_sum(sum.hi, v_add(sum.lo, v_add(x.lo, second.lo)));
}

/* Entries 2^(j/64) and exponents of the integers k. */
V_INLINE vpair pick_entries(vec k, int *exponent) {
    double integer[V_LANES], hi[V_LANES], lo[V_LANES];
    v_store(integer, k);
    for (size_t lane = 0; lane < V_LANES; lane++) {
        const int64_t whole = (int64_t)integer[lane];
        hi[lane] = weight_entries[whole & 63].hi;
        lo[lane] = weight_entries[whole & 63].lo;
        exponent[lane] = (int)(whole >> 6);
    }
    return (vpair){v_load(hi), v_load(lo)};
}

/* exp of the lanes of x, |x| <= EXACT_NEAR + 1024. */
V_INLINE vpair exp_pair(vec x, int *exponent) {
    const vec magic = v_set1(0x1.8p52), k = v_sub(v_add(v_mul(x, v_set1(INVERSE_LN2_64)), magic), magic);
    /* exact: the difference has no more than 53 digits, as the pieces have 26 */
    const vec high = v_sub(v_sub(x, v_mul(k, v_set1(LN2_64_1))), v_mul(k, v_set1(LN2_64_2)));
    const vpair r = vpair_sum(high, v_sub(v_zero(), v_mul(k, v_set1(LN2_64_3))));
    const vpair t = exp_less_one(r.hi, v_sub(r.lo, v_mul(k, v_set1(LN2_64_4))));
    const vpair entry = pick_entries(k, exponent), part = vpair_mul(entry, t);
    const vpair sum = vpair_fast_sum(entry.hi, part.hi);
    return vpair_fast_sum(sum.hi, v_add(sum.lo, v_add(entry.lo, part.lo)));
}

/* What the weights of a row are relative to. */
typedef struct origin {
    double max, depth; /* logits more than `depth` below the maximum weigh nothing */
    double shift;      /* 0 near, the maximum far */
    int exponent;      /* of the weight of the maximum, taken from all */
} origin;

static inline origin origin_of(double max, double depth) {
    const bool near = max >= -EXACT_NEAR && max <= EXACT_NEAR;
    const double x = near && (max >= EXACT_TINY || max <= -EXACT_TINY) ? max : 0;
    int exponent[V_LANES];
    (void)exp_pair(v_set1(x), exponent);
    return (origin){max, depth, near ? 0 : max, exponent[0]};
}

/* Weights of z[0..n), n <= EXACT_PIECE. */
static void weigh_chunk(const double *z, size_t n, const origin *from, weights *w) {
    const vec max = v_set1(from->max), depth = v_set1(from->depth), shift = v_set1(from->shift), one = v_set1(1);
    for (size_t i = 0; i < n; i += V_LANES) {
        const size_t count = n - i < V_LANES ? n - i : V_LANES;
        int exponent[V_LANES];
        const vec logits = v_load_n(z + i, count, from->max), weighs = v_keep(v_ge(depth, v_sub(max, logits)), one);
        const vec x = v_sub(v_select(v_eq(weighs, one), logits, max), shift);
        const vpair e = exp_pair(v_keep(v_ge(v_size(x), v_set1(EXACT_TINY)), x), exponent);
        v_store_n(w->hi + i, v_keep(v_eq(weighs, one), e.hi), count);
        v_store_n(w->lo + i, v_keep(v_eq(weighs, one), e.lo), count);
        for (size_t lane = 0; lane < count; lane++) w->exponent[i + lane] = exponent[lane] - from->exponent;
    }
}

#endif
