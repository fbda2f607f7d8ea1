/* search.c: replays the corpus, draws rows from every family, then climbs from the worst ones found. See search.h. */
#include "search.h"

#include "clock.h"
#include "memory.h"

#include <math.h>

#define ELITES 6        /* of each form */
#define JUDGED_MOST 500 /* rows of each form that the oracle is asked about */
#define MATRIX_MOST 24  /* longest row of a Jacobian */
#define PATIENCE 400    /* batches without progress before an elite gives its place to a new row */

/* How far below the bound the filter's word is enough: three times what it was ever seen to err. */
static double doubt(sj_dtype dtype) { return dtype == SJ_F32 ? 0x1p-30 : 0.005; }

typedef struct elite {
    candidate input;
    double error;
    size_t patience;
} elite;

typedef struct searcher {
    judge *judge;
    const search_options *options;
    sj_dtype dtype;
    sj_mode mode;
    random_stream random;
    record *found;
    batch work;
    candidate rows[BATCH];
    elite elites[FORM_COUNT][ELITES];
    double spent_short, spent_long; /* entries of rows of each kind */
} searcher;

static bool wanted(const searcher *s, int id) { return s->options->only < 0 || s->options->only == id; }

static elite *weakest(searcher *s, form_id id) {
    elite *least = s->elites[id];
    for (size_t i = 1; i < ELITES; i++)
        if (s->elites[id][i].error < least->error) least = &s->elites[id][i];
    return least;
}

static void keep(elite *place, const candidate *c, double error) {
    candidate_copy(&place->input, c);
    place->error = error;
    place->patience = PATIENCE;
}

/* What the filter doubts, the oracle settles; after many rows of a form, only what the filter is sure of counts. */
static worst_entry settled(searcher *s, record *r, const candidate *c, worst_entry w) {
    const double bound = contract_bound(r->id, s->dtype, s->mode);
    if (r->judged < JUDGED_MOST && judge_row(s->judge, r->id, s->dtype, s->mode, c, &w)) {
        r->judged++;
        r->beyond += w.doubtful;
    } else if (w.error > bound + filter_margin(s->dtype) * fmax(1, bound)) {
        r->beyond++;
    }
    return w;
}

static void note(searcher *s, form_id id, const candidate *c, worst_entry w) {
    record *r = &s->found[id];
    r->tried += form_entries(&forms[id], c->n);
    if (w.doubtful) w = settled(s, r, c, w);
    if (w.error <= r->error) return;
    r->error = w.error;
    r->entry = w.entry;
    candidate_copy(&r->input, c);
}

static void measure(searcher *s, form_id id, worst_entry *worst) {
    batch_measure(&s->work, id, s->mode, contract_bound(id, s->dtype, s->mode) - doubt(s->dtype), worst);
}

static void set_batch(searcher *s, size_t count) {
    for (size_t i = 1; i < count; i++) s->rows[i].q = s->rows[0].q;
    batch_set(&s->work, s->dtype, s->rows, count);
}

/* Every form of the rows drawn, the worst of each kept. */
static void measure_all(searcher *s, size_t count) {
    const size_t n = s->rows[0].n;
    worst_entry worst[BATCH];
    set_batch(s, count);
    for (int id = 0; id < FORM_COUNT; id++) {
        if (!wanted(s, id) || (forms[id].result == RESULT_MATRIX && n > MATRIX_MOST)) continue;
        measure(s, (form_id)id, worst);
        for (size_t i = 0; i < count; i++) {
            note(s, (form_id)id, &s->rows[i], worst[i]);
            elite *place = weakest(s, (form_id)id);
            if (n <= EXPLICIT_MOST && worst[i].error > place->error) keep(place, &s->rows[i], worst[i].error);
        }
    }
}

/* Four fifths of the entries in rows of up to 64, most of them shorter than 17; the rest up to the longest, as many in
 * each octave. */
static size_t draw_length(searcher *s) {
    const double longest = log2((double)s->options->longest);
    if (longest > 6 && s->spent_long * 4 < s->spent_short)
        return (size_t)exp2(random_uniform(&s->random, 6, longest)) + 1;
    const size_t most = random_below(&s->random, 4) ? 16 : EXPLICIT_MOST;
    return 1 + random_below(&s->random, most < s->options->longest ? most : s->options->longest);
}

static void draw(searcher *s, candidate *c, size_t n) {
    const size_t family = random_below(&s->random, family_count());
    const size_t cotangent = random_below(&s->random, cotangent_family_count);
    const uint64_t seed = (uint64_t)random_below(&s->random, (size_t)1 << 48);
    candidate_draw(c, s->dtype, family, cotangent, n, seed);
}

static void draw_until(searcher *s, double deadline) {
    do {
        size_t n = draw_length(s);
        if (n > s->options->longest) n = s->options->longest;
        const size_t count = n <= EXPLICIT_MOST ? BATCH : n <= 1024 ? 4 : 1;
        *(n <= EXPLICIT_MOST ? &s->spent_short : &s->spent_long) += (double)(n * count);
        for (size_t i = 0; i < count; i++) draw(s, &s->rows[i], n);
        measure_all(s, count);
    } while (seconds_now() < deadline);
}

static void climb_once(searcher *s, form_id id) {
    worst_entry worst[BATCH];
    elite *from = &s->elites[id][random_below(&s->random, ELITES)];
    if (from->input.n == 0) return;
    candidate *base = &s->rows[BATCH - 1];
    candidate_copy(base, &from->input);
    if (random_below(&s->random, 8) == 0) candidate_resize(base, base->n + random_below(&s->random, 3) - 1, &s->random);
    if (base->n == 0 || (forms[id].result == RESULT_MATRIX && base->n > MATRIX_MOST)) return;
    for (size_t i = 0; i + 1 < BATCH; i++) candidate_mutate(&s->rows[i], base, s->dtype, &s->random);
    set_batch(s, BATCH - 1);
    measure(s, id, worst);
    size_t best = 0;
    for (size_t i = 0; i + 1 < BATCH; i++) {
        note(s, id, &s->rows[i], worst[i]);
        if (worst[i].error > worst[best].error) best = i;
    }
    const bool better = worst[best].error > from->error;
    if (better || (worst[best].error == from->error && random_below(&s->random, 2))) {
        const size_t patience = from->patience;
        keep(from, &s->rows[best], worst[best].error);
        if (!better) from->patience = patience - (patience > 0);
    } else if (from->patience == 0 || --from->patience == 0) {
        from->error = -1;
        from->input.n = 0;
    }
}

static void climb_until(searcher *s, double deadline) {
    do {
        for (int id = 0; id < FORM_COUNT; id++)
            for (int i = 0; i < 32 && wanted(s, id); i++) climb_once(s, (form_id)id);
    } while (seconds_now() < deadline);
}

static void replay_corpus(searcher *s, const char *path) {
    FILE *in = fopen(path, "r");
    char *line = NULL;
    size_t capacity = 0;
    record r = {0};
    if (!in) {
        perror(path);
        exit(1);
    }
    while (next_line(in, &line, &capacity)) {
        if (!record_read(&r, line) || r.dtype != s->dtype || r.input.n > s->options->longest) continue;
        candidate_copy(&s->rows[0], &r.input);
        measure_all(s, 1);
    }
    (void)fclose(in);
    candidate_free(&r.input);
    free(line);
}

static void begin(searcher *s) {
    for (int id = 0; id < FORM_COUNT; id++) {
        record *r = &s->found[id];
        r->id = (form_id)id;
        r->dtype = s->dtype;
        r->mode = s->mode;
        r->error = -1;
        (void)snprintf(r->set, sizeof r->set, "%s", sj_kernel_set());
        for (size_t i = 0; i < ELITES; i++) s->elites[id][i].error = -1;
    }
}

static void end(searcher *s) {
    for (int id = 0; id < FORM_COUNT; id++) {
        record *r = &s->found[id];
        worst_entry w;
        if (r->input.n && judge_row(s->judge, r->id, s->dtype, s->mode, &r->input, &w)) {
            r->error = w.error;
            r->entry = w.entry;
            r->confirmed = true;
        }
        for (size_t i = 0; i < ELITES; i++) candidate_free(&s->elites[id][i].input);
    }
    for (size_t i = 0; i < BATCH; i++) candidate_free(&s->rows[i]);
    batch_free(&s->work);
}

/* Rounds of both, so that climbing sets out from ever more places. */
void search(judge *j, sj_dtype dtype, sj_mode mode, const search_options *options, record *found) {
    searcher *s = new_array(1, sizeof *s);
    *s = (searcher){.judge = j, .options = options, .dtype = dtype, .mode = mode, .found = found};
    s->random.state = options->seed * 4 + (uint64_t)mode * 2 + (dtype == SJ_F64);
    begin(s);
    for (size_t i = 0; i < CORPORA_MOST && options->corpora[i]; i++) replay_corpus(s, options->corpora[i]);
    const double start = seconds_now();
    const double rounds = fmax(1, floor(options->seconds / 10));
    for (double i = 0; i < rounds; i++) {
        draw_until(s, start + options->seconds * (i + 0.5) / rounds);
        climb_until(s, start + options->seconds * (i + 1) / rounds);
    }
    end(s);
    free(s);
}
