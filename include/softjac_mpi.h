/* softjac_mpi.h: softmax and its derivatives of rows, or batches, that lie in several processes. Any MPI 3.
 *
 * A group says how an array is divided among the ranks of a communicator: by classes, each rank holding some columns of
 * every row, or by rows. Shares may be uneven, and empty. Each rank passes its own part, as a view of softjac.h with
 * the group's number of classes along the class axis and its number of rows in the other dimensions, and receives its
 * own part of the result.
 *
 * Common rules, not repeated below:
 *   calls        Every rank makes the same calls on a group, in the same order, waiting for requests included, with the
 *                same options. What a call does is documented at the function of softjac.h that it is named after.
 *   accuracy     That of softjac.h, for any number of ranks and any division.
 *   non-finite   As of softjac.h; but in default mode a cotangent that is not finite makes its row NaN also where s = 0
 *                in the whole row, if the rank's own part of the row, which may be as deep, gives that entry weight.
 *   bits         Of rows: those of the library's call on a rank's rows. Of classes: under SJ_EXACT those of the whole
 *                row, else they depend on the division.
 *   messages     Of classes: for each 1024 rows one all-reduce, of 72 bytes a row and 72 more; under SJ_EXACT one more,
 *                of 448 bytes a row, 1688 of products. Of rows: one all-reduce of 1368 bytes. No other, no barrier.
 *   errors       All ranks return the same status: the failure of the lowest rank that has one, or SJ_BAD_OPTION where
 *                their calls differ. options->error names that rank; its own has the whole message. Nothing is written
 *                then, on any rank. But what the library finds of masks, lengths, offsets, a bias or a sink of divided
 *                rows it finds as it computes: a second all-reduce tells all ranks, which may have written their rows.
 *   aliasing     As of softjac.h, but views that interleave within one range of addresses count as overlapping.
 *   classes      Where these are divided, options->given, scale, bias, sink, mask, lengths, causal and offsets are
 *                SJ_BAD_OPTION, as for row states.
 *   requests     sj_mpi_iNAME returns once this rank's part of the reduction is done and its messages are under way;
 *                sj_mpi_wait finishes them, and writes the results. Between them arguments stay as they are: arrays,
 *                and what options point to; views and options themselves are copied. At most SJ_MPI_REQUESTS of a group
 *                are under way at once. A blocking call is the same followed by sj_mpi_wait.
 *   memory       sj_mpi_create allocates all that is needed: 144 bytes a row and up to 4 MB where classes are divided,
 *                8 bytes a row where rows are. Calls allocate nothing but where they say so, and what MPI does.
 *   threads      One thread at a time on a group; what MPI asks for besides (MPI_Init_thread) is the caller's.
 */
#ifndef SOFTJAC_MPI_H
#define SOFTJAC_MPI_H

#include <mpi.h>
#include <softjac.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Further values of sj_status. */
#define SJ_MPI_NO_MEMORY ((sj_status)101) /* memory for a group or an operator */
#define SJ_MPI_FAILED ((sj_status)102)    /* a call of MPI; its communicators return errors where the caller's does */

/* One sentence for a status, those above included; never NULL. */
SJ_API const char *sj_mpi_strerror(sj_status status);

/* ---------------------------------------------------------------- groups */

typedef enum sj_shard {
    SJ_SHARD_CLASSES = 0, /* a rank holds some classes of every row; in order of ranks they make the row */
    SJ_SHARD_ROWS         /* a rank holds some rows, whole */
} sj_shard;

typedef struct sj_mpi sj_mpi;

#define SJ_MPI_REQUESTS 2

/* Collective. This rank holds rows x classes numbers; the rows (the classes, of SJ_SHARD_ROWS) are as many on every
 * rank: SJ_BAD_SHAPE. The communicator is duplicated. On failure *group is NULL on every rank. error: may be NULL. */
SJ_API sj_status sj_mpi_create(MPI_Comm comm, sj_shard shard, size_t rows, size_t classes, sj_mpi **group,
                               sj_error *error);

/* Collective. No request is under way. group: may be NULL on every rank. */
SJ_API void sj_mpi_free(sj_mpi *group);

/* Of what is divided, classes or rows: how many lie on lower ranks, and on all. */
SJ_API size_t sj_mpi_first(const sj_mpi *group);
SJ_API size_t sj_mpi_total(const sj_mpi *group);

/* ---------------------------------------------------------------- requests */

typedef struct sj_mpi_request sj_mpi_request;

/* Finishes a request, writes its results, and sets *request to NULL; returns what the blocking call would. NULL in
 * *request is SJ_OK. */
SJ_API sj_status sj_mpi_wait(sj_mpi_request **request);

/* Whether its messages are in, so that waiting would only compute. Lets MPI make progress. */
SJ_API bool sj_mpi_test(sj_mpi_request *request);

/* ---------------------------------------------------------------- operations */

SJ_API sj_status sj_mpi_softmax(sj_mpi *group, sj_view z, sj_view out, const sj_options *options);
SJ_API sj_status sj_mpi_isoftmax(sj_mpi *group, sj_view z, sj_view out, const sj_options *options,
                                 sj_mpi_request **request);

SJ_API sj_status sj_mpi_log_softmax(sj_mpi *group, sj_view z, sj_view out, const sj_options *options);
SJ_API sj_status sj_mpi_ilog_softmax(sj_mpi *group, sj_view z, sj_view out, const sj_options *options,
                                     sj_mpi_request **request);

/* Where classes are divided every rank receives all of it. */
SJ_API sj_status sj_mpi_logsumexp(sj_mpi *group, sj_view z, sj_view out, const sj_options *options);
SJ_API sj_status sj_mpi_ilogsumexp(sj_mpi *group, sj_view z, sj_view out, const sj_options *options,
                                   sj_mpi_request **request);

/* q: counted in the classes of all ranks. */
SJ_API sj_status sj_mpi_softmax_gradient(sj_mpi *group, sj_view z, size_t q, sj_view out, const sj_options *options);
SJ_API sj_status sj_mpi_isoftmax_gradient(sj_mpi *group, sj_view z, size_t q, sj_view out, const sj_options *options,
                                          sj_mpi_request **request);

SJ_API sj_status sj_mpi_log_softmax_gradient(sj_mpi *group, sj_view z, size_t q, sj_view out,
                                             const sj_options *options);
SJ_API sj_status sj_mpi_ilog_softmax_gradient(sj_mpi *group, sj_view z, size_t q, sj_view out,
                                              const sj_options *options, sj_mpi_request **request);

SJ_API sj_status sj_mpi_softmax_vjp(sj_mpi *group, sj_view z, sj_view g, sj_view out, const sj_options *options);
SJ_API sj_status sj_mpi_isoftmax_vjp(sj_mpi *group, sj_view z, sj_view g, sj_view out, const sj_options *options,
                                     sj_mpi_request **request);

SJ_API sj_status sj_mpi_softmax_jvp(sj_mpi *group, sj_view z, sj_view t, sj_view out, const sj_options *options);
SJ_API sj_status sj_mpi_isoftmax_jvp(sj_mpi *group, sj_view z, sj_view t, sj_view out, const sj_options *options,
                                     sj_mpi_request **request);

/* Of divided rows alone, and so are all below up to the Jacobians: SJ_BAD_OPTION where classes are divided. */
SJ_API sj_status sj_mpi_log_softmax_vjp(sj_mpi *group, sj_view z, sj_view g, sj_view out, const sj_options *options);
SJ_API sj_status sj_mpi_ilog_softmax_vjp(sj_mpi *group, sj_view z, sj_view g, sj_view out, const sj_options *options,
                                         sj_mpi_request **request);

SJ_API sj_status sj_mpi_log_softmax_jvp(sj_mpi *group, sj_view z, sj_view t, sj_view out, const sj_options *options);
SJ_API sj_status sj_mpi_ilog_softmax_jvp(sj_mpi *group, sj_view z, sj_view t, sj_view out, const sj_options *options,
                                         sj_mpi_request **request);

/* Of a rank's own rows. */
SJ_API sj_status sj_mpi_softmax_jacobian(sj_mpi *group, sj_view z, sj_layout layout, sj_view out,
                                         const sj_options *options);
SJ_API sj_status sj_mpi_isoftmax_jacobian(sj_mpi *group, sj_view z, sj_layout layout, sj_view out,
                                          const sj_options *options, sj_mpi_request **request);

SJ_API sj_status sj_mpi_log_softmax_jacobian(sj_mpi *group, sj_view z, sj_layout layout, sj_view out,
                                             const sj_options *options);
SJ_API sj_status sj_mpi_ilog_softmax_jacobian(sj_mpi *group, sj_view z, sj_layout layout, sj_view out,
                                              const sj_options *options, sj_mpi_request **request);

/* Labels count in the classes of all ranks. Where classes are divided: labels, the same on every rank, and no
 * smoothing; weights: of the classes of all ranks; loss, logsumexp and divisor are those of all rows, on every rank;
 * under SJ_EXACT 1744 bytes a row are allocated. Where rows are divided: a sum, a mean and their divisor are of the
 * rows of all ranks, on every rank; `upstream` of these is the same on every rank. A sum is rounded once: of losses
 * within the bounds of SJ_F64, so under SJ_EXACT it is the same for every division, and may be the other neighbour of
 * the sum of one process. */
SJ_API sj_status sj_mpi_cross_entropy(sj_mpi *group, sj_view z, sj_view target, const sj_view *loss,
                                      const sj_view *grad, const sj_loss_options *how, const sj_options *options);
SJ_API sj_status sj_mpi_icross_entropy(sj_mpi *group, sj_view z, sj_view target, const sj_view *loss,
                                       const sj_view *grad, const sj_loss_options *how, const sj_options *options,
                                       sj_mpi_request **request);

/* ---------------------------------------------------------------- operator */

/* The Jacobian of softmax at z as what it does to vectors: symmetric, so J^T v is J v. The logits are reduced once, and
 * stay as they are, with what options point to, until the operator is freed. */
typedef struct sj_mpi_operator sj_mpi_operator;

/* Collective. On failure *to is NULL on every rank. */
SJ_API sj_status sj_mpi_operator_create(sj_mpi *group, sj_view z, const sj_options *options, sj_mpi_operator **to);
SJ_API void sj_mpi_operator_free(sj_mpi_operator *of);

/* out = J v. error: may be NULL. */
SJ_API sj_status sj_mpi_apply(sj_mpi_operator *of, sj_view v, sj_view out, sj_error *error);
SJ_API sj_status sj_mpi_iapply(sj_mpi_operator *of, sj_view v, sj_view out, sj_error *error, sj_mpi_request **request);

#ifdef __cplusplus
}
#endif

#endif
