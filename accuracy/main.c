/* main.c: the program `accuracy`: its subcommands and their options. It measures how far results are from the truth,
 * and writes docs/accuracy.md; scripts/accuracy runs it for every kernel set. */
#include "commands.h"

#include <stdio.h>
#include <string.h>

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage;
} commands[] = {
    {"search", search_command,
     "[--seconds N] [--seed S] [--dtype f32|f64] [--mode default|exact] [--form NAME]\n"
     "                   [--longest N] [--oracle-longest N] [--corpus FILE]... [--out FILE]\n"
     "      look for the worst entry of every form with the kernel set SOFTJAC_ISA names; exit 1 beyond the contract"},
    {"replay", replay_command,
     "FILE\n"
     "      measure again every input of a file of records, each line with the error found now"},
    {"exp", exp_command,
     "[--stride N]\n"
     "      the float32 exponential of every kernel set of this CPU on all 2^32 inputs, or on every N-th block of "
     "them"},
    {"halves", halves_command,
     "[--stride N] [--format f16|bf16]\n"
     "      softmax and log-softmax of all 2^32 pairs of float16 and of bfloat16, or of every N-th first logit"},
    {"pool", pool_command, "FOLDER\n      write the rows that every library is measured on"},
    {"solve", solve_command, "FOLDER\n      write what this library makes of them"},
    {"judge", judge_command, "FOLDER NAME\n      measure the results in a folder: records of the library NAME"},
    {"keep", keep_command, "FILE...\n      the three worst records of every form, dtype and mode: a corpus"},
    {"report", report_command, "COMMAND FILE...\n      docs/accuracy.md, from files of records and of `accuracy exp`"},
};

#define COMMANDS (sizeof commands / sizeof *commands)

static int usage(void) {
    (void)fprintf(stderr, "usage: accuracy COMMAND ...\n");
    for (size_t i = 0; i < COMMANDS; i++)
        (void)fprintf(stderr, "  accuracy %s %s\n", commands[i].name, commands[i].usage);
    return 2;
}

int main(int argc, char **argv) {
    for (size_t i = 0; argc > 1 && i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0) {
            const int status = commands[i].run(argc - 1, argv + 1);
            return status == 2 ? usage() : status;
        }
    return usage();
}
