/* report.c: collects the sections, notes and cells of a report and hands them to the printer. Memory that runs out is
 * remembered, so that a command needs no check at each cell. */
#include "report_data.h"
#include "command.h"
#include "output.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Stands in for a report that could not be made; nothing is ever added to it. */
static report *missing_report(void) {
    static report missing = {.out_of_memory = true};
    return &missing;
}

report *report_new(const struct arguments *args) {
    report *made = calloc(1, sizeof *made);
    if (!made) return missing_report();
    made->args = args;
    return made;
}

/* One more zeroed item at the end of *items; NULL when out of memory. */
static void *append(report *into, void *items, size_t *count, size_t size) {
    char *list, *grown = NULL;
    size_t bytes;
    memcpy(&list, items, sizeof list); /* whatever it points to, all object pointers look alike here */
    if (!into->out_of_memory && checked_multiply(*count + 1, size, &bytes)) grown = realloc(list, bytes);
    if (!grown) {
        into->out_of_memory = true;
        return NULL;
    }
    memcpy(items, &grown, sizeof grown);
    return memset(grown + (*count)++ * size, 0, size);
}

static char *format_text(report *into, const char *format, va_list values) {
    va_list again;
    va_copy(again, values);
    const int length = vsnprintf(NULL, 0, format, values);
    char *text = length < 0 ? NULL : malloc((size_t)length + 1);
    if (text)
        vsnprintf(text, (size_t)length + 1, format, again);
    else
        into->out_of_memory = true;
    va_end(again);
    return text;
}

static char *copy_text(report *into, const char *text) {
    const size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    if (copy) return memcpy(copy, text, size);
    into->out_of_memory = true;
    return NULL;
}

static table_section *last_section(report *into) {
    if (into->section_count == 0) report_section(into, NULL);
    return into->section_count ? &into->sections[into->section_count - 1] : NULL;
}

void report_section(report *into, const char *title) {
    table_section *added = append(into, &into->sections, &into->section_count, sizeof *added);
    if (added && title) added->title = copy_text(into, title);
}

void report_note(report *into, const char *format, ...) {
    va_list values;
    table_section *section = last_section(into);
    table_note *added = section ? append(into, &section->notes, &section->note_count, sizeof *added) : NULL;
    if (!added) return;
    added->after = section->cell_count > 0;
    va_start(values, format);
    added->text = format_text(into, format, values);
    va_end(values);
}

void report_columns(report *into, int columns, const char *const *headings) {
    table_section *section = last_section(into);
    for (int c = 0; section && c < columns; c++) {
        char **heading = append(into, &section->headings, &section->columns, sizeof *heading);
        if (heading) *heading = copy_text(into, headings[c]);
    }
}

static table_cell *add_cell(report *into, cell_kind kind) {
    table_section *section = last_section(into);
    table_cell *added = section ? append(into, &section->cells, &section->cell_count, sizeof *added) : NULL;
    if (added) added->kind = kind;
    return added;
}

static void set_text(report *into, table_cell *cell, const char *format, ...) {
    va_list values;
    va_start(values, format);
    cell->text = format_text(into, format, values);
    va_end(values);
}

void report_text(report *into, const char *format, ...) {
    va_list values;
    table_cell *added = add_cell(into, CELL_TEXT);
    if (!added) return;
    va_start(values, format);
    added->text = format_text(into, format, values);
    va_end(values);
}

void report_number(report *into, const char *format, double value) {
    table_cell *added = add_cell(into, CELL_NUMBER);
    if (!added) return;
    added->number = value;
    set_text(into, added, format, isnan(value) ? NAN : value); /* never "-nan" */
}

void report_none(report *into) {
    table_cell *added = add_cell(into, CELL_NONE);
    if (added) added->text = copy_text(into, "-");
}

void report_verdict(report *into, bool pass) {
    table_cell *added = add_cell(into, CELL_VERDICT);
    into->failed = into->failed || !pass;
    if (!added) return;
    added->pass = pass;
    added->text = copy_text(into, pass ? "pass" : "FAIL");
}

void report_fail(report *into) { into->failed = true; }

static void free_section(table_section *section) {
    for (size_t i = 0; i < section->note_count; i++) free(section->notes[i].text);
    for (size_t i = 0; i < section->columns; i++) free(section->headings[i]);
    for (size_t i = 0; i < section->cell_count; i++) free(section->cells[i].text);
    free(section->notes);
    free(section->headings);
    free(section->cells);
    free(section->title);
}

void report_discard(report *into) {
    if (into == missing_report()) return;
    for (size_t i = 0; i < into->section_count; i++) free_section(&into->sections[i]);
    free(into->sections);
    free(into);
}

int report_finish(report *into) {
    const arguments *args = into->args;
    if (into->out_of_memory) {
        report_discard(into);
        fprintf(stderr, "softjac: not enough memory for the report\n");
        return EXIT_NO_MEMORY;
    }
    const char *no_colour = getenv("NO_COLOR");
    if (args->json)
        report_print_json(stdout, into);
    else
        report_print_text(stdout, into, isatty(STDOUT_FILENO) && !(no_colour && *no_colour));
    const int code = into->failed ? EXIT_CHECK_FAILED : EXIT_DONE;
    report_discard(into);
    const int arrived = finish_stdout(args);
    return arrived == EXIT_DONE ? code : arrived;
}
