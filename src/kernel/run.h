/* run.h: what a kernel is asked to do: a run of rows at constant strides. Filled by plan/, read by the kernels. */
#ifndef SJ_KERNEL_RUN_H
#define SJ_KERNEL_RUN_H

#include <softjac.h>

#include <stdbool.h>
#include <stdint.h>

typedef struct sj_total sj_total;

/* One array of a run. Strides in elements. */
typedef struct sj_operand {
    char *data; /* element 0 of row 0 */
    sj_dtype dtype;
    ptrdiff_t row_stride;
    ptrdiff_t class_stride;
    ptrdiff_t input_stride; /* of r in entry [q, r] of a Jacobian, whose class_stride is that of q */
} sj_operand;

/* Threads that parts of one row may be given to. */
typedef struct sj_team sj_team;
struct sj_team {
    /* Does parts 0 .. count in any order, each thread `perform` of some that follow each other. */
    void (*divide)(const sj_team *team, size_t count, void (*perform)(const void *context, size_t first, size_t count),
                   const void *context);
};

/* Joins the state of what follows in a row with that of what was before. */
typedef void sj_join(sj_state *into, const sj_state *part);
typedef void sj_join_products(sj_product *into, const sj_product *part);

/* What rows are read with beside their logits. Offsets and strides in elements; no data: there is none. */
typedef enum sj_beside {
    SJ_BESIDE_MASK,
    SJ_BESIDE_BIAS,
    SJ_BESIDE_SINK, /* of rows */
    SJ_BESIDE_LENGTHS,
    SJ_BESIDE_REACH,
    SJ_BESIDES
} sj_beside;

/* What a row's results are. */
typedef enum sj_read_results { SJ_READ_ROW, SJ_READ_GRADIENT, SJ_READ_SCALAR, SJ_READ_JACOBIAN } sj_read_results;

typedef struct sj_reading {
    sj_operand beside[SJ_BESIDES]; /* the reach has no data, and one element a query */
    bool causal;
    ptrdiff_t reach; /* entries of row 0 that a causal mask leaves */
    double scale;
    bool scales;   /* there is a scale, a bias or a sink */
    double factor; /* of the results: the scale where they are derivatives */
    double masked; /* the result of a masked entry */
    sj_read_results results;
    bool clears; /* some masked results do not come out as 0 by themselves */
} sj_reading;

/* The size of scales that kernels weigh by: not so far from 1 that products of logits that are near leave the range. */
#define SJ_SCALE_LEAST 0x1p-30
#define SJ_SCALE_MOST 0x1p30

/* How far a run is read. */
typedef enum sj_read {
    SJ_UNREAD,
    SJ_READ_PLACED, /* masked logits stand in their places as -inf, or as 0 where the softmax is given */
    SJ_READ_SCALED, /* rows are as they stand in memory, and nothing but such a scale is theirs */
    SJ_READ_BY_ROW  /* rows are read as they are served, and none ends early */
} sj_read;

/* What the rows of a loss have in common. Numbers as hi + lo. */
typedef struct sj_losses {
    sj_operand weights; /* of the classes; data NULL: all 1 */
    int64_t ignore_index;
    double kept[2], spread[2]; /* of a target: 1 - smoothing, and smoothing / n, which every class gets */
    double z_loss;
    double scale[2]; /* of every gradient */
    sj_total *total; /* NULL: the sum is not asked for */
} sj_losses;

/* What each row of a loss has one number of; data NULL where it has none. */
enum { SJ_ROW_LOSS, SJ_ROW_LOGSUMEXP, SJ_ROW_UPSTREAM, SJ_ROW_NUMBERS };

/* What else a run reads beside its logits and one cotangent. */
#define SJ_MORE 2

typedef struct sj_run {
    size_t rows;
    size_t n;
    sj_operand z;             /* logits, or the softmax itself when given says so */
    sj_operand g;             /* cotangent or tangent */
    sj_operand more[SJ_MORE]; /* a second and a third one, or states; the label of a loss, the same in every class */
    sj_operand out;
    size_t q;     /* the output of a gradient */
    size_t first; /* entries of each row before those of the run, where it is of pieces of rows */
    sj_nonfinite nonfinite;
    sj_given given;
    bool stream;               /* results go past the caches */
    bool staged;               /* of a stage on the stack, beside which there is no room for more */
    const sj_team *team;       /* NULL: the calling thread alone */
    const sj_reading *reading; /* NULL: rows are as they stand in memory */
    size_t read_from;          /* the row of the reading that is row 0 of the run */
    sj_read read;
    bool sunk;     /* read by row with its sink as the last entry of n, which has no result and no cotangent */
    sj_join *join; /* of a reduction to public states */
    const sj_losses *losses; /* NULL but in losses: then only is `numbers` set */
    sj_operand numbers[SJ_ROW_NUMBERS];
} sj_run;

static inline size_t sj_magnitude(ptrdiff_t stride) { return stride < 0 ? (size_t)0 - (size_t)stride : (size_t)stride; }

/* In bytes: four bits for each dtype, in the order of their numbers, for some loops ask once an entry. */
static inline size_t sj_dtype_size(sj_dtype dtype) { return UINT32_C(0x84122840) >> 4 * dtype & 15; }

/* Element i of integers, SJ_I32 or SJ_I64. */
static inline int64_t sj_integer(const void *data, sj_dtype dtype, ptrdiff_t i) {
    return dtype == SJ_I32 ? ((const int32_t *)data)[i] : ((const int64_t *)data)[i];
}

#endif
