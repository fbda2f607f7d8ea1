/* help.c: the text of help.h. It adds layout only: every word about a command or an option is in options.c. */
#include "help.h"
#include "wrap.h"

#include <string.h>

static void print_examples(FILE *out, const example *examples) {
    fprintf(out, "Examples\n");
    for (int i = 0; i < MAX_EXAMPLES && examples[i].line; i++)
        fprintf(out, "  %s\n      %s\n", examples[i].line, examples[i].does);
}

static void print_option(FILE *out, const option_spec *option) {
    fprintf(out, "  %s%s%s%s%s\n", option->letter ? option->letter : "", option->letter ? ", " : "", option->name,
            option->value ? " " : "", option->value ? option->value : "");
    wrap_text(out, option->help, 6, WRAP_WIDTH);
}

static void print_command_help(FILE *out, const command_spec *command) {
    const char *space = *command->inputs ? " " : "";
    fprintf(out, "softjac %s: %s\n\n", command->name, command->summary);
    print_examples(out, command->examples);
    fprintf(out, "\nUsage\n  softjac %s%s%s [OPTION]...%s\n", command->name, space, command->inputs,
            command_takes(command, OPTION_OUTPUT) ? " [-o OUT]" : "");
    if (*command->details) {
        fprintf(out, "\n");
        wrap_text(out, command->details, 2, WRAP_WIDTH);
    }
    fprintf(out, "\nOptions\n");
    for (int option = 0; option < OPTION_COUNT; option++) {
        if (command_takes(command, (option_id)option)) print_option(out, &option_specs[option]);
    }
    if (command->most_inputs > 0 && command_takes(command, OPTION_JSON))
        fprintf(out, "\nFiles are .npy, .npz (file.npz:name), .csv, .tsv or -: see softjac --help.\n");
}

static void print_front_help(FILE *out) {
    fprintf(out, "softjac: softmax and every derivative of it\n\n");
    print_examples(out, front_examples);
    fprintf(out, "\nUsage\n  softjac COMMAND INPUT... [-o OUT]\n\nCommands\n");
    for (int id = 0; id < COMMAND_COUNT; id++)
        fprintf(out, "  %-12s %s\n", command_specs[id].name, command_specs[id].summary);
    fprintf(out, "\n'softjac COMMAND --help' shows a command's examples and options.\n");
    for (size_t i = 0; i < topic_count; i++) {
        fprintf(out, "\n%s\n", topics[i].title);
        wrap_text(out, topics[i].text, 2, WRAP_WIDTH);
    }
}

void print_help(FILE *out, command_id command) {
    if (command == COMMAND_COUNT)
        print_front_help(out);
    else
        print_command_help(out, &command_specs[command]);
}
