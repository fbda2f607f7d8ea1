/* map.c: the mappings of map.h. A file that another process cuts short would end this one by SIGBUS: the handler says
 * so and removes what was begun. */
#include "map.h"

#include "io/convert.h"
#include "io/fail.h"
#include "io/guard.h"
#include "spill.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SPILLED_AT_ONCE = 1 << 15 };

/* Where the result is mapped, for the handler to tell a full disk from an input that was cut short. */
static const char *volatile written_from, *volatile written_to;

static void say(const char *text) {
    if (write(STDERR_FILENO, text, strlen(text)) < 0) return;
}

static void end_by_fault(int number, siginfo_t *fault, void *context) {
    (void)number, (void)context;
    const char *at = fault->si_addr;
    const bool written = at >= written_from && at < written_to;
    guard_remove();
    say(written ? "softjac: the output cannot be written: no space left on device\n"
                : "softjac: an input was cut short while it was read, or reading it failed\n");
    _exit(written ? EXIT_CANNOT_WRITE : EXIT_BAD_DATA);
}

static bool map(mappings *maps, int file, size_t length, bool writing, char **base) {
    struct sigaction action = {.sa_sigaction = end_by_fault, .sa_flags = SA_SIGINFO};
    void *at = mmap(NULL, length, writing ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, file, 0);
    if (at == MAP_FAILED) return false;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
    maps->at[maps->count++] = (struct mapping){at, length};
    *base = at;
    return true;
}

static bool is_as_taken(const input *in) {
    return in->in_file && convert_is_copy(&in->file.header) && in->array.dtype == in->file.dtype && !in->rule.whole &&
           in->cycle == 0 && in->file.header.data_offset % in->file.header.item == 0;
}

static bool spill_elements(const input *in, const io_output *spill, io_error *error) {
    const size_t item = io_item(in->array.dtype), elements = io_elements(&in->array);
    char *block = malloc(SPILLED_AT_ONCE * item);
    bool spilled = block || io_fail_memory(error, spill->name);
    for (size_t first = 0; spilled && first < elements; first += SPILLED_AT_ONCE) {
        const size_t count = elements - first < SPILLED_AT_ONCE ? elements - first : SPILLED_AT_ONCE;
        spilled = input_fill(in, first, count, block, error) &&
                  output_place(spill, (first * item), block, count * item, error);
    }
    free(block);
    return spilled;
}

static int spill(mappings *maps, const arguments *args, input *in, char **data) {
    io_error error;
    spill_file file = {.name = ""};
    const size_t bytes = io_elements(&in->array) * io_item(in->array.dtype);
    int code = spill_open(args, &file, bytes);
    if (code != EXIT_DONE) return code;
    if (!spill_elements(in, &file.output, &error))
        code = fail(args, error.exit_code, "%s", error.message);
    else if (!map(maps, file.output.file, bytes, false, data))
        code = fail(args, EXIT_NO_MEMORY, "%s: cannot be mapped: %s", file.name, strerror(errno));
    close(file.output.file);
    return code;
}

int map_input(mappings *maps, const arguments *args, input *in) {
    char *data = NULL;
    if (!in->given || in->array.data) return EXIT_DONE;
    if (is_as_taken(in)) {
        if (!map(maps, in->file.file, in->file.header.data_offset + in->file.header.data_bytes, false, &data))
            return fail(args, EXIT_NO_MEMORY, "%s: cannot be mapped: %s", in->file.name, strerror(errno));
        data += in->file.header.data_offset;
    } else {
        const int code = spill(maps, args, in, &data);
        if (code != EXIT_DONE) return code;
    }
    in->array.data = data;
    in->mapped = true;
    return EXIT_DONE;
}

int map_result(mappings *maps, const arguments *args, result *into) {
    char *data;
    const size_t bytes = io_elements(&into->array) * io_item(into->array.dtype);
    io_error error;
    if (!into->file) return EXIT_DONE;
    if (!into->sparse && !output_reserve(into->file, into->data + bytes, &error))
        return fail(args, error.exit_code, "%s", error.message);
    if (!map(maps, into->file->file, (size_t)into->data + bytes, true, &data))
        return fail(args, EXIT_NO_MEMORY, "%s: cannot be mapped: %s", into->file->name, strerror(errno));
    written_from = data;
    written_to = data + into->data + bytes;
    into->array.data = data + into->data;
    return EXIT_DONE;
}

/* Bytes of files that are resident: the third number of statm. */
static size_t resident(void) {
    unsigned long pages = 0;
    const long page = sysconf(_SC_PAGESIZE);
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file) return SIZE_MAX;
    if (fscanf(file, "%*u %*u %lu", &pages) != 1) pages = 0;
    fclose(file);
    return (size_t)pages * (size_t)page;
}

/* Of a shared mapping only the table of pages forgets: what was written stays in the file. */
void map_trim(const mappings *maps, size_t most) {
    if (maps->count == 0 || resident() <= most) return;
    for (int i = 0; i < maps->count; i++) madvise(maps->at[i].base, maps->at[i].length, MADV_DONTNEED);
}

void map_free(mappings *maps) {
    for (int i = 0; i < maps->count; i++) munmap(maps->at[i].base, maps->at[i].length);
    maps->count = 0;
}
