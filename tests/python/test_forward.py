"""softmax, log_softmax, logsumexp: against exact arithmetic, and in place of SciPy's."""

import numpy as np
import pytest
import truth
from arrays import REAL, logits, same_bits
from hypothesis import given
from hypothesis import strategies as st

import softjac

MAPS = ((softjac.softmax, truth.softmax), (softjac.log_softmax, truth.log_softmax))
# docs/accuracy.md: the stated bounds, in ulp of the exact value
BOUNDS = {("default", "f"): 2, ("default", "d"): 2, ("exact", "f"): 0.5, ("exact", "d"): 0.51}


def axes(ndim):
    one = st.integers(-ndim, ndim - 1)
    several = st.lists(st.integers(0, ndim - 1), min_size=1, unique=True).map(tuple)
    return one | several | st.none()


@pytest.mark.parametrize("mode", ["default", "exact"])
@pytest.mark.parametrize("function, exact", MAPS)
@given(data=st.data(), dtype=st.sampled_from(REAL))
def test_every_entry_is_within_the_stated_ulps(function, exact, mode, data, dtype):
    x = data.draw(logits(dtype, shape=st.integers(1, 9)))
    assert truth.ulps(function(x, mode=mode), exact(x)) <= BOUNDS[mode, x.dtype.char]


@given(data=st.data(), dtype=st.sampled_from(REAL))
def test_logsumexp_is_within_2u_of_what_it_is_made_of(data, dtype):
    x = data.draw(logits(dtype, shape=st.integers(1, 9)))
    size = max(abs(truth.exact(x).max()), truth.logsumexp(x) - truth.exact(x).max())
    assert truth.share([softjac.logsumexp(x)], [truth.logsumexp(x)], [size]) <= 2


@given(data=st.data(), x=logits(np.float64, bound=700))
def test_softmax_stands_in_for_scipy(data, x):
    special = pytest.importorskip("scipy.special")
    axis = data.draw(axes(x.ndim))
    # SciPy rounds x - max, then exp, the sum of n terms and the quotient, each to half an ulp.
    span = np.ptp(x)
    tolerance = (span + x.size + 4) * 2.0**-53
    with np.errstate(under="ignore"):
        theirs = special.softmax(x, axis=axis)
    np.testing.assert_allclose(softjac.softmax(x, axis=axis), theirs, rtol=tolerance, atol=2.0**-1074)
    theirs = special.log_softmax(x, axis=axis)
    np.testing.assert_allclose(softjac.log_softmax(x, axis=axis), theirs, rtol=tolerance, atol=tolerance)


@given(data=st.data(), x=logits(np.float64, bound=700), keepdims=st.booleans())
def test_logsumexp_stands_in_for_scipy(data, x, keepdims):
    special = pytest.importorskip("scipy.special")
    axis = data.draw(axes(x.ndim))
    tolerance = (np.ptp(x) + abs(x).max() + x.size + 4) * 2.0**-53
    theirs = special.logsumexp(x, axis=axis, keepdims=keepdims)
    ours = softjac.logsumexp(x, axis=axis, keepdims=keepdims)
    assert np.shape(ours) == np.shape(theirs)
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


@given(data=st.data(), x=logits(np.float64, bound=30))
def test_factors_and_signs_of_logsumexp_are_scipys(data, x):
    special = pytest.importorskip("scipy.special")
    b = data.draw(logits(np.float64, shape=st.sampled_from([x.shape, x.shape[-1:]]))).clip(0)
    with np.errstate(divide="ignore"):
        theirs = special.logsumexp(x, axis=-1, b=b, return_sign=True)
    ours = softjac.logsumexp(x, axis=-1, b=b, return_sign=True)
    for mine, his in zip(ours, theirs):
        np.testing.assert_allclose(mine, his, rtol=1e-13, atol=(100 + x.size) * 2.0**-53)


def test_negative_factors_are_refused():
    with pytest.raises(ValueError, match="b: negative"):
        softjac.logsumexp([1.0, 2.0], b=[1, -1])


@pytest.mark.parametrize(
    "row, softmax, log_softmax, logsumexp",
    [
        ([np.nan, 0], [np.nan, np.nan], [np.nan, np.nan], np.nan),
        ([np.inf, 0], [np.nan, np.nan], [np.nan, np.nan], np.inf),
        ([-np.inf, -np.inf], [np.nan, np.nan], [np.nan, np.nan], -np.inf),
        ([-np.inf, 0], [0, 1], [-np.inf, 0], 0),
    ],
)
def test_what_is_not_finite_stays_in_its_row(row, softmax, log_softmax, logsumexp):
    x = np.array([row, [0, 0], row])
    assert np.array_equal(softjac.softmax(x), [softmax, [0.5, 0.5], softmax], equal_nan=True)
    assert np.array_equal(softjac.log_softmax(x)[[0, 2]], [log_softmax] * 2, equal_nan=True)
    assert np.array_equal(softjac.logsumexp(x), [logsumexp, np.log(2), logsumexp], equal_nan=True)


def test_policies_of_infinities():
    x = [[np.inf, 0, np.inf], [-np.inf] * 3]
    assert np.array_equal(softjac.softmax(x, nonfinite="limit")[0], [0.5, 0, 0.5])
    assert np.array_equal(softjac.softmax(x, nonfinite="zero")[1], [0, 0, 0])


@given(x=logits(np.float32, shape=st.integers(1, 9)).map(lambda x: x.astype(np.float16)))
def test_half_precision_is_within_half_an_ulp(x):
    got, wide = softjac.softmax(x), softjac.softmax(x.astype(np.float64))
    assert got.dtype == np.float16
    # 0.5003 ulp (docs/accuracy.md); no softmax is above 1, whose ulp is that of the largest numbers below it, 2^-11
    ulp = np.maximum(np.spacing(np.minimum(wide, 1 - 2.0**-11).astype(np.float16)).astype(float), 2.0**-24)
    assert (abs(got.astype(float) - wide) <= 0.5003 * ulp).all()


def test_threads_change_no_bit():
    x = np.random.default_rng(1).normal(size=(3000, 70))
    one = softjac.softmax(x, threads=1)
    assert same_bits(one, softjac.softmax(x))
