/* check.h: validation of views and options, with messages that say what was found, where, and what was expected.
 * Used by call.c and metric.c; everything is checked before anything is written. */
#ifndef SJ_API_CHECK_H
#define SJ_API_CHECK_H

#include <softjac.h>

#include <stdbool.h>

/* Records the message in `error`, if there is one, and returns `status`. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
sj_status
sj_fail(sj_error *error, sj_status status, const char *format, ...);

/* a * b into *product; false when it does not fit. */
static inline bool sj_multiply(size_t a, size_t b, size_t *product) { return !__builtin_mul_overflow(a, b, product); }

/* A view by the name it has in messages. */
typedef struct sj_named_view {
    const char *name;
    const sj_view *view;
} sj_named_view;

/* A real dtype, number of dimensions, sizes and strides within the address space, data present if there are elements.
 */
sj_status sj_check_view(sj_named_view named, sj_error *error);

/* Kinds of dtypes, a bit for each. */
enum {
    SJ_REALS = 1 << SJ_F32 | 1 << SJ_F64 | 1 << SJ_F16 | 1 << SJ_BF16,
    SJ_INTEGERS = 1 << SJ_I32 | 1 << SJ_I64,
    SJ_BOOLS = 1 << SJ_BOOL
};

static inline bool sj_is_of(sj_dtype dtype, unsigned kind) { return (unsigned)dtype < 32 && (kind >> dtype & 1); }

/* The same of a view with a dtype of a kind. */
sj_status sj_check_view_of(sj_named_view named, unsigned kind, sj_error *error);

/* The class axis of a checked view, counted from the front, into *axis. */
sj_status sj_check_axis(sj_named_view named, int *axis, sj_error *error);

/* The view has exactly this shape. */
sj_status sj_check_shape(sj_named_view named, int ndim, const size_t *shape, sj_error *error);

/* No two elements of the output share an address. */
sj_status sj_check_output(sj_named_view named, sj_error *error);

/* The output shares no memory with the input, or, where allowed, is exactly the input. Both checked before. */
sj_status sj_check_overlap(sj_named_view out, sj_named_view in, bool in_place_allowed, sj_error *error);

/* Options of this version's size with every field in range. */
sj_status sj_check_options(const sj_options *options, bool derivative, sj_error *error);

#endif
