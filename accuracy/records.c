/* records.c: see records.h. */
#include "records.h"

#include "memory.h"

#include <math.h>

double oracle_error(const oracle *truth, form_id id, size_t i, double got, sj_dtype dtype) {
    if (forms[id].takes_g) return oracle_componentwise(truth, i, got, dtype);
    const double ulps = oracle_ulps(truth, i, got, dtype);
    return id == FORM_LOGSUMEXP ? fmin(ulps, oracle_componentwise(truth, i, got, dtype)) : ulps;
}

/* A filter that errs beyond its margin would pass entries it should not. An error of many units is known to as many
 * times the margin. */
static void compare(judge *j, form_id id, sj_dtype dtype, double filtered, double error) {
    double *most = &j->disagreement[dtype == SJ_F64];
    const double difference = isfinite(error) || isfinite(filtered) ? fabs(filtered - error) / fmax(1, error) : 0;
    if (difference > *most) *most = difference;
    if (difference <= filter_margin(dtype)) return;
    (void)fprintf(stderr, "accuracy: %s %s: the filter says %.9g, the oracle %.9g\n", forms[id].name, dtype_name(dtype),
                  filtered, error);
    exit(1);
}

bool judge_row(judge *j, form_id id, sj_dtype dtype, sj_mode mode, const candidate *c, worst_entry *worst) {
    const double bound = contract_bound(id, dtype, mode);
    if (c->n > j->longest) return false;
    double *cut = new_array(c->n, sizeof *cut);
    const double *z = candidate_logits(c, dtype, forms[id].takes_g, cut);
    batch_set(&j->work, dtype, c, 1);
    batch_measure(&j->work, id, mode, bound, worst);
    const worst_entry filtered = *worst;
    if (filtered.error < 0) { /* not measured */
        free(cut);
        return true;
    }
    const bool evaluated = oracle_row(j->truth, id, z, c->g, c->q, c->n);
    *worst = (worst_entry){-1, 0, 0};
    for (size_t i = 0; evaluated && i < oracle_entries(j->truth); i++) {
        const double error = oracle_error(j->truth, id, i, batch_result(&j->work, id, 0, i), dtype);
        if (error > bound) worst->doubtful++;
        if (error <= worst->error) continue;
        worst->error = error;
        worst->entry = i;
        j->got = batch_result(&j->work, id, 0, i);
        j->want = oracle_value(j->truth, i);
    }
    free(cut);
    if (evaluated) compare(j, id, dtype, filtered.error, worst->error);
    return evaluated;
}

void judge_free(judge *j) {
    oracle_free(j->truth);
    batch_free(&j->work);
}

void record_write(const record *r, FILE *out) {
    (void)fprintf(out, "%s %s %s %s %.9f %s entry=%zu tried=%zu beyond=%zu ", forms[r->id].name, dtype_name(r->dtype),
                  mode_name(r->mode), r->set, r->error, r->confirmed ? "oracle" : "filter", r->entry, r->tried,
                  r->beyond);
    candidate_write(&r->input, forms[r->id].takes_g, out);
    (void)fputc('\n', out);
}

static bool find_form(const char *name, form_id *id) {
    for (int i = 0; i < FORM_COUNT; i++)
        if (strcmp(forms[i].name, name) == 0) {
            *id = (form_id)i;
            return true;
        }
    return false;
}

bool record_read(record *r, const char *line) {
    char name[24], dtype[8], mode[12], by[12];
    if (sscanf(line, "%23s %7s %11s %31s %lf %11s entry=%zu tried=%zu beyond=%zu", name, dtype, mode, r->set, &r->error,
               by, &r->entry, &r->tried, &r->beyond) != 9)
        return false;
    if (!find_form(name, &r->id)) return false;
    r->dtype = strcmp(dtype, "f32") == 0 ? SJ_F32 : SJ_F64;
    r->mode = strcmp(mode, "exact") == 0 ? SJ_EXACT : SJ_DEFAULT;
    r->confirmed = strcmp(by, "oracle") == 0;
    const char *input = strstr(line, " n=");
    return input && candidate_read(&r->input, r->dtype, input + 1);
}

char *next_line(FILE *in, char **line, size_t *capacity) {
    size_t length = 0;
    int c;
    while ((c = getc(in)) != EOF && c != '\n') {
        if (length + 2 > *capacity) {
            const size_t more = *capacity ? 2 * *capacity : 256;
            char *longer = new_array(more, 1);
            if (length) memcpy(longer, *line, length);
            free(*line);
            *line = longer;
            *capacity = more;
        }
        (*line)[length++] = (char)c;
    }
    if (c == EOF && length == 0) return NULL;
    if (!*line) {
        *line = new_array(256, 1);
        *capacity = 256;
    }
    (*line)[length] = '\0';
    return *line;
}
