/* parse.c: words of a command line into struct arguments. What may come, and where, is read from options.c; the only
 * knowledge here is which field an option sets. */
#include "parse.h"
#include "suggest.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The words not yet read, and what they have become so far. */
typedef struct word_parser {
    int count, next;
    char *const *words;
    const command_spec *command;
    arguments *args;
    bool only_inputs; /* after "--" */
    request request;
} word_parser;

static bool wrong(word_parser *parser) {
    parser->request = REQUEST_WRONG;
    return false;
}

static void find_command(const char *word, command_id *command) {
    *command = COMMAND_COUNT;
    for (int id = 0; id < COMMAND_COUNT; id++) {
        if (strcmp(command_specs[id].name, word) == 0) *command = (command_id)id;
    }
}

static void complain_about_command(const char *word) {
    name_suggestion near = suggestion_for(word);
    for (int id = 0; id < COMMAND_COUNT; id++) suggestion_consider(&near, command_specs[id].name);
    fprintf(stderr, "softjac: there is no command '%s'", word);
    if (near.best)
        fprintf(stderr, "; did you mean '%s'?\n", near.best);
    else
        fprintf(stderr, "; 'softjac --help' lists the commands\n");
}

static void complain_about_option(const word_parser *parser, const char *word) {
    char typed[64] = "";
    memcpy(typed, word, strcspn(word, "=") < sizeof typed ? strcspn(word, "=") : sizeof typed - 1);
    name_suggestion near = suggestion_for(typed);
    const command_spec *elsewhere = NULL;
    for (int option = 0; option < OPTION_COUNT; option++) {
        const char *name = option_specs[option].name;
        if (command_takes(parser->command, (option_id)option))
            suggestion_consider(&near, name);
        else if (strcmp(name, typed) == 0)
            elsewhere = parser->command;
    }
    const char *command = parser->command->name;
    if (elsewhere)
        fail(parser->args, 0, "takes no %s; 'softjac %s --help' lists its options", typed, command);
    else if (near.best)
        fail(parser->args, 0, "there is no option '%s'; did you mean '%s'?", word, near.best);
    else
        fail(parser->args, 0, "there is no option '%s'; 'softjac %s --help' lists them", word, command);
}

/* A whole number in [least, most], or false. */
static bool whole(const char *text, long long least, long long most, long long *value) {
    char *end;
    if (*text == '\0' || *text == ' ' || *text == '+') return false;
    errno = 0;
    *value = strtoll(text, &end, 10);
    return errno == 0 && *end == '\0' && *value >= least && *value <= most;
}

static bool set_real(word_parser *parser, option_id option, const char *text) {
    char *end;
    const double value = strtod(text, &end);
    const bool number = *text != '\0' && *text != ' ' && *text != '+' && *end == '\0';
    if (!number || !isfinite(value)) {
        fail(parser->args, 0, "%s: found '%s', expected a finite number", option_specs[option].name, text);
        return wrong(parser);
    }
    if (option == OPTION_Z_LOSS) {
        parser->args->z_loss = value;
    } else if (option == OPTION_TEMPERATURE) {
        parser->args->scale = value == 0 ? (double)INFINITY : 1 / value;
        parser->args->has_temperature = true;
    } else {
        parser->args->label_smoothing = value;
    }
    return true;
}

static const char **file_of(arguments *args, option_id option) {
    switch (option) {
    case OPTION_GRAD:
        return &args->grad;
    case OPTION_WEIGHTS:
        return &args->weights;
    case OPTION_MASK:
        return &args->mask;
    case OPTION_BIAS:
        return &args->bias;
    case OPTION_LENGTHS:
        return &args->lengths;
    case OPTION_SINK:
        return &args->sink;
    default:
        return &args->output;
    }
}

static bool set_number(word_parser *parser, option_id option, const char *text) {
    const bool axis = option == OPTION_AXIS;
    if (option == OPTION_IGNORE_INDEX) {
        if (whole(text, LLONG_MIN, LLONG_MAX, &parser->args->ignore_index)) return true;
        fail(parser->args, 0, "--ignore-index: found '%s', expected a whole number", text);
        return wrong(parser);
    }
    const long long most = axis ? IO_MAX_NDIM - 1 : option == OPTION_THREADS ? 4096 : LLONG_MAX;
    long long value;
    if (!whole(text, axis ? -IO_MAX_NDIM : 0, most, &value)) {
        if (axis)
            fail(parser->args, 0, "--axis: found '%s', expected a whole number from %d to %d", text, -IO_MAX_NDIM,
                 IO_MAX_NDIM - 1);
        else if (option == OPTION_THREADS)
            fail(parser->args, 0, "--threads: found '%s', expected a whole number from 0 to %lld", text, most);
        else
            fail(parser->args, 0, "--class: found '%s', expected a whole number, 0 or more", text);
        return wrong(parser);
    }
    if (axis)
        parser->args->axis = (int)value;
    else if (option == OPTION_THREADS)
        parser->args->threads = (int)value;
    else
        parser->args->class_index = (size_t)value, parser->args->has_class = true;
    return true;
}

/* A number of bytes; K, M and G are powers of 1024. */
static bool set_size(word_parser *parser, const char *text) {
    static const char units[] = "KMG";
    char digits[24] = "";
    const size_t length = strlen(text);
    const char *unit = length > 0 ? strchr(units, text[length - 1]) : NULL;
    const size_t shift = unit && *unit ? 10 * (size_t)(unit - units + 1) : 0;
    long long value = 0;
    if (length < sizeof digits) memcpy(digits, text, length - (shift ? 1 : 0));
    if (!whole(digits, 1, LLONG_MAX >> shift, &value)) {
        fail(parser->args, 0, "--memory: found '%s', expected a number of bytes, as 500M or 2G", text);
        return wrong(parser);
    }
    parser->args->memory = (size_t)value << shift;
    if (parser->args->memory >= MEMORY_LEAST) return true;
    fail(parser->args, 0, "--memory: found '%s', expected 1M or more", text);
    return wrong(parser);
}

static bool set_choice(word_parser *parser, option_id option, const char *text) {
    const option_spec *spec = &option_specs[option];
    const option_choice *choice = spec->choices;
    while (choice->word && strcmp(choice->word, text) != 0) choice++;
    if (!choice->word) {
        fail(parser->args, 0, "%s: found '%s', expected %s", spec->name, text, spec->value);
        return wrong(parser);
    }
    if (option == OPTION_DTYPE)
        parser->args->dtype = (sj_dtype)choice->value;
    else if (option == OPTION_REDUCTION)
        parser->args->reduction = (sj_reduction)choice->value;
    else if (option == OPTION_GIVEN)
        parser->args->given = (sj_given)choice->value;
    else
        parser->args->nonfinite = (sj_nonfinite)choice->value;
    return true;
}

static bool set_layout(word_parser *parser, const char *text) {
    const option_spec *spec = &option_specs[OPTION_LAYOUT];
    for (const option_choice *choice = spec->choices; choice->word; choice++) {
        const size_t length = strlen(choice->word);
        const bool numbered = choice->word[length - 1] == ':';
        long long row = 0;
        if (numbered ? strncmp(choice->word, text, length) != 0 || !whole(text + length, 0, LLONG_MAX, &row)
                     : strcmp(choice->word, text) != 0)
            continue;
        parser->args->layout = (jacobian_layout)choice->value;
        parser->args->sample = (size_t)row;
        return true;
    }
    fail(parser->args, 0, "--layout: found '%s', expected %s, I a row counted from 0", text, spec->value);
    return wrong(parser);
}

static bool set_flag(word_parser *parser, option_id option) {
    if (option == OPTION_LOG)
        parser->args->log = true;
    else if (option == OPTION_EXACT)
        parser->args->exact = true;
    else if (option == OPTION_CAUSAL)
        parser->args->causal = true;
    else if (option == OPTION_JSON)
        parser->args->json = true;
    else if (option == OPTION_QUIET)
        parser->args->quiet = true;
    else
        parser->request = option == OPTION_HELP ? REQUEST_HELP : REQUEST_VERSION;
    return parser->request == REQUEST_RUN;
}

static bool set_value(word_parser *parser, option_id option, const char *text) {
    switch (option_specs[option].kind) {
    case VALUE_INTEGER:
    case VALUE_COUNT:
        return set_number(parser, option, text);
    case VALUE_CHOICE:
        return set_choice(parser, option, text);
    case VALUE_LAYOUT:
        return set_layout(parser, text);
    case VALUE_FILE:
        *file_of(parser->args, option) = text;
        return true;
    case VALUE_REAL:
        return set_real(parser, option, text);
    case VALUE_SIZE:
        return set_size(parser, text);
    case VALUE_NONE:
        break;
    }
    return set_flag(parser, option);
}

/* The option that `word` names, with its value in *value where the word carries it: --axis=0, -oOUT. */
static option_id find_option(const command_spec *command, const char *word, const char **value) {
    const size_t length = strcspn(word, "=");
    *value = NULL;
    for (int id = 0; id < OPTION_COUNT; id++) {
        const option_spec *spec = &option_specs[id];
        if (!command_takes(command, (option_id)id)) continue;
        if (strlen(spec->name) == length && strncmp(spec->name, word, length) == 0) {
            if (word[length] == '=') *value = word + length + 1;
            return (option_id)id;
        }
        if (spec->letter && strncmp(spec->letter, word, 2) == 0 && (word[2] == '\0' || spec->kind != VALUE_NONE)) {
            if (word[2] != '\0') *value = word + 2;
            return (option_id)id;
        }
    }
    return OPTION_COUNT;
}

static bool parse_option(word_parser *parser, const char *word) {
    const char *value;
    const option_id option = find_option(parser->command, word, &value);
    if (option == OPTION_COUNT) {
        complain_about_option(parser, word);
        return wrong(parser);
    }
    const option_spec *spec = &option_specs[option];
    if (spec->kind == VALUE_NONE && value) {
        fail(parser->args, 0, "%s takes no value, found '%s'", spec->name, value);
        return wrong(parser);
    }
    if (spec->kind != VALUE_NONE && !value) {
        if (parser->next == parser->count) {
            fail(parser->args, 0, "%s needs a value: %s", spec->name, spec->value);
            return wrong(parser);
        }
        value = parser->words[parser->next++];
    }
    return set_value(parser, option, value);
}

static bool parse_word(word_parser *parser) {
    const char *word = parser->words[parser->next++];
    if (!parser->only_inputs && strcmp(word, "--") == 0) {
        parser->only_inputs = true;
        return true;
    }
    if (!parser->only_inputs && word[0] == '-' && word[1] != '\0') return parse_option(parser, word);
    const int given = parser->args->input_count++;
    if (given < parser->command->most_inputs) parser->args->inputs[given] = word;
    return true;
}

/* Files that would be read from standard input. */
static int standard_inputs(const arguments *args) {
    const char *const read[] = {args->inputs[0], args->inputs[1], args->weights, args->mask,
                                args->bias,      args->lengths,   args->sink};
    int count = 0;
    for (size_t i = 0; i < sizeof read / sizeof *read; i++) count += read[i] && strcmp(read[i], "-") == 0;
    return count;
}

static bool check_inputs(word_parser *parser) {
    const command_spec *command = parser->command;
    const arguments *args = parser->args;
    const int given = args->input_count;
    if (given < command->least_inputs || given > command->most_inputs) {
        fail(args, 0, "takes %s, found %d input%s: softjac %s %s", *command->inputs ? command->inputs : "no input",
             given, given == 1 ? "" : "s", command->name, command->inputs);
        return wrong(parser);
    }
    if (standard_inputs(args) > 1) {
        fail(args, 0, "more than one input is -, and standard input can be read once");
        return wrong(parser);
    }
    if (command_takes(command, OPTION_CLASS) && command->least_inputs == 1 && !args->has_class) {
        fail(args, 0, "needs --class Q, the output to differentiate, counted from 0");
        return wrong(parser);
    }
    return true;
}

/* `softjac help [COMMAND]`: the same as --help on it. */
static request parse_help(word_parser *parser, command_id *command) {
    if (parser->request != REQUEST_RUN) return parser->request;
    if (!check_inputs(parser)) return REQUEST_WRONG;
    *command = COMMAND_COUNT;
    if (parser->args->input_count == 0) return REQUEST_HELP;
    find_command(parser->args->inputs[0], command);
    if (*command != COMMAND_COUNT) return REQUEST_HELP;
    complain_about_command(parser->args->inputs[0]);
    return REQUEST_WRONG;
}

/* The first word names the command, or asks for help or the version. */
static request parse_first(const char *word, command_id *command) {
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) return REQUEST_HELP;
    if (strcmp(word, "--version") == 0) return REQUEST_VERSION;
    if (word[0] == '-') {
        fprintf(stderr, "softjac: found option '%s' where a command was expected: softjac COMMAND INPUT... %s\n", word,
                word);
        return REQUEST_WRONG;
    }
    find_command(word, command);
    if (*command != COMMAND_COUNT) return REQUEST_RUN;
    complain_about_command(word);
    return REQUEST_WRONG;
}

request parse_command_line(int count, char *const *words, command_id *command, arguments *args) {
    *command = COMMAND_COUNT;
    *args = (struct arguments){.command = "", .axis = -1, .reduction = SJ_MEAN, .ignore_index = -100};
    if (count < 2) {
        fprintf(stderr, "softjac: no command: softjac COMMAND INPUT... [-o OUT]; 'softjac --help' lists them\n");
        return REQUEST_WRONG;
    }
    const request first = parse_first(words[1], command);
    if (first != REQUEST_RUN) return first;
    args->command = command_specs[*command].name;
    word_parser parser = {count, 2, words, &command_specs[*command], args, false, REQUEST_RUN};
    while (parser.next < count) {
        if (!parse_word(&parser)) break;
    }
    if (*command == COMMAND_HELP) return parse_help(&parser, command);
    if (parser.request == REQUEST_RUN) check_inputs(&parser);
    return parser.request;
}
