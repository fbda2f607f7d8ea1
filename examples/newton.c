/* newton.c: multinomial logistic regression on handwritten digits by Newton's method. Every step solves H p = -gradient
 * by conjugate gradients, which ask for products of the Hessian with vectors only: of cross-entropy that is J(z) v,
 * softjac's JVP, between two products with the images.
 *
 *     cc -O2 newton.c -lsoftjac -lm && ./a.out examples/data
 *
 * The first 1297 images are learnt, the last 500 judged. scikit-learn's LogisticRegression, default penalty, reads 461
 * of these 500; this program fails where it reads fewer, or where the gradient does not vanish. */
#include "digits.h"

#include <softjac.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define WEIGHTS (CLASSES * INPUTS)
#define PENALTY (1.0 / 256) /* scikit-learn's C = 1 for pixels of 0 to 16, here 0 to 1; none on the constants */
#define SMALL 1e-9          /* gradient of a loss that starts near 3000 */

static double logits[IMAGES][CLASSES], cotangents[TRAINED][CLASSES];

static double dot(const double *a, const double *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* z = images w^T */
static void forward(const double *w, size_t rows, double (*z)[CLASSES]) {
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < CLASSES; k++) z[i][k] = dot(images[i], w + k * INPUTS, INPUTS);
}

/* out = y^T images, and the penalty's part, PENALTY w */
static void backward(double (*y)[CLASSES], const double *w, double *out) {
    for (size_t j = 0; j < WEIGHTS; j++) out[j] = j % INPUTS < PIXELS ? PENALTY * w[j] : 0;
    for (size_t i = 0; i < TRAINED; i++)
        for (size_t k = 0; k < CLASSES; k++)
            for (size_t p = 0; p < INPUTS; p++) out[k * INPUTS + p] += y[i][k] * images[i][p];
}

/* The loss, -sum of log s_t with the penalty, and where `gradient` is not NULL its gradient; leaves the logits of w. */
static double loss_of(const double *w, double *gradient) {
    static double y[TRAINED][CLASSES]; /* log s, then dL/dz */
    const sj_view z = sj_matrix_f64(&logits[0][0], TRAINED, CLASSES), dz = sj_matrix_f64(&y[0][0], TRAINED, CLASSES);
    const sj_view g = sj_matrix_f64(&cotangents[0][0], TRAINED, CLASSES);
    double loss = 0;
    forward(w, TRAINED, logits);
    if (sj_log_softmax(z, dz, NULL)) return NAN;
    for (size_t i = 0; i < TRAINED; i++) loss -= y[i][labels[i]];
    for (size_t j = 0; j < WEIGHTS; j++)
        if (j % INPUTS < PIXELS) loss += PENALTY / 2 * w[j] * w[j];
    if (!gradient) return loss;
    if (sj_log_softmax_vjp(z, g, dz, NULL)) return NAN; /* -c_t at the target: s_t - 1 would have lost its digits */
    backward(y, w, gradient);
    return loss;
}

/* out = Hessian v at the logits */
static void hessian_product(const double *v, double *out) {
    static double t[TRAINED][CLASSES];
    const sj_view tangent = sj_matrix_f64(&t[0][0], TRAINED, CLASSES);
    forward(v, TRAINED, t);
    (void)sj_softmax_jvp(sj_matrix_f64(&logits[0][0], TRAINED, CLASSES), tangent, tangent, NULL);
    backward(t, v, out);
}

/* p with |H p + gradient| <= tolerance */
static void solve(const double *gradient, double tolerance, double *p) {
    static double r[WEIGHTS], d[WEIGHTS], h[WEIGHTS];
    for (size_t j = 0; j < WEIGHTS; j++) p[j] = 0, d[j] = r[j] = -gradient[j];
    double old = dot(r, r, WEIGHTS);
    for (int most = 2 * WEIGHTS; most > 0 && sqrt(old) > tolerance; most--) {
        hessian_product(d, h);
        const double step = old / dot(d, h, WEIGHTS);
        for (size_t j = 0; j < WEIGHTS; j++) p[j] += step * d[j], r[j] -= step * h[j];
        const double size = dot(r, r, WEIGHTS);
        for (size_t j = 0; j < WEIGHTS; j++) d[j] = r[j] + size / old * d[j];
        old = size;
    }
}

/* Steps down to where the gradient is SMALL; returns its size. */
static double train(double *w) {
    static double gradient[WEIGHTS], p[WEIGHTS], next[WEIGHTS];
    double size = NAN;
    for (int step = 0; step < 20; step++) {
        const double loss = loss_of(w, gradient);
        size = sqrt(dot(gradient, gradient, WEIGHTS));
        printf("step %2d: loss %.6f, gradient %.1e\n", step, loss, size);
        if (!(size > SMALL)) break;
        solve(gradient, fmin(0.1, sqrt(size / 1000)) * size, p);
        double length = 1, slope = dot(gradient, p, WEIGHTS);
        do { /* shorter until the loss falls by a tenth of what its slope says; the last term is its rounding */
            for (size_t j = 0; j < WEIGHTS; j++) next[j] = w[j] + length * p[j];
            length /= 2;
        } while (loss_of(next, NULL) > loss + 0.1 * length * slope + 1e-12 * loss && length > 1e-9);
        for (size_t j = 0; j < WEIGHTS; j++) w[j] = next[j];
    }
    return size;
}

int main(int argc, char **argv) {
    static double w[WEIGHTS];
    int right = 0;
    if (!read_digits(argc > 1 ? argv[1] : "examples/data")) return EXIT_FAILURE;
    for (size_t i = 0; i < TRAINED; i++) cotangents[i][labels[i]] = -1; /* dL / d(log s) */
    const double size = train(w);
    forward(w, IMAGES, logits);
    for (size_t i = TRAINED; i < IMAGES; i++) {
        size_t best = 0;
        for (size_t k = 1; k < CLASSES; k++)
            if (logits[i][k] > logits[i][best]) best = k;
        right += (int64_t)best == labels[i];
    }
    printf("reads %d of %d other images; scikit-learn %d\n", right, IMAGES - TRAINED, SCIKIT_LEARN);
    return right >= SCIKIT_LEARN && size <= SMALL ? EXIT_SUCCESS : EXIT_FAILURE;
}
