"""The derivative forms: against exact arithmetic, against each other, and where confident rows would lose digits."""

import numpy as np
import pytest
import truth
from arrays import REAL, logits, same_bits
from hypothesis import given
from hypothesis import strategies as st

import softjac

JACOBIANS = {False: truth.softmax_jacobian, True: truth.log_softmax_jacobian}
ROWS = st.integers(1, 7)


@pytest.mark.parametrize("log", [False, True])
@given(data=st.data(), dtype=st.sampled_from(REAL))
def test_jacobians_and_gradients_are_within_2_ulp(log, data, dtype):
    x = data.draw(logits(dtype, shape=ROWS))
    want = JACOBIANS[log](x)
    assert truth.ulps(softjac.jacobian(x, log=log), want) <= 2
    for k in range(-len(x), len(x)):
        assert truth.ulps(softjac.gradient(x, k, log=log), want[k]) <= 2


@pytest.mark.parametrize("mode, bound", [("default", 4), ("exact", 1)])
@given(data=st.data(), dtype=st.sampled_from(REAL))
def test_products_are_within_their_bound(mode, bound, data, dtype):
    x = data.draw(logits(dtype, shape=ROWS))
    g = data.draw(logits(dtype, shape=x.shape))
    exact, plain, log = truth.exact(g), JACOBIANS[False](x), JACOBIANS[True](x)
    gaps = exact - exact[np.argmax(x)]  # a constant more changes nothing but where it meets log.T
    for function, jacobian, terms in (
        (softjac.softmax_vjp, plain, gaps),
        (softjac.softmax_jvp, plain, gaps),
        (softjac.log_softmax_vjp, log.T, exact),
        (softjac.log_softmax_jvp, log, gaps),
    ):
        want, size = jacobian.dot(terms), abs(jacobian).dot(abs(terms))
        # what is below the smallest subnormal has no digits to bound
        size = size + float(np.finfo(dtype).smallest_subnormal) / truth.U[np.dtype(dtype)]
        assert truth.share(function(x, g, mode=mode), want, size) <= bound, function.__name__


def test_confident_rows_keep_their_digits():
    tail = 4.2483542552915889e-18  # exp(-40) / (1 + exp(-40))
    assert softjac.jacobian([40.0, 0.0])[0, 0] == tail
    assert softjac.gradient([40.0, 0.0], 0)[0] == tail
    assert softjac.log_softmax_vjp([40.0, 0.0], [1.0, 0.0])[0] == tail


def centred(s, x):
    return x - (s * x).sum()


@given(data=st.data(), dtype=st.sampled_from(REAL))
def test_hessian_products_are_within_their_bound(data, dtype):
    x = data.draw(logits(dtype, shape=ROWS))
    g, v, h = (data.draw(logits(dtype, shape=x.shape)) for _ in range(3))
    s, jacobian, m = truth.softmax(x), truth.softmax_jacobian(x), np.argmax(x)
    # constants change nothing, and truth at 150 digits leaves something of them
    d, e, of_h = (truth.exact(y) - truth.exact(y)[m] for y in (g, v, h))
    a, b, c = map(abs, (e, d, of_h))
    size = s * ((a + (s * a).sum()) * (b + (s * b).sum()))  # softjac.h, second order
    size = size + s * size.sum()
    least = float(np.finfo(dtype).smallest_subnormal) / truth.U[np.dtype(dtype)]
    want = jacobian.dot(centred(s, d) * centred(s, e))
    assert truth.share(softjac.softmax_hvp(x, g, v), want, size + least) <= 4
    size = size + abs(jacobian).dot(c)
    assert truth.share(softjac.softmax_hvp(x, g, v, h), want + jacobian.dot(of_h), size + least) <= 4


def test_hessian_products_of_arrays():
    make = np.random.default_rng(3)
    x, g, v = make.normal(size=(4, 5, 3)), make.normal(size=(5, 3)), make.normal(size=(4, 1, 3))
    want = np.stack([[softjac.softmax_hvp(x[i, j], g[j], v[i, 0]) for j in range(5)] for i in range(4)])
    assert same_bits(softjac.softmax_hvp(x, g, v), want)
    turned = softjac.softmax_hvp(np.moveaxis(x, -1, 0), g.T[:, None], np.moveaxis(v, -1, 0), axis=0)
    assert same_bits(np.moveaxis(turned, 0, -1), want)
    out = np.empty(x.shape, np.float32)
    assert softjac.softmax_hvp(x, g, v, out=out) is out and same_bits(out, want.astype(np.float32))
    assert softjac.softmax_hvp(3.0, 1.0, 2.0) == 0
    s = softjac.softmax(x)  # off by 2 ulp, and so is every factor of terms below 4^2
    np.testing.assert_allclose(softjac.softmax_hvp(s, g, v, given="softmax"), want, rtol=0, atol=16 * 16 * 2.0**-52)
    with pytest.raises(ValueError, match="v: size"):
        softjac.softmax_hvp(x, g, v[..., :2])
    with pytest.raises(ValueError, match="nonfinite"):
        softjac.softmax_hvp(x, g, v, nonfinite="none")
    with pytest.raises(ValueError, match="mode"):
        softjac.softmax_hvp(x, g, v, mode="exact")


@given(data=st.data(), dtype=st.sampled_from(REAL))
def test_the_softmax_serves_where_the_logits_are_gone(data, dtype):
    x = data.draw(logits(dtype, shape=(3, 4), bound=10))
    g = data.draw(logits(dtype, shape=(3, 4), bound=10))
    s = softjac.softmax(x)
    eps, size = np.finfo(dtype).eps, abs(g).max() + 1
    # s is off by 2 ulp, and so is every term
    for function in (softjac.softmax_vjp, softjac.log_softmax_vjp, softjac.softmax_jvp, softjac.log_softmax_jvp):
        np.testing.assert_allclose(function(s, g, given="softmax"), function(x, g), rtol=0, atol=20 * size * eps)
    np.testing.assert_allclose(softjac.jacobian(s, given="softmax"), softjac.jacobian(x), rtol=0, atol=20 * eps)
    np.testing.assert_allclose(softjac.gradient(s, 1, given="softmax"), softjac.gradient(x, 1), rtol=0, atol=20 * eps)


@pytest.mark.parametrize("log", [False, True])
@given(data=st.data(), dtype=st.sampled_from(REAL))
def test_layouts_and_gradients_hold_the_same_entries(log, data, dtype):
    x = data.draw(logits(dtype, shape=(2, 3, 4)))
    axis = data.draw(st.integers(-3, 2))
    blocks = softjac.jacobian(x, axis, log=log)
    rows = np.moveaxis(x, axis, -1)
    n = rows.shape[-1]
    assert blocks.shape == rows.shape[:-1] + (n, n)
    dense = softjac.jacobian(x, axis, "dense", log=log)
    assert dense.shape == x.shape * 2
    by_rows = np.moveaxis(dense, (axis % 3, axis % 3 + 3), (2, 5))
    for p in np.ndindex(rows.shape[:-1]):
        for i in np.ndindex(rows.shape[:-1]):
            want = blocks[p] if p == i else np.zeros((n, n), dtype)
            assert np.array_equal(by_rows[(*p, slice(None), *i)], want)
    for k in range(n):
        assert same_bits(np.moveaxis(softjac.gradient(x, k, axis, log=log), axis, -1), blocks[..., k, :])


def test_a_class_for_every_row():
    x = np.random.default_rng(2).normal(size=(5, 3))
    k = np.array([0, 2, -1, 1, 1])
    want = softjac.jacobian(x)[np.arange(5), k]
    assert same_bits(softjac.gradient(x, k), want)
    assert same_bits(softjac.gradient(x.T, k, axis=0), want.T)
    assert softjac.gradient(x[0], k).shape == (5, 3)


@pytest.mark.parametrize("axis", [None, (0, 2), (2, 0)])
def test_several_axes_are_one_in_c_order(axis):
    x = np.random.default_rng(3).normal(size=(2, 3, 4))
    axes = (0, 1, 2) if axis is None else axis
    batch = tuple(d for d in range(3) if d not in axes)
    rows = x.transpose(batch + axes).reshape([x.shape[d] for d in batch] + [-1])
    blocks = softjac.jacobian(rows)
    assert same_bits(softjac.jacobian(x, axis), blocks)
    g = np.random.default_rng(4).normal(size=x.shape)
    flat_g = g.transpose(batch + axes).reshape(rows.shape)
    for core in (softjac.softmax_vjp, softjac.log_softmax_jvp):
        got = core(x, g, axis)
        assert same_bits(got.transpose(batch + axes).reshape(rows.shape), core(rows, flat_g))
    gradient = softjac.gradient(x, 5, axis)
    assert same_bits(gradient.transpose(batch + axes).reshape(rows.shape), softjac.gradient(rows, 5))
    # Contracting with the dense Jacobian is the JVP, whatever the order of axes.
    dense = softjac.jacobian(x, axis, "dense")
    np.testing.assert_allclose(np.tensordot(dense, g, 3), softjac.softmax_jvp(x, g, axis), rtol=0, atol=1e-15)
