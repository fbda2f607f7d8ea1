/* bash.c: completions for bash, from the table of options.h. */
#include "pages.h"

static void print_choices(FILE *out, const option_spec *option) {
    for (const option_choice *choice = option->choices; choice->word; choice++)
        fprintf(out, "%s%s", choice == option->choices ? "" : " ", choice->word);
}

/* What follows an option that takes a value. */
static void print_values(FILE *out) {
    fputs("    case $previous in\n", out);
    for (int id = 0; id < OPTION_COUNT; id++) {
        const option_spec *option = &option_specs[id];
        if (option->kind == VALUE_NONE) continue;
        fprintf(out, "        %s%s%s) ", option->letter ? option->letter : "", option->letter ? "|" : "", option->name);
        if (option->kind == VALUE_FILE)
            fputs("_softjac_files \"$word\"; return ;;\n", out);
        else if (option->choices) {
            fputs("mapfile -t COMPREPLY < <(compgen -W '", out);
            print_choices(out, option);
            fputs("' -- \"$word\"); _softjac_go_on; return ;;\n", out);
        } else
            fputs("return ;;\n", out);
    }
    fputs("    esac\n", out);
}

static void print_options(FILE *out) {
    fputs("    case ${COMP_WORDS[1]} in\n", out);
    for (int id = 0; id < COMMAND_COUNT; id++) {
        fprintf(out, "        %s) options='", command_specs[id].name);
        for (int option = 0; option < OPTION_COUNT; option++) {
            if (command_takes(&command_specs[id], (option_id)option)) fprintf(out, "%s ", option_specs[option].name);
        }
        fputs("' ;;\n", out);
    }
    fputs("    esac\n", out);
}

void print_bash(FILE *out) {
    fputs("# bash completion for softjac, made from tool/options.c\n"
          "_softjac_files() {\n"
          "    compopt -o filenames 2> /dev/null\n"
          "    mapfile -t COMPREPLY < <(compgen -f -- \"$1\")\n"
          "}\n"
          "# A value that ends in a colon goes on with a number.\n"
          "_softjac_go_on() { [[ ${COMPREPLY[0]-} != *: ]] || compopt -o nospace 2> /dev/null; }\n"
          "_softjac() {\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} options=\n"
          "    local commands='",
          out);
    for (int id = 0; id < COMMAND_COUNT; id++) fprintf(out, "%s%s", id ? " " : "", command_specs[id].name);
    fputs("'\n"
          "    if ((COMP_CWORD == 1)); then\n"
          "        mapfile -t COMPREPLY < <(compgen -W \"$commands --help --version\" -- \"$word\")\n"
          "        return\n"
          "    fi\n"
          "    # --layout=de arrives as the three words --layout, = and de\n"
          "    if [[ $word == = ]]; then\n"
          "        word=\n"
          "    elif [[ $previous == = ]]; then\n"
          "        previous=${COMP_WORDS[COMP_CWORD - 2]}\n"
          "    fi\n",
          out);
    print_values(out);
    print_options(out);
    fprintf(out,
            "    if [[ $word == -* ]]; then\n"
            "        mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\")\n"
            "    elif [[ ${COMP_WORDS[1]} == %s ]]; then\n"
            "        mapfile -t COMPREPLY < <(compgen -W \"$commands\" -- \"$word\")\n"
            "    else\n"
            "        _softjac_files \"$word\"\n"
            "    fi\n"
            "}\n"
            "complete -F _softjac softjac\n",
            command_specs[COMMAND_HELP].name);
}
