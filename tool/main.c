/* main.c: the softjac command: prepares the process, parses the command line, runs one command, returns its exit code.
 * Data goes to stdout, everything said to people to stderr. */
#include "command.h"
#include "help.h"
#include "io/guard.h"
#include "options.h"
#include "output.h"
#include "parse.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int (*const runs[COMMAND_COUNT])(const arguments *) = {
    [COMMAND_SOFTMAX] = command_forward,     [COMMAND_LOG_SOFTMAX] = command_forward,
    [COMMAND_LOGSUMEXP] = command_forward,   [COMMAND_GRADIENT] = command_derivative,
    [COMMAND_JACOBIAN] = command_derivative, [COMMAND_VJP] = command_derivative,
    [COMMAND_JVP] = command_derivative,      [COMMAND_CROSS_ENTROPY] = command_cross_entropy,
    [COMMAND_VERIFY] = command_verify,       [COMMAND_ARTICLE] = command_article,
    [COMMAND_MAPE] = command_mape,           [COMMAND_INFO] = command_info,
};

/* With a standard stream closed, a file opened later would take its number and receive what is printed to it. */
static void keep_standard_streams(void) {
    int opened;
    do {
        opened = open("/dev/null", O_RDONLY);
    } while (opened >= 0 && opened <= STDERR_FILENO);
    if (opened > STDERR_FILENO) close(opened);
}

/* The library falls back to a set it has; a person who typed a name wants to know. */
static int check_kernel_set(const arguments *args) {
    char built[128] = "";
    size_t used = 0;
    bool known = false;
    const char *wanted = getenv("SOFTJAC_ISA");
    if (!wanted || *wanted == '\0' || strcmp(wanted, sj_kernel_set()) == 0) return EXIT_DONE;
    for (size_t i = 0; sj_kernel_set_built(i) && used < sizeof built; i++) {
        known = known || strcmp(wanted, sj_kernel_set_built(i)) == 0;
        used += (size_t)snprintf(built + used, sizeof built - used, "%s%s", i ? ", " : "", sj_kernel_set_built(i));
    }
    if (known)
        return fail(args, EXIT_WRONG_USE, "SOFTJAC_ISA: this CPU does not run '%s'; expected one of %s, at most %s",
                    wanted, built, sj_kernel_set());
    return fail(args, EXIT_WRONG_USE, "SOFTJAC_ISA: there is no kernel set '%s'; built are %s", wanted, built);
}

int main(int count, char **words) {
    command_id command;
    arguments args;
    keep_standard_streams();
    /* A reader that has gone, and a file as long as is allowed, are write errors with a message and an exit code, not a
     * silent end. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    guard_signals();
    const request asked = parse_command_line(count, words, &command, &args);
    if (asked == REQUEST_WRONG) return EXIT_WRONG_USE;
    if (asked == REQUEST_HELP) {
        print_help(stdout, command);
        return finish_stdout(&args);
    }
    if (asked == REQUEST_VERSION) {
        printf("softjac %s\n", sj_version());
        return finish_stdout(&args);
    }
    const int code = check_kernel_set(&args);
    return code == EXIT_DONE ? runs[command](&args) : code;
}
