/* pages.c: softjac_pages PAGE: prints the man page or one shell's completions on stdout. Run by the build only. */
#include "pages.h"

#include <stdlib.h>
#include <string.h>

int first_sentence(const char *help) {
    const char *at = help;
    while (*at && !(at[0] == '.' && (at[1] == ' ' || at[1] == '\0'))) at++;
    return (int)(at - help);
}

int main(int count, char **words) {
    static const struct {
        const char *name;
        void (*print)(FILE *out);
    } pages[] = {{"man", print_man}, {"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    for (size_t i = 0; count == 2 && i < sizeof pages / sizeof pages[0]; i++) {
        if (strcmp(words[1], pages[i].name) != 0) continue;
        pages[i].print(stdout);
        return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    fprintf(stderr, "usage: softjac_pages man|bash|zsh|fish\n");
    return EXIT_FAILURE;
}
