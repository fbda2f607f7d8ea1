/* check_data.c: input of the article's kind from a fixed generator. See check_data.h. */
#include "check_data.h"

#include <math.h>
#include <stdint.h>

/* SplitMix64: the whole state is a counter, so that element i needs no history. */
static uint64_t mix(uint64_t counter) {
    uint64_t x = counter * 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

void check_logits(double *z, size_t count) {
    for (size_t i = 0; i < count; i++) z[i] = ((double)(mix(i + 1) % 61) - 30) / 2;
}

double check_tangent(double z) { return isfinite(z) ? z : 0; }

double check_log_cotangent(size_t k, size_t q, size_t n) {
    if (n == 1) return -1;
    return k == q ? -0.875 : -0.125 / (double)(n - 1);
}
