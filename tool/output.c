/* output.c: the last step of a command that computes an array. Chooses the form of the result (output.h) and sees to
 * it that what was printed arrived. */
#include "output.h"
#include "io/name.h"
#include "io/npy.h"
#include "json.h"
#include "print.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
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

/* Whether io_write can make of -o what it names; *text if that is CSV or TSV. */
static int check_name(const arguments *args, const io_name *name, bool *text) {
    *text = name->format == IO_CSV || name->format == IO_TSV;
    if (!name->known && !output_is_stream(name->file))
        return fail(args, EXIT_WRONG_USE, "%s: expected an output that ends in .npy, .npz, .csv or .tsv", args->output);
    if (*name->member == '\0')
        return fail(args, EXIT_WRONG_USE, "%s: found no name of a member after the colon, expected FILE.npz:NAME",
                    args->output);
    return EXIT_DONE;
}

/* Better now than after an hour of computing. */
static int check_folder(const arguments *args, const char *file) {
    if (output_is_stream(file)) return EXIT_DONE;
    char *target = realpath(file, NULL);
    if (!target) target = strdup(file);
    if (!target) return fail(args, EXIT_NO_MEMORY, "out of memory");
    char *slash = strrchr(target, '/');
    if (slash) slash[1] = '\0';
    const int reason = access(slash ? target : ".", W_OK | X_OK) == 0 ? 0 : errno;
    free(target);
    if (reason == 0) return EXIT_DONE;
    return fail(args, EXIT_CANNOT_CREATE, "%s: cannot be created: %s", args->output, strerror(reason));
}

static int check_dimensions(const arguments *args, const char *name, int ndim) {
    if (ndim <= 2) return EXIT_DONE;
    return fail(args, EXIT_WRONG_USE,
                "%s: found a result of %d dimensions, and CSV text holds at most 2: save it with -o OUT.npy", name,
                ndim);
}

int check_output(const arguments *args, int ndim) {
    const output_sink sink = sink_of(args);
    io_name name;
    bool text;
    if (sink == SINK_CSV && args->json)
        return fail(args, EXIT_WRONG_USE, "--json and -o - both print on standard output: give one of them");
    if (sink == SINK_CSV) return check_dimensions(args, "standard output", ndim);
    if (sink != SINK_FILE) return EXIT_DONE;
    if (!io_name_split(&name, args->output, true)) return fail(args, EXIT_NO_MEMORY, "out of memory");
    int code = check_name(args, &name, &text);
    if (code == EXIT_DONE && text) code = check_dimensions(args, args->output, ndim);
    if (code == EXIT_DONE) code = check_folder(args, name.file);
    io_name_free(&name);
    return code;
}

int finish_stdout(const arguments *args) {
    errno = 0;
    const bool flushed = fflush(stdout) == 0;
    if (flushed && !ferror(stdout)) return EXIT_DONE;
    return fail(args, EXIT_CANNOT_WRITE, "standard output: %s", errno ? strerror(errno) : "writing failed");
}

/* The .npy file that args->output names, to be replaced whole; false where it names anything else. */
static bool names_npy_file(const arguments *args) {
    io_name name;
    if (sink_of(args) != SINK_FILE || !io_name_split(&name, args->output, true)) return false;
    const bool names = name.known && name.format == IO_NPY && !output_is_stream(name.file);
    io_name_free(&name);
    return names;
}

/* Room for the header and `bytes` of elements; a disk that has less says so before anything is computed. */
static int begin_file(const arguments *args, result *into, size_t bytes, const char *advice, bool sparse) {
    unsigned char header[NPY_WRITTEN_MAX];
    char shape[SHAPE_TEXT];
    io_error error;
    const io_array *array = &into->array;
    const size_t length = npy_format(array, header);
    into->data = length;
    into->sparse = sparse;
    if (!output_extend(into->file, (length + bytes), sparse, &error))
        return fail(args, error.exit_code, "%s; a %s array of shape %s needs %zu bytes%s%s", error.message,
                    dtype_name(array->dtype), shape_text(array->ndim, array->shape, shape), bytes, *advice ? "; " : "",
                    advice);
    if (output_place(into->file, 0, header, length, &error)) return EXIT_DONE;
    return fail(args, error.exit_code, "%s", error.message);
}

int result_open(const arguments *args, result *into, const char *advice, bool sparse) {
    io_error error;
    size_t bytes;
    /* What no file can hold is refused in the words of what no memory can. */
    if (!names_npy_file(args) || !array_bytes(&into->array, &bytes) || bytes > PTRDIFF_MAX - NPY_WRITTEN_MAX)
        return allocate_array(args, &into->array, advice);
    io_output *file = malloc(sizeof *file);
    if (!file) return fail(args, EXIT_NO_MEMORY, "out of memory");
    if (output_open(file, args->output, &error)) {
        into->file = file;
        return begin_file(args, into, bytes, advice, sparse);
    }
    free(file);
    return fail(args, error.exit_code, "%s", error.message);
}

void result_drop(result *from) {
    if (from->file) {
        output_abandon(from->file);
        free(from->file);
    } else
        io_array_free(&from->array);
    *from = (result){.file = NULL};
}

static int emit_file(const arguments *args, const io_array *array) {
    io_error error;
    if (io_write(args->output ? args->output : "-", array, &error)) return EXIT_DONE;
    return fail(args, error.exit_code, "%s", error.message);
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

static int finish_file(const arguments *args, result *from) {
    io_error error;
    const bool written = output_commit(from->file, &error);
    free(from->file);
    *from = (result){.array = from->array};
    from->array.data = NULL;
    return written ? EXIT_DONE : fail(args, error.exit_code, "%s", error.message);
}

int result_emit(const arguments *args, result *from) {
    const io_array *array = &from->array;
    int code = EXIT_DONE;
    const output_sink sink = sink_of(args);
    if (from->file)
        code = finish_file(args, from);
    else if (sink == SINK_TEXT)
        emit_text(args, array);
    else if (sink != SINK_JSON)
        code = emit_file(args, array);
    if (args->json && code == EXIT_DONE) describe_json(args, array);
    return code == EXIT_DONE ? finish_stdout(args) : code;
}
