"""_forward.py: softmax, log-softmax, log-sum-exp. Each asks the extension, and _general where arguments are not
plain."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike, DTypeLike

from . import _core, _general
from ._types import Array, Axis, Mode, Nonfinite


def softmax(
    x: ArrayLike,
    axis: Axis = -1,
    *,
    out: Array | None = None,
    dtype: DTypeLike | None = None,
    mode: Mode = "default",
    nonfinite: Nonfinite = "ieee",
    threads: int | None = None,
) -> Any:
    """Softmax along an axis: ``s_q = exp(x_q - max) / sum(exp(x - max))``.

    Parameters
    ----------
    x : array_like of real numbers
        Logits.
    axis : int, tuple of int, or None
        The axis of the classes; several count as one, None is all elements.
    out, dtype, mode, nonfinite, threads
        See the help of `softjac`.

    Returns
    -------
    ndarray
        Of the shape of `x`; entries along `axis` add up to 1. Every one is within 2 ulp of the exact value.

    Raises
    ------
    numpy.exceptions.AxisError
        If `axis` is not an axis of `x`.
    TypeError
        If `x` or `dtype` is complex, longer than 64 bits, or no number.
    ValueError
        If `out` does not fit, or an option is not one of its words.

    Examples
    --------
    >>> import softjac
    >>> softjac.softmax([[0.0, 0.0], [800.0, 0.0]])
    array([[0.5, 0.5],
           [1. , 0. ]])
    """
    result = _core.softmax(x, None, axis, out, dtype, mode, nonfinite, None, threads)
    if result is NotImplemented:
        return _general.forward(_core.softmax, x, axis, out, dtype, (mode, nonfinite, None, threads))
    return result


def log_softmax(
    x: ArrayLike,
    axis: Axis = -1,
    *,
    out: Array | None = None,
    dtype: DTypeLike | None = None,
    mode: Mode = "default",
    nonfinite: Nonfinite = "ieee",
    threads: int | None = None,
) -> Any:
    """Logarithm of softmax: ``(x_q - max) - log1p(T)``, T the sum of ``exp(x - max)`` over all but the largest.

    Parameters, result and errors are those of `softmax`. Entries near 0, of confident rows, keep all their digits.

    Examples
    --------
    >>> import softjac
    >>> softjac.log_softmax([40.0, 0.0])
    array([-4.24835426e-18, -4.00000000e+01])
    """
    result = _core.log_softmax(x, None, axis, out, dtype, mode, nonfinite, None, threads)
    if result is NotImplemented:
        return _general.forward(_core.log_softmax, x, axis, out, dtype, (mode, nonfinite, None, threads))
    return result


def logsumexp(
    x: ArrayLike,
    axis: Axis = -1,
    keepdims: bool = False,
    *,
    b: ArrayLike | None = None,
    return_sign: bool = False,
    out: Array | None = None,
    dtype: DTypeLike | None = None,
    mode: Mode = "default",
    nonfinite: Nonfinite = "ieee",
    threads: int | None = None,
) -> Any:
    """Logarithm of the sum of exponentials along an axis: ``max + log1p(T)``, T as in `log_softmax`.

    Parameters
    ----------
    x, axis, out, dtype, mode, nonfinite, threads
        As of `softmax`.
    keepdims : bool
        Keep the reduced axes with size 1.
    b : array_like, optional
        Factors of the exponentials, not negative, broadcast with `x`: ``log(sum(b * exp(x)))``.
    return_sign : bool
        Return a pair: the logarithm, and the sign of the sum, which is 1, or 0 where the logarithm is -inf.

    Returns
    -------
    ndarray or scalar
        Of the shape of `x` without `axis`. Without elements along it -inf.

    Raises
    ------
    ValueError
        If an entry of `b` is negative: then the sum may cancel, and keeps no digits worth a name.
    numpy.exceptions.AxisError, TypeError
        As `softmax` does.

    Examples
    --------
    >>> import softjac
    >>> print(softjac.logsumexp([1000.0, 1000.0]))
    1000.6931471805599
    """
    if b is not None:
        x = _general.weighted(x, b)
    result = _core.logsumexp(x, keepdims, axis, out, dtype, mode, nonfinite, None, threads)
    if result is NotImplemented:
        options = (mode, nonfinite, None, threads)
        result = _general.reduction(_core.logsumexp, x, keepdims, axis, out, dtype, options)
    if return_sign:
        return result, _general.sign(result)
    return result
