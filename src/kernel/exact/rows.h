/* rows.h: every quantity of exact mode for every row of a run. Called through table.c; calls
 * light_rows.h and light_products.h, and emit.h and products.h where plain double does not decide. */
#ifndef SJ_KERNEL_EXACT_ROWS_H
#define SJ_KERNEL_EXACT_ROWS_H

#include "light_products.h"
#include "products.h"

typedef void exact_function(exact_row *r);
typedef void exact_filler(exact_row *r, double value);

/* How a row comes out that has a state; one that has none, with NaN or, without mass, with `empty`; and, where not
 * NULL, one in float32 that plain double may decide. */
typedef struct exact_form {
    exact_function *finite;
    exact_filler *fill;
    double empty;
    light_function *light;
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

static void exact_serve_light(const sj_run *run, const exact_form *form) {
    light_row light;
    exact_row r;
    r.run = light.run = run;
    light.pairs = &r;
    for (size_t i = 0; i < run->rows; i++)
        if (!form->light(&light, i)) exact_serve_row(&r, i, form);
}

static void exact_serve_form(const sj_run *run, exact_form form) {
    if (light_fits(run))
        exact_serve_light(run, &form);
    else
        exact_serve(run, &form);
    v_end();
}

/* logsumexp of a row without mass, or of one with +inf, is that infinity. */
static void exact_fill_logsumexp(exact_row *r, double value) {
    (void)value;
    exact_set(r, 0, r->run->n == 0 ? -(double)INFINITY : r->max);
}

static void softmax_rows(const sj_run *run) {
    exact_serve_form(run, (exact_form){exact_softmax, exact_fill, 0, light_softmax});
}
static void log_softmax_rows(const sj_run *run) {
    exact_serve_form(run, (exact_form){exact_log_softmax, exact_fill, -(double)INFINITY, light_log_softmax});
}
static void logsumexp_rows(const sj_run *run) {
    exact_serve_form(run, (exact_form){exact_logsumexp, exact_fill_logsumexp, 0, light_logsumexp});
}
static void gradient_rows(const sj_run *run) {
    exact_serve_form(run, (exact_form){exact_gradient, exact_fill, 0, light_gradient});
}
static void log_gradient_rows(const sj_run *run) {
    exact_serve_form(run, (exact_form){exact_log_gradient, exact_fill, 0, light_log_gradient});
}
static void jacobian_rows(const sj_run *run) {
    exact_serve_form(run, (exact_form){exact_jacobian, exact_fill_jacobian, 0, light_jacobian});
}
static void log_jacobian_rows(const sj_run *run) {
    exact_serve_form(run, (exact_form){exact_log_jacobian, exact_fill_jacobian, 0, light_log_jacobian});
}
static void product_rows(const sj_run *run) {
    exact_serve_form(run, (exact_form){exact_product, exact_fill, 0, light_product});
}
static void log_vjp_rows(const sj_run *run) {
    exact_serve_form(run, (exact_form){exact_log_vjp, exact_fill, 0, light_log_vjp});
}
static void log_jvp_rows(const sj_run *run) {
    exact_serve_form(run, (exact_form){exact_log_jvp, exact_fill, 0, light_log_jvp});
}

#endif
