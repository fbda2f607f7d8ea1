/* light_losses.h: cross-entropy of a label of float32 and its gradient in plain double, as light_rows.h has it: s_q f
 * for all entries but the label's, -c f there, f the weight of the label times the scale of the gradient. Called by
 * losses.h; calls light_rows.h. In units of u as in light.h: s_q f is 12.5 and two roundings, -c f 17 and two, the loss
 * 23 and three: LIGHT_ERROR. */
#ifndef SJ_KERNEL_EXACT_LIGHT_LOSSES_H
#define SJ_KERNEL_EXACT_LIGHT_LOSSES_H

#include "../target.h"
#include "light_rows.h"

/* Sizes of f that its products with weights are in the range of double, and beside which what light.h calls deep does
 * not show. */
#define LIGHT_FACTOR_LEAST 0x1p-200
#define LIGHT_FACTOR_MOST 0x1p30

/* What a row's numbers are, once all of them are decided. */
typedef struct light_loss {
    wide loss;       /* where a total is asked for, as settle.h has it */
    float each, lse; /* else, rounded */
} light_loss;

static inline bool light_fits_labels(const sj_run *run) {
    for (int i = 0; i <= SJ_ROW_LOGSUMEXP; i++)
        if (run->numbers[i].data && run->numbers[i].dtype != SJ_F32) return false;
    return run->z.dtype == SJ_F32 && (!run->out.data || run->out.dtype == SJ_F32) && run->losses->z_loss == 0;
}

/* The loss of the label, of logit z, and logsumexp. */
static bool light_numbers(light_row *r, double z, double weight, light_loss *to) {
    const double max = r->from.max, log = light_log(r);
    if (r->run->losses->total) {
        if (!settles(r)) return false;
        settle_prepare(r, LIGHT_LOG);
        to->loss = wide_mul(wide_add(wide_sub(wide_of(max), wide_of(z)), r->settle.log), wide_of(weight));
    }
    const double each = weight * ((max - z) + log), size = each < 0 ? -each : each;
    if (!light_sum_decided(r, log, &to->lse) && r->run->numbers[SJ_ROW_LOGSUMEXP].data) return false;
    return light_decided(each, size * LIGHT_ERROR, &to->each) || !r->run->numbers[SJ_ROW_LOSS].data;
}

/* Every entry of the gradient. */
static bool light_label_emit(light_row *r, size_t label, double z, dd factor) {
    const double f = factor.hi < 0 ? -factor.hi : factor.hi;
    const double s = light_weight_at(z, r->from) * r->inverse;
    const double c = label == r->argmax ? r->rest.hi * r->inverse : 1 - s;
    light_line line = light_row_line(r);
    line.set = label;
    if (!light_decided(-c * factor.hi, c * f * LIGHT_ERROR, &line.value)) return false;
    r->settle.factor = wide_add(wide_of(factor.hi), wide_of(factor.lo));
    if (factor.hi < 0) r->settle.factor = wide_minus(r->settle.factor);
    return light_emit(r, &line, light_factor(f * r->inverse, LIGHT_ERROR),
                      factor.hi < 0 ? LIGHT_MINUS_TIMES : LIGHT_TIMES);
}

/* A row whose label counts; false, with nothing stored but entries of a gradient that is elsewhere, where pairs are
 * needed. */
static bool light_label(light_row *r, size_t index, const target *of, light_loss *to) {
    const dd factor = dd_mul(of->scale, (dd){of->weight, 0});
    const double size = factor.hi < 0 ? -factor.hi : factor.hi;
    if (!(size >= LIGHT_FACTOR_LEAST && size <= LIGHT_FACTOR_MOST) || !light_reduce(r, index)) return false;
    const double z = (double)*light_logits(r, of->label, 1);
    if (!(z >= -(double)REAL_LARGEST) || !light_numbers(r, z, of->weight, to)) return false;
    return !r->run->out.data || light_label_emit(r, of->label, z, factor);
}

#endif
