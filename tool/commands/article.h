/* article.h: the parts of `softjac article`, in the article's order. article.c calls them; each adds its sections. */
#ifndef TOOL_ARTICLE_H
#define TOOL_ARTICLE_H

#include "check_rows.h"
#include "command.h"

/* The output that the article differentiates. */
#define ARTICLE_CLASS 3

/* From one example to the loss gradient: each formula, textbook and library, against automatic differentiation and
 * truth. False when out of memory. */
bool article_add_formulas(report *into, const row_set *rows);

/* Overflow with the floating-point flags it raises, the shifted softmax, and its derivative. */
void article_add_overflow(report *into);

/* What the article printed, computed again. */
void article_add_published(report *into);

#endif
