/* rules.c: the table of targets. A target is a line of rules[]: its regime, the figure, the bound that is required and
 * the goal. Called by main.c after the last workload, because some compare two of them. */
#include "rules.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#define SHORT_ROW 16
#define USUAL_L2 ((size_t)1 << 20)

typedef struct scene {
    const measurement *all;
    size_t count;
    const measurement *ours;
    const peer *against;       /* set by the figure */
    const measurement *judged; /* ours unless the figure sets it */
} scene;

typedef struct rule {
    const char *regime, *figure;
    bool (*applies)(const bench_case *c);
    double (*value)(scene *s);
    double required, goal;
    bool at_least;
} rule;

static bool same_workload(const bench_case *a, const bench_case *b) {
    return a->op == b->op && a->dtype == b->dtype && a->first_axis == b->first_axis && a->threads == b->threads &&
           a->rows == b->rows && a->n == b->n;
}

static const measurement *find(const scene *s, const bench_case *what, peer_kind kind, const char *name) {
    const measurement *best = NULL;
    for (size_t i = 0; i < s->count; i++) {
        const measurement *m = &s->all[i];
        if (!same_workload(&m->what, what) || m->contender->kind != kind || isnan(m->median)) continue;
        if (name != NULL && strncmp(m->contender->name, name, strlen(name)) != 0) continue;
        if (best == NULL || m->median < best->median) best = m;
    }
    return best;
}

const measurement *rules_best_peer(const measurement *all, size_t count, const bench_case *what) {
    const scene s = {.all = all, .count = count};
    return find(&s, what, PEER_OTHER, NULL);
}

static double over(const measurement *a, const measurement *b) {
    return a == NULL || b == NULL ? NAN : a->median / b->median;
}

/* ---------------------------------------------------------------- figures */

static double times_best_peer(scene *s) {
    const measurement *best = find(s, &s->ours->what, PEER_OTHER, NULL);
    if (best != NULL) s->against = best->contender;
    return over(best, s->ours);
}

static double over_copy(scene *s) { return s->ours->over_copy; }

static double over_bytes(scene *s) { return 1 / s->ours->bandwidth; }

static double of_stores(scene *s) { return over(find(s, &s->ours->what, PEER_LIMIT, NULL), s->ours); }

static double call_ns(scene *s) { return s->ours->median * (double)bench_entries(&s->ours->what); }

static const measurement *judge_exact(scene *s) { return s->judged = find(s, &s->ours->what, PEER_EXACT, NULL); }

static double exact_over_default(scene *s) { return over(judge_exact(s), s->ours); }

static double pytorch_over_exact(scene *s) {
    const measurement *pytorch = find(s, &s->ours->what, PEER_OTHER, "PyTorch");
    if (pytorch != NULL) s->against = pytorch->contender;
    return over(pytorch, judge_exact(s));
}

static double one_thread_over(scene *s) {
    bench_case one = s->ours->what;
    one.threads = 1;
    return over(find(s, &one, PEER_OURS, NULL), s->ours);
}

static double over_last_axis(scene *s) {
    bench_case last = s->ours->what;
    last.first_axis = false;
    return over(s->ours, find(s, &last, PEER_OURS, NULL));
}

static double times_single(scene *s) {
    bench_case single = s->ours->what;
    single.dtype = SJ_F32;
    return over(find(s, &single, PEER_OURS, NULL), s->ours);
}

/* ---------------------------------------------------------------- regimes */

static bool large_rows(const bench_case *c) { return c->threads == 1 && !c->first_axis && c->rows * c->n > 1024; }

static bool usual(const bench_case *c) { return large_rows(c) && bench_is_plain(c); }

static bool forward(const bench_case *c) {
    return c->op == OP_SOFTMAX || c->op == OP_LOG_SOFTMAX || c->op == OP_LOGSUMEXP;
}

static size_t second_cache(void) {
#ifdef _SC_LEVEL2_CACHE_SIZE
    const long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
    if (bytes > 0) return (size_t)bytes;
#endif
    return USUAL_L2;
}

static bool cached(const bench_case *c) { return c->n * bench_item(c->dtype) <= second_cache(); }

static bool short_rows(const bench_case *c) { return usual(c) && c->n <= SHORT_ROW && c->op != OP_JACOBIAN; }

static bool longer(const bench_case *c) { return usual(c) && c->n > SHORT_ROW && c->op != OP_JACOBIAN; }

static bool cached_forward(const bench_case *c) { return longer(c) && forward(c) && c->dtype == SJ_F32 && cached(c); }

static bool beyond_forward(const bench_case *c) { return longer(c) && forward(c) && c->dtype == SJ_F32 && !cached(c); }

static bool double_rows(const bench_case *c) { return longer(c) && c->dtype == SJ_F64; }

static bool backward(const bench_case *c) { return longer(c) && c->op == OP_VJP_OF_SOFTMAX; }

static bool fused(const bench_case *c) { return longer(c) && c->op == OP_VJP; }

static bool huge_row(const bench_case *c) {
    return c->threads > 1 && (size_t)c->threads > c->rows && !c->first_axis && bench_is_plain(c) &&
           c->op != OP_JACOBIAN;
}

static bool other_axis(const bench_case *c) {
    return c->threads == 1 && c->first_axis && bench_is_plain(c) && c->op != OP_JACOBIAN;
}

static bool blocks(const bench_case *c) { return usual(c) && c->op == OP_JACOBIAN; }

static bool exact(const bench_case *c) { return usual(c) && c->dtype == SJ_F32 && c->op != OP_JACOBIAN; }

static bool small_call(const bench_case *c) {
    return c->threads == 1 && !c->first_axis && bench_is_plain(c) && c->rows * c->n <= 16;
}

static bool losses(const bench_case *c) { return large_rows(c) && c->op == OP_CROSS_ENTROPY; }

static bool halves(const bench_case *c) { return large_rows(c) && is_half(c->dtype); }

static const rule rules[] = {
    {"n <= 16", "times the best peer", short_rows, times_best_peer, 4, 8, true},
    {"17 <= n, row in cache, f32 forward", "times the best peer", cached_forward, times_best_peer, 1.3, 1.6, true},
    {"17 <= n, row in cache, f32 forward", "over memcpy", cached_forward, over_copy, 1.5, 1.25, false},
    {"row larger than L2, f32 forward", "times the best peer", beyond_forward, times_best_peer, 1.5, 2, true},
    {"row larger than L2, f32 forward", "over memcpy", beyond_forward, over_copy, NAN, 1.6, false},
    {"float64, 17 <= n", "times the best peer", double_rows, times_best_peer, 2, 3, true},
    {"backward from s, 17 <= n", "times the best peer", backward, times_best_peer, 1.3, NAN, true},
    {"backward from s, 17 <= n", "over its bytes at copy speed", backward, over_bytes, NAN, 1.1, false},
    {"logits to gradient, 17 <= n", "times the best peer's two calls", fused, times_best_peer, 2, 3, true},
    {"huge row, all threads", "times one thread", huge_row, one_thread_over, 1.5, NAN, true},
    {"huge row, all threads", "over its bytes at copy speed", huge_row, over_bytes, NAN, 1.6, false},
    {"first axis", "times the best peer", other_axis, times_best_peer, 2, NAN, true},
    {"first axis", "over the last axis", other_axis, over_last_axis, NAN, 1.05, false},
    {"Jacobian blocks", "of the store bandwidth", blocks, of_stores, 0.8, 0.9, true},
    {"exact mode, f32", "over default mode", exact, exact_over_default, 3, 2, false},
    {"exact mode, f32", "times PyTorch", exact, pytorch_over_exact, 1, NAN, true},
    {"cross-entropy in place", "times the best peer's two calls", losses, times_best_peer, 2, 3, true},
    {"half precision", "times float32", halves, times_single, NAN, 2, true}, /* half the bytes */
    {"small call, 1 x 5", "ns", small_call, call_ns, 60, 25, false},
};

static bool within(const verdict *v, double bound) {
    if (isnan(bound)) return true;
    return v->at_least ? v->value >= bound : v->value <= bound;
}

bool verdict_holds(const verdict *v) { return within(v, v->required); }

bool verdict_reaches(const verdict *v) { return within(v, v->goal); }

double verdict_time(const verdict *v, double bound) {
    const double ours = v->judged->median;
    return v->at_least ? ours * v->value / bound : ours * bound / v->value;
}

bool verdict_below_floor(const verdict *v, double bound) { return verdict_time(v, bound) < v->floor; }

/* ---------------------------------------------------------------- floors */

/* The bytes that must move, at the speed of the copy of the same rounds. */
static double bytes_time(const measurement *m) { return m->median * m->bandwidth; }

/* What is timed on one thread is shared by all of them. */
static void find_floor(const scene *s, verdict *v) {
    const measurement *judged = v->judged;
    const peer_kind kind = judged->contender->kind == PEER_EXACT ? PEER_EXACT_FLOOR : PEER_FLOOR;
    bench_case one = judged->what;
    one.threads = 1;
    v->floor = bytes_time(judged);
    v->floor_of = "bytes";
    for (size_t i = 0; i < s->count; i++) {
        const measurement *m = &s->all[i];
        if (m->contender->kind != kind || !same_workload(&m->what, &one) || isnan(m->median)) continue;
        const double time = m->median / judged->what.threads;
        if (v->floor >= time) continue;
        v->floor = time;
        v->floor_of = m->contender->name;
    }
}

size_t rules_judge(const measurement *all, size_t count, verdict *out, size_t room) {
    size_t written = 0;
    for (size_t k = 0; k < sizeof rules / sizeof rules[0]; k++) {
        for (size_t i = 0; i < count && written < room; i++) {
            scene s = {.all = all, .count = count, .ours = &all[i], .judged = &all[i]};
            const rule *r = &rules[k];
            if (all[i].contender->kind != PEER_OURS || !r->applies(&all[i].what)) continue;
            const double value = r->value(&s);
            if (isnan(value)) continue; /* no such peer here, or its counterpart was not timed */
            verdict *v = &out[written++];
            *v = (verdict){r->regime,   r->figure, &all[i],     s.judged, s.against, value,
                           r->required, r->goal,   r->at_least, NAN,      NULL};
            find_floor(&s, v);
        }
    }
    return written;
}
