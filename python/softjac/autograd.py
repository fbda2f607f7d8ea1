"""Functions of softjac that autograd differentiates, to any order, forwards and backwards: in place of those of
`softjac` in code that imports ``autograd.numpy``.

With s = softmax(x) and J its Jacobian, four functions that are linear in their second argument are enough:

    P(x, g) = J g            softmax_vjp, softmax_jvp
    L(x, t) = t - <s, t>     log_softmax_jvp
    V(x, g) = g - s sum(g)   log_softmax_vjp

for their own derivatives are made of them: in direction v, that of P by x is P(x, L(x, g) L(x, v)), symmetric in g and
v, that of L is -<P(x, t), v>, that of V is -sum(g) P(x, v). So second derivatives of confident rows keep their digits.

>>> import autograd.numpy as np
>>> from autograd import grad
>>> from softjac.autograd import softmax
>>> grad(lambda x: softmax(x)[0])(np.array([40.0, 0.0]))
array([ 4.24835426e-18, -4.24835426e-18])
"""

from __future__ import annotations

from typing import Any

import autograd.numpy as np  # type: ignore[import-untyped, unused-ignore]
from autograd.extend import defjvp, defvjp, primitive  # type: ignore[import-untyped, unused-ignore]

import softjac

__all__ = ["log_softmax", "log_softmax_jvp", "log_softmax_vjp", "logsumexp", "softmax", "softmax_jvp", "softmax_vjp"]

# Keywords in `how` are mode, nonfinite and threads. Products are of arrays of one shape.


@primitive  # type: ignore[untyped-decorator, unused-ignore]
def softmax(x: Any, axis: Any = -1, **how: Any) -> Any:
    return softjac.softmax(x, axis, **how)


@primitive  # type: ignore[untyped-decorator, unused-ignore]
def log_softmax(x: Any, axis: Any = -1, **how: Any) -> Any:
    return softjac.log_softmax(x, axis, **how)


@primitive  # type: ignore[untyped-decorator, unused-ignore]
def logsumexp(x: Any, axis: Any = -1, keepdims: bool = False, **how: Any) -> Any:
    return softjac.logsumexp(x, axis, keepdims, **how)


def _check(x: Any, g: Any) -> None:
    if np.shape(x) != np.shape(g):
        raise ValueError(f"shapes {np.shape(x)} and {np.shape(g)}; expected one")


@primitive  # type: ignore[untyped-decorator, unused-ignore]
def softmax_vjp(x: Any, g: Any, axis: Any = -1, **how: Any) -> Any:
    _check(x, g)
    return softjac.softmax_vjp(x, g, axis, **how)


@primitive  # type: ignore[untyped-decorator, unused-ignore]
def log_softmax_jvp(x: Any, t: Any, axis: Any = -1, **how: Any) -> Any:
    _check(x, t)
    return softjac.log_softmax_jvp(x, t, axis, **how)


@primitive  # type: ignore[untyped-decorator, unused-ignore]
def log_softmax_vjp(x: Any, g: Any, axis: Any = -1, **how: Any) -> Any:
    _check(x, g)
    return softjac.log_softmax_vjp(x, g, axis, **how)


softmax_jvp = softmax_vjp  # J is symmetric


def _total(g: Any, axis: Any) -> Any:
    return np.sum(g, axis=axis, keepdims=True)


def _bend(x: Any, g: Any, v: Any, axis: Any, how: Any) -> Any:
    """The derivative of J g by x in direction v, and of <v, J g> by x."""
    return softmax_vjp(x, log_softmax_jvp(x, g, axis, **how) * log_softmax_jvp(x, v, axis, **how), axis, **how)


def _expanded(g: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """Of the shape of logsumexp with its axes kept."""
    kept = np.shape(softjac.logsumexp(np.zeros(np.shape(x)), axis, True))
    return g if keepdims else np.reshape(g, kept)


defvjp(softmax, lambda ans, x, axis=-1, **how: lambda g: softmax_vjp(x, g, axis, **how))
defjvp(softmax, lambda v, ans, x, axis=-1, **how: softmax_vjp(x, v, axis, **how))

defvjp(log_softmax, lambda ans, x, axis=-1, **how: lambda g: log_softmax_vjp(x, g, axis, **how))
defjvp(log_softmax, lambda v, ans, x, axis=-1, **how: log_softmax_jvp(x, v, axis, **how))

defvjp(
    logsumexp,
    lambda ans, x, axis=-1, keepdims=False, **how: (
        lambda g: _expanded(g, x, axis, keepdims) * softmax(x, axis, **how)
    ),
)
defjvp(
    logsumexp,
    lambda v, ans, x, axis=-1, keepdims=False, **how: (
        np.sum(softmax(x, axis, **how) * v, axis=axis, keepdims=keepdims)
    ),
)

defvjp(
    softmax_vjp,
    lambda ans, x, g, axis=-1, **how: lambda u: _bend(x, g, u, axis, how),
    lambda ans, x, g, axis=-1, **how: lambda u: softmax_vjp(x, u, axis, **how),
)
defjvp(
    softmax_vjp,
    lambda v, ans, x, g, axis=-1, **how: _bend(x, g, v, axis, how),
    lambda v, ans, x, g, axis=-1, **how: softmax_vjp(x, v, axis, **how),
)

defvjp(
    log_softmax_jvp,
    lambda ans, x, t, axis=-1, **how: lambda u: -_total(u, axis) * softmax_vjp(x, t, axis, **how),
    lambda ans, x, t, axis=-1, **how: lambda u: log_softmax_vjp(x, u, axis, **how),
)
defjvp(
    log_softmax_jvp,
    lambda v, ans, x, t, axis=-1, **how: -_total(softmax_vjp(x, t, axis, **how) * v, axis) * np.ones(np.shape(x)),
    lambda v, ans, x, t, axis=-1, **how: log_softmax_jvp(x, v, axis, **how),
)

defvjp(
    log_softmax_vjp,
    lambda ans, x, g, axis=-1, **how: lambda u: -_total(g, axis) * softmax_vjp(x, u, axis, **how),
    lambda ans, x, g, axis=-1, **how: lambda u: log_softmax_jvp(x, u, axis, **how),
)
defjvp(
    log_softmax_vjp,
    lambda v, ans, x, g, axis=-1, **how: -_total(g, axis) * softmax_vjp(x, v, axis, **how),
    lambda v, ans, x, g, axis=-1, **how: log_softmax_vjp(x, v, axis, **how),
)
