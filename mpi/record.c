/* record.c: two records of neighbouring pieces become one. Called by MPI, in the order of ranks. */
#include "internal.h"

#include <math.h>

static difference compare(const header *a, const header *b) {
    return a->operation != b->operation                         ? DIFFER_OPERATION
           : a->nonfinite != b->nonfinite || a->mode != b->mode ? DIFFER_OPTIONS
           : a->q != b->q                                       ? DIFFER_CLASS
           : a->dtype != b->dtype                               ? DIFFER_DTYPE
                                                                : DIFFER_NOT;
}

/* `into` is of higher ranks than `left`. */
static void merge_headers(const header *left, header *into) {
    const difference differs = compare(left, into);
    header merged = *left;
    merged.late |= into->late;
    if (!left->status) {
        merged.status = into->status;
        merged.failed = into->failed;
    }
    if (!left->differs) {
        merged.differs = differs ? (int32_t)differs : into->differs;
        merged.differing = differs ? into->rank : into->differing;
    }
    *into = merged;
}

/* The sum of a piece's exponentials, relative to exp(max). */
static double weight(const sj_state *of, double max) {
    if (of->count == 0 || of->max == -INFINITY) return 0;
    return exp(of->max - max) * (1 + ldexp(of->rest[0], -480));
}

static void merge_products(const sj_product *left, sj_product *into) {
    const double max = fmax(left->state.max, into->state.max);
    const double a = weight(&left->state, max), b = weight(&into->state, max);
    sj_product merged = *left;
    (void)sj_state_merge(&merged.state, &into->state, 1);
    merged.at_max = a >= b ? left->at_max : into->at_max;
    if (a + b > 0)
        merged.dot[0] = a / (a + b) * (left->dot[0] + (left->at_max - merged.at_max)) +
                        b / (a + b) * (into->dot[0] + (into->at_max - merged.at_max));
    merged.dot[1] = 0;
    *into = merged;
}

void sj_mpi_merge_records(void *left, void *into, int *count, MPI_Datatype *type) {
    const record *from = left;
    record *to = into;
    (void)type;
    for (int i = 0; i < *count; i++) {
        if (to[i].kind == RECORD_HEADER)
            merge_headers(&from[i].of.header, &to[i].of.header);
        else if (to[i].kind == RECORD_PRODUCT)
            merge_products(&from[i].of.product, &to[i].of.product);
        else {
            sj_state state = from[i].of.product.state;
            (void)sj_state_merge(&state, &to[i].of.product.state, 1);
            to[i].of.product.state = state;
        }
    }
}
