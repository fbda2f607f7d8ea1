/* digits.h: the handwritten digits of examples/data, as train_digits.c and newton.c learn them: the first 1297 images
 * are learnt, the last 500 judged. */
#ifndef DIGITS_H
#define DIGITS_H

#include <stdint.h>
#include <stdio.h>

#define IMAGES 1797
#define TRAINED 1297
#define PIXELS 64
#define INPUTS (PIXELS + 1) /* and a constant 1 */
#define CLASSES 10
#define SCIKIT_LEARN 461 /* of the 500, read by its LogisticRegression: examples/data/README.md has the command */

static double images[IMAGES][INPUTS];
static int64_t labels[IMAGES];

/* The data of a .npy file of version 1, whose header says how long it is. */
static int read_npy(const char *folder, const char *name, void *to, size_t bytes) {
    char path[4096];
    unsigned char header[10];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    int good = file && fread(header, 1, 10, file) == 10;
    good = good && fseek(file, 10 + header[8] + 256 * header[9], SEEK_SET) == 0 && fread(to, 1, bytes, file) == bytes;
    if (file) fclose(file);
    if (!good) fprintf(stderr, "%s: cannot read %zu bytes of data\n", path, bytes);
    return good;
}

static int read_digits(const char *folder) {
    static unsigned char pixels[IMAGES][PIXELS], classes[IMAGES][8]; /* of a label, the lowest byte first */
    if (!read_npy(folder, "digits_images.npy", pixels, sizeof pixels)) return 0;
    if (!read_npy(folder, "digits_labels.npy", classes, sizeof classes)) return 0;
    for (int i = 0; i < IMAGES; i++) {
        for (int p = 0; p < PIXELS; p++) images[i][p] = pixels[i][p] / 16.0;
        images[i][PIXELS] = 1;
        labels[i] = classes[i][0];
    }
    return 1;
}

#endif
