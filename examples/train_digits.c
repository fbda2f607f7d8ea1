/* train_digits.c: multinomial logistic regression on handwritten digits, by Nesterov's accelerated gradient descent.
 * One call of softjac a step: it returns the mean loss and turns the logits into their gradient, in place.
 *
 *     cc -O2 train_digits.c -lsoftjac -lm && ./a.out examples/data
 *
 * The first 1297 images are learnt, the last 500 judged. scikit-learn's LogisticRegression, default penalty, reads 461
 * of these 500 (examples/data/README.md has the command); this program fails where it reads fewer. */
#include "digits.h"

#include <softjac.h>

#include <stdio.h>
#include <stdlib.h>

#define STEPS 500
#define RATE 0.12                       /* below 1 / 5.72, half the largest eigenvalue of the images' second moments */
#define PENALTY (1.0 / (256 * TRAINED)) /* scikit-learn's C = 1 for pixels of 0 to 16, here 0 to 1 */

typedef double weights[CLASSES][INPUTS];

static double logits[IMAGES][CLASSES];

/* logits = images W^T */
static void classify(weights w, int first, int end) {
    for (int i = first; i < end; i++)
        for (int k = 0; k < CLASSES; k++) {
            double z = 0;
            for (int p = 0; p < INPUTS; p++) z += images[i][p] * w[k][p];
            logits[i][k] = z;
        }
}

/* W less RATE times the gradient, which is (dL/dz)^T images: the logits hold dL/dz. */
static void descend(weights w) {
    for (int k = 0; k < CLASSES; k++)
        for (int p = 0; p < PIXELS; p++) w[k][p] *= 1 - RATE * PENALTY;
    for (int i = 0; i < TRAINED; i++)
        for (int k = 0; k < CLASSES; k++)
            for (int p = 0; p < INPUTS; p++) w[k][p] -= RATE * logits[i][k] * images[i][p];
}

/* The mean cross-entropy; the logits become its gradient. */
static sj_status loss_and_gradient(double *loss) {
    const size_t rows = TRAINED;
    const sj_view z = sj_matrix_f64(&logits[0][0], TRAINED, CLASSES), mean = sj_scalar_f64(loss);
    sj_loss_options how = SJ_LOSS_OPTIONS_INIT;
    how.reduction = SJ_MEAN;
    return sj_cross_entropy(z, sj_array(labels, SJ_I64, 1, &rows), &mean, &z, &how, NULL);
}

static sj_status train(weights w) {
    static weights ahead, before;
    for (int step = 1; step <= STEPS; step++) {
        const double momentum = (step - 1.0) / (step + 2.0);
        double loss;
        for (int k = 0; k < CLASSES; k++)
            for (int p = 0; p < INPUTS; p++) {
                ahead[k][p] = w[k][p] + momentum * (w[k][p] - before[k][p]);
                before[k][p] = w[k][p];
            }
        classify(ahead, 0, TRAINED);
        const sj_status status = loss_and_gradient(&loss);
        if (status) return status;
        descend(ahead);
        for (int k = 0; k < CLASSES; k++)
            for (int p = 0; p < INPUTS; p++) w[k][p] = ahead[k][p];
        if (step % 100 == 0) printf("step %d: mean loss %.4f\n", step, loss);
    }
    return SJ_OK;
}

static int count_right(weights w, int first, int end) {
    int right = 0;
    classify(w, first, end);
    for (int i = first; i < end; i++) {
        int best = 0;
        for (int k = 1; k < CLASSES; k++)
            if (logits[i][k] > logits[i][best]) best = k;
        right += best == labels[i];
    }
    return right;
}

int main(int argc, char **argv) {
    static weights w;
    if (!read_digits(argc > 1 ? argv[1] : "examples/data")) return EXIT_FAILURE;
    const sj_status status = train(w);
    if (status) {
        fprintf(stderr, "%s\n", sj_strerror(status));
        return EXIT_FAILURE;
    }
    const int seen = count_right(w, 0, TRAINED), unseen = count_right(w, TRAINED, IMAGES);
    printf("reads %d of %d images it learnt, %d of %d others; scikit-learn %d\n", seen, TRAINED, unseen,
           IMAGES - TRAINED, SCIKIT_LEARN);
    return unseen >= SCIKIT_LEARN ? EXIT_SUCCESS : EXIT_FAILURE;
}
