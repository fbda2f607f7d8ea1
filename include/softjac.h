/* softjac.h: softmax and its derivatives over strided N-D arrays.
 *
 * Notation: z is one row of n logits along the class axis, s = softmax(z), m the index of the row's
 * maximum (the lowest on ties), T = sum over k != m of exp(z_k - z_m). Every result comes from the row
 * state (m, z_m, T); none is formed as 1 - s_m, so derivatives keep their digits where s_m rounds to 1.
 *
 * Common rules, not repeated below:
 *   views      Inputs and the output are views: data, dtype, shape, strides counted in elements. The class axis is
 *              view.axis of the first argument and counts from the end when negative.
 *   dtypes     SJ_F32, SJ_F64, SJ_F16 and SJ_BF16, inputs and output chosen independently. Arithmetic runs in SJ_F64
 *              where the call has it, else in SJ_F32, and is rounded once more only if the output is narrower.
 *   accuracy   Every entry within 2 ulp, or as sj_mode says.
 *   aliasing   The output may be exactly an input of the same shape (same data, dtype, strides). Any other overlap is
 *              SJ_BAD_OVERLAP; so are intricate views that interleave without a common element. A Jacobian or
 *              logsumexp output may not overlap an input at all.
 *   errors     Arguments are checked before the first write. On failure nothing is written. No function allocates,
 *              prints, aborts, keeps state, or changes errno, the rounding mode or flush-to-zero. (OpenMP, where a call
 *              uses it, allocates and starts its threads at the first such call.)
 *   stack      Up to 256 KiB of each thread that a call uses, 768 KiB where rows have more than 2048 entries or lie
 *              side by side, as along the first axis of a matrix.
 *   rounding   Results are those of rounding to nearest, whatever mode the caller has set.
 *   empty      Arrays without rows, or with n = 0, succeed (logsumexp of n = 0 is -inf).
 *   depth      A logit more than 128 (SJ_F32) or 1024 (SJ_F64) below its row's maximum has s = 0: below 2^-34 of the
 *              smallest subnormal. Where a huge cotangent would lift its product with s into range, that is 0 too; in
 *              default mode it may count up to 2 deeper.
 *   non-finite A NaN in a row makes that row NaN and no other. See sj_nonfinite for infinities. A
 *              cotangent that is not finite makes the results of its row so, unless s = 0 there (log VJP: anywhere).
 *   threads    Every function is reentrant; concurrent calls on distinct outputs are safe. A call large enough to gain
 *              by it divides its rows among threads, see sj_options, and in default mode a long row itself where there
 *              are fewer rows than threads; the results are the same bits. One thread serves a call from inside a
 *              parallel region, and in the child of a fork after the parent used several.
 */
#ifndef SOFTJAC_H
#define SOFTJAC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(SJ_SHARED) && defined(_WIN32)
#define SJ_API __declspec(dllimport)
#elif defined(__GNUC__)
#define SJ_API __attribute__((visibility("default")))
#else
#define SJ_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define SJ_VERSION_MAJOR 0
#define SJ_VERSION_MINOR 1
#define SJ_VERSION_PATCH 0

/* ---------------------------------------------------------------- status */

typedef enum sj_status {
    SJ_OK = 0,
    SJ_BAD_POINTER, /* a null or misaligned pointer where elements are expected */
    SJ_BAD_DTYPE,   /* not a dtype this function computes in */
    SJ_BAD_SHAPE,   /* shapes of the arguments do not fit together */
    SJ_BAD_AXIS,    /* the class axis is not an axis of the view */
    SJ_BAD_STRIDE,  /* the output may visit one address twice, or a view does not fit the address space */
    SJ_BAD_OVERLAP, /* the output and an input may share memory, other than exactly in place */
    SJ_BAD_CLASS,   /* the selected output is not in [0, n) */
    SJ_BAD_OPTION   /* an option out of range, or options of an unknown size */
} sj_status;

/* One sentence for a status; never NULL. */
SJ_API const char *sj_strerror(sj_status status);

/* What was found, in which argument, and what was expected. Filled through sj_options.error on failure, else left
 * alone. */
typedef struct sj_error {
    sj_status status;
    char message[240];
} sj_error;

/* ---------------------------------------------------------------- views */

typedef enum sj_dtype {
    SJ_F32 = 1,
    SJ_F64 = 2,
    SJ_F16 = 3,  /* IEEE binary16 */
    SJ_BF16 = 4, /* bfloat16: the upper half of a float32 */
    SJ_BOOL = 5, /* uint8_t, 0 is false: masks only */
    SJ_I32 = 6,  /* int32_t: lengths and labels only */
    SJ_I64 = 7   /* int64_t: the same */
} sj_dtype;

#define SJ_MAX_NDIM 12

typedef struct sj_view {
    void *data;
    sj_dtype dtype;
    int ndim;                       /* 0 is a single element */
    int axis;                       /* the class axis, -ndim .. ndim - 1; read from the first argument only */
    size_t shape[SJ_MAX_NDIM];      /* elements */
    ptrdiff_t strides[SJ_MAX_NDIM]; /* elements, may be negative, or 0 in inputs */
} sj_view;

/* A C-ordered view of ndim dimensions, ndim <= SJ_MAX_NDIM. Class axis: the last. */
static inline sj_view sj_array(const void *data, sj_dtype dtype, int ndim, const size_t *shape) {
    sj_view view;
    ptrdiff_t stride = 1;
    view.data = (void *)data;
    view.dtype = dtype;
    view.ndim = ndim;
    view.axis = -1;
    for (int d = ndim - 1; d >= 0 && d < SJ_MAX_NDIM; d--) {
        view.shape[d] = shape[d];
        view.strides[d] = stride;
        stride = (ptrdiff_t)((size_t)stride * shape[d]);
    }
    return view;
}

/* One element, n elements, or a C-ordered matrix of `rows` rows and n classes. */
static inline sj_view sj_scalar_f32(const float *data) { return sj_array(data, SJ_F32, 0, NULL); }
static inline sj_view sj_scalar_f64(const double *data) { return sj_array(data, SJ_F64, 0, NULL); }
static inline sj_view sj_vector_f32(const float *data, size_t n) { return sj_array(data, SJ_F32, 1, &n); }
static inline sj_view sj_vector_f64(const double *data, size_t n) { return sj_array(data, SJ_F64, 1, &n); }
static inline sj_view sj_vector_f16(const void *data, size_t n) { return sj_array(data, SJ_F16, 1, &n); }
static inline sj_view sj_vector_bf16(const void *data, size_t n) { return sj_array(data, SJ_BF16, 1, &n); }
static inline sj_view sj_matrix_f32(const float *data, size_t rows, size_t n) {
    const size_t shape[2] = {rows, n};
    return sj_array(data, SJ_F32, 2, shape);
}
static inline sj_view sj_matrix_f64(const double *data, size_t rows, size_t n) {
    const size_t shape[2] = {rows, n};
    return sj_array(data, SJ_F64, 2, shape);
}
/* The elements of half precision are 16 bits each, whatever type a compiler has for them. */
static inline sj_view sj_matrix_f16(const void *data, size_t rows, size_t n) {
    const size_t shape[2] = {rows, n};
    return sj_array(data, SJ_F16, 2, shape);
}
static inline sj_view sj_matrix_bf16(const void *data, size_t rows, size_t n) {
    const size_t shape[2] = {rows, n};
    return sj_array(data, SJ_BF16, 2, shape);
}

/* ---------------------------------------------------------------- options */

/* What a row becomes whose softmax is not defined by finite arithmetic. -inf beside finite logits is always
 * an ordinary entry: s = 0, and its row and column of the Jacobian are 0. */
typedef enum sj_nonfinite {
    SJ_IEEE = 0, /* +inf in a row, or only -inf: the row is NaN; logsumexp is the infinity */
    SJ_LIMIT,    /* +inf entries share the mass equally, as the limit of equal logits growing together */
    SJ_ZERO      /* a row of only -inf has s = 0, log s = -inf, derivatives 0; else as SJ_IEEE */
} sj_nonfinite;

/* What the first argument of a derivative holds. */
typedef enum sj_given {
    SJ_GIVEN_LOGITS = 0,
    SJ_GIVEN_SOFTMAX /* s itself: a backward pass that kept only the output. Derivatives only. */
} sj_given;

/* How near the truth results are; u is the unit roundoff of the result's dtype. Products are bounded entry by entry,
 * relative to sum over k of |J_ik| |g_k - g_m|, and logsumexp near 0 relative to max(|z_m|, log1p(T)). */
typedef enum sj_mode {
    SJ_DEFAULT = 0, /* every entry within 2 ulp, subnormal ones too; products 4u. Bits may depend on the kernel set. */
    SJ_EXACT        /* correctly rounded, but SJ_F64 within 0.51 ulp; products 1u. The same bits everywhere. */
    /* Half precision: 0.5003 ulp in default mode, products 1.001u in both. */
} sj_mode;

typedef struct sj_options {
    size_t size; /* sizeof(sj_options), as SJ_OPTIONS_INIT sets it; anything else is SJ_BAD_OPTION */
    sj_nonfinite nonfinite;
    sj_given given;
    int threads;     /* at most this many, and at most one a processor; 0: at most sj_threads(). Below 0: an error. */
    sj_error *error; /* optional: receives the message of a failure */
    sj_mode mode;
    /* Of what the softmax is, and which entries take part; see "scale" and "masks" below. */
    double scale;           /* softmax of scale z: 1 / temperature. Below 0: softmin. 0 and NaN are errors, and so are
                               infinities but in a forward call under SJ_LIMIT. */
    const sj_view *bias;    /* broadcast to the shape of z: softmax of scale z + bias. NULL: none. */
    const sj_view *sink;    /* broadcast to the shape of z without its class axis: a logit more in the
                               denominator of each row, beside scale z + bias. NULL: none. */
    const sj_view *mask;    /* SJ_BOOL, broadcast to the shape of z: true takes part. NULL: all do. */
    const sj_view *lengths; /* SJ_I32 or SJ_I64, broadcast to the shape of z without its class axis: entries from there
                               on are masked. NULL: none are. */
    bool causal;            /* entry k takes part where k <= i + causal_offset, i its index in the dimension before */
    ptrdiff_t causal_offset;
    const sj_view *offsets; /* SJ_I32 or SJ_I64, one dimension: rows of different lengths are packed along the class
                               axis, and begin there; see "ragged rows". NULL: a row is the whole class axis. */
} sj_options;

#define SJ_OPTIONS_INIT                                                                                                \
    { sizeof(sj_options), SJ_IEEE, SJ_GIVEN_LOGITS, 0, NULL, SJ_DEFAULT, 1, NULL, NULL, NULL, NULL, false, 0, NULL }

/* ---------------------------------------------------------------- scale
 * options->scale, bias and sink: s = softmax(x), x = scale z + bias, with exp(sink - max) more in the denominator.
 *
 *   accuracy   As without: the difference to the extremum is formed first and then scaled, with all its digits, so that
 *              neither large logits nor large biases cost any, and nothing overflows that has weight. Derivatives in
 *              SJ_F64 by a scale that is no power of two are rounded once more: within 2.2 ulp, products 4.8u; so are
 *              those that are subnormal before the scale multiplies them, there, by any scale.
 *   results    Derivatives are with respect to z: those with respect to x times scale. Of a float32 call they are
 *              computed in float64 where the scale is not 1. By the scale itself s has the derivative R / scale, by the
 *              temperature 1 / scale it has -scale R, with R what sj_softmax_jvp gives for t = z; log s likewise.
 *   cost       A scale alone, of size 2^-30 to 2^30, takes a few operations an entry, but in Jacobians. Beside a
 *              bias, a sink or a mask, and of other sizes, rows are read one at a time: several times as long.
 *   bias       -inf masks its entry, see "masks"; a NaN is a NaN logit.
 *   sink       Not scaled, and no entry of any result: rows of s add up to less than 1. 0 makes softmax-one,
 *              exp(z_q) / (1 + sum). A row of which every entry is masked has logsumexp = sink.
 *   infinity   An infinite scale, temperature 0, in a forward call under SJ_LIMIT: the mass is at the largest logit (at
 *              the smallest where scale < 0), equal ones share it as their biases say.
 *   given      With SJ_GIVEN_SOFTMAX the scale is a factor of the results, a bias counts only where it is -inf, and a
 *              sink is SJ_BAD_OPTION.
 *   exact      SJ_EXACT takes masks and none of these: SJ_BAD_OPTION. */

/* ---------------------------------------------------------------- masks
 * options->mask, lengths, causal and a bias of -inf, any of them together: an entry is masked where one of them leaves
 * it out.
 *
 *   results    A masked entry is a constant of weight 0: s = 0 and log s = -inf, whatever else the row holds, and every
 *              derivative of it, and with respect to it, is 0. It is never read into arithmetic, nor is the cotangent
 *              there: NaN, infinities and signalling NaN are as good as any number.
 *   no entry   A row of which every entry is masked has s = 0, log s = -inf, logsumexp = -inf, derivatives 0, whatever
 *              `nonfinite` says. A row whose other entries are all -inf is as `nonfinite` says.
 *   broadcast  As NumPy does it: dimensions are aligned at the last, and size 1, or no dimension, serves every index.
 *   causal     The class axis must be the last, and z have two dimensions or more. No mask is read or made, and what is
 *              masked takes no time but that of writing 0.
 *   given      With SJ_GIVEN_SOFTMAX a masked s is read as 0.
 *   elsewhere  Row states, losses and second derivatives take none of these options, nor a scale, a bias or a sink:
 *              SJ_BAD_OPTION.
 *   errors     SJ_BAD_SHAPE where shapes do not broadcast, SJ_BAD_DTYPE, SJ_BAD_OVERLAP where the output shares memory
 *              with one of them, SJ_BAD_OPTION where a length is below 0 or above n. */

/* ---------------------------------------------------------------- ragged rows
 * options->offsets: rows + 1 numbers, 0 = offsets[0] <= offsets[1] <= ... <= offsets[rows] = n. Row i is the entries
 * [offsets[i], offsets[i + 1]) along the class axis, as the edges of node i in a graph (CSR): each entry is of one row.
 *
 *   results    Those of the rows passed one by one, to the bit. They have the shape of z, and stand where the entries
 *              of their row do; logsumexp has the shape of z with `rows` in place of n.
 *   batch      The other dimensions of z, heads for example, are all divided by the same offsets.
 *   no entry   A row without entries has no results, but logsumexp = -inf.
 *   gradient   Of output q of each row: SJ_BAD_CLASS where a row has entries, but not that many.
 *   with       Any mode, given, nonfinite, mask, scale and bias. SJ_BAD_OPTION with lengths, causal or a sink, and in
 *              Jacobians, whose blocks have no common shape, losses, row states and second derivatives.
 *   errors     SJ_BAD_DTYPE, SJ_BAD_SHAPE, SJ_BAD_OVERLAP where the output shares memory with the offsets, and
 *              SJ_BAD_OPTION, with the place and the value, where an offset is not as above. */

/* ---------------------------------------------------------------- forward
 * z and out: any shape with class axis z.axis; out has the shape of z.
 * Errors: SJ_BAD_POINTER, _DTYPE, _SHAPE, _AXIS, _STRIDE, _OVERLAP, _OPTION. */

/* out_q = exp(z_q - z_m) / (1 + T) */
SJ_API sj_status sj_softmax(sj_view z, sj_view out, const sj_options *options);

/* out_q = (z_q - z_m) - log1p(T) */
SJ_API sj_status sj_log_softmax(sj_view z, sj_view out, const sj_options *options);

/* out = z_m + log1p(T). out: the shape of z without the class axis. */
SJ_API sj_status sj_logsumexp(sj_view z, sj_view out, const sj_options *options);

/* ---------------------------------------------------------------- derivatives
 * c_q = 1 - s_q, at the argmax formed as T / (1 + T). With options->given = SJ_GIVEN_SOFTMAX the first
 * argument is s; then T/(1 + T) is the sum over k != m of s_k, and the logits are not needed.
 * Errors: as forward, and SJ_BAD_CLASS. */

/* Gradient of output q with respect to the inputs of its row: out_r = d s_q / d z_r = s_q (delta_qr - s_r).
 * out: the shape of z. 0 <= q < n. */
SJ_API sj_status sj_softmax_gradient(sj_view z, size_t q, sj_view out, const sj_options *options);

/* out_r = d log s_q / d z_r = delta_qr - s_r */
SJ_API sj_status sj_log_softmax_gradient(sj_view z, size_t q, sj_view out, const sj_options *options);

typedef enum sj_layout {
    SJ_BLOCKS = 0, /* the shape of z without the class axis, then (n, n): entry [.., q, r] */
    SJ_DENSE       /* the shape of z twice: entry [p.., q, i.., r], zero unless p = i */
} sj_layout;

/* Jacobian d s_q / d z_r: diagonal s_q c_q, off the diagonal -s_q s_r. One sample is a 1-D z with
 * SJ_BLOCKS: out (n, n). A batch (m, n): blocks (m, n, n) or dense (m, n, m, n). */
SJ_API sj_status sj_softmax_jacobian(sj_view z, sj_layout layout, sj_view out, const sj_options *options);

/* Jacobian d log s_q / d z_r = delta_qr - s_r: diagonal c_q, off the diagonal -s_r. */
SJ_API sj_status sj_log_softmax_jacobian(sj_view z, sj_layout layout, sj_view out, const sj_options *options);

/* Gradient of any loss L through softmax, g = dL/ds: out = J^T g. g and out: the shape of z.
 * With d = g - g_m and D = sum over k != m of s_k d_k: out_q = s_q (d_q - D), out_m = -s_m D. */
SJ_API sj_status sj_softmax_vjp(sj_view z, sj_view g, sj_view out, const sj_options *options);

/* Directional derivative: out = J t, t a tangent. J is symmetric, so this is the VJP's formula. */
SJ_API sj_status sj_softmax_jvp(sj_view z, sj_view t, sj_view out, const sj_options *options);

/* Gradient of any loss through log-softmax, g = dL/d(log s): out_q = c_q g_q - s_q sum over k != q of g_k. */
SJ_API sj_status sj_log_softmax_vjp(sj_view z, sj_view g, sj_view out, const sj_options *options);

/* Directional derivative of log-softmax: with d = t - t_m, out_q = d_q - D. */
SJ_API sj_status sj_log_softmax_jvp(sj_view z, sj_view t, sj_view out, const sj_options *options);

/* ---------------------------------------------------------------- second order
 * With means over the row, d = g - <s, g> and e = u - <s, u>, the derivative of <u, J(z) g> with respect to z is
 *   H(z; g, u)_r = s_r (e_r d_r - <s, e d>),
 * symmetric in g and u. All inputs and outputs have the shape of z. Formed from differences to the entries at the
 * argmax, where e_m = -sum over k != m of s_k (u_k - u_m), so that confident rows keep their digits.
 *
 * given      With SJ_GIVEN_SOFTMAX the first argument is s; derivatives are still by z.
 * mode       SJ_DEFAULT only, and none of the options of "scale" and "masks": SJ_BAD_OPTION.
 *
 * accuracy   With a_k = |u_k - u_m|, A = <s, a>, b_k = |g_k - g_m|, B = <s, b>: entry r of H within
 *            4u s_r ((a_r + A) (b_r + B) + sum over k of s_k (a_k + A) (b_k + B)); J h adds its own 4u (see sj_mode).
 *            What is below 2^-1540 of max|g| max|u|, or of max|h|, may be lost.
 * depth      Everywhere that of SJ_F64: arithmetic runs in it.
 * errors     As forward. */

/* Hessian-vector product of a loss L(softmax(z)): out = J h + H(z; g, v), with g = dL/ds at s, and h = (d2L/ds2) (J v),
 * whose J v is sj_softmax_jvp's. h NULL: L is linear in s, and out is H(z; g, v) alone. out may be any of the inputs.
 * Known cases need less: of logsumexp it is J v; of cross-entropy J v times the sum of the target. Hessians as blocks
 * are sj_softmax_jacobian's, times the same. */
SJ_API sj_status sj_softmax_hvp(sj_view z, sj_view g, sj_view v, const sj_view *h, sj_view out,
                                const sj_options *options);

/* Double backward: the VJP of v = J(z) g, u being the cotangent of v, in both its arguments: grad_g = J u and
 * grad_z = H(z; g, u). Either may be NULL. Where both are wanted they overlap neither each other nor z or u, but grad_z
 * may be g; else as of sj_softmax_jvp and sj_softmax_hvp. */
SJ_API sj_status sj_softmax_double_backward(sj_view z, sj_view g, sj_view u, const sj_view *grad_g,
                                            const sj_view *grad_z, const sj_options *options);

/* ---------------------------------------------------------------- row state
 * A row that comes in pieces: a stream read chunk by chunk, a vocabulary divided among processes. Every piece is
 * reduced to a state, states of neighbouring pieces are merged into that of the row, and a second pass over the pieces
 * emits results from it: softmax, log-softmax, and after one more sum any VJP or JVP.
 *
 * A state is plain bytes, the same for every dtype and kernel set: it may be copied, stored and sent to another process
 * of the same byte order. Zeroed memory is the state of no entries. Where there are several rows, a view of z has an
 * array of states beside it, one a row, in C order of the shape of z without the class axis.
 *
 * accuracy   As of a whole row, however it is divided and merged: what merging adds is below 2^-80 of T. Bits depend on
 *            the division. SJ_EXACT is refused here, and has the records of the next section.
 * non-finite NaN and infinities of a piece are kept in its state; options->nonfinite says what becomes of them where
 *            results are emitted.
 * errors     Those of forward functions. states: NULL is SJ_BAD_POINTER where there are rows. */

typedef struct sj_state {
    double max;     /* the largest logit so far, z_m; NaN where one was */
    double rest[2]; /* 2^480 T, T = sum over k != m of exp(z_k - z_m), as an unevaluated sum. z_m = +inf: T is
                       how many others are */
    unsigned long long argmax; /* m, the lowest on ties, counted from the first entry of the row */
    unsigned long long count;  /* entries so far */
} sj_state;

#define SJ_STATE_INIT                                                                                                  \
    { 0, {0, 0}, 0, 0 }

/* Takes the entries of z as those that follow what `states` have seen. On failure no state has changed. */
SJ_API sj_status sj_state_update(sj_view z, sj_state *states, const sj_options *options);

/* into[i] becomes the state of its piece and that of after[i], which follows it in the row, i < count. Associative but
 * for roundings; not commutative, for argmax counts from the first piece. after may be into, or overlap it nowhere. */
SJ_API sj_status sj_state_merge(sj_state *into, const sj_state *after, size_t count);

/* out = z_m + log1p(T) of every state: any shape, the states in C order of it. */
SJ_API sj_status sj_state_logsumexp(const sj_state *states, sj_view out, const sj_options *options);

/* Entries [first, first + n) of rows whose states are known: out_q = exp(z_q - z_m) / (1 + T), and
 * (z_q - z_m) - log1p(T). z, out: as of sj_softmax; out may be z. */
SJ_API sj_status sj_state_softmax(sj_view z, const sj_state *states, size_t first, sj_view out,
                                  const sj_options *options);
SJ_API sj_status sj_state_log_softmax(sj_view z, const sj_state *states, size_t first, sj_view out,
                                      const sj_options *options);

/* What a VJP or JVP of softmax wants to know of a row beside its state. */
typedef struct sj_product {
    sj_state state; /* of the whole row */
    double at_max;  /* g_m, the cotangent's (or tangent's) entry at state.argmax, from the piece that holds it */
    double dot[2];  /* sum over k != m of s_k (g_k - g_m) of the pieces seen so far, as an unevaluated sum; 0 at first.
                       Of a row in several hands: the sum of theirs */
} sj_product;

/* Adds the part of a piece to products[i].dot. g: the piece's part of the cotangent, shape of z. Where the sum is
 * beyond the largest float64, the row's results are NaN. */
SJ_API sj_status sj_state_dot(sj_view z, sj_view g, sj_product *products, const sj_options *options);

/* What pieces know of their own: each its own state, a number near the mean of its g at at_max, and `dot` about that.
 * into[i] becomes the same of its piece and that of after[i], as sj_state_merge joins their states: at_max + dot is the
 * mean of g over both. So one exchange between processes makes states and dots those of the whole row. at_max near the
 * mean: such that no float of the dtype of g is nearer; sj_state_dot about any g of the piece tells it, and once more
 * about the mean sums what sj_product_merge takes. after may be into, or overlap it nowhere. */
SJ_API sj_status sj_product_merge(sj_product *into, const sj_product *after, size_t count);

/* Once all parts are in: out_q = s_q (g_q - at_max - dot), entries of J g. out: the shape of z; may be z or g. */
SJ_API sj_status sj_state_vjp(sj_view z, sj_view g, const sj_product *products, sj_view out, const sj_options *options);

/* What a gradient wants to know of a row beside its state: the logit of one class, from the piece that holds it. */
typedef struct sj_pick {
    sj_state state; /* of the whole row */
    double logit;   /* z_q, of the output to derive, or of the label */
} sj_pick;

/* Entries [first, first + n) of the gradient of output q, counted from the first entry of the row: s_q (delta_qr -
 * s_r), and of log s_q: delta_qr - s_r. z, out: as of sj_softmax; out may be z. */
SJ_API sj_status sj_state_softmax_gradient(sj_view z, const sj_pick *picks, size_t first, size_t q, sj_view out,
                                           const sj_options *options);
SJ_API sj_status sj_state_log_softmax_gradient(sj_view z, const sj_pick *picks, size_t first, size_t q, sj_view out,
                                               const sj_options *options);

/* ---------------------------------------------------------------- row state, exact mode
 * What SJ_EXACT makes of a row, from its pieces, to the bit, however it is divided: in two turns. States of the pieces,
 * as above, tell the maximum of the row, where it is and how many entries there are. Then every piece adds its sums,
 * which are integers: words of records of one row in several hands may be added in any order and grouping, as by
 * MPI_SUM, up to 2^31 records. */

#define SJ_REST_WORDS 56
#define SJ_DOT_WORDS 155

typedef struct sj_exact {
    sj_state state;              /* of the whole row; its `rest` is not used */
    double at_max;               /* g_m, where there is a cotangent */
    double logit;                /* z_q, of a gradient's output or a label, where there is one */
    int64_t rest[SJ_REST_WORDS]; /* 0 at first */
    int64_t dot[SJ_DOT_WORDS];
} sj_exact;

/* Adds the sums of a piece to `rest`, and where there is a cotangent to `dot`. first: entries of the row before those
 * of z. g: NULL, or the piece's part of the cotangent; results: the dtype that the product will have. */
SJ_API sj_status sj_exact_add(sj_view z, const sj_view *g, sj_dtype results, sj_exact *rows, size_t first,
                              const sj_options *options);

/* Entries [first, first + n) of the results, once all pieces are in; logsumexp and losses of each row whole. Otherwise
 * as the functions of states, whatever options->mode says. */
SJ_API sj_status sj_exact_softmax(sj_view z, const sj_exact *rows, size_t first, sj_view out,
                                  const sj_options *options);
SJ_API sj_status sj_exact_log_softmax(sj_view z, const sj_exact *rows, size_t first, sj_view out,
                                      const sj_options *options);
SJ_API sj_status sj_exact_logsumexp(const sj_exact *rows, sj_view out, const sj_options *options);
SJ_API sj_status sj_exact_softmax_gradient(sj_view z, const sj_exact *rows, size_t first, size_t q, sj_view out,
                                           const sj_options *options);
SJ_API sj_status sj_exact_log_softmax_gradient(sj_view z, const sj_exact *rows, size_t first, size_t q, sj_view out,
                                               const sj_options *options);
SJ_API sj_status sj_exact_vjp(sj_view z, sj_view g, const sj_exact *rows, size_t first, sj_view out,
                              const sj_options *options);

/* ---------------------------------------------------------------- losses
 * With p the target of a row, a number a class: 1 at a label, or given probabilities; label smoothing and class weights
 * make p_k = weight_k ((1 - smoothing) p_k + smoothing / n), the weight of the first part that of the label. */

typedef enum sj_reduction {
    SJ_NONE = 0, /* a loss for each row */
    SJ_SUM,      /* the exact sum of these, under SJ_EXACT before they are rounded, rounded once: neither layout nor
                    threads show in it */
    SJ_MEAN      /* that divided by the sum of the weights of the labels that count, or by the rows, of probabilities */
} sj_reduction;

typedef struct sj_loss_options {
    size_t size; /* sizeof(sj_loss_options), as SJ_LOSS_OPTIONS_INIT sets it; anything else is SJ_BAD_OPTION */
    sj_reduction reduction;
    double label_smoothing;   /* 0 to 1 */
    const sj_view *weights;   /* (n): a weight for each class; NULL: 1 */
    int64_t ignore_index;     /* rows of this label have loss 0, gradient 0, and are not counted. -100, as PyTorch's */
    double z_loss;            /* adds z_loss logsumexp^2 to the loss of a row */
    const sj_view *upstream;  /* dL/d(loss), a factor of the gradient: the shape of loss; NULL: 1 */
    const sj_view *logsumexp; /* an output: the shape of z without the class axis; NULL: not wanted */
    double *divisor;          /* an output: what SJ_MEAN divided by, else 1; NULL: not wanted */
} sj_loss_options;

#define SJ_LOSS_OPTIONS_INIT                                                                                           \
    { sizeof(sj_loss_options), SJ_NONE, 0, NULL, -100, 0, NULL, NULL, NULL }

/* Cross-entropy, loss = sum over k of p_k (-log s_k), and its gradient, grad_q = s_q sum over k of p_k - p_q, each NULL
 * where it is not wanted. -log s_k = (z_m - z_k) + log1p(T); at a label t the gradient is -weight_t c_t, c_t = 1 - s_t
 * without cancelling. The definitions, reductions included, are those of PyTorch's CrossEntropyLoss, but that a class
 * of weight or probability 0 counts for nothing even where its logit is -inf. z-loss adds 2 z_loss logsumexp s_q.
 * target: labels, SJ_I32 or SJ_I64 with the shape of z without the class axis, or probabilities, which need not sum to
 * 1, with the shape of z. loss: the shape of z without the class axis, or no dimensions for a sum or mean. grad: the
 * shape of z; it may be exactly z, or exactly the probabilities. No other overlap of an output is allowed.
 * Accuracy: of a label, within 2 ulp. Of several classes, the loss within 2 ulp where no weight is negative, the
 * gradient as a log-softmax VJP: 4u of s_q sum of p + p_q. A z-loss counts by size: its part is added to those bounds.
 * SJ_EXACT: correctly rounded and 1u in their place, and 0.51 ulp in SJ_F64. A factor of the gradient that is not
 * finite, or a product of factors beyond the largest number, makes it NaN or infinite.
 * All labels ignored, or of weight 0: a mean is NaN, or 0 under SJ_ZERO. An empty row under SJ_ZERO: the loss is +inf,
 * the gradient 0.
 * Errors: SJ_BAD_CLASS for a label that is out of range and not ignored, its place and value in the message; SJ_BAD_
 * SHAPE for n = 0; SJ_BAD_OPTION for SJ_GIVEN_SOFTMAX; else as forward. */
SJ_API sj_status sj_cross_entropy(sj_view z, sj_view target, const sj_view *loss, const sj_view *grad,
                                  const sj_loss_options *how, const sj_options *options);

/* The same of pieces of rows, whose states and logits at the label are known: entries [first, first + n) of the
 * gradient, and the numbers of each row whole. Labels, which count from the first entry of the row, and no smoothing;
 * weights: of every class. Errors: those of both. */
SJ_API sj_status sj_state_cross_entropy(sj_view z, sj_view target, const sj_pick *picks, size_t first,
                                        const sj_view *loss, const sj_view *grad, const sj_loss_options *how,
                                        const sj_options *options);

SJ_API sj_status sj_exact_cross_entropy(sj_view z, sj_view target, const sj_exact *rows, size_t first,
                                        const sj_view *loss, const sj_view *grad, const sj_loss_options *how,
                                        const sj_options *options);

/* ---------------------------------------------------------------- metrics
 * pred and truth: equal shapes; the result in *out. Nothing is written on failure. */

/* Mean absolute percentage error as a fraction:
 *   ( sum over truth != 0 of |truth - pred| / |truth|  +  sum over truth == 0 of |pred| ) / size.
 * NaN propagates. An empty array is SJ_BAD_SHAPE. */
SJ_API sj_status sj_mape(sj_view pred, sj_view truth, double *out, sj_error *error);

/* Largest |truth - pred| / |truth|: 0 where both are equal (zeros and infinities too), else infinity where truth is 0.
 * NaN propagates. An empty array is SJ_BAD_SHAPE. */
SJ_API sj_status sj_max_relative_error(sj_view pred, sj_view truth, double *out, sj_error *error);

/* ---------------------------------------------------------------- about this build */

/* "0.1.0" */
SJ_API const char *sj_version(void);

/* Name of the kernel set calls use now: the widest this CPU runs, or what SOFTJAC_ISA names, if it names one. */
SJ_API const char *sj_kernel_set(void);

/* Name of the i-th kernel set built into the library, narrowest first; NULL past the last. */
SJ_API const char *sj_kernel_set_built(size_t i);

/* Threads the largest calls use by default: one a processor this process may run on, fewer where OMP_NUM_THREADS says
 * so; 1 where the library is built without OpenMP, and where `threads` above says one. */
SJ_API int sj_threads(void);

#ifdef __cplusplus
}
#endif

#endif
