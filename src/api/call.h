/* call.h: one call as the public functions describe it. forward.c, gradient.c, jacobian.c and products.c fill it;
 * call.c checks it and hands it to plan/. */
#ifndef SJ_API_CALL_H
#define SJ_API_CALL_H

#include "check.h"
#include "kernel/table.h"

#include <stdbool.h>

/* The shape of an operation's output, from the shape of the logits. */
typedef enum sj_result {
    SJ_RESULT_SAME,     /* the shape of z */
    SJ_RESULT_NO_CLASS, /* without the class axis */
    SJ_RESULT_BLOCKS,   /* without the class axis, then (n, n) */
    SJ_RESULT_DENSE     /* the shape of z twice */
} sj_result;

typedef struct sj_call {
    sj_operation operation;
    sj_result result;
    const sj_view *z, *out;
    const sj_view *g; /* NULL where the operation takes none */
    const char *g_name;
    sj_named_view more[SJ_MORE]; /* others of the shape of z, as in sj_run */
    size_t q;
    size_t first; /* entries of each row before those of z, of pieces of rows */
    bool takes_q;
    bool derivative;                        /* may be given the softmax */
    sj_dtype compute;                       /* 0: the widest of the views */
    sj_join *join;                          /* of a reduction to states */
    const sj_losses *losses;                /* of a loss, whose `out` may be NULL */
    const sj_view *numbers[SJ_ROW_NUMBERS]; /* of its rows, each NULL where there is none */
} sj_call;

/* Whether the call would succeed. */
sj_status sj_call_check(const sj_call *call, const sj_options *options);

sj_status sj_call_rows(const sj_call *call, const sj_options *options);

/* The same of arguments that were checked, with class axis `axis` counted from the front. */
void sj_call_checked(const sj_call *call, int axis, const sj_options *options);

#endif
