/* plan.c: collapses the batch dimensions of a call and walks them, one kernel call for each run of rows at constant
 * strides. Called by api/call.c; calls the kernel table. */
#include "plan.h"

#include "dispatch.h"

#include <stdbool.h>

static void swap_dims(sj_batch *batch, int a, int b) {
    const sj_batch old = *batch;
    batch->shape[a] = old.shape[b], batch->shape[b] = old.shape[a];
    batch->z[a] = old.z[b], batch->z[b] = old.z[a];
    batch->g[a] = old.g[b], batch->g[b] = old.g[a];
    batch->out[a] = old.out[b], batch->out[b] = old.out[a];
}

/* Dimension `inner` continues `outer` in every operand: one step of outer is a whole walk of inner. */
static bool continues(const sj_batch *batch, int outer, int inner) {
    const ptrdiff_t size = (ptrdiff_t)batch->shape[inner];
    return batch->z[outer] == size * batch->z[inner] && batch->g[outer] == size * batch->g[inner] &&
           batch->out[outer] == size * batch->out[inner];
}

/* Drops dimensions of one, sorts the rest so that the logits are walked in memory order, and joins neighbours. */
static void collapse(sj_batch *batch) {
    int kept = 0;
    for (int d = 0; d < batch->ndim; d++)
        if (batch->shape[d] != 1) swap_dims(batch, kept++, d);
    batch->ndim = kept;
    for (int d = 1; d < kept; d++)
        for (int e = d; e > 0 && sj_magnitude(batch->z[e]) > sj_magnitude(batch->z[e - 1]); e--)
            swap_dims(batch, e, e - 1);
    int last = 0;
    for (int d = 1; d < kept; d++) {
        if (continues(batch, last, d)) {
            const size_t joined = batch->shape[last] * batch->shape[d];
            swap_dims(batch, last, d);
            batch->shape[last] = joined;
        } else {
            swap_dims(batch, ++last, d);
        }
    }
    if (kept > 0) batch->ndim = last + 1;
}

static void advance(sj_operand *operand, ptrdiff_t elements) {
    if (operand->data) operand->data += elements * (ptrdiff_t)sj_dtype_size(operand->dtype);
}

/* The kernel over the innermost dimension, for every index of the dimensions before `ndim`. */
static void walk(sj_kernel *kernel, const sj_batch *batch, int d, sj_run run) {
    if (d + 1 >= batch->ndim) {
        kernel(&run);
        return;
    }
    for (size_t i = 0; i < batch->shape[d]; i++) {
        walk(kernel, batch, d + 1, run);
        advance(&run.z, batch->z[d]);
        advance(&run.g, batch->g[d]);
        advance(&run.out, batch->out[d]);
    }
}

static const sj_kernels *kernels_of(const sj_kernel_sets *set, sj_dtype compute, sj_mode mode) {
    if (mode == SJ_EXACT) return set->exact;
    return compute == SJ_F32 ? set->f32 : set->f64;
}

void sj_plan_run(sj_operation operation, sj_dtype compute, sj_mode mode, sj_batch batch, sj_run first) {
    for (int d = 0; d < batch.ndim; d++)
        if (batch.shape[d] == 0) return;
    collapse(&batch);
    const int inner = batch.ndim - 1;
    first.rows = inner < 0 ? 1 : batch.shape[inner];
    first.z.row_stride = inner < 0 ? 0 : batch.z[inner];
    first.g.row_stride = inner < 0 ? 0 : batch.g[inner];
    first.out.row_stride = inner < 0 ? 0 : batch.out[inner];
    walk(kernels_of(sj_dispatch(), compute, mode)->rows[operation], &batch, 0, first);
}
