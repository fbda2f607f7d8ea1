/* core.c: the parts of default mode, by the functions of the kernels themselves. Compiled once per set and dtype with
 * the set's flags, -DSJ_SET=<name>, -DSJ_REAL_f32 or -DSJ_REAL_f64, and once more for rows alone with -DSJ_ACROSS.
 *
 * Rows are shallow and plain, as nearly all are. Their maxima, and the scalars that are formed once a row, are made
 * before the time is taken. */
#include "core.h"

#include "kernel/derivatives.h"

#define JOIN3(a, b, c) a##b##_##c
#define CORE_NAME(set, real) JOIN3(floor_core_, set, real)
#define TEXT(x) #x
#define SET_NAME(set) TEXT(set)

#define ENTRIES (FLOOR_BYTES / sizeof(real))

/* A piece of a long row, and its scalars. */
typedef struct piece {
    const real *z, *g;
    extremes of;
    reference ref;
    vec begun[SUM_PARTS];
    cotangent c;
    emission e;
    _Alignas(64) real w[ENTRIES], low[ENTRIES];
} piece;

static inline dd piece_weigh(piece *p, group_keep keep, size_t skip) {
    const weights to = {p->w, p->low};
    return plain_weigh(p->z, (const char *)p->z, to, ENTRIES, skip, p->begun, &p->ref, keep, WEIGH_SHALLOW);
}

static void piece_begin(const floor_case *from, piece *p) {
    p->z = from->z, p->g = from->g;
    p->of = chunk_extremes(p->z, ENTRIES);
    p->ref = reference_near(v_set1(p->of.max), WEIGH_NEAR);
    sums_begin(p->z, ENTRIES, ENTRIES, &p->of, &p->ref, WEIGH_SHALLOW, p->begun);
    p->c = (cotangent){.scale = 1, .g_m = p->g[0], .at_max = p->g[0]};
    const vec small = v_set1(REAL(0x1p-10));
    p->e = (emission){.factor = {small, v_mul(small, small)},
                      .a = v_set1(1),
                      .b = small,
                      .c = v_mul(small, small),
                      .last = descent_by(v_set1(1))};
    const dd sum = piece_weigh(p, GROUP_PAIRS, ENTRIES);
    floor_keep(&sum);
}

static void piece_softmax(piece *p, real *out) {
    const dd sum = piece_weigh(p, GROUP_SUM, ENTRIES);
    floor_keep(&sum);
    emit_chunk(emit_softmax, &p->e, p->w, p->w, p->w, out, ENTRIES, EMIT_AT_HAND);
}

static void piece_logsumexp(piece *p, real *out) {
    const dd sum = piece_weigh(p, GROUP_REST, 0);
    out[0] = (real)sum.hi;
    floor_keep(&sum);
}

static void piece_log_softmax(piece *p, real *out) {
    piece_logsumexp(p, out);
    emit_chunk(emit_log_softmax, &p->e, p->z, p->z, p->z, out, ENTRIES, EMIT_AT_HAND);
}

static void piece_gradient(piece *p, real *out) {
    const dd sum = piece_weigh(p, GROUP_PAIRS, ENTRIES);
    floor_keep(&sum);
    emit_chunk(emit_plain_off_diagonal, &p->e, p->w, p->low, p->w, out, ENTRIES, EMIT_AT_HAND);
}

static void piece_product(piece *p, real *out) {
    const dd sum = piece_weigh(p, GROUP_PAIRS, ENTRIES);
    const dd dot = chunk_dot(p->w, p->low, p->g, ENTRIES, &p->c, v_zero(), true);
    floor_keep(&sum), floor_keep(&dot);
    emit_chunk(emit_plain_product, &p->e, p->w, p->low, p->g, out, ENTRIES, EMIT_AT_HAND);
}

static void piece_product_of_softmax(piece *p, real *out) {
    const dd dot = chunk_dot(p->z, NULL, p->g, ENTRIES, &p->c, v_zero(), true);
    floor_keep(&dot);
    emit_chunk(emit_product_of_softmax, &p->e, p->z, p->z, p->g, out, ENTRIES, EMIT_AT_HAND);
}

/* One line of a Jacobian, its entries' products. */
static void piece_line(piece *p, real *out) {
    line_store((pairs){p->w, p->low}, p->e.factor, ENTRIES, ENTRIES, false, out);
}

typedef void piece_function(piece *p, real *out);

static size_t time_piece(const floor_case *from, size_t times, piece_function *part) {
    piece p;
    piece_begin(from, &p);
    for (size_t i = 0; i < times; i++) {
        floor_keep(&p), floor_keep(from->z);
        part(&p, from->out);
    }
    return ENTRIES;
}

static size_t long_entries(const floor_case *c, size_t times) {
    static piece_function *const parts[OP_COUNT] = {
        [OP_SOFTMAX] = piece_softmax,     [OP_LOG_SOFTMAX] = piece_log_softmax,
        [OP_LOGSUMEXP] = piece_logsumexp, [OP_GRADIENT] = piece_gradient,
        [OP_VJP] = piece_product,         [OP_VJP_OF_SOFTMAX] = piece_product_of_softmax,
        [OP_JVP] = piece_product,         [OP_JACOBIAN] = piece_line,
    };
    return time_piece(c, times, parts[c->op]);
}

/* ---------------------------------------------------------------- blocks */

static sj_operand operand_of(void *data, const floor_case *c) {
    const ptrdiff_t n = (ptrdiff_t)c->n, lanes = (ptrdiff_t)V_LANES;
    return (sj_operand){data, REAL_DTYPE, c->beside ? 1 : n, c->beside ? lanes : 1, 0};
}

static sj_run run_of(const floor_case *c) {
    sj_run run = {.rows = V_LANES, .n = c->n, .z = operand_of(c->z, c), .out = operand_of(c->out, c)};
    if (floor_has_cotangent(c->op)) run.g = operand_of(c->g, c);
    if (c->op == OP_VJP_OF_SOFTMAX) run.given = SJ_GIVEN_SOFTMAX;
    if (c->op == OP_JACOBIAN)
        run.out.row_stride = (ptrdiff_t)(c->n * c->n), run.out.class_stride = (ptrdiff_t)c->n, run.out.input_stride = 1;
    return run;
}

/* Blocks are timed in sets that have more than a row of them. */
static inline void part_store(const block *b, const vec *turned) {
    if (!ACROSS) block_store_row(b, turned);
}

static void block_part_weigh(block *b) {
    block_load(b, &b->run->z, b->z);
    const vsum rest = block_weigh(b, WEIGH_SHALLOW_LANES);
    floor_keep(&rest);
}

static void block_part_softmax(block *b, const block_jacobians *j) {
    (void)j;
    block_load(b, &b->run->z, b->z);
    const vpair sum = block_sum(b, WEIGH_SHALLOW_LANES);
    floor_keep(&sum);
    block_emit_softmax(b, emit_shallow_softmax);
    part_store(b, b->w);
}

static void block_part_logsumexp(block *b, const block_jacobians *j) {
    (void)j;
    block_part_weigh(b);
    block_store(b, &b->max, 1, 0, 1);
}

static void block_part_log_softmax(block *b, const block_jacobians *j) {
    const emission e = {.a = b->max, .b = j->softmax.a};
    block_part_weigh(b);
    block_emit(b, emit_log_softmax, &e, b->z);
    part_store(b, b->w);
}

static void block_part_gradient(block *b, const block_jacobians *j) {
    block_part_weigh(b);
    block_emit(b, emit_plain_off_diagonal, &j->softmax, b->w);
    part_store(b, b->w);
}

static void block_part_product(block *b, const block_jacobians *j) {
    const block_cotangent c = {.at_max = b->max, .scale = PRODUCT_SCALE};
    block_part_weigh(b);
    block_load(b, &b->run->g, b->g);
    const vsum dot = block_dot(b, &c, b->max, true);
    floor_keep(&dot);
    block_emit(b, emit_plain_product, &j->softmax, b->g);
    part_store(b, b->w);
}

static void block_part_product_of_softmax(block *b, const block_jacobians *j) {
    const block_cotangent c = {.at_max = b->max, .scale = GIVEN_SCALE};
    given_block_load(b);
    const vpair dot = given_block_dot(b, &c);
    floor_keep(&dot);
    given_block_emit(b, &j->softmax);
    part_store(b, b->w);
}

static void block_part_jacobian(block *b, const block_jacobians *j) { block_lines_turn(b, j, false); }

typedef void block_part(block *b, const block_jacobians *j);

static size_t time_block(const floor_case *from, size_t times, block_part *part) {
    const sj_run run = run_of(from);
    block_lines lines;
    block b = {.run = &run, .rows = V_LANES, .vectors = run.n, .turn = turning_of(run.n)};
    block_reduce(&b);
    block_jacobians j = {.of = &lines, .complement = block_complement(&b), .softmax = block_softmax_emission(&b)};
    j.all = true;
    block_lines_make(&b, &j.softmax, false, &lines);
    for (size_t i = 0; i < times; i++) {
        floor_keep(&b), floor_keep(run.z.data);
        part(&b, &j);
    }
    return V_LANES * run.n * (from->op == OP_JACOBIAN ? run.n : 1);
}

static size_t short_entries(const floor_case *c, size_t times) {
    static block_part *const parts[OP_COUNT] = {
        [OP_SOFTMAX] = block_part_softmax,     [OP_LOG_SOFTMAX] = block_part_log_softmax,
        [OP_LOGSUMEXP] = block_part_logsumexp, [OP_GRADIENT] = block_part_gradient,
        [OP_VJP] = block_part_product,         [OP_VJP_OF_SOFTMAX] = block_part_product_of_softmax,
        [OP_JVP] = block_part_product,         [OP_JACOBIAN] = block_part_jacobian,
    };
    return time_block(c, times, parts[c->op]);
}

static size_t core_entries(const floor_case *c, size_t times) {
    if (ACROSS) return 0;
    const size_t most = c->op == OP_JACOBIAN ? LINES_TURNED : SHORT_ROW;
    return c->n <= most ? short_entries(c, times) : long_entries(c, times);
}

static void block_part_turning(block *b, const block_jacobians *j) {
    (void)j;
    block_load(b, &b->run->z, b->z);
    if (b->run->g.data) block_load(b, &b->run->g, b->g);
    part_store(b, b->z);
}

static size_t core_turning(const floor_case *c, size_t times) {
    const bool none = ACROSS || c->n > SHORT_ROW || c->beside || c->op == OP_JACOBIAN || c->op == OP_LOGSUMEXP;
    return none ? 0 : time_block(c, times, block_part_turning);
}

/* ---------------------------------------------------------------- runs */

static void core_kernel(bench_op op, const sj_run *run) {
    if (op == OP_SOFTMAX) softmax_rows(run);
    if (op == OP_VJP || op == OP_VJP_OF_SOFTMAX) product_rows(run);
}

static void nothing(const sj_run *run) { floor_keep(run->z.data); }

static void core_copies(const sj_run *run) { column_rows(run, nothing); }

/* In the order, and across the cache lines, that the lines of a Jacobian are stored in. */
static void core_lines(const sj_run *run) {
    const size_t n = run->n;
    real line[CHUNK + V_LANES] = {0};
    const line_tile all = {0, n, {line, line}, line};
    const size_t room = run->rows * n * n;
    for (size_t i = 0; i < run->rows; i++)
        lines_follow(&all, all.s, n, room - i * n * n, true, (real *)(void *)run->out.data + i * n * n);
    v_end();
}

extern const floor_core CORE_NAME(SJ_SET, SJ_REAL);

const floor_core CORE_NAME(SJ_SET, SJ_REAL) = {.set = SET_NAME(SJ_SET),
                                               .dtype = REAL_DTYPE,
                                               .entries = core_entries,
                                               .turning = core_turning,
                                               .kernel = core_kernel,
                                               .copies = core_copies,
                                               .lines = core_lines};
