/* zsh.c: completions for zsh, from the table of options.h. */
#include "pages.h"

/* Inside single quotes, with what _arguments reads as its own escaped. */
static void print_escaped(FILE *out, const char *text, int length) {
    for (int i = 0; i < length && text[i]; i++) {
        const char c = text[i];
        if (c == '\'')
            fputs("'\\''", out);
        else if (c == '[' || c == ']' || c == ':' || c == '\\')
            fprintf(out, "\\%c", c);
        else
            fputc(c, out);
    }
}

static void print_option(FILE *out, const option_spec *option) {
    if (option->letter)
        fprintf(out, "                '(%s %s)'{%s,%s}'[", option->letter, option->name, option->letter, option->name);
    else
        fprintf(out, "                '%s[", option->name);
    print_escaped(out, option->help, first_sentence(option->help));
    fputc(']', out);
    if (option->kind == VALUE_FILE)
        fputs(":file:_files", out);
    else if (option->choices) {
        fputs(":value:(", out);
        for (const option_choice *choice = option->choices; choice->word; choice++) {
            fputs(choice == option->choices ? "" : " ", out);
            for (const char *at = choice->word; *at; at++) fprintf(out, *at == ':' ? "\\%c" : "%c", *at);
        }
        fputc(')', out);
    } else if (option->kind != VALUE_NONE)
        fputs(":number:", out);
    fputs("' \\\n", out);
}

static void print_command(FILE *out, command_id id) {
    const command_spec *command = &command_specs[id];
    fprintf(out, "        %s)\n            _arguments -s \\\n", command->name);
    for (int option = 0; option < OPTION_COUNT; option++) {
        if (command_takes(command, (option_id)option)) print_option(out, &option_specs[option]);
    }
    if (id == COMMAND_HELP)
        fputs("                '1:command:_softjac_commands'\n", out);
    else if (command->most_inputs > 0)
        fputs("                '*:input:_files'\n", out);
    else
        fputs("                && return\n", out);
    fputs("            ;;\n", out);
}

void print_zsh(FILE *out) {
    fputs("#compdef softjac\n# zsh completion for softjac, made from tool/options.c\n"
          "_softjac_commands() {\n    local -a commands=(\n",
          out);
    for (int id = 0; id < COMMAND_COUNT; id++) {
        fprintf(out, "        '%s:", command_specs[id].name);
        print_escaped(out, command_specs[id].summary, 1000);
        fputs("'\n", out);
    }
    fputs("    )\n    _describe command commands\n}\n"
          "_softjac() {\n"
          "    if ((CURRENT == 2)); then\n        _softjac_commands\n        return\n    fi\n"
          "    shift words\n    ((CURRENT--))\n"
          "    case $words[1] in\n",
          out);
    for (int id = 0; id < COMMAND_COUNT; id++) print_command(out, (command_id)id);
    fputs("    esac\n}\n_softjac \"$@\"\n", out);
}
