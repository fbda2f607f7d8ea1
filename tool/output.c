/* output.c: the last step of a command that computes an array. Chooses the form of the result (output.h) and sees to
 * it that what was printed arrived. */
#include "output.h"
#include "json.h"
#include "print.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

typedef enum output_sink { SINK_TEXT, SINK_JSON, SINK_CSV, SINK_FILE } output_sink;

static bool reads_stdin(const arguments *args) {
    for (int i = 0; i < args->input_count; i++) {
        if (strcmp(args->inputs[i], "-") == 0) return true;
    }
    return false;
}

static output_sink sink_of(const arguments *args) {
    if (args->output) return strcmp(args->output, "-") == 0 ? SINK_CSV : SINK_FILE;
    if (args->json) return SINK_JSON;
    return reads_stdin(args) && !isatty(STDOUT_FILENO) ? SINK_CSV : SINK_TEXT;
}

static bool ends_with(const char *text, const char *end) {
    const size_t length = strlen(text), end_length = strlen(end);
    return length > end_length && strcmp(text + length - end_length, end) == 0;
}

/* A device or a pipe: it has no format in its name, and is written to, not replaced. */
static bool is_stream(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && !S_ISREG(status.st_mode);
}

int check_output(const arguments *args, int ndim) {
    const output_sink sink = sink_of(args);
    const char *path = args->output;
    const bool binary =
        sink == SINK_FILE && (ends_with(path, ".npy") || ends_with(path, ".npz") || strstr(path, ".npz:"));
    const bool text = sink == SINK_CSV || (sink == SINK_FILE && !binary &&
                                           (ends_with(path, ".csv") || ends_with(path, ".tsv") || is_stream(path)));
    if (sink == SINK_CSV && args->json)
        return fail(args, EXIT_WRONG_USE, "--json and -o - both print on standard output: give one of them");
    if (sink == SINK_FILE && !binary && !text)
        return fail(args, EXIT_WRONG_USE, "%s: expected an output that ends in .npy, .npz, .csv or .tsv", path);
    if (text && ndim > 2)
        return fail(args, EXIT_WRONG_USE,
                    "%s: found a result of %d dimensions, and CSV text holds at most 2: save it with -o OUT.npy",
                    sink == SINK_CSV ? "standard output" : path, ndim);
    return EXIT_DONE;
}

int finish_stdout(const arguments *args) {
    errno = 0;
    const bool flushed = fflush(stdout) == 0;
    if (flushed && !ferror(stdout)) return EXIT_DONE;
    return fail(args, EXIT_CANNOT_WRITE, "standard output: %s", errno ? strerror(errno) : "writing failed");
}

/* A signal that came while a file is replaced ends the command after it, so that no temporary is left behind. A device
 * or a pipe leaves none, and may keep us waiting for ever. */
static bool write_undisturbed(const char *path, const io_array *array, io_error *error) {
    sigset_t ending, before;
    if (is_stream(path)) return io_write(path, array, error);
    sigemptyset(&ending);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGHUP);
    sigprocmask(SIG_BLOCK, &ending, &before);
    const bool written = io_write(path, array, error);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return written;
}

static int emit_file(const arguments *args, const io_array *array) {
    io_error error;
    const bool to_stdout = strcmp(args->output ? args->output : "-", "-") == 0;
    const bool written = to_stdout ? io_write("-", array, &error) : write_undisturbed(args->output, array, &error);
    if (!written) return fail(args, error.exit_code, "%s", error.message);
    return EXIT_DONE;
}

static void describe_json(const arguments *args, const io_array *array) {
    printf("{\"command\": ");
    json_string(stdout, args->command);
    printf(", \"dtype\": \"%s\", \"shape\": ", dtype_name(array->dtype));
    json_shape(stdout, array->ndim, array->shape);
    if (args->output) {
        printf(", \"output\": ");
        json_string(stdout, args->output);
    } else {
        printf(", \"data\":\n");
        json_array(stdout, array);
    }
    printf("}\n");
}

static int terminal_width(void) {
    struct winsize size;
    if (!isatty(STDOUT_FILENO)) return 0;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40 ? size.ws_col : 80;
}

static void emit_text(const arguments *args, const io_array *array) {
    char shape[SHAPE_TEXT];
    printf("%s %s\n", dtype_name(array->dtype), shape_text(array->ndim, array->shape, shape));
    print_array(stdout, array, terminal_width());
    if (io_elements(array) > PRINT_MOST)
        remark(args, "showing the corners of %zu elements; '-o OUT.npy' saves them all", io_elements(array));
}

int emit_array(const arguments *args, const io_array *array) {
    int code = EXIT_DONE;
    const output_sink sink = sink_of(args);
    if (sink == SINK_TEXT)
        emit_text(args, array);
    else if (sink != SINK_JSON)
        code = emit_file(args, array);
    if (args->json && code == EXIT_DONE) describe_json(args, array);
    return code == EXIT_DONE ? finish_stdout(args) : code;
}
