/* exact_core.c: the parts of exact mode of float32 rows in plain double, by the functions of the kernels themselves:
 * the sweep of weights and sums, and results as bounds that round alike. Compiled once per set with the set's flags,
 * -DSJ_SET=<name>, -DSJ_REAL_f64. Nothing is settled, and nothing is formed that a row has once. */
#include "core.h"

#include "kernel/exact/rows.h"

#define JOIN(a, b) a##b
#define CORE_NAME(set) JOIN(floor_exact_core_, set)
#define TEXT(x) #x
#define SET_NAME(set) TEXT(set)

#define ENTRIES (FLOOR_BYTES / sizeof(double) / LIGHT_GROUP * LIGHT_GROUP)

static light_kind kind_of(bench_op op) {
    if (op == OP_LOG_SOFTMAX || op == OP_LOGSUMEXP) return LIGHT_LOG;
    if (op == OP_GRADIENT || op == OP_JACOBIAN) return LIGHT_MINUS_TIMES;
    return floor_has_cotangent(op) ? LIGHT_VJP : LIGHT_TIMES;
}

/* Of a kind known where this is inlined; a Jacobian's line has no sweep of its own. */
V_INLINE void piece_do(const floor_case *c, double *w, light_kind kind) {
    const light_emission e = {.a = 0x1p-10, .b = 0x1p-10, .c = 0x1p-10, .size = 0x1p-10};
    const float *z = c->z, *g = kind == LIGHT_VJP ? c->g : NULL;
    light_sums sums = {{v_zero(), v_zero()}, {v_zero(), v_zero()}, {v_zero(), v_zero()}};
    if (c->op == OP_VJP_OF_SOFTMAX)
        light_sweep_piece(&sums, z, g, ENTRIES, 0, true, w);
    else if (c->op != OP_JACOBIAN)
        light_sweep_piece(&sums, z, g, ENTRIES, 0, false, w);
    floor_keep(&sums);
    if (c->op == OP_LOGSUMEXP) return;
    const bool decided = light_entries_of(w, kind == LIGHT_LOG ? z : c->g, ENTRIES, &e, kind, c->out);
    floor_keep(&decided);
}

static size_t long_entries(const floor_case *c, size_t times) {
    _Alignas(64) double w[ENTRIES] = {0};
    const light_kind kind = kind_of(c->op);
    for (size_t i = 0; i < times; i++) {
        floor_keep(c->z), floor_keep(w);
        if (kind == LIGHT_LOG) piece_do(c, w, LIGHT_LOG);
        if (kind == LIGHT_MINUS_TIMES) piece_do(c, w, LIGHT_MINUS_TIMES);
        if (kind == LIGHT_VJP) piece_do(c, w, LIGHT_VJP);
        if (kind == LIGHT_TIMES) piece_do(c, w, LIGHT_TIMES);
    }
    return ENTRIES;
}

static sj_operand operand_of(void *data, const floor_case *c) {
    const ptrdiff_t n = (ptrdiff_t)c->n, lanes = (ptrdiff_t)V_LANES;
    return (sj_operand){data, SJ_F32, c->beside ? 1 : n, c->beside ? lanes : 1, 0};
}

/* Blocks of short rows: their turning, the sweep, results. */
static size_t short_entries(const floor_case *c, size_t times) {
    sj_run run = {.rows = V_LANES, .n = c->n, .z = operand_of(c->z, c), .out = operand_of(c->out, c)};
    light_block b = {.run = &run, .rows = V_LANES, .set = SIZE_MAX};
    const light_kind kind = kind_of(c->op);
    if (kind == LIGHT_VJP) run.g = operand_of(c->g, c);
    if (c->op == OP_VJP_OF_SOFTMAX) run.given = SJ_GIVEN_SOFTMAX;
    for (size_t i = 0; i < times; i++) {
        floor_keep(&b), floor_keep(c->z);
        light_block_load(&b);
        light_block_reduce(&b);
        const light_vectors e = light_block_factor(v_set1(0x1p-10), BLOCK_ERROR);
        if (c->op == OP_LOGSUMEXP)
            floor_keep(&b);
        else if (kind == LIGHT_LOG)
            light_block_emit(&b, &e, LIGHT_LOG);
        else if (kind == LIGHT_VJP)
            light_product_block(&b);
        else
            light_block_emit(&b, &e, LIGHT_TIMES);
    }
    return V_LANES * run.n;
}

static size_t core_entries(const floor_case *c, size_t times) {
    const bool in_blocks = c->n <= LIGHT_SHORT && c->op != OP_JACOBIAN;
    return in_blocks ? short_entries(c, times) : long_entries(c, times);
}

extern const floor_core CORE_NAME(SJ_SET);

const floor_core CORE_NAME(SJ_SET) = {.set = SET_NAME(SJ_SET), .dtype = SJ_F32, .entries = core_entries};
