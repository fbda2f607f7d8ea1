"""cross_entropy and its gradient, by the definitions, and against exact arithmetic; the metrics."""

import mpmath
import numpy as np
import pytest
import truth
from arrays import REAL, layouts, logits, same_bits
from hypothesis import given
from hypothesis import strategies as st

import softjac

REDUCTIONS = ("none", "sum", "mean")


@given(data=st.data(), dtype=st.sampled_from(REAL))
def test_of_a_label_loss_and_gradient_are_within_2_ulp(data, dtype):
    x = data.draw(logits(dtype, shape=st.integers(1, 7)))
    t = data.draw(st.integers(0, len(x) - 1))
    loss, grad = softjac.cross_entropy_grad(x, t, return_loss=True)
    assert truth.ulps(loss, [-truth.log_softmax(x)[t]]) <= 2
    s = truth.softmax(x)
    s[t] = -sum(s[:t]) - sum(s[t + 1 :])
    assert truth.ulps(grad, s) <= 2
    assert same_bits(loss, softjac.cross_entropy(x, t)) and same_bits(grad, softjac.cross_entropy_grad(x, t))
    loss, grad = softjac.cross_entropy_grad(x, t, mode="exact", return_loss=True)
    assert truth.ulps(loss, [-truth.log_softmax(x)[t]]) <= 0.51 and truth.ulps(grad, s) <= 0.51


def by_definition(x, target, weight, smoothing, reduction):
    """PyTorch's, of rows, in float64."""
    n = x.shape[-1]
    labels = target.dtype.kind == "i"
    p = np.eye(n)[target] if labels else target
    mixed = (1 - smoothing) * p * weight + smoothing / n * weight
    if labels:
        mixed = (1 - smoothing) * p * weight[target][:, None] + smoothing / n * weight
    rows = -(mixed * softjac.log_softmax(x)).sum(-1)
    divisor = weight[target].sum() if labels else len(x)
    return {"none": rows, "sum": rows.sum(), "mean": rows.sum() / divisor}[reduction], mixed, divisor


@pytest.mark.parametrize("reduction", REDUCTIONS)
@given(data=st.data(), labels=st.booleans(), smoothing=st.sampled_from([0.0, 0.1, 1.0]))
def test_weights_smoothing_and_reductions_are_by_definition(reduction, data, labels, smoothing):
    x = data.draw(logits(np.float64, shape=(5, 4), bound=20))
    weight = abs(data.draw(logits(np.float64, shape=(4,), bound=3))) + 0.1
    target = np.array(data.draw(st.lists(st.integers(0, 3), min_size=5, max_size=5)))
    if not labels:
        target = softjac.softmax(data.draw(logits(np.float64, shape=(5, 4), bound=3)))
    how = {"weight": weight, "label_smoothing": smoothing, "reduction": reduction}
    want, mixed, divisor = by_definition(x, target, weight, smoothing, reduction)
    np.testing.assert_allclose(softjac.cross_entropy(x, target, **how), want, rtol=1e-13)
    grad = softjac.softmax(x) * mixed.sum(-1, keepdims=True) - mixed
    scale = divisor if reduction == "mean" else 1
    np.testing.assert_allclose(softjac.cross_entropy_grad(x, target, **how), grad / scale, rtol=0, atol=1e-14)
    upstream = np.full(5, 3.0) if reduction == "none" else 3.0
    scaled = softjac.cross_entropy_grad(x, target, upstream=upstream, **how)
    np.testing.assert_allclose(scaled, 3 * grad / scale, rtol=0, atol=3e-14)


def test_ignored_rows_do_not_count():
    x = np.random.default_rng(1).normal(size=(4, 3))
    target = [0, -100, 2, -100]
    assert softjac.cross_entropy(x, target) == softjac.cross_entropy(x[::2], [0, 2])
    assert softjac.cross_entropy(x, [0, 7, 2, 7], ignore_index=7) == softjac.cross_entropy(x[::2], [0, 2])
    assert not softjac.cross_entropy_grad(x, target)[1::2].any()


def test_z_loss_adds_the_square_of_logsumexp():
    x = np.random.default_rng(2).normal(size=(4, 3))
    loss = softjac.cross_entropy(x, [0, 1, 2, 0], reduction="none")
    more = softjac.cross_entropy(x, [0, 1, 2, 0], reduction="none", z_loss=0.5)
    np.testing.assert_allclose(more, loss + 0.5 * softjac.logsumexp(x) ** 2, rtol=1e-15)


@given(data=st.data(), dtype=st.sampled_from(REAL), integers=st.sampled_from(["i1", "u2", "i4", ">i8", "i8"]))
def test_neither_layouts_nor_axes_show(data, dtype, integers):
    x = data.draw(logits(dtype, shape=(2, 3, 4)))
    axis = data.draw(st.integers(-3, 2))
    rows = np.moveaxis(x, axis, -1)
    target = np.random.default_rng(3).integers(0, rows.shape[-1], rows.shape[:-1])
    want = softjac.cross_entropy_grad(rows.copy(), target, return_loss=True)
    for name, layout in layouts(x):
        loss, grad = softjac.cross_entropy_grad(layout, target.astype(integers), axis, return_loss=True)
        assert same_bits(loss, want[0]), name
        assert same_bits(np.moveaxis(grad, axis, -1), want[1]), name
    for name, out in layouts(np.empty_like(x)):
        if not isinstance(out, list):
            assert softjac.cross_entropy_grad(x, target, axis, out=out) is out
            assert same_bits(np.moveaxis(out, axis, -1).astype(dtype), want[1]), name


def test_several_axes_are_one():
    x = np.random.default_rng(4).normal(size=(2, 3, 4))
    flat = x.transpose(1, 0, 2).reshape(3, 8)
    for axis in ((0, 2), (2, 0)):
        rows = flat if axis == (0, 2) else x.transpose(1, 2, 0).reshape(3, 8)
        assert softjac.cross_entropy(x, [1, 2, 7], axis) == softjac.cross_entropy(rows, [1, 2, 7])
        assert softjac.cross_entropy(x, x, axis) == softjac.cross_entropy(rows, rows)
    assert softjac.cross_entropy(x, 5, None) == softjac.cross_entropy(x.ravel(), 5)


def test_logits_may_become_the_gradient_and_overlap_it():
    x = np.random.default_rng(5).normal(size=(6, 4))
    target = np.arange(6) % 4
    want = softjac.cross_entropy_grad(x, target)
    same = x.copy()
    assert softjac.cross_entropy_grad(same, target, out=same) is same
    assert same_bits(same, want)
    longer = np.vstack([x, np.zeros((1, 4))])
    softjac.cross_entropy_grad(longer[:-1], target, out=longer[1:])
    assert same_bits(longer[1:], want)
    loss = np.empty(6, np.float32)
    assert softjac.cross_entropy(x, target, reduction="none", out=loss) is loss
    np.testing.assert_allclose(loss, softjac.cross_entropy(x, target, reduction="none"), rtol=2.0**-23)


def test_dtypes():
    x = np.float32([[1, 2, 3]])
    assert softjac.cross_entropy(x, [0]).dtype == np.float32
    assert softjac.cross_entropy(x, [0], dtype=np.float64).dtype == np.float64
    assert softjac.cross_entropy(x, [[0.5, 0.5, 0]]).dtype == np.float64
    assert softjac.cross_entropy_grad(x.astype(np.float16), [0]).dtype == np.float16
    assert softjac.cross_entropy([[1, 2, 3]], [0]).dtype == np.float64


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ((np.ones((2, 3)), [0, 3]), IndexError, "3"),
        ((np.ones((2, 3)), [0, 1, 2]), ValueError, "size 3"),
        ((np.ones((2, 3)), np.ones((2, 2))), ValueError, "target"),
        ((np.ones((2, 3)), [True, False]), ValueError, "target"),
        ((np.ones((2, 0)), [0, 0]), ValueError, "no classes"),
    ],
)
def test_errors_name_what_is_wrong(arguments, error, message):
    with pytest.raises(error, match=message):
        softjac.cross_entropy(*arguments)
    with pytest.raises(error, match=message):
        softjac.cross_entropy_grad(*arguments)


@pytest.mark.parametrize(
    "option, message",
    [
        ({"reduction": "average"}, "reduction must be 'none', 'sum' or 'mean'"),
        ({"label_smoothing": 2.0}, "label_smoothing"),
        ({"weight": [1, 2]}, "weights"),
        ({"z_loss": np.inf}, "z_loss"),
        ({"nonfinite": "nan"}, "nonfinite must be"),
    ],
)
def test_options_out_of_range_are_refused(option, message):
    with pytest.raises(ValueError, match=message):
        softjac.cross_entropy(np.ones((2, 3)), [0, 1], **option)


@given(data=st.data(), dtype=st.sampled_from(REAL))
def test_metrics_are_their_definitions(data, dtype):
    true = data.draw(logits(dtype))
    pred = data.draw(logits(dtype, shape=true.shape))
    a, b = truth.exact(pred.ravel()), truth.exact(true.ravel())
    terms = [abs(p) if t == 0 else abs(t - p) / abs(t) for p, t in zip(a, b)]
    assert softjac.mape(pred, true) == pytest.approx(float(sum(terms) / len(terms)), rel=1e-14)
    worst = max(mpmath.mpf(0) if p == t else mpmath.inf if t == 0 else abs(t - p) / abs(t) for p, t in zip(a, b))
    assert softjac.max_relative_error(pred, true) == pytest.approx(float(worst), rel=1e-14)
    assert softjac.mape(pred.T[::-1], true.T[::-1]) == pytest.approx(softjac.mape(pred, true), rel=1e-14)


def test_metrics_refuse_what_has_no_pairs():
    for metric in (softjac.mape, softjac.max_relative_error):
        with pytest.raises(ValueError, match="shape"):
            metric([1.0], [1.0, 2.0])
        with pytest.raises(ValueError, match="(?i)empty|elements"):
            metric([], [])
        assert np.isnan(metric([np.nan], [1.0]))
