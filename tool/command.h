/* command.h: what every command of softjac shares: its arguments as parsed, exit codes, messages, arrays in and out.
 * main.c parses and calls one command_NAME(); a command reads input, calls the library, writes or reports. */
#ifndef TOOL_COMMAND_H
#define TOOL_COMMAND_H

#include "io/io.h"
#include "progress.h"
#include "report.h"

#include <softjac.h>

#include <stdbool.h>
#include <stddef.h>

typedef enum exit_code {
    EXIT_DONE = 0,
    EXIT_CHECK_FAILED = 1,
    EXIT_WRONG_USE = 2,
    EXIT_BAD_DATA = 65,
    EXIT_NO_INPUT = 66,
    EXIT_NO_MEMORY = 71,
    EXIT_CANNOT_CREATE = 73,
    EXIT_CANNOT_WRITE = 74
} exit_code;

/* How the Jacobian of a batch is laid out; SAMPLE is one row of the flattened batch. */
typedef enum jacobian_layout { LAYOUT_BLOCKS, LAYOUT_DENSE, LAYOUT_SAMPLE } jacobian_layout;

#define MAX_INPUTS 2

/* Less would be spent on calls. */
#define MEMORY_LEAST ((size_t)1 << 20)

/* A parsed command line. Options that were not given hold their defaults. */
typedef struct arguments {
    const char *command; /* "softmax", "verify", ... */
    const char *inputs[MAX_INPUTS];
    int input_count;
    const char *output;         /* -o; NULL when absent */
    const char *grad, *weights; /* files; NULL when absent */
    const char *mask, *bias, *lengths, *sink;
    bool causal;
    sj_reduction reduction; /* default SJ_MEAN */
    double label_smoothing, z_loss;
    long long ignore_index; /* default -100 */
    int axis;               /* default -1 */
    sj_dtype dtype;         /* of the result (verify: of the logits too); 0 when absent: the dtype of the input */
    size_t class_index;     /* --class; 0 when absent */
    bool has_class;
    jacobian_layout layout;
    size_t sample; /* of --layout sample:I */
    sj_given given;
    sj_nonfinite nonfinite;
    int threads;
    bool has_temperature;
    double scale;  /* 1 / temperature, where there is one */
    bool exact;    /* the library's exact mode */
    bool log;      /* derivatives of log-softmax */
    size_t memory; /* of --memory, bytes; 0 when absent */
    bool json;     /* results and reports as JSON on stdout */
    bool quiet;    /* no progress, no remarks on stderr */
} arguments;

/* Each returns an exit code and has printed its own messages. */
int command_forward(const arguments *args); /* softmax, log-softmax, logsumexp */
int command_derivative(const arguments *args);
int command_cross_entropy(const arguments *args);
int command_verify(const arguments *args);
int command_article(const arguments *args);
int command_mape(const arguments *args);
int command_info(const arguments *args);

/* Prints "softjac COMMAND: message" to stderr and returns `code`: `return fail(args, EXIT_BAD_DATA, "...")`. */
int fail(const arguments *args, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A remark on stderr that --quiet silences. */
void remark(const arguments *args, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The library's options for this command line; failures leave their message in *error. */
sj_options library_options(const arguments *args, sj_error *error);

/* ---------------------------------------------------------------- arrays (array.c) */

/* An N-D array (up to IO_MAX_NDIM) seen around its class axis: outer x n x inner elements in C order. */
typedef struct grid {
    size_t outer, n, inner;
    int axis; /* of the array, counted from 0 */
} grid;

/* Reads a file in its own dtype. Prints its own message: EXIT_DONE or the exit code. */
int read_array(const arguments *args, const char *path, io_array *array);

/* Rounds or widens the elements in place of the array to `dtype`. EXIT_DONE or the exit code. */
int convert_array(const arguments *args, io_array *array, sj_dtype dtype);

/* The grid of `array` around --axis. EXIT_DONE, or EXIT_WRONG_USE with a message when there is no such axis. */
int grid_of(const arguments *args, const io_array *array, grid *around);

/* A 3-D view (outer, n, inner) with class axis 1 of C-ordered data. */
sj_view grid_view(const void *data, sj_dtype dtype, const grid *around);

const char *dtype_name(sj_dtype dtype); /* as NumPy says it: "float32", "bool" */

/* Bytes of its elements; false where an address cannot count them. */
bool array_bytes(const io_array *array, size_t *bytes);

/* Allocates C-ordered data for the shape already in `array`; refuses with bytes needed and bytes available when the
 * result would not fit in memory, with `advice` (may be "") at the end of the message. EXIT_DONE or the exit code. */
int allocate_array(const arguments *args, io_array *array, const char *advice);

/* A header of no data may claim any number of empty rows: whether an array with a number for each has at most
 * MOST_FROM_EMPTY, so that a file of a few bytes does not become gigabytes. */
enum { MOST_FROM_EMPTY = 1 << 20 };
bool few_elements(const io_array *array);

/* False when a * b does not fit: every size that came from outside is multiplied here. */
bool checked_multiply(size_t a, size_t b, size_t *product);

/* "(3, 5)" into text, for messages. */
#define SHAPE_TEXT 512
const char *shape_text(int ndim, const size_t *shape, char text[SHAPE_TEXT]);

#endif
