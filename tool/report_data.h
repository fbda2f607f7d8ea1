/* report_data.h: what a report holds, between report.c, which collects it, and table.c and report_json.c, which print.
 */
#ifndef TOOL_REPORT_DATA_H
#define TOOL_REPORT_DATA_H

#include "report.h"

#include <stddef.h>
#include <stdio.h>

typedef enum cell_kind { CELL_TEXT, CELL_NUMBER, CELL_NONE, CELL_VERDICT } cell_kind;

typedef struct table_cell {
    cell_kind kind;
    char *text; /* as shown; owned */
    double number;
    bool pass;
} table_cell;

typedef struct table_note {
    char *text; /* owned */
    bool after; /* the table */
} table_note;

typedef struct table_section {
    char *title; /* owned; NULL for none */
    table_note *notes;
    size_t note_count;
    char **headings; /* owned */
    size_t columns;
    table_cell *cells; /* row by row */
    size_t cell_count;
} table_section;

struct report {
    const struct arguments *args;
    table_section *sections;
    size_t section_count;
    bool out_of_memory, failed;
};

void report_print_text(FILE *out, const report *shown, bool colour);
void report_print_json(FILE *out, const report *shown);

#endif
