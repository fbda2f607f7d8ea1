/* peak.c: runs a command and writes the largest resident set that the kernel saw of it, in KiB, to a file.
 * usage: softjac_peak FILE COMMAND... Its exit code is the command's. */
#define _DEFAULT_SOURCE /* wait4 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **words) {
    struct rusage used;
    int status;
    if (count < 3) return 2;
    const pid_t child = fork();
    if (child == 0) {
        execvp(words[2], words + 2);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &used) != child) return 126;
    FILE *file = fopen(words[1], "w");
    if (!file) return 125;
    fprintf(file, "%ld\n", used.ru_maxrss);
    if (fclose(file) != 0) return 125;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
