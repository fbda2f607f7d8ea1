/* gufunc.c: every operation as a generalised ufunc, which is how arrays that are not NumPy's (of dask, of units) take
 * part: by __array_ufunc__. Called by module.c once. */
#include "numpy.h"
#include "operations.h"

#include <numpy/halffloat.h>

#include <fenv.h>
#include <math.h>

/* What a loop gets as its data. */
typedef struct loop_data {
    const operation *op;
    sj_dtype dtype;
} loop_data;

static npy_intp size_of(sj_dtype dtype) { return dtype == SJ_F64 ? 8 : dtype == SJ_F32 ? 4 : 2; }

static ptrdiff_t elements(const loop_data *loop, npy_intp step) { return step / size_of(loop->dtype); }

/* Rows of n entries as the loop has them. */
static sj_view rows_of(const loop_data *loop, char *data, size_t rows, npy_intp row_step, size_t n, npy_intp step) {
    const size_t shape[] = {rows, n};
    sj_view view = sj_array(data, loop->dtype, 2, shape);
    view.strides[0] = elements(loop, row_step);
    view.strides[1] = elements(loop, step);
    return view;
}

/* A loop has no way to fail: the row of a class that does not exist is NaN, and says so by the flag that NumPy reads.
 */
static void spoil(sj_view row) {
    for (size_t i = 0; i < row.shape[1]; i++) {
        void *entry = (char *)row.data + (ptrdiff_t)i * row.strides[1] * size_of(row.dtype);
        if (row.dtype == SJ_F64)
            *(double *)entry = NAN;
        else if (row.dtype == SJ_F32)
            *(float *)entry = NAN;
        else
            *(npy_half *)entry = NPY_HALF_NAN;
    }
}

/* One class for all rows is one call; else a call a row. */
static sj_status gradients(const loop_data *loop, char **args, const npy_intp *dimensions, const npy_intp *steps,
                           bool *invalid) {
    const size_t count = (size_t)dimensions[0], n = (size_t)dimensions[1], together = steps[1] == 0 ? count : 1;
    for (size_t i = 0; i < count; i += together) {
        const npy_intp at = (npy_intp)i;
        const sj_view z = rows_of(loop, args[0] + at * steps[0], together, steps[0], n, steps[3]);
        const sj_view out = rows_of(loop, args[2] + at * steps[2], together, steps[2], n, steps[4]);
        const npy_int64 q = *(npy_int64 *)(args[1] + at * steps[1]);
        if (q < 0 || (size_t)q >= n) {
            *invalid = true;
            for (size_t row = 0; row < together; row++)
                spoil(rows_of(loop, args[2] + (at + (npy_intp)row) * steps[2], 1, 0, n, steps[4]));
            continue;
        }
        const sj_status status = loop->op->gradient(z, (size_t)q, out, NULL);
        if (status) return status;
    }
    return SJ_OK;
}

static sj_status compute(const loop_data *loop, char **args, const npy_intp *dimensions, const npy_intp *steps,
                         bool *invalid) {
    const size_t count = (size_t)dimensions[0], n = (size_t)dimensions[1];
    sj_view z = rows_of(loop, args[0], count, steps[0], n, 0), out;
    switch (loop->op->operand) {
    case TAKES_CLASS:
        return gradients(loop, args, dimensions, steps, invalid);
    case TAKES_ARRAY:
        z.strides[1] = elements(loop, steps[3]);
        out = rows_of(loop, args[2], count, steps[2], n, steps[5]);
        return loop->op->product(z, rows_of(loop, args[1], count, steps[1], n, steps[4]), out, NULL);
    case TAKES_LAYOUT:
        z.strides[1] = elements(loop, steps[2]);
        out = rows_of(loop, args[1], count, steps[1], n, steps[3]);
        out.ndim = 3;
        out.shape[2] = n;
        out.strides[2] = elements(loop, steps[4]);
        return loop->op->jacobian(z, SJ_BLOCKS, out, NULL);
    case TAKES_KEEPDIMS:
        z.strides[1] = elements(loop, steps[2]);
        out = rows_of(loop, args[1], count, steps[1], 1, 0);
        out.ndim = 1;
        return loop->op->map(z, out, NULL);
    default:
        z.strides[1] = elements(loop, steps[2]);
        return loop->op->map(z, rows_of(loop, args[1], count, steps[1], n, steps[3]), NULL);
    }
}

/* The flags that the kernels leave, of infinities in their ordinary ways, are no news to NumPy's caller. */
static void run_loop(char **args, const npy_intp *dimensions, const npy_intp *steps, void *data) {
    bool invalid = false;
    const sj_status status = compute(data, args, dimensions, steps, &invalid);
    (void)feclearexcept(FE_ALL_EXCEPT);
    if (invalid) (void)feraiseexcept(FE_INVALID);
    if (status) {
        NPY_ALLOW_C_API_DEF
        NPY_ALLOW_C_API
        raise_status(status, sj_strerror(status));
        NPY_DISABLE_C_API
    }
}

/* A loop for each, in the order in which NumPy looks for the first that holds its input. */
enum { LOOPS = 3 };
static const sj_dtype loop_dtypes[LOOPS] = {SJ_F16, SJ_F32, SJ_F64};
static const char loop_numbers[LOOPS] = {NPY_HALF, NPY_FLOAT, NPY_DOUBLE};

typedef struct signature {
    const char *text;
    int inputs;
} signature;

static const signature signatures[] = {
    [TAKES_NOTHING] = {"(n)->(n)", 1},  [TAKES_KEEPDIMS] = {"(n)->()", 1},   [TAKES_LAYOUT] = {"(n)->(n,n)", 1},
    [TAKES_CLASS] = {"(n),()->(n)", 2}, [TAKES_ARRAY] = {"(n),(n)->(n)", 2},
};

/* A ufunc keeps pointers to these. */
static loop_data loops[OPERATIONS][LOOPS];
static void *loop_pointers[OPERATIONS][LOOPS];
static char loop_types[OPERATIONS][LOOPS * 3];
static PyUFuncGenericFunction run_loops[LOOPS] = {run_loop, run_loop, run_loop};

static PyObject *new_gufunc(int id) {
    const operation *op = &operations[id];
    const signature *made = &signatures[op->operand];
    const int arguments = made->inputs + 1;
    for (int i = 0; i < LOOPS; i++) {
        char *types = &loop_types[id][i * arguments];
        loops[id][i].op = op;
        loops[id][i].dtype = loop_dtypes[i];
        loop_pointers[id][i] = &loops[id][i];
        for (int a = 0; a < arguments; a++) types[a] = loop_numbers[i];
        if (op->operand == TAKES_CLASS) types[1] = NPY_INT64;
    }
    return PyUFunc_FromFuncAndDataAndSignature(
        run_loops, loop_pointers[id], loop_types[id], LOOPS, made->inputs, 1, PyUFunc_None, op->name,
        "The function of this name, over the last axis, with default options.", 0, made->text);
}

int add_gufuncs(PyObject *dict) {
    for (int id = 0; id < OPERATIONS; id++) {
        PyObject *made = new_gufunc(id);
        if (!made) return -1;
        const int failed = PyDict_SetItemString(dict, operations[id].name, made);
        Py_DECREF(made);
        if (failed) return -1;
    }
    return 0;
}
