/* record.c: two records of neighbouring pieces become one. Called by MPI, in the order of ranks; calls the library. */
#include "internal.h"

static difference compare(const header *a, const header *b) {
    return a->operation != b->operation ? DIFFER_OPERATION
           : a->options != b->options   ? DIFFER_OPTIONS
           : a->q != b->q               ? DIFFER_CLASS
           : a->dtype != b->dtype       ? DIFFER_DTYPE
           : a->digest != b->digest     ? DIFFER_LABELS
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

/* Of the two, at most one holds the class. */
static void merge_picks(const sj_product *left, sj_product *into) {
    if (left->dot[1] == 0) return;
    into->at_max = left->at_max;
    into->dot[1] = left->dot[1];
}

static void merge_rows(uint64_t kind, const sj_product *left, sj_product *into) {
    if (kind == RECORD_PRODUCT) {
        sj_product merged = *left;
        (void)sj_product_merge(&merged, into, 1);
        *into = merged;
        return;
    }
    sj_state state = left->state;
    (void)sj_state_merge(&state, &into->state, 1);
    if (kind == RECORD_PICK) merge_picks(left, into);
    if (kind == RECORD_TOP && state.argmax < left->state.count) into->at_max = left->at_max;
    into->state = state;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): MPI's type */
void sj_mpi_merge_records(void *left, void *into, int *count, MPI_Datatype *type) {
    const record *from = left;
    record *to = into;
    (void)type;
    for (int i = 0; i < *count; i++) {
        if (to[i].kind == RECORD_HEADER)
            merge_headers(&from[i].of.header, &to[i].of.header);
        else if (to[i].kind == RECORD_SUM)
            for (int w = 0; w < RECORD_WORDS; w++) to[i].of.words[w] += from[i].of.words[w];
        else
            merge_rows(to[i].kind, &from[i].of.product, &to[i].of.product);
    }
}
