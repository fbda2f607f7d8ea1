/* records.h: arrays of what is known of rows that come in pieces, one record a row, as views of doubles. Used by
 * state.c, exact.c and losses.c. */
#ifndef SJ_API_RECORDS_H
#define SJ_API_RECORDS_H

#include <softjac.h>

/* Records of `size` bytes, a multiple of a double's, beside the rows of z, which is checked. with_class: as an input of
 * the shape of z, every entry of a row the same record; else as a result without the class axis. */
sj_view sj_records(const void *data, size_t size, const sj_view *z, int axis, bool with_class);

size_t sj_rows_of(const sj_view *z, int axis);

/* What can be said of z and options before the records beside it are a view; the class axis into *axis. A function of
 * states in default mode, or of exact mode where the options' mode says so. */
sj_status sj_check_records(const sj_view *z, const void *data, const char *name, const sj_options *options, int *axis);

/* The rows of which `out` has a number each, of one entry, as *z. */
sj_status sj_rows_behind(const sj_view *out, const sj_options *options, sj_view *z);

/* Whether x is a float's value, or NaN. */
static inline bool sj_is_single(double x) { return x != x || (double)(float)x == x; }

/* Whether every number of the picks is. */
bool sj_picks_are_single(const sj_pick *picks, size_t rows);

#endif
