/* graph_attention.c: attention over the edges of a graph. Logits are one an edge, those of a node one after the other,
 * and the weights of a node are the softmax of its own: one call by offsets. Prints what a node takes, with a call a
 * node beside it; the bits are the same.
 *
 *     cc graph_attention.c -lsoftjac -lm && ./a.out
 */
#include <softjac.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NODES 100000
#define MOST 10 /* edges of a node; 3 at least */

static int32_t offsets[NODES + 1]; /* the edges of node i: offsets[i] to offsets[i + 1] */
static float logits[NODES * MOST], cotangent[NODES * MOST];
static float weights[NODES * MOST], alone[NODES * MOST], gradient[NODES * MOST];

static uint32_t below(uint32_t bound) {
    static uint32_t state = 1;
    state = state * UINT32_C(1664525) + UINT32_C(1013904223);
    return (state >> 8) % bound;
}

static double seconds(void) {
    struct timespec now;
    (void)timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static sj_status node_by_node(void) {
    sj_status status = SJ_OK;
    for (int i = 0; i < NODES && !status; i++) {
        const size_t edges = (size_t)(offsets[i + 1] - offsets[i]);
        status = sj_softmax(sj_vector_f32(logits + offsets[i], edges), sj_vector_f32(alone + offsets[i], edges), NULL);
    }
    return status;
}

/* A derivative of weights that add up to 1 adds up to 0 over each node: how far from it, at most. */
static double largest_sum(void) {
    double largest = 0;
    for (int i = 0; i < NODES; i++) {
        double sum = 0;
        for (int k = offsets[i]; k < offsets[i + 1]; k++) sum += (double)gradient[k];
        largest = fmax(largest, fabs(sum));
    }
    return largest;
}

int main(void) {
    for (int i = 0; i < NODES; i++) offsets[i + 1] = offsets[i] + 3 + (int32_t)below(MOST - 2);
    const size_t edges = (size_t)offsets[NODES], count = NODES + 1;
    for (size_t k = 0; k < edges; k++) {
        logits[k] = (float)below(2000) / 100 - 10;
        cotangent[k] = (float)below(2000) / 1000 - 1;
    }

    const sj_view starts = sj_array(offsets, SJ_I32, 1, &count), z = sj_vector_f32(logits, edges);
    const sj_view s = sj_vector_f32(weights, edges), g = sj_vector_f32(cotangent, edges);
    sj_options options = SJ_OPTIONS_INIT;
    options.offsets = &starts;
    options.threads = 1;

    double together = INFINITY, apart = INFINITY;
    sj_status status = SJ_OK;
    for (int round = 0; round < 10 && !status; round++) {
        const double start = seconds();
        status = sj_softmax(z, s, &options);
        const double middle = seconds();
        if (!status) status = node_by_node();
        together = fmin(together, middle - start);
        apart = fmin(apart, seconds() - middle);
    }
    /* Of a backward pass that kept the weights. */
    options.given = SJ_GIVEN_SOFTMAX;
    if (!status) status = sj_softmax_vjp(s, g, sj_vector_f32(gradient, edges), &options);
    if (status) {
        fprintf(stderr, "%s\n", sj_strerror(status));
        return EXIT_FAILURE;
    }
    printf("%d nodes, %zu edges: softmax takes %.0f ns a node in one call, %.0f in a call a node\n", NODES, edges,
           together / NODES * 1e9, apart / NODES * 1e9);
    /* Cotangents differ by 2 at most. Weights within 2 ulp add up to 1 within 4u, which D counts twice; entries of the
     * product are within 4u of terms that add up to 4 at most. */
    const bool sums = largest_sum() <= (2 * 4 + 4 * 4) * 0x1p-24;
    return sums && memcmp(weights, alone, edges * sizeof *weights) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
