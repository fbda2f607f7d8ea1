/* man.c: the man page, in the mdoc language, from the table of options.h. One sentence a line, as mdoc wants it. */
#include "pages.h"

#include <softjac.h>

#include <stdbool.h>
#include <string.h>

enum { LINE_WIDTH = 76 };

static const char release_date[] = "November 24, 2026";

/* A word with what roff would take as its own escaped. */
static void print_word(FILE *out, const char *word, int length, bool begins_line) {
    if (begins_line && (*word == '.' || *word == '\'')) fputs("\\&", out);
    for (int i = 0; i < length; i++) {
        if (word[i] == '\\')
            fputs("\\e", out);
        else if (word[i] == '-' && *word == '-')
            fputs("\\-", out);
        else
            fputc(word[i], out);
    }
}

static void print_prose(FILE *out, const char *text) {
    int column = 0;
    while (*text) {
        const int word = (int)strcspn(text, " \n");
        if (column && column + 1 + word > LINE_WIDTH) {
            fputc('\n', out);
            column = 0;
        }
        if (column) fputc(' ', out);
        print_word(out, text, word, column == 0);
        column += word + 1;
        const bool sentence_ends = word > 1 && (text[word - 1] == '.');
        text += word;
        if (*text == '\n') fputs("\n.Pp", out);
        if (*text == '\n' || (sentence_ends && *text)) {
            fputc('\n', out);
            column = 0;
        }
        text += strspn(text, " \n");
    }
    fputc('\n', out);
}

static void print_option(FILE *out, const option_spec *option) {
    fprintf(out, ".It ");
    if (option->letter) fprintf(out, "Fl %s , ", option->letter + 1);
    fprintf(out, "Fl \\-%s", option->name + 2);
    if (option->value) fprintf(out, " Ar %s", option->value);
    fputc('\n', out);
    print_prose(out, option->help);
}

/* Options of the command that not every command takes. */
static void print_command(FILE *out, const command_spec *command) {
    fprintf(out, ".It Cm %s", command->name);
    if (*command->inputs) fprintf(out, " Ar %s", command->inputs);
    fprintf(out, "\n");
    print_word(out, command->summary, (int)strlen(command->summary), true);
    fputs(".\n", out);
    if (*command->details) print_prose(out, command->details);
    bool first = true;
    for (int option = 0; option < OPTION_HELP; option++) {
        if (!command_takes(command, (option_id)option)) continue;
        fputs(first ? ".Pp\nOptions:\n" : " ,\n", out);
        fprintf(out, ".Fl \\-%s", option_specs[option].name + 2);
        first = false;
    }
    if (!first) fputs(" .\n", out);
}

static void print_examples(FILE *out) {
    fputs(".Sh EXAMPLES\n.Bl -tag -width Ds\n", out);
    for (int id = 0; id < COMMAND_COUNT; id++) {
        const example *examples = command_specs[id].examples;
        for (int i = 0; i < MAX_EXAMPLES && examples[i].line; i++) {
            fputs(".It Li \"", out);
            for (const char *at = examples[i].line; *at; at++) {
                if (*at == '\\')
                    fputs("\\e", out);
                else if (*at == '-')
                    fputs("\\-", out);
                else if (*at == '"')
                    fputs("\\(dq", out);
                else
                    fputc(*at, out);
            }
            fputs("\"\n", out);
            print_prose(out, examples[i].does);
        }
    }
    fputs(".El\n", out);
}

static void print_tail(FILE *out) {
    fputs(".Sh ENVIRONMENT\n.Bl -tag -width SOFTJAC_ISA\n.It Ev SOFTJAC_ISA\n"
          "Forces one of the kernel sets that\n.Nm Cm info\nlists.\n"
          ".It Ev NO_COLOR\nWhen set and not empty, no colours.\n.El\n",
          out);
    print_examples(out);
    fputs(".Sh SEE ALSO\n.Lk https://no-color.org \"NO_COLOR\"\n", out);
}

void print_man(FILE *out) {
    fprintf(out, ".\\\" softjac %d.%d.%d, made from tool/options.c\n.Dd %s\n.Dt SOFTJAC 1\n.Os\n", SJ_VERSION_MAJOR,
            SJ_VERSION_MINOR, SJ_VERSION_PATCH, release_date);
    fputs(".Sh NAME\n.Nm softjac\n.Nd softmax and every derivative of it\n"
          ".Sh SYNOPSIS\n.Nm\n.Ar command\n.Op Ar input ...\n.Op Fl o Ar out\n.Op Ar option ...\n"
          ".Sh DESCRIPTION\n.Nm\n"
          "computes softmax, log-softmax and their derivatives of arrays in files.\n",
          out);
    for (size_t i = 0; i < topic_count; i++) {
        fprintf(out, ".Ss %s\n", topics[i].title);
        print_prose(out, topics[i].text);
    }
    fputs(".Ss Commands\n.Bl -tag -width Ds\n", out);
    for (int id = 0; id < COMMAND_COUNT; id++) print_command(out, &command_specs[id]);
    fputs(".El\n.Ss Options\n.Bl -tag -width Ds\n", out);
    for (int option = 0; option < OPTION_COUNT; option++) print_option(out, &option_specs[option]);
    fputs(".El\n", out);
    print_tail(out);
}
