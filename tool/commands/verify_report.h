/* verify_report.h: the tables of `softjac verify`. verify.c has the lines, report.h the printer. */
#ifndef TOOL_VERIFY_REPORT_H
#define TOOL_VERIFY_REPORT_H

#include "check_forms.h"

/* What is checked, and against what. */
void verify_introduce(report *into, const arguments *args, const check_input *input);

/* How to read the columns, after the tables. */
void verify_explain(report *into, const arguments *args, const check_input *input);

/* One dtype's table, and remarks on what it leaves out. */
void verify_add_table(report *into, const check_input *input, const check_lines *lines);

#endif
