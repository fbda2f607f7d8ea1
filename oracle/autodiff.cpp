/* autodiff.cpp: automatic differentiation by ADOL-C behind the C interface of autodiff.h. The plain formulas are
 * taped once per form and n, then the tape is evaluated and differentiated at each row. */
#include "autodiff.h"

#include <adolc/adolc.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <vector>

namespace {

enum formula : short { formula_softmax, formula_log_softmax, formula_logsumexp, formula_count };

formula formula_of(form_id id) {
    switch (id) {
    case FORM_LOGSUMEXP:
        return formula_logsumexp;
    case FORM_LOG_SOFTMAX:
    case FORM_LOG_GRADIENT:
    case FORM_LOG_JACOBIAN:
    case FORM_LOG_VJP:
    case FORM_LOG_JVP:
        return formula_log_softmax;
    default:
        return formula_softmax;
    }
}

/* exp(z_q) / sum over k of exp(z_k); its log as z_q - log of the sum; log of the sum. No branch depends on z, so that
 * a tape made at one row is valid at every other. */
template <class real> void evaluate(formula which, const real *z, size_t n, real *y) {
    using std::exp;
    using std::log;
    std::vector<real> e(n);
    real sum = 0;
    for (size_t k = 0; k < n; k++) {
        e[k] = exp(z[k]);
        sum += e[k];
    }
    if (which == formula_logsumexp) {
        y[0] = log(sum);
        return;
    }
    const real log_sum = which == formula_log_softmax ? real(log(sum)) : real(0);
    for (size_t q = 0; q < n; q++) y[q] = which == formula_softmax ? real(e[q] / sum) : real(z[q] - log_sum);
}

/* ADOL-C writes tape files into the working directory when a buffer is too small. An entry takes 9 operations, 14
 * operands and 12 kept values in these formulas (tapestats), so with these sizes nothing is written. */
void tape(formula which, const double *z, size_t n) {
    const unsigned size = static_cast<unsigned>(16 * n + 1024);
    trace_on(which, 0, size, 2 * size, size, size);
    std::vector<adouble> x(n), y(which == formula_logsumexp ? 1 : n);
    for (size_t k = 0; k < n; k++) x[k] <<= z[k];
    evaluate<adouble>(which, x.data(), n, y.data());
    double value = 0;
    for (adouble &entry : y) entry >>= value;
    trace_off();
}

void ensure_tape(formula which, const double *z, size_t n) {
    static size_t taped[formula_count];
    if (taped[which] == n) return;
    tape(which, z, n);
    taped[which] = n;
}

/* The drivers take pointers to non-const and do not write through these. */
double *mutable_input(const double *input) { return const_cast<double *>(input); }

bool jacobian_rows(short tag, const double *z, size_t n, double *out) {
    std::vector<double *> rows(n);
    for (size_t q = 0; q < n; q++) rows[q] = out + q * n;
    return jacobian(tag, static_cast<int>(n), static_cast<int>(n), z, rows.data()) >= 0;
}

bool transposed_product(short tag, const double *z, const double *g, size_t n, double *out) {
    const int count = static_cast<int>(n);
    return vec_jac(tag, count, count, 0, mutable_input(z), mutable_input(g), out) >= 0;
}

bool differentiate(form_id id, const double *z, const double *g, size_t q, size_t n, double *out) {
    const formula which = formula_of(id);
    ensure_tape(which, z, n);
    switch (id) {
    case FORM_GRADIENT:
    case FORM_LOG_GRADIENT: {
        std::vector<double> selected(n);
        selected[q] = 1;
        return transposed_product(which, z, selected.data(), n, out);
    }
    case FORM_JACOBIAN:
    case FORM_LOG_JACOBIAN:
        return jacobian_rows(which, z, n, out);
    case FORM_VJP:
    case FORM_LOG_VJP:
        return transposed_product(which, z, g, n, out);
    case FORM_JVP:
    case FORM_LOG_JVP: {
        const int count = static_cast<int>(n);
        return jac_vec(which, count, count, mutable_input(z), mutable_input(g), out) >= 0;
    }
    default:
        return false;
    }
}

/* One more tape, made anew for every call: of scalars and vectors whose formula holds numbers of the call. A formula of
 * a row takes at most 32 operations an entry (tapestats): with these sizes nothing is written. */
constexpr short scratch_tag = formula_count;

void start_tape(size_t n) {
    const unsigned size = static_cast<unsigned>(32 * n + 1024);
    trace_on(scratch_tag, 0, size, 2 * size, size, 2 * size);
}

void finish_tape(std::vector<adouble> results) {
    double value = 0;
    for (adouble &result : results) result >>= value;
    trace_off();
}

std::vector<adouble> independents(const double *values, size_t n) {
    std::vector<adouble> x(n);
    for (size_t k = 0; k < n; k++) x[k] <<= values[k];
    return x;
}

adouble value_of(autodiff_loss loss, const std::vector<adouble> &z, const double *p) {
    const size_t n = z.size();
    std::vector<adouble> y(n);
    evaluate<adouble>(loss == AUTODIFF_LOGSUMEXP       ? formula_logsumexp
                      : loss == AUTODIFF_CROSS_ENTROPY ? formula_log_softmax
                                                       : formula_softmax,
                      z.data(), n, y.data());
    if (loss == AUTODIFF_LOGSUMEXP) return y[0];
    adouble sum = 0;
    for (size_t q = 0; q < n; q++) sum += loss == AUTODIFF_SQUARES ? y[q] * y[q] : y[q] * p[q];
    return loss == AUTODIFF_CROSS_ENTROPY ? adouble(-sum) : sum;
}

/* <u, v> for v = s (g - <s, g>), the VJP's formula. */
adouble paired_product(const std::vector<adouble> &z, const std::vector<adouble> &g, const double *u) {
    const size_t n = z.size();
    std::vector<adouble> s(n);
    evaluate<adouble>(formula_softmax, z.data(), n, s.data());
    adouble mean = 0, sum = 0;
    for (size_t k = 0; k < n; k++) mean += s[k] * g[k];
    for (size_t k = 0; k < n; k++) sum += u[k] * (s[k] * (g[k] - mean));
    return sum;
}

/* What `derive` gives; false where n is none or too large, or the library throws. */
template <class function> bool guarded(size_t n, function derive) {
    /* ADOL-C counts in int, and its tape needs several operations an entry. */
    if (n == 0 || n > 10000000) return false;
    try {
        return derive();
    } catch (const std::exception &) {
        return false;
    }
}

} // namespace

const char *autodiff_name(void) { return SJ_AUTODIFF_NAME; }

bool autodiff_row(form_id id, const double *z, const double *g, size_t q, size_t n, double *out) {
    return guarded(n, [=] {
        if (id != FORM_SOFTMAX && id != FORM_LOG_SOFTMAX && id != FORM_LOGSUMEXP)
            return differentiate(id, z, g, q, n, out);
        evaluate<double>(formula_of(id), z, n, out);
        return true;
    });
}

bool autodiff_hessian_product(autodiff_loss loss, const double *z, const double *p, const double *v, size_t n,
                              double *out) {
    return guarded(n, [=] {
        start_tape(n);
        finish_tape({value_of(loss, independents(z, n), p)});
        return hess_vec(scratch_tag, static_cast<int>(n), mutable_input(z), mutable_input(v), out) >= 0;
    });
}

bool autodiff_double_backward(const double *z, const double *g, const double *u, size_t n, double *grad_g,
                              double *grad_z) {
    return guarded(n, [=] {
        start_tape(2 * n);
        const std::vector<adouble> logits = independents(z, n), cotangent = independents(g, n);
        finish_tape({paired_product(logits, cotangent, u)});
        std::vector<double> at(z, z + n), both(2 * n);
        at.insert(at.end(), g, g + n);
        if (gradient(scratch_tag, static_cast<int>(2 * n), at.data(), both.data()) < 0) return false;
        std::copy_n(both.data(), n, grad_z);
        std::copy_n(both.data() + n, n, grad_g);
        return true;
    });
}

bool autodiff_by_temperature(form_id id, const double *z, double temperature, size_t n, double *out) {
    return guarded(n, [=] {
        start_tape(n);
        const adouble of = independents(&temperature, 1)[0];
        std::vector<adouble> scaled(n), y(n);
        for (size_t k = 0; k < n; k++) scaled[k] = z[k] / of;
        evaluate<adouble>(formula_of(id), scaled.data(), n, y.data());
        finish_tape(y);
        std::vector<double *> rows(n);
        for (size_t q = 0; q < n; q++) rows[q] = out + q;
        return jacobian(scratch_tag, static_cast<int>(n), 1, &temperature, rows.data()) >= 0;
    });
}
