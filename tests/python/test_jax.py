"""The JAX adapter by JAX's own checker, its transformations against loops, and where confident rows would lose their
digits."""

import numpy as np
import pytest
import truth

jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp  # noqa: E402
from jax.test_util import check_grads  # noqa: E402

import softjac  # noqa: E402
import softjac.jax as ours  # noqa: E402

NAMES = ("softmax", "log_softmax", "logsumexp")
X = np.random.default_rng(1).normal(scale=2, size=(3, 4, 2))
FORWARD = {"softmax": softjac.softmax, "log_softmax": softjac.log_softmax, "logsumexp": softjac.logsumexp}


def along(name, axis):
    return lambda x: getattr(ours, name)(x, axis)


@pytest.mark.parametrize("axis, order", [(0, 2), (-1, 3)])
@pytest.mark.parametrize("name", NAMES)
def test_derivatives_of_higher_order(name, axis, order):
    """Against differences, whose error is that of JAX's steps: its own tolerance for float64."""
    check_grads(along(name, axis), (jnp.array(X[0]),), order=order, modes=("fwd", "rev"))


@pytest.mark.parametrize("axis", [0, 1, 2, -3])
@pytest.mark.parametrize("name", NAMES)
def test_values_are_the_library_s(name, axis):
    want = FORWARD[name](X, axis)
    assert np.array_equal(along(name, axis)(X), want)
    assert np.array_equal(jax.jit(along(name, axis))(X), want)


@pytest.mark.parametrize("axis", [None, (0, 2), (1,), (0, 1, 2), -1])
@pytest.mark.parametrize("keepdims", [False, True])
def test_logsumexp_over_axes(axis, keepdims):
    got = ours.logsumexp(X, axis, keepdims)
    want = softjac.logsumexp(X, axis, keepdims)
    assert got.shape == want.shape
    assert np.array_equal(got, want)


@pytest.mark.parametrize("batch", [0, 1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_vmap_is_a_loop(name, batch):
    f = along(name, 0)
    slices = np.moveaxis(X, batch, 0)
    assert np.array_equal(jax.vmap(f, in_axes=batch)(X), np.stack([f(x) for x in slices]))
    of = jax.vjp(f, jnp.array(slices[0]))[1]
    cotangents = jnp.stack([f(x) for x in slices])
    assert np.array_equal(jax.vmap(of)(cotangents)[0], np.stack([of(u)[0] for u in cotangents]))


@pytest.mark.parametrize("rows", [(5,), (2, 3)])
def test_jacobians_are_the_library_s(rows):
    """Columns are products with one-hot tangents: within 4u of their condition, of which one entry is not 0, and so
    within 8 ulp; those of the library are within 2."""
    x = np.random.default_rng(2).normal(scale=6, size=rows)
    want = softjac.jacobian(x, layout="dense")
    for derive in (jax.jacfwd, jax.jacrev):
        np.testing.assert_allclose(derive(ours.softmax)(x), want, rtol=10 * 2.0**-52, atol=0)


def test_derivatives_of_confident_rows_keep_their_digits():
    x = np.array([40.0, 0.0])
    want = np.array([float(v) for v in truth.softmax_jacobian(x)[0]])
    got = jax.grad(lambda z: ours.softmax(z)[0])(x)
    assert truth.ulps(np.asarray(got), truth.softmax_jacobian(x)[0]) <= 4, (got, want)
    assert jax.grad(lambda z: jax.nn.softmax(z)[0])(x)[0] == 0  # what is lost otherwise
    assert float(ours.log_softmax(x)[0]) == float(truth.log_softmax(x)[0])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32])
def test_dtypes(name, dtype):
    """Halves are computed in float32 and rounded once."""
    x = jnp.array(X, dtype)
    got = along(name, 1)(x)
    assert got.dtype == dtype
    assert np.array_equal(got, jnp.asarray(FORWARD[name](np.asarray(x, np.float32), 1)).astype(dtype))
    assert jax.grad(lambda z: along(name, 1)(z).sum())(x).dtype == dtype


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 3)])
def test_nothing(shape):
    x = np.zeros(shape)
    assert np.array_equal(ours.softmax(x), softjac.softmax(x))
    assert np.array_equal(ours.logsumexp(x, -1), softjac.logsumexp(x, -1))
    assert jax.grad(lambda z: ours.softmax(z).sum())(x).shape == shape


def test_zero_dimensions():
    assert ours.logsumexp(jnp.array(3.0)) == 3
    with pytest.raises(ValueError, match="axis: the array has none"):
        ours.softmax(jnp.array(3.0))


@pytest.mark.parametrize("x", [np.arange(3), np.zeros(3, complex), np.zeros(3, bool)])
@pytest.mark.parametrize("name", NAMES)
def test_other_dtypes_are_refused(name, x):
    with pytest.raises(TypeError, match="expected float16, bfloat16, float32 or float64"):
        getattr(ours, name)(x, 0)


def test_axes_that_are_not_there():
    with pytest.raises(ValueError, match="axis: 2; expected -2 to 1"):
        ours.softmax(np.zeros((2, 2)), 2)
    with pytest.raises(ValueError, match="twice"):
        ours.logsumexp(np.zeros((2, 2)), (0, -2))
    with pytest.raises(TypeError):
        ours.softmax(np.zeros((2, 2)), 0.5)
