/* table.c: a report as text: titles, wrapped notes, tables with aligned columns. Numbers align right, words left. */
#include "report_data.h"
#include "wrap.h"

#include <stdlib.h>
#include <string.h>

/* Columns a text takes on a screen: UTF-8 continuation bytes take none. */
static int shown_width(const char *text) {
    int width = 0;
    for (; *text; text++) width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

static int column_width(const table_section *section, size_t column) {
    int widest = shown_width(section->headings[column]);
    for (size_t i = column; i < section->cell_count; i += section->columns) {
        const int width = shown_width(section->cells[i].text);
        if (width > widest) widest = width;
    }
    return widest;
}

/* A column of numbers, whatever stands where one is missing. */
static bool aligns_right(const table_section *section, size_t column) {
    bool numbers = false;
    for (size_t i = column; i < section->cell_count; i += section->columns) {
        const cell_kind kind = section->cells[i].kind;
        if (kind == CELL_TEXT || kind == CELL_VERDICT) return false;
        numbers = numbers || kind == CELL_NUMBER;
    }
    return numbers;
}

static void print_padded(FILE *out, const char *text, const char *colour, int width, bool right, bool last) {
    const int padding = width - shown_width(text);
    if (right) fprintf(out, "%*s", padding, "");
    if (colour)
        fprintf(out, "\033[%sm%s\033[0m", colour, text);
    else
        fputs(text, out);
    if (!right && !last) fprintf(out, "%*s", padding, "");
    fputs(last ? "\n" : "  ", out);
}

static const char *cell_colour(const table_cell *cell, bool colour) {
    if (!colour || cell->kind != CELL_VERDICT) return NULL;
    return cell->pass ? "32" : "1;31";
}

static void print_table(FILE *out, const table_section *section, bool colour) {
    for (size_t column = 0; column < section->columns; column++)
        print_padded(out, section->headings[column], colour ? "1" : NULL, column_width(section, column),
                     aligns_right(section, column), column + 1 == section->columns);
    for (size_t i = 0; i < section->cell_count; i++) {
        const size_t column = i % section->columns;
        const table_cell *cell = &section->cells[i];
        print_padded(out, cell->text, cell_colour(cell, colour), column_width(section, column),
                     aligns_right(section, column), column + 1 == section->columns || i + 1 == section->cell_count);
    }
}

static void print_notes(FILE *out, const table_section *section, bool after) {
    for (size_t i = 0; i < section->note_count; i++) {
        const table_note *note = &section->notes[i];
        if (note->after != after) continue;
        if (strncmp(note->text, "  ", 2) == 0 || strchr(note->text, '\n'))
            fprintf(out, "%s\n", note->text);
        else
            wrap_text(out, note->text, 0, WRAP_WIDTH);
    }
}

void report_print_text(FILE *out, const report *shown, bool colour) {
    for (size_t i = 0; i < shown->section_count; i++) {
        const table_section *section = &shown->sections[i];
        if (i > 0) fputc('\n', out);
        if (section->title) fprintf(out, colour ? "\033[1m%s\033[0m\n" : "%s\n", section->title);
        print_notes(out, section, false);
        if (section->columns) print_table(out, section, colour);
        print_notes(out, section, true);
    }
}
