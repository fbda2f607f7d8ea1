/* options.h: the one table of commands and options. Parsing, --help, the man page and the shell completions are all
 * derived from it, so none of them can disagree with another. */
#ifndef TOOL_OPTIONS_H
#define TOOL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum command_id {
    COMMAND_SOFTMAX,
    COMMAND_LOG_SOFTMAX,
    COMMAND_LOGSUMEXP,
    COMMAND_GRADIENT,
    COMMAND_JACOBIAN,
    COMMAND_VJP,
    COMMAND_JVP,
    COMMAND_CROSS_ENTROPY,
    COMMAND_VERIFY,
    COMMAND_ARTICLE,
    COMMAND_MAPE,
    COMMAND_INFO,
    COMMAND_HELP,
    COMMAND_COUNT
} command_id;

typedef enum option_id {
    OPTION_OUTPUT,
    OPTION_CLASS,
    OPTION_LAYOUT,
    OPTION_LOG,
    OPTION_GIVEN,
    OPTION_GRAD,
    OPTION_REDUCTION,
    OPTION_LABEL_SMOOTHING,
    OPTION_WEIGHTS,
    OPTION_IGNORE_INDEX,
    OPTION_Z_LOSS,
    OPTION_AXIS,
    OPTION_DTYPE,
    OPTION_TEMPERATURE,
    OPTION_BIAS,
    OPTION_SINK,
    OPTION_MASK,
    OPTION_LENGTHS,
    OPTION_CAUSAL,
    OPTION_NONFINITE,
    OPTION_EXACT,
    OPTION_THREADS,
    OPTION_MEMORY,
    OPTION_JSON,
    OPTION_QUIET,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_COUNT
} option_id;

typedef enum value_kind {
    VALUE_NONE,
    VALUE_INTEGER,
    VALUE_COUNT,
    VALUE_REAL,
    VALUE_SIZE,
    VALUE_CHOICE,
    VALUE_LAYOUT,
    VALUE_FILE
} value_kind;

typedef struct option_choice {
    const char *word;
    int value; /* of the field in struct arguments that the option sets */
} option_choice;

typedef struct option_spec {
    const char *name;             /* "--axis" */
    const char *letter;           /* "-o", or NULL */
    value_kind kind;              /* of its value */
    const char *value;            /* as shown: "A", "f32|f64" */
    const option_choice *choices; /* ended by a NULL word; NULL when any value may come */
    const char *help;             /* one or two sentences */
} option_spec;

typedef struct example {
    const char *line; /* the whole command line */
    const char *does; /* what comes of it */
} example;

#define MAX_EXAMPLES 4

typedef struct command_spec {
    const char *name;
    const char *inputs; /* as shown: "LOGITS COTANGENT" */
    int least_inputs, most_inputs;
    unsigned options;    /* bits: 1u << option_id */
    const char *summary; /* one line */
    const char *details; /* paragraphs separated by blank lines; may be "" */
    example examples[MAX_EXAMPLES];
} command_spec;

extern const option_spec option_specs[OPTION_COUNT];
extern const command_spec command_specs[COMMAND_COUNT];

/* Paragraphs on files, printing and exit codes: the end of `softjac --help` and sections of the man page. */
typedef struct topic {
    const char *title;
    const char *text;
} topic;
extern const topic topics[];
extern const size_t topic_count;

extern const example front_examples[MAX_EXAMPLES];

bool command_takes(const command_spec *command, option_id option);

#endif
