/* report.h: a report of titled tables and lines of prose, printed as aligned text or as one JSON document.
 * verify, article, mape and info fill one and finish it; report.c collects, table.c and report_json.c print. */
#ifndef TOOL_REPORT_H
#define TOOL_REPORT_H

#include <stdbool.h>

typedef struct report report;
struct arguments;

/* Never NULL: running out of memory is remembered and reported by report_finish. */
report *report_new(const struct arguments *args);

/* Begins a section; `title` may be NULL. Everything that follows belongs to it. */
void report_section(report *into, const char *title);

/* A line of prose in the section: printed before its table, or after it when added after the first cell. "notes" in
 * JSON. Wraps at 80 columns unless it starts with two spaces or has a line break (an example to keep as it is). */
void report_note(report *into, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Starts the section's table (one per section). Cells then fill it row by row, `columns` a row. JSON keys are the
 * headings in lower case, with '_' for anything that is not a letter or a digit. */
void report_columns(report *into, int columns, const char *const *headings);

void report_text(report *into, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Shown with `format`, which takes one double ("%.2e"); JSON keeps 17 digits. NaN and infinities are the JSON strings
 * "nan", "inf", "-inf". */
void report_number(report *into, const char *format, double value);

/* "-" in text, null in JSON: this cell cannot be shown. */
void report_none(report *into);

/* "pass" or "FAIL", coloured on a terminal; JSON true or false. One false makes report_finish return 1. */
void report_verdict(report *into, bool pass);

/* The report fails though none of its verdicts is false. */
void report_fail(report *into);

/* Prints everything to stdout, frees the report. 0; 1 when it failed or a verdict was false; 71 or 74 with a message.
 */
int report_finish(report *into);

/* Frees without printing, for a command that failed half-way. */
void report_discard(report *into);

#endif
