"""_derivatives.py: the derivative forms: of one output, the Jacobian, products with it from either side, second order.
Each asks the extension, and _general where arguments are not plain."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike, DTypeLike

from . import _core, _general
from ._types import Array, Axis, Given, Layout, Mode, Nonfinite


def gradient(
    x: ArrayLike,
    k: ArrayLike,
    axis: Axis = -1,
    *,
    log: bool = False,
    given: Given = "logits",
    out: Array | None = None,
    dtype: DTypeLike | None = None,
    mode: Mode = "default",
    nonfinite: Nonfinite = "ieee",
    threads: int | None = None,
) -> Any:
    """Derivative of output `k` with respect to every input of its row: ``d s_k / d x_r = s_k (delta_kr - s_r)``.

    Parameters
    ----------
    x : array_like of real numbers
        Logits, or with ``given="softmax"`` the softmax itself.
    k : int, or array_like of int
        The class, from the end where negative; or one for every row, broadcast with `x` without its class axis.
    axis : int, tuple of int, or None
        The axis of the classes. Of several, `k` counts through them in C order.
    log : bool
        Of log-softmax instead: ``delta_kr - s_r``.
    given : {"logits", "softmax"}
        What `x` holds.
    out, dtype, mode, nonfinite, threads
        See the help of `softjac`.

    Returns
    -------
    ndarray
        Of the shape of `x`. At the largest entry ``1 - s`` is formed as ``T / (1 + T)``, without cancelling.

    Raises
    ------
    IndexError
        If `k` is not a class.
    numpy.exceptions.AxisError, TypeError, ValueError
        As `softjac.softmax` does.

    Examples
    --------
    >>> import softjac
    >>> softjac.gradient([40.0, 0.0], 0)
    array([ 4.24835426e-18, -4.24835426e-18])
    """
    core = _core.log_softmax_gradient if log else _core.softmax_gradient
    result = core(x, k, axis, out, dtype, mode, nonfinite, given, threads)
    if result is NotImplemented:
        return _general.gradient(core, x, k, axis, out, dtype, (mode, nonfinite, given, threads))
    return result


def jacobian(
    x: ArrayLike,
    axis: Axis = -1,
    layout: Layout = "blocks",
    *,
    log: bool = False,
    given: Given = "logits",
    out: Array | None = None,
    dtype: DTypeLike | None = None,
    mode: Mode = "default",
    nonfinite: Nonfinite = "ieee",
    threads: int | None = None,
) -> Any:
    """All derivatives of all outputs: ``d s_q / d x_r``, ``s_q (1 - s_q)`` on the diagonal and ``-s_q s_r`` beside it.

    Parameters
    ----------
    x, axis, given, out, dtype, mode, nonfinite, threads
        As of `gradient`.
    layout : {"blocks", "dense"}
        Blocks: the shape of `x` without `axis`, then ``(n, n)``, entry ``[..., q, r]``; n classes, in C order where
        `axis` is several. Dense: the shape of `x` twice, zero between different rows.
    log : bool
        Of log-softmax instead: ``delta_qr - s_r``.

    Returns
    -------
    ndarray
        Of shape ``(n, n)`` for one row; for ``(m, n)`` logits ``(m, n, n)``, or dense ``(m, n, m, n)``.

    Raises
    ------
    numpy.exceptions.AxisError, TypeError, ValueError
        As `softjac.softmax` does.

    Examples
    --------
    >>> import softjac
    >>> softjac.jacobian([0.0, 0.0])
    array([[ 0.25, -0.25],
           [-0.25,  0.25]])
    """
    core = _core.log_softmax_jacobian if log else _core.softmax_jacobian
    result = core(x, layout, axis, out, dtype, mode, nonfinite, given, threads)
    if result is NotImplemented:
        return _general.jacobian(core, x, layout, axis, out, dtype, (mode, nonfinite, given, threads))
    return result


def softmax_vjp(
    x: ArrayLike,
    g: ArrayLike,
    axis: Axis = -1,
    *,
    given: Given = "logits",
    out: Array | None = None,
    dtype: DTypeLike | None = None,
    mode: Mode = "default",
    nonfinite: Nonfinite = "ieee",
    threads: int | None = None,
) -> Any:
    """Gradient of any loss L through softmax, ``g = dL/ds``: ``s_q (g_q - sum(s g))``, which is ``J^T g``.

    Parameters
    ----------
    x : array_like of real numbers
        Logits, or with ``given="softmax"`` the softmax itself, as a backward pass that kept only it has them.
    g : array_like of real numbers
        The cotangent: as many classes along `axis` as `x`; the other dimensions are broadcast.
    axis, given, out, dtype, mode, nonfinite, threads
        As of `gradient`.

    Returns
    -------
    ndarray
        Of the shape of `x`, broadcast with `g`. Sums are of differences to the entries at the largest logit, so
        that no constant part of `g` costs digits.

    Raises
    ------
    ValueError
        If the shapes do not fit, or as `softjac.softmax` does.
    numpy.exceptions.AxisError, TypeError
        As `softjac.softmax` does.

    Examples
    --------
    >>> import softjac
    >>> softjac.softmax_vjp([40.0, 0.0], [1.0, 0.0])
    array([ 4.24835426e-18, -4.24835426e-18])
    """
    core = _core.softmax_vjp
    result = core(x, g, axis, out, dtype, mode, nonfinite, given, threads)
    if result is NotImplemented:
        return _general.product(core, x, g, axis, out, dtype, (mode, nonfinite, given, threads))
    return result


def softmax_jvp(
    x: ArrayLike,
    t: ArrayLike,
    axis: Axis = -1,
    *,
    given: Given = "logits",
    out: Array | None = None,
    dtype: DTypeLike | None = None,
    mode: Mode = "default",
    nonfinite: Nonfinite = "ieee",
    threads: int | None = None,
) -> Any:
    """Derivative of softmax in the direction `t`: the Jacobian, which is symmetric, times the tangent.

    Parameters, result and errors are those of `softmax_vjp`, with the tangent `t` for the cotangent.

    Examples
    --------
    >>> import softjac
    >>> softjac.softmax_jvp([0.0, 0.0], [1.0, 0.0])
    array([ 0.25, -0.25])
    """
    core = _core.softmax_jvp
    result = core(x, t, axis, out, dtype, mode, nonfinite, given, threads)
    if result is NotImplemented:
        return _general.product(core, x, t, axis, out, dtype, (mode, nonfinite, given, threads))
    return result


def log_softmax_vjp(
    x: ArrayLike,
    g: ArrayLike,
    axis: Axis = -1,
    *,
    given: Given = "logits",
    out: Array | None = None,
    dtype: DTypeLike | None = None,
    mode: Mode = "default",
    nonfinite: Nonfinite = "ieee",
    threads: int | None = None,
) -> Any:
    """Gradient through log-softmax of any loss L, ``g = dL/d(log s)``: ``g_q - s_q sum(g)``.

    Parameters, result and errors are those of `softmax_vjp`; ``1 - s_q`` is formed without cancelling.

    Examples
    --------
    >>> import softjac
    >>> softjac.log_softmax_vjp([40.0, 0.0], [1.0, 0.0])
    array([ 4.24835426e-18, -4.24835426e-18])
    """
    core = _core.log_softmax_vjp
    result = core(x, g, axis, out, dtype, mode, nonfinite, given, threads)
    if result is NotImplemented:
        return _general.product(core, x, g, axis, out, dtype, (mode, nonfinite, given, threads))
    return result


def log_softmax_jvp(
    x: ArrayLike,
    t: ArrayLike,
    axis: Axis = -1,
    *,
    given: Given = "logits",
    out: Array | None = None,
    dtype: DTypeLike | None = None,
    mode: Mode = "default",
    nonfinite: Nonfinite = "ieee",
    threads: int | None = None,
) -> Any:
    """Derivative of log-softmax in the direction `t`: ``t_q - sum(s t)``.

    Parameters, result and errors are those of `softmax_vjp`, with the tangent `t` for the cotangent.

    Examples
    --------
    >>> import softjac
    >>> softjac.log_softmax_jvp([0.0, 0.0], [1.0, 0.0])
    array([ 0.5, -0.5])
    """
    core = _core.log_softmax_jvp
    result = core(x, t, axis, out, dtype, mode, nonfinite, given, threads)
    if result is NotImplemented:
        return _general.product(core, x, t, axis, out, dtype, (mode, nonfinite, given, threads))
    return result


def softmax_hvp(
    x: ArrayLike,
    g: ArrayLike,
    v: ArrayLike,
    h: ArrayLike | None = None,
    axis: Axis = -1,
    *,
    given: Given = "logits",
    out: Array | None = None,
    dtype: DTypeLike | None = None,
    mode: Mode = "default",
    nonfinite: Nonfinite = "ieee",
    threads: int | None = None,
) -> Any:
    """Hessian times `v` of a loss L(softmax(x)): ``J h`` and the derivative of ``J(x) g`` along `v`.

    It is the double backward too: the VJP of ``softmax_vjp(x, g)``, `v` its cotangent, is ``softmax_hvp(x, g, v)`` with
    respect to `x`, and ``softmax_vjp(x, v)`` with respect to `g`.

    Parameters
    ----------
    g : array_like of real numbers
        ``dL/ds``, as many classes along `axis` as `x`; the other dimensions are broadcast. So are `v` and `h`.
    v : array_like of real numbers
        The direction.
    h : array_like of real numbers, optional
        L's own Hessian, with respect to s, times ``softmax_jvp(x, v)``; not given, L is linear in s.
    x, axis, given, out, dtype, mode, nonfinite, threads
        As of `softmax_vjp`, but that there is no exact mode.

    Returns
    -------
    ndarray
        Of the shape of `x`, broadcast with the others. Entries are within 4u of their terms, of differences to the
        entries at the largest logit.

    Raises
    ------
    ValueError, numpy.exceptions.AxisError, TypeError
        As `softmax_vjp` does.

    Examples
    --------
    >>> import softjac
    >>> softjac.softmax_hvp([40.0, 0.0], [1.0, 0.0], [1.0, 0.0])
    array([-4.24835426e-18,  4.24835426e-18])
    """
    return _general.curvature({"x": x, "g": g, "v": v, "h": h}, axis, out, dtype, (mode, nonfinite, given, threads))
