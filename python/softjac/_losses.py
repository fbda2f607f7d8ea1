"""_losses.py: cross-entropy, its gradient, and the article's metric: arguments made into arrays that the extension
takes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from . import _core
from ._general import delivered, from_rows, real, result_dtype, to_rows
from ._types import Array, Axis, Mode, Nonfinite, Reduction


def _target(value: ArrayLike, axis: Axis) -> Array:
    """Labels as int64, or probabilities as rows."""
    array = np.asarray(value)
    if array.dtype.kind in "iu":
        return np.require(array, np.int64, "A")
    return to_rows(real("target", array), axis)[0]


def _optional(name: str, value: ArrayLike | None) -> Array | None:
    return None if value is None else real(name, value)


def _rows_within(out: Any, shape: tuple[int, ...], axis: Axis) -> Array | None:
    """The rows of `out` as a view, if they have the shape of the gradient."""
    if not isinstance(out, np.ndarray) or out.shape != shape:
        return None
    rows = to_rows(np.asarray(out), axis)[0]
    return rows if np.may_share_memory(rows, out) else None


def _evaluate(
    logits: ArrayLike,
    target: ArrayLike,
    axis: Axis,
    reduction: Reduction,
    label_smoothing: float,
    weight: ArrayLike | None,
    ignore_index: int,
    z_loss: float,
    upstream: ArrayLike | None,
    out: Any,
    dtype: DTypeLike | None,
    mode: Mode,
    nonfinite: Nonfinite,
    threads: int | None,
    wants: str,
) -> tuple[Any, Any]:
    """The loss and the gradient, those that `wants` names; `out` is of the gradient if that is one of them."""
    x = real("logits", logits)
    rows, sizes = to_rows(x, axis)
    targets = _target(target, axis)
    chosen = result_dtype(dtype, out, x, *([targets] if targets.dtype.kind != "i" else []))
    loss = np.empty(rows.shape[:-1] if reduction == "none" else (), chosen) if "loss" in wants else None
    direct = _rows_within(out, x.shape, axis) if "grad" in wants else None
    grad = np.empty(rows.shape, chosen) if "grad" in wants and direct is None else direct
    loss_options = (_optional("weight", weight), ignore_index, z_loss, _optional("upstream", upstream))
    how = (reduction, label_smoothing, *loss_options, mode, nonfinite, threads)
    if _core.cross_entropy(rows, targets, loss, grad, *how) is NotImplemented:
        grad, direct = np.empty(rows.shape, chosen), None
        if _core.cross_entropy(rows, targets, loss, grad, *how) is NotImplemented:
            raise ValueError(f"logits: {x.ndim} dimensions; expected at most 12")
    if grad is not None and direct is None:
        grad = delivered(from_rows(grad, sizes, axis).reshape(x.shape), chosen, out)
    elif grad is not None:
        grad = out
    if loss is not None:
        loss = delivered(loss, chosen, out if "grad" not in wants else None)
    return loss, grad


def cross_entropy(
    logits: ArrayLike,
    target: ArrayLike,
    axis: Axis = -1,
    *,
    reduction: Reduction = "mean",
    label_smoothing: float = 0.0,
    weight: ArrayLike | None = None,
    ignore_index: int = -100,
    z_loss: float = 0.0,
    out: Array | None = None,
    dtype: DTypeLike | None = None,
    mode: Mode = "default",
    nonfinite: Nonfinite = "ieee",
    threads: int | None = None,
) -> Any:
    """Cross-entropy of logits and a target p: ``sum over k of p_k (-log s_k)`` for every row, and its sum or mean.

    Parameters
    ----------
    logits : array_like of real numbers
        Of any shape.
    target : array_like of int, or of real numbers
        Labels, of the shape of `logits` without `axis`; or probabilities, of the shape of `logits`.
    axis : int, tuple of int, or None
        The axis of the classes; of several, labels count through them in C order.
    reduction : {"mean", "sum", "none"}
        Sums are exact and rounded once. A mean divides by the weights of the labels that count, or by the rows.
    label_smoothing : float
        The part of the target that is spread evenly over the classes, 0 to 1.
    weight : array_like, optional
        A factor for each class.
    ignore_index : int
        Rows of this label have loss and gradient 0, and are not counted.
    z_loss : float
        Adds ``z_loss * logsumexp ** 2`` to the loss of a row.
    out, dtype, mode, nonfinite, threads
        See the help of `softjac`.

    Returns
    -------
    ndarray or scalar
        The loss; with ``reduction="none"`` of the shape of `logits` without `axis`. Definitions are those of PyTorch's
        ``CrossEntropyLoss``, but that a class of weight or probability 0 counts for nothing even if its logit is -inf.

    Raises
    ------
    IndexError
        If a label is not a class, and not ignored.
    ValueError
        If shapes do not fit, there are no classes, or an option is out of range.
    numpy.exceptions.AxisError, TypeError
        As `softjac.softmax` does.

    Examples
    --------
    >>> import softjac
    >>> print(softjac.cross_entropy([[40.0, 0.0], [0.0, 0.0]], [0, 1], reduction="none"))
    [4.24835426e-18 6.93147181e-01]
    """
    how = (reduction, label_smoothing, weight, ignore_index, z_loss, None)
    return _evaluate(logits, target, axis, *how, out, dtype, mode, nonfinite, threads, "loss")[0]


def cross_entropy_grad(
    logits: ArrayLike,
    target: ArrayLike,
    axis: Axis = -1,
    *,
    reduction: Reduction = "mean",
    label_smoothing: float = 0.0,
    weight: ArrayLike | None = None,
    ignore_index: int = -100,
    z_loss: float = 0.0,
    upstream: ArrayLike | None = None,
    return_loss: bool = False,
    out: Array | None = None,
    dtype: DTypeLike | None = None,
    mode: Mode = "default",
    nonfinite: Nonfinite = "ieee",
    threads: int | None = None,
) -> Any:
    """Gradient of `cross_entropy` with respect to the logits: ``s_q sum(p) - p_q``.

    At a label t that is ``-weight_t (1 - s_t)``, formed without cancelling.

    Parameters
    ----------
    upstream : array_like, optional
        A factor from above, dL/d(loss): of the shape of the loss.
    return_loss : bool
        Return the pair of loss and gradient, computed in one pass.
    out : ndarray
        Receives the gradient; it may be the logits.
    logits, target, axis, reduction, label_smoothing, weight, ignore_index, z_loss, dtype, mode, nonfinite, threads
        As of `cross_entropy`.

    Returns
    -------
    ndarray
        Of the shape of `logits`.

    Raises
    ------
    IndexError, ValueError, numpy.exceptions.AxisError, TypeError
        As `cross_entropy` does.

    Examples
    --------
    >>> import softjac
    >>> softjac.cross_entropy_grad([40.0, 0.0], 0)
    array([-4.24835426e-18,  4.24835426e-18])
    """
    how = (reduction, label_smoothing, weight, ignore_index, z_loss, upstream)
    wants = "loss and grad" if return_loss else "grad"
    pair = _evaluate(logits, target, axis, *how, out, dtype, mode, nonfinite, threads, wants)
    return pair if return_loss else pair[1]


def _pair(pred: ArrayLike, true: ArrayLike) -> tuple[Array, Array]:
    """Both as arrays of one dimension, in one order."""
    a, b = real("pred", pred), real("true", true)
    if a.shape != b.shape:
        raise ValueError(f"pred: shape {a.shape}; expected that of true, {b.shape}")
    return a.reshape(-1), b.reshape(-1)


def mape(pred: ArrayLike, true: ArrayLike) -> float:
    """Mean absolute percentage error, as a fraction: the mean of ``|true - pred| / |true|``.

    Where true is 0 it is ``|pred|``. NaN propagates. Raises ValueError for empty arrays, or if the shapes differ.

    Examples
    --------
    >>> import softjac
    >>> softjac.mape([1.0, 3.0], [1.0, 4.0])
    0.125
    """
    return _core.mape(*_pair(pred, true))


def max_relative_error(pred: ArrayLike, true: ArrayLike) -> float:
    """Largest ``|true - pred| / |true|``: 0 where both are equal, else infinite where true is 0.

    NaN propagates. Raises ValueError for empty arrays, or if the shapes differ.

    Examples
    --------
    >>> import softjac
    >>> softjac.max_relative_error([1.0, 3.0], [1.0, 4.0])
    0.25
    """
    return _core.max_relative_error(*_pair(pred, true))
