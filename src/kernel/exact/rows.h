/* rows.h: every quantity of exact mode for every row of a run. Called through table.c; calls
 * light_rows.h and light_products.h, and emit.h and products.h where plain double does not decide. */
#ifndef SJ_KERNEL_EXACT_ROWS_H
#define SJ_KERNEL_EXACT_ROWS_H

#include "light_block.h"
#include "light_products.h"
#include "products.h"

typedef void exact_function(exact_row *r);
typedef void exact_filler(exact_row *r, double value);

/* How a row comes out that has a state; one that has none, with NaN or, without mass, with `empty`; and, where not
 * NULL, one in float32 that plain double may decide, alone or in a block of short ones. */
typedef struct exact_form {
    exact_function *finite;
    exact_filler *fill;
    double empty;
    light_function *light;
    light_block_function *block;
} exact_form;

static void exact_serve_row(exact_row *r, size_t index, const exact_form *form) {
    exact_seek(r, index);
    switch (exact_reduce(r)) {
    case EXACT_NAN:
        form->fill(r, NAN);
        break;
    case EXACT_EMPTY:
        form->fill(r, form->empty);
        break;
    case EXACT_FINITE:
        form->finite(r);
    }
}

static void exact_serve(const sj_run *run, const exact_form *form) {
    exact_row r;
    r.run = run;
    for (size_t i = 0; i < run->rows; i++) exact_serve_row(&r, i, form);
}

/* So few rows of n entries cost less one after the other than in the lanes of a block. */
static inline bool light_rows_are_few(size_t rows, size_t n) { return rows <= n / 32; }

static void exact_serve_blocks(const sj_run *run, light_row *light, const exact_form *form) {
    light_block b;
    b.run = run;
    for (b.first = 0; b.first < run->rows; b.first += V_LANES) {
        b.rows = chunk_piece(run->rows, b.first, V_LANES);
        unsigned left = ~0u >> (32 - b.rows);
        if (!light_rows_are_few(b.rows, run->n)) {
            light_block_load(&b);
            light_block_reduce(&b);
            left = form->block(&b);
        }
        for (size_t lane = 0; left >> lane; lane++)
            if ((left >> lane & 1) && !form->light(light, b.first + lane))
                exact_serve_row(light->pairs, b.first + lane, form);
    }
}

static void exact_serve_light(const sj_run *run, const exact_form *form, double *room) {
    light_row light;
    exact_row r;
    r.run = light.run = run;
    light.pairs = &r;
    light.room = room;
    if (form->block && run->n <= LIGHT_SHORT) {
        exact_serve_blocks(run, &light, form);
        return;
    }
    for (size_t i = 0; i < run->rows; i++)
        if (!form->light(&light, i)) exact_serve_row(&r, i, form);
}

V_OUTLINE void exact_serve_long(const sj_run *run, const exact_form *form) {
    _Alignas(64) double room[LIGHT_ROOM];
    exact_serve_light(run, form, room);
}

static void exact_serve_form(const sj_run *run, exact_form form) {
    if (!light_fits(run) || run->read == SJ_READ_BY_ROW)
        exact_serve(run, &form);
    else if (run->n > CHUNK)
        exact_serve_long(run, &form);
    else
        exact_serve_light(run, &form, NULL);
    v_end();
}

/* logsumexp of a row without mass, or of one with +inf, is that infinity. */
static void exact_fill_logsumexp(exact_row *r, double value) {
    (void)value;
    exact_set(r, 0, r->run->n == 0 ? -(double)INFINITY : r->max);
}

static void softmax_rows(const sj_run *run) {
    exact_serve_form(run, (exact_form){exact_softmax, exact_fill, 0, light_softmax, light_softmax_block});
}
static void log_softmax_rows(const sj_run *run) {
    exact_serve_form(run, (exact_form){exact_log_softmax, exact_fill, -(double)INFINITY, light_log_softmax,
                                       light_log_softmax_block});
}
static void logsumexp_rows(const sj_run *run) {
    exact_serve_form(run,
                     (exact_form){exact_logsumexp, exact_fill_logsumexp, 0, light_logsumexp, light_logsumexp_block});
}
static void gradient_rows(const sj_run *run) {
    exact_serve_form(run, (exact_form){exact_gradient, exact_fill, 0, light_gradient, light_gradient_block});
}
static void log_gradient_rows(const sj_run *run) {
    exact_serve_form(run,
                     (exact_form){exact_log_gradient, exact_fill, 0, light_log_gradient, light_log_gradient_block});
}
static void jacobian_rows(const sj_run *run) {
    exact_serve_form(run, (exact_form){exact_jacobian, exact_fill_jacobian, 0, light_jacobian, NULL});
}
static void log_jacobian_rows(const sj_run *run) {
    exact_serve_form(run, (exact_form){exact_log_jacobian, exact_fill_jacobian, 0, light_log_jacobian, NULL});
}
static void product_rows(const sj_run *run) {
    exact_serve_form(run, (exact_form){exact_product, exact_fill, 0, light_product, light_product_block});
}
static void log_vjp_rows(const sj_run *run) {
    exact_serve_form(run, (exact_form){exact_log_vjp, exact_fill, 0, light_log_vjp, NULL});
}
static void log_jvp_rows(const sj_run *run) {
    exact_serve_form(run, (exact_form){exact_log_jvp, exact_fill, 0, light_log_jvp, light_log_jvp_block});
}

#endif
