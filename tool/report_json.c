/* report_json.c: a report as one JSON document: {"command", "ok", "sections": [{"title", "notes", "rows": [{...}]}]}.
 */
#include "command.h"
#include "json.h"
#include "report_data.h"

/* A heading as a key: lower case, '_' for every run of other bytes. */
static void print_key(FILE *out, const char *heading) {
    bool gap = false, begun = false;
    fputc('"', out);
    for (; *heading; heading++) {
        const char c = *heading;
        const bool upper = c >= 'A' && c <= 'Z', kept = upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (kept && gap && begun) fputc('_', out);
        if (kept) fputc(upper ? c - 'A' + 'a' : c, out);
        gap = !kept;
        begun = begun || kept;
    }
    fputs("\": ", out);
}

static void print_cell(FILE *out, const table_cell *cell) {
    switch (cell->kind) {
    case CELL_TEXT:
        json_string(out, cell->text);
        break;
    case CELL_NUMBER:
        json_number(out, SJ_F64, cell->number);
        break;
    case CELL_NONE:
        fputs("null", out);
        break;
    case CELL_VERDICT:
        fputs(cell->pass ? "true" : "false", out);
        break;
    }
}

static void print_rows(FILE *out, const table_section *section) {
    fputs(",\n   \"rows\": [", out);
    for (size_t i = 0; i < section->cell_count; i++) {
        const size_t column = i % section->columns;
        if (column == 0)
            fputs(i ? "},\n    {" : "\n    {", out);
        else
            fputs(", ", out);
        print_key(out, section->headings[column]);
        print_cell(out, &section->cells[i]);
    }
    fputs(section->cell_count ? "}]" : "]", out);
}

static void print_section(FILE *out, const table_section *section) {
    fputs("  {\"title\": ", out);
    if (section->title)
        json_string(out, section->title);
    else
        fputs("null", out);
    fputs(", \"notes\": [", out);
    for (size_t i = 0; i < section->note_count; i++) {
        if (i) fputs(", ", out);
        json_string(out, section->notes[i].text);
    }
    fputc(']', out);
    if (section->columns) print_rows(out, section);
    fputc('}', out);
}

void report_print_json(FILE *out, const report *shown) {
    fputs("{\"command\": ", out);
    json_string(out, shown->args->command);
    fprintf(out, ", \"ok\": %s, \"sections\": [\n", shown->failed ? "false" : "true");
    for (size_t i = 0; i < shown->section_count; i++) {
        if (i) fputs(",\n", out);
        print_section(out, &shown->sections[i]);
    }
    fputs("]}\n", out);
}
