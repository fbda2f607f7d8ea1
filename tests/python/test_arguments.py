"""What the functions accept and refuse: layouts, dtypes, axes, out, broadcasting, empty arrays, words."""

import pickle
import sys

import numpy as np
import pytest
from arrays import REAL, layouts, logits, same_bits
from hypothesis import given
from hypothesis import strategies as st

import softjac

AxisError = getattr(np, "exceptions", np).AxisError

# Each as a function of logits alone, and how its result relates to moving the class axis to the end.
MAPS = {
    "softmax": softjac.softmax,
    "log_softmax": softjac.log_softmax,
    "gradient": lambda x, **how: softjac.gradient(x, 0, **how),
    "log gradient": lambda x, **how: softjac.gradient(x, 0, log=True, **how),
}
PRODUCTS = (softjac.softmax_vjp, softjac.softmax_jvp, softjac.log_softmax_vjp, softjac.log_softmax_jvp)


@given(data=st.data(), dtype=st.sampled_from(REAL))
def test_no_layout_shows_in_the_result(data, dtype):
    x = data.draw(logits(dtype))
    g = data.draw(logits(dtype, shape=x.shape))
    for name, layout in layouts(x):
        for function in MAPS.values():
            assert same_bits(function(layout), function(x)), name
        assert same_bits(softjac.logsumexp(layout), softjac.logsumexp(x)), name
        assert same_bits(softjac.jacobian(layout), softjac.jacobian(x)), name
        for product in PRODUCTS:
            assert same_bits(product(layout, g), product(x, g)), name
    for name, layout in layouts(g):
        for product in PRODUCTS:
            assert same_bits(product(x, layout), product(x, g)), name


@pytest.mark.parametrize("name", MAPS)
@given(data=st.data(), dtype=st.sampled_from(REAL))
def test_an_axis_is_that_axis_moved_to_the_end(name, data, dtype):
    x = data.draw(logits(dtype))
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    rows = np.ascontiguousarray(np.moveaxis(x, axis, -1))
    assert same_bits(np.moveaxis(MAPS[name](x, axis=axis), axis, -1), MAPS[name](rows))
    assert same_bits(softjac.logsumexp(x, axis), softjac.logsumexp(rows))


@given(data=st.data(), dtype=st.sampled_from(REAL), target=st.sampled_from((*REAL, np.float16)))
def test_out_in_any_layout_receives_the_result(data, dtype, target):
    x = data.draw(logits(dtype))
    want = softjac.softmax(x, dtype=target)
    for name, out in layouts(np.full(x.shape, 7, target)):
        if isinstance(out, list):
            continue
        assert softjac.softmax(x, out=out) is out
        assert same_bits(out.astype(target), want), name
    total = np.empty(x.shape[:-1], target)
    assert softjac.logsumexp(x, out=total) is total
    assert same_bits(total, softjac.logsumexp(x, dtype=target))
    kept = np.empty(x.shape[:-1] + (1,), target)
    assert same_bits(softjac.logsumexp(x, keepdims=True, out=kept)[..., 0], total)


def test_out_may_be_the_input_or_overlap_it():
    x = np.random.default_rng(5).normal(size=(6, 4))
    want = softjac.softmax(x)
    same = x.copy()
    softjac.softmax(same, out=same)
    assert same_bits(same, want)
    longer = np.vstack([x, np.zeros((1, 4))])
    softjac.softmax(longer[:-1], out=longer[1:])
    assert same_bits(longer[1:], want)
    g = x[::-1].copy()
    want = softjac.softmax_vjp(x, g)
    softjac.softmax_vjp(x, g, out=g)
    assert same_bits(g, want)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4", "<f8", float])
def test_dtype_is_that_of_the_result(dtype):
    x = np.float32([1, 2, 3])
    got = softjac.softmax(x, dtype=dtype)
    assert got.dtype == np.dtype(dtype).newbyteorder("=")
    # float32 logits are exact in float64, so that the result is too
    wide = softjac.softmax(x.astype(np.float64))
    np.testing.assert_allclose(got, wide, rtol=2 * np.finfo(got.dtype).eps)


@pytest.mark.parametrize("dtype", ["?", "i1", "u2", "i4", "u8", "i8"])
def test_integers_are_float64(dtype):
    x = np.array([[0, 1, 1], [1, 0, 1]], dtype)
    for function in MAPS.values():
        assert same_bits(function(x), function(x.astype(np.float64)))
    assert same_bits(softjac.softmax_vjp(x, x), softjac.softmax_vjp(x.astype(float), x.astype(float)))
    assert same_bits(softjac.softmax_vjp(np.float32(x), x), softjac.softmax_vjp(np.float32(x), x.astype(float)))


try:
    import ml_dtypes
except ImportError:
    HALVES = [np.dtype(np.float16)]
else:
    HALVES = [np.dtype(np.float16), np.dtype(ml_dtypes.bfloat16)]


def bits(array):
    return np.asarray(array).view(np.int16).tolist()


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_half_precision_is_rounded_once(dtype):
    x = np.random.default_rng(7).normal(size=(50, 9)).astype(dtype)
    g = x[::-1] * dtype.type(3)
    wide, wide_g = x.astype(np.float64), g.astype(np.float64)
    functions = {**MAPS, "logsumexp": softjac.logsumexp, "jacobian": softjac.jacobian}
    for name, function in functions.items():
        # Exact mode rounds correctly; so does float64, but within 2^-52 of a midway, where none is here.
        got, want = function(x, mode="exact"), function(wide).astype(dtype)
        assert got.dtype == dtype and bits(got) == bits(want), name
    unit, least = (2.0**-11, 2.0**-25) if dtype == np.float16 else (2.0**-8, 0)
    for product in PRODUCTS:
        got = product(x, g)
        assert got.dtype == dtype
        error = abs(got.astype(float) - product(wide, wide_g))
        assert (error <= 1.001 * unit * terms(product, wide, wide_g) + least).all()  # softjac.h


def terms(product, x, g):
    """The sums of the sizes of a product's terms."""
    sizes = abs(softjac.jacobian(x, log=product in PRODUCTS[2:]))
    if product is softjac.log_softmax_vjp:
        return np.einsum("mki,mk->mi", sizes, abs(g))
    relative = abs(g - np.take_along_axis(g, x.argmax(-1)[:, None], -1))
    return np.einsum("mik,mk->mi", sizes, relative)


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_half_precision_in_every_place(dtype):
    x = np.random.default_rng(8).normal(size=(6, 5)).astype(dtype)
    want = softjac.softmax(x)
    for name, layout in layouts(x):
        assert bits(np.asarray(softjac.softmax(layout), dtype)) == bits(want), name
    for out in (np.empty((6, 5), dtype), np.empty((6, 10), dtype)[:, ::2]):
        assert softjac.softmax(x, out=out) is out and bits(out.copy()) == bits(want)
        assert softjac.softmax(x.astype(float), out=out) is out and bits(out.copy()) == bits(want)
    assert softjac.softmax(x, dtype=np.float32).dtype == np.float32
    assert softjac.softmax(x.astype(np.float64), dtype=dtype).dtype == dtype
    assert softjac.softmax_vjp(x, x.astype(np.float32)).dtype == np.float32
    assert softjac.softmax_vjp(x[0], x).shape == (6, 5)
    assert bits(softjac.softmax(x, axis=None)) == bits(softjac.softmax(x.reshape(-1)).reshape(6, 5))
    assert softjac.cross_entropy_grad(x, np.zeros(6, int)).dtype == dtype
    assert softjac.cross_entropy(x, x * 0 + dtype.type(0.25)).dtype == dtype
    assert softjac.mape(x, x) == 0


def test_two_halves_have_no_common_dtype():
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    x, g = np.ones(3, np.float16), np.ones(3, bfloat16)
    with pytest.raises(TypeError):
        softjac.softmax_vjp(x, g)
    assert softjac.softmax_vjp(x, g, dtype=np.float32).dtype == np.float32


def test_scalars_are_one_class():
    for x in (3.0, np.float32(3), np.array(3)):
        for axis in (-1, 0, None, ()):
            got = softjac.softmax(x, axis)
            assert got == 1 and np.isscalar(got)
            assert softjac.log_softmax(x, axis) == 0
            assert softjac.logsumexp(x, axis) == 3
            assert softjac.softmax_vjp(x, 2.0, axis) == 0
    assert softjac.jacobian(3.0).shape == (1, 1)
    assert softjac.softmax(np.ones((2, 2)), ()).tolist() == [[1, 1], [1, 1]]


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 3)])
def test_empty_arrays(shape):
    x = np.empty(shape)
    for axis in range(-len(shape), len(shape)):
        assert softjac.softmax(x, axis).shape == shape
        assert softjac.softmax_vjp(x, x, axis).shape == shape
        total = softjac.logsumexp(x, axis)
        assert np.shape(total) == tuple(np.delete(shape, axis))
        assert np.all(np.isneginf(total))
        n = shape[axis]
        assert softjac.jacobian(x, axis).shape == np.shape(total) + (n, n)
        assert softjac.jacobian(x, axis, "dense").shape == shape * 2
    assert softjac.softmax(x, None).shape == shape


@given(data=st.data(), dtype=st.sampled_from(REAL))
def test_operands_of_products_are_broadcast(data, dtype):
    x = data.draw(logits(dtype, shape=(2, 3, 4)))
    for shape in ((4,), (1, 4), (3, 4), (2, 1, 4), (5, 1, 1, 4)):
        g = data.draw(logits(dtype, shape=shape))
        full = np.broadcast_shapes(x.shape, shape)
        wide_x, wide_g = (np.ascontiguousarray(np.broadcast_to(a, full)) for a in (x, g))
        for product in PRODUCTS:
            assert same_bits(product(x, g), product(wide_x, wide_g))
            assert same_bits(product(g, x), product(wide_g, wide_x))


def test_a_class_axis_is_never_broadcast():
    with pytest.raises(ValueError, match="class axes"):
        softjac.softmax_vjp(np.ones((2, 3)), np.ones((2, 1)))
    # Axis 0 is that of the classes in both; the batch of the second is none.
    x, g = np.random.default_rng(6).normal(size=(2, 3, 3))
    assert same_bits(softjac.softmax_vjp(x, g[:, 0], axis=0), softjac.softmax_vjp(x, np.tile(g[:, :1], 3), axis=0))


def test_arrays_are_not_written_to_where_they_are_read_only():
    x = np.ones(3)
    x.flags.writeable = False
    assert softjac.softmax(x).sum() == 1
    with pytest.raises(ValueError, match="read-only"):
        softjac.softmax(np.ones(3), out=x)


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: softjac.softmax(np.ones(3), 1), AxisError, "axis 1 is out of bounds"),
        (lambda: softjac.softmax(np.ones(3), (0, 0)), ValueError, "repeated axis"),
        (lambda: softjac.softmax(np.ones(3), 0.5), TypeError, "float"),
        (lambda: softjac.softmax(np.ones(3), mode="fast"), ValueError, "mode must be 'default' or 'exact', not 'fast'"),
        (lambda: softjac.softmax([1, 2], nonfinite=1), ValueError, "'ieee', 'limit' or 'zero', not 1"),
        (lambda: softjac.jacobian(np.ones(3), layout="x"), ValueError, "layout must be 'blocks' or 'dense'"),
        (lambda: softjac.softmax(np.ones(3), threads=0), ValueError, "threads must be at least 1"),
        (lambda: softjac.softmax(np.ones(3), threads="2"), TypeError, "integer"),
        (lambda: softjac.softmax(np.ones(3), out=np.ones(4)), ValueError, "out"),
        (lambda: softjac.softmax(np.ones(3), out=[1, 2, 3]), TypeError, "out must be an array"),
        (lambda: softjac.softmax(np.ones(3), out=np.ones(3, int)), TypeError, "same_kind"),
        (lambda: softjac.softmax(np.ones(3), out=np.broadcast_to(np.ones(1), 3)), ValueError, "read-only"),
        (lambda: softjac.softmax(np.ones(3, complex)), TypeError, "complex128 is not supported"),
        (lambda: softjac.softmax(np.ones(3, object)), TypeError, "object is not supported"),
        (lambda: softjac.softmax(["a"]), TypeError, "not supported"),
        (lambda: softjac.softmax(np.ones(3), dtype=int), TypeError, "int64 is not supported"),
        (lambda: softjac.softmax(np.ma.ones(3)), ValueError, "masked arrays"),
        (lambda: softjac.softmax(np.ones((1,) * 13)), ValueError, "13 dimensions; expected at most 12"),
        (lambda: softjac.jacobian(np.ones((1,) * 7), layout="dense"), ValueError, "at most 12, in the result too"),
        (lambda: softjac.logsumexp(np.ones(3), 0, np.ones(3)), TypeError, "keepdims must be a bool"),
        (lambda: softjac.gradient(np.ones(3), 3), IndexError, "k = 3 is out of bounds for 3 classes"),
        (lambda: softjac.gradient(np.ones(3), -4), IndexError, "k = -4"),
        (lambda: softjac.gradient(np.ones((2, 3)), [0, 3]), IndexError, "out of bounds for 3 classes"),
        (lambda: softjac.gradient(np.ones(3), 0.0), TypeError, "expected integers"),
        (lambda: softjac.softmax_vjp(np.ones(3), np.ones(2)), ValueError, "class axes"),
        (lambda: softjac.softmax_vjp(np.ones((2, 3)), np.ones((4, 3))), ValueError, "shape"),
        (lambda: softjac.softmax_vjp(np.ones(3), np.ones(3), given="s"), ValueError, "given must be"),
    ],
)
def test_errors_name_what_is_wrong(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_references_are_given_back():
    x, out, unfit = np.ones((2, 3)), np.empty((2, 3)), np.empty((3, 2))
    before = sys.getrefcount(x), sys.getrefcount(out), sys.getrefcount(np.dtype(np.float64))
    for _ in range(100):
        softjac.softmax(x, out=out)
        softjac.softmax(x, dtype=np.float64)
        softjac.softmax_vjp(x, x)
        with pytest.raises(IndexError):
            softjac.gradient(x, 9)
        with pytest.raises(ValueError):
            softjac.softmax(x, out=unfit)
    after = sys.getrefcount(x), sys.getrefcount(out), sys.getrefcount(np.dtype(np.float64))
    assert all(b - a < 50 for a, b in zip(before, after))


def test_functions_can_be_sent_to_other_processes():
    for name in softjac.__all__:
        function = getattr(softjac, name)
        assert pickle.loads(pickle.dumps(function)) is function
