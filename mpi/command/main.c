/* main.c: the softjac-mpi command: parses its arguments, by a table, on every rank alike; rank 0 alone prints. */
#include "command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const verb_names[VERBS] = {"softmax", "log-softmax", "logsumexp", "gradient",
                                       "vjp",     "jvp",         "jacobian",  "cross-entropy"};

typedef enum option_id {
    OPTION_OUTPUT,
    OPTION_SHARD,
    OPTION_CLASS,
    OPTION_LOG,
    OPTION_GRAD,
    OPTION_REDUCTION,
    OPTION_IGNORE_INDEX,
    OPTION_DTYPE,
    OPTION_NONFINITE,
    OPTION_EXACT,
    OPTION_MEMORY,
    OPTION_THREADS,
    OPTION_QUIET,
    OPTIONS
} option_id;

static const struct option {
    const char *name, *value, *help;
} options[OPTIONS] = {
    [OPTION_OUTPUT] = {"-o", "OUT.npy", "where the result goes, whole or not at all"},
    [OPTION_SHARD] = {"--shard", "rows|classes",
                      "what ranks divide; by default rows, unless there are fewer than\n"
                      "ranks or one is larger than --memory"},
    [OPTION_CLASS] = {"--class", "Q", "gradient: the output to derive"},
    [OPTION_LOG] = {"--log", NULL, "gradient, vjp, jvp, jacobian: of log-softmax"},
    [OPTION_GRAD] = {"--grad", "FILE.npy", "cross-entropy: the gradient too"},
    [OPTION_REDUCTION] = {"--reduction", "none|sum|mean", "cross-entropy; default: mean"},
    [OPTION_IGNORE_INDEX] = {"--ignore-index", "I", "cross-entropy: rows of this label do not count; default: -100"},
    [OPTION_DTYPE] = {"--dtype", "f32|f64|f16", "of the result; default: that of the logits, f32 for f16"},
    [OPTION_NONFINITE] = {"--nonfinite", "ieee|limit|zero", "rows with +inf, or of only -inf; default: ieee"},
    [OPTION_EXACT] = {"--exact", NULL, "correctly rounded; the same bits for any number of ranks"},
    [OPTION_MEMORY] = {"--memory", "BYTES", "of arrays on each rank at once, with K, M or G; default: 256M"},
    [OPTION_THREADS] = {"--threads", "N", "of each rank; default: 1"},
    [OPTION_QUIET] = {"--quiet", NULL, "no remarks"},
};

static void help(void) {
    static const char text[] =
        "Softmax, its derivatives and cross-entropy of .npy files, by many processes.\n\n"
        "  mpirun -n 4 softjac-mpi softmax big.npy -o out.npy\n"
        "  mpirun -n 4 softjac-mpi vjp logits.npy dloss.npy --shard classes -o dlogits.npy\n"
        "  mpirun -n 4 softjac-mpi cross-entropy logits.npy labels.npy --grad g.npy -o loss.npy\n\n"
        "usage: softjac-mpi COMMAND INPUT... -o OUT.npy [options]\n"
        "  softmax, log-softmax, logsumexp LOGITS     along the last axis\n"
        "  gradient LOGITS --class Q                  of one output\n"
        "  vjp LOGITS COTANGENT, jvp LOGITS TANGENT\n"
        "  jacobian LOGITS                            a block a row; of divided rows\n"
        "  cross-entropy LOGITS LABELS\n\n"
        "options:\n";
    fputs(text, stdout);
    for (int i = 0; i < OPTIONS; i++) {
        char head[48];
        (void)snprintf(head, sizeof head, "%s %s", options[i].name, options[i].value ? options[i].value : "");
        printf("  %-28s ", head);
        for (const char *c = options[i].help; *c; c++) {
            (void)putchar(*c);
            if (*c == '\n') printf("%31s", "");
        }
        (void)putchar('\n');
    }
    fputs(
        "\nOn failure rank 0 says why, no output is there, and the exit code is 2 wrong use, 65 bad data, 66 no such\n"
        "input, 71 not enough memory, 73 the output cannot be created, 74 reading or writing failed.\n",
        stdout);
}

/* ---------------------------------------------------------------- values */

static bool wrong(trouble *t, const char *format, ...) {
    va_list values;
    va_start(values, format);
    t->code = EXIT_WRONG_USE;
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it is not, va_start is above */
    (void)vsnprintf(t->text, sizeof t->text, format, values);
    va_end(values);
    return false;
}

/* The place of a word among those that an option's value lists, or -1. */
static int choice(const char *listed, const char *word) {
    int at = 0;
    for (const char *from = listed; from; at++) {
        const char *end = strchr(from, '|');
        const size_t length = end ? (size_t)(end - from) : strlen(from);
        if (strlen(word) == length && strncmp(from, word, length) == 0) return at;
        from = end ? end + 1 : NULL;
    }
    return -1;
}

static bool whole_number(const char *text, long long least, long long *value, const char **rest) {
    char *end;
    *value = strtoll(text, &end, 10);
    *rest = end;
    return end != text && *value >= least;
}

static bool take_value(arguments *args, option_id id, const char *value, trouble *t) {
    const char *listed = options[id].value, *rest = "";
    const int at = choice(listed, value);
    long long number = 0;
    bool fine = at >= 0;
    switch (id) {
    case OPTION_OUTPUT:
    case OPTION_GRAD:
        fine = strlen(value) > 4 && strcmp(value + strlen(value) - 4, ".npy") == 0;
        *(id == OPTION_GRAD ? &args->grad : &args->output) = value;
        break;
    case OPTION_SHARD:
        args->has_shard = true;
        args->shard = at == 0 ? SJ_SHARD_ROWS : SJ_SHARD_CLASSES;
        break;
    case OPTION_REDUCTION:
        args->reduction = (sj_reduction)at;
        break;
    case OPTION_DTYPE:
        args->dtype = at == 0 ? SJ_F32 : at == 1 ? SJ_F64 : SJ_F16;
        break;
    case OPTION_NONFINITE:
        args->nonfinite = (sj_nonfinite)at;
        break;
    case OPTION_CLASS:
        fine = whole_number(value, 0, &number, &rest) && !*rest;
        args->q = (size_t)number, args->has_class = true;
        break;
    case OPTION_THREADS:
        fine = whole_number(value, 1, &number, &rest) && !*rest && number < 1 << 16;
        args->threads = (int)number;
        break;
    case OPTION_IGNORE_INDEX:
        fine = whole_number(value, -0x7fffffffffffffff, &number, &rest) && !*rest;
        args->ignore_index = number;
        break;
    default: {
        const int shift = !whole_number(value, 1, &number, &rest) ? -1 : !*rest ? 0 : 10 + 10 * choice("K|M|G", rest);
        fine = shift >= 0 && (!*rest || shift >= 10) && number <= 1LL << 30;
        args->memory = fine ? (size_t)number << shift : 0;
    }
    }
    return fine ? true : wrong(t, "%s: '%.60s'; expected %s", options[id].name, value, listed);
}

/* ---------------------------------------------------------------- the command line */

static bool take_option(arguments *args, int count, char **words, int *at, trouble *t) {
    for (int i = 0; i < OPTIONS; i++) {
        const char *name = options[i].name, *word = words[*at];
        const size_t length = strlen(name);
        const bool joined = name[1] == '-' && strncmp(word, name, length) == 0 && word[length] == '=';
        if (strcmp(word, name) != 0 && !joined) continue;
        if (options[i].value) {
            if (!joined && ++*at == count) return wrong(t, "%s: no value; expected %s", name, options[i].value);
            return take_value(args, (option_id)i, joined ? word + length + 1 : words[*at], t);
        }
        if (joined) return wrong(t, "%s takes no value", name);
        if (i == OPTION_LOG) args->log = true;
        if (i == OPTION_EXACT) args->exact = true;
        if (i == OPTION_QUIET) args->quiet = true;
        return true;
    }
    return wrong(t, "%.60s: no such option; softjac-mpi --help lists them", words[*at]);
}

static bool check(const arguments *args, trouble *t) {
    const verb what = args->what;
    const bool derives = what == VERB_GRADIENT || what == VERB_VJP || what == VERB_JVP || what == VERB_JACOBIAN;
    const int wanted = what == VERB_VJP || what == VERB_JVP || what == VERB_CROSS_ENTROPY ? 2 : 1;
    if (args->input_count != wanted) return wrong(t, "%d inputs; expected %d", args->input_count, wanted);
    if (!args->output) return wrong(t, "no -o OUT.npy");
    if (args->has_class != (what == VERB_GRADIENT))
        return wrong(t, what == VERB_GRADIENT ? "no --class Q" : "--class is of gradient");
    if (args->log && !derives) return wrong(t, "--log is of derivatives");
    if (args->grad && what != VERB_CROSS_ENTROPY) return wrong(t, "--grad is of cross-entropy");
    if (args->grad && strcmp(args->grad, args->output) == 0) return wrong(t, "-o and --grad are one file");
    return true;
}

static bool parse(arguments *args, int count, char **words, trouble *t) {
    int what = -1;
    for (int i = 0; count > 1 && i < VERBS; i++)
        if (strcmp(words[1], verb_names[i]) == 0) what = i;
    if (what < 0) return wrong(t, "no such command; softjac-mpi --help lists them");
    args->what = (verb)what;
    for (int i = 2; i < count; i++) {
        if (words[i][0] == '-') {
            if (!take_option(args, count, words, &i, t)) return false;
        } else if (args->input_count < 2) {
            args->inputs[args->input_count++] = words[i];
        } else {
            return wrong(t, "'%.60s': one input too many", words[i]);
        }
    }
    return check(args, t);
}

int main(int count, char **words) {
    arguments args = {.reduction = SJ_MEAN, .ignore_index = -100, .threads = 1, .memory = (size_t)256 << 20};
    job j = {.args = &args};
    trouble t = {0, ""};
    int code = EXIT_DONE;
    watch_start();
    MPI_Init(&count, &words);
    MPI_Comm_rank(MPI_COMM_WORLD, &j.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &j.ranks);
    if (j.rank > 0) watch_end(); /* files are rank 0's to make, and to remove */
    bool asks = count == 1;
    for (int i = 1; i < count; i++) asks = asks || strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0;
    if (asks && j.rank == 0) help();
    if (!asks && count == 2 && strcmp(words[1], "--version") == 0) {
        if (j.rank == 0) printf("softjac-mpi %s\n", sj_version());
    } else if (!asks) {
        (void)parse(&args, count, words, &t);
        code = settle(&j, &t);
        if (!code) code = run(&j);
    }
    watch_end();
    MPI_Finalize();
    return code;
}
