/* fish.c: completions for fish, from the table of options.h. */
#include "pages.h"

static void print_quoted(FILE *out, const char *text, int length) {
    fputc('\'', out);
    for (int i = 0; i < length && text[i]; i++) {
        if (text[i] == '\'' || text[i] == '\\') fputc('\\', out);
        fputc(text[i], out);
    }
    fputc('\'', out);
}

static void print_option(FILE *out, option_id id) {
    const option_spec *option = &option_specs[id];
    fputs("complete -c softjac -n '__fish_seen_subcommand_from", out);
    for (int command = 0; command < COMMAND_COUNT; command++) {
        if (command_takes(&command_specs[command], id)) fprintf(out, " %s", command_specs[command].name);
    }
    fprintf(out, "' -l %s", option->name + 2);
    if (option->letter) fprintf(out, " -s %s", option->letter + 1);
    if (option->kind == VALUE_FILE)
        fputs(" -r -F", out);
    else if (option->choices) {
        fputs(" -x -a '", out);
        for (const option_choice *choice = option->choices; choice->word; choice++) fprintf(out, "%s ", choice->word);
        fputc('\'', out);
    } else if (option->kind != VALUE_NONE)
        fputs(" -x", out);
    fputs(" -d ", out);
    print_quoted(out, option->help, first_sentence(option->help));
    fputc('\n', out);
}

void print_fish(FILE *out) {
    fputs("# fish completion for softjac, made from tool/options.c\n", out);
    for (int id = 0; id < COMMAND_COUNT; id++) {
        fprintf(out, "complete -c softjac -n __fish_use_subcommand -f -a %s -d ", command_specs[id].name);
        print_quoted(out, command_specs[id].summary, 1000);
        fputc('\n', out);
    }
    for (int id = 0; id < COMMAND_COUNT; id++) {
        if (id == COMMAND_HELP) continue;
        fprintf(out, "complete -c softjac -n '__fish_seen_subcommand_from %s' -f -a '%s'\n",
                command_specs[COMMAND_HELP].name, command_specs[id].name);
    }
    for (int id = 0; id < OPTION_COUNT; id++) print_option(out, (option_id)id);
    fputs("complete -c softjac -n __fish_use_subcommand -l help -s h -d 'Print help'\n"
          "complete -c softjac -n __fish_use_subcommand -l version -d 'Print the version'\n",
          out);
}
