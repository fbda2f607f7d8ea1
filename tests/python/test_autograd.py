"""The autograd adapter: by autograd's own checker to third order, and where confident rows would lose their digits."""

import doctest

import numpy
import pytest
import truth

autograd = pytest.importorskip("autograd")

import autograd.numpy as np  # noqa: E402
from autograd.test_util import check_grads  # noqa: E402

import softjac.autograd as ours  # noqa: E402

X = numpy.random.default_rng(1).normal(size=(3, 4))
G = numpy.random.default_rng(2).normal(size=(3, 4))
AXES = [-1, 0, (0, 1), None]
PRODUCTS = ("softmax_vjp", "softmax_jvp", "log_softmax_vjp", "log_softmax_jvp")


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_forward_functions_pass_the_checker_to_order_3(name, axis):
    check_grads(lambda x: getattr(ours, name)(x, axis), modes=["fwd", "rev"], order=3)(X)


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("name", PRODUCTS)
def test_products_pass_the_checker_in_both_arguments(name, axis):
    check_grads(lambda x, g: getattr(ours, name)(x, g, axis), modes=["fwd", "rev"], order=2)(X, G)


@pytest.mark.parametrize("keepdims", [False, True])
def test_logsumexp_keeps_dimensions(keepdims):
    check_grads(lambda x: ours.logsumexp(x, 0, keepdims), modes=["fwd", "rev"], order=2)(X)


def test_options_reach_every_derivative():
    x = numpy.array([numpy.inf, 0.0, numpy.inf])
    got = autograd.jacobian(lambda x: ours.softmax(x, nonfinite="limit"))(x)
    numpy.testing.assert_array_equal(got, [[0.25, 0, -0.25], [0, 0, 0], [-0.25, 0, 0.25]])


def test_jacobians_are_the_librarys():
    want = truth.softmax_jacobian(X[0]).astype(float)
    numpy.testing.assert_allclose(autograd.jacobian(ours.softmax)(X[0]), want, rtol=1e-15)


def test_hessians_of_confident_rows_keep_their_digits():
    x = numpy.array([40.0, 0.0, 1.0])
    s = truth.softmax(x)
    # the Hessian of s_0: with e = the unit vector, s_0 ((e - s)(e - s)^T - J)
    e = truth.identity(3)[0]
    want = s[0] * ((e - s)[:, None] * (e - s)[None, :] - truth.softmax_jacobian(x))
    got = autograd.hessian(lambda x: ours.softmax(x)[0])(x)
    numpy.testing.assert_allclose(got, want.astype(float), rtol=1e-14)
    got = autograd.hessian(lambda x: ours.logsumexp(x))(x)
    numpy.testing.assert_allclose(got, truth.softmax_jacobian(x).astype(float), rtol=1e-14)
    by_formula = autograd.hessian(lambda x: np.exp(x[0]) / np.sum(np.exp(x)))(x)
    assert abs(by_formula[0, 0] / float(want[0, 0]) - 1) > 1e-3


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="expected one"):
        ours.softmax_vjp(X, X[0])


def test_the_example_runs():
    result = doctest.testmod(ours)
    assert result.attempted > 0 and result.failed == 0
