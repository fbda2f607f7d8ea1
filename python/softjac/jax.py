"""Functions of softjac that JAX transforms, on the CPU: in place of ``jax.nn.softmax``, ``jax.nn.log_softmax`` and
``jax.scipy.special.logsumexp``.

XLA calls the library by its foreign-function interface, on its own arrays of float16, bfloat16, float32 and float64.
As in `softjac.autograd`, functions linear in their second argument are enough, for their derivatives are made of them:

    softmax_vjp P(x, g) = J g    log_softmax_jvp L(x, t) = t - <s, t>    log_softmax_vjp V(x, g) = g - s sum(g)

P is its own transpose, for J is symmetric; L and V are each other's.
"""

# mypy: disable-error-code="no-untyped-call"
from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import jax  # type: ignore[import-not-found, unused-ignore]
import jax.numpy as jnp  # type: ignore[import-not-found, unused-ignore]
import numpy as np
from jax.extend.core import Primitive  # type: ignore[import-not-found, unused-ignore]
from jax.interpreters import ad, batching, mlir  # type: ignore[import-not-found, unused-ignore]

from softjac import _core

__all__ = ["log_softmax", "logsumexp", "softmax"]

for _name, _handler in _core.xla_handlers().items():
    jax.ffi.register_ffi_target(f"softjac_{_name}", _handler, platform="cpu")


def _same(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return shape


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return shape[:axis] + shape[axis + 1 :]


def _in_front(x: Any, d: int | None, size: int) -> Any:
    return jnp.broadcast_to(x, (size, *x.shape)) if d is None else jnp.moveaxis(x, d, 0)


def _primitive(name: str, shape_of: Callable[[tuple[int, ...], int], tuple[int, ...]] = _same) -> Any:
    """The operation on arrays of one shape and dtype, along an axis that is not negative."""
    primitive = Primitive(f"softjac_{name}")

    def call(*operands: Any, axis: int) -> Any:
        x = operands[0]
        result = jax.ShapeDtypeStruct(shape_of(x.shape, axis), x.dtype)
        return jax.ffi.ffi_call(f"softjac_{name}", result)(*operands, axis=np.int64(axis))

    def batch(operands: Any, dims: Any, *, axis: int) -> Any:
        size = next(x.shape[d] for x, d in zip(operands, dims) if d is not None)
        return primitive.bind(*(_in_front(x, d, size) for x, d in zip(operands, dims)), axis=axis + 1), 0

    primitive.def_impl(jax.jit(call, static_argnames="axis"))
    primitive.def_abstract_eval(lambda x, *_, axis: x.update(shape=shape_of(x.shape, axis), weak_type=False))
    mlir.register_lowering(primitive, mlir.lower_fun(call, multiple_results=False))
    batching.primitive_batchers[primitive] = batch
    return primitive


_softmax, _log_softmax = _primitive("softmax"), _primitive("log_softmax")
_logsumexp = _primitive("logsumexp", _without)
_P, _L, _V = _primitive("softmax_vjp"), _primitive("log_softmax_jvp"), _primitive("log_softmax_vjp")


def _total(g: Any, axis: int) -> Any:
    return jnp.sum(g, axis=axis, keepdims=True)


def _bend(t: Any, x: Any, g: Any, *, axis: int) -> Any:
    return _P.bind(x, _L.bind(x, g, axis=axis) * _L.bind(x, t, axis=axis), axis=axis)


def _tilt(t: Any, x: Any, g: Any, *, axis: int) -> Any:
    return jnp.broadcast_to(-_total(_P.bind(x, g, axis=axis) * t, axis), x.shape)


def _linear(primitive: Any, transpose: Any, of_logits: Callable[..., Any]) -> None:
    ad.defjvp(primitive, of_logits, lambda t, x, g, *, axis: primitive.bind(x, t, axis=axis))
    ad.primitive_transposes[primitive] = lambda ct, x, g, *, axis: (None, transpose.bind(x, ct, axis=axis))


_linear(_P, _P, _bend)
_linear(_L, _V, _tilt)
_linear(_V, _L, lambda t, x, g, *, axis: -_total(g, axis) * _P.bind(x, t, axis=axis))
ad.defjvp(_softmax, lambda t, x, *, axis: _P.bind(x, t, axis=axis))
ad.defjvp(_log_softmax, lambda t, x, *, axis: _L.bind(x, t, axis=axis))
ad.defjvp(_logsumexp, lambda t, x, *, axis: jnp.sum(_softmax.bind(x, axis=axis) * t, axis=axis))


def _array(name: str, x: Any) -> Any:
    x = jnp.asarray(x)
    if x.dtype not in (jnp.float16, jnp.bfloat16, jnp.float32, jnp.float64):
        raise TypeError(f"{name}: {x.dtype}; expected float16, bfloat16, float32 or float64")
    return x


def _axis(axis: Any, ndim: int) -> int:
    place = operator.index(axis)
    if not -ndim <= place < ndim:
        raise ValueError(f"axis: {place}; expected {-ndim} to {ndim - 1}" if ndim else "axis: the array has none")
    return place % ndim


def softmax(x: Any, axis: int = -1) -> Any:
    """As ``jax.nn.softmax``; entries within 2 ulp.

    >>> import jax.numpy as jnp
    >>> from softjac.jax import softmax
    >>> softmax(jnp.array([1.0, 1.0]))
    Array([0.5, 0.5], dtype=float32)
    """
    x = _array("x", x)
    return _softmax.bind(x, axis=_axis(axis, x.ndim))


def log_softmax(x: Any, axis: int = -1) -> Any:
    """As ``jax.nn.log_softmax``; entries within 2 ulp, those near 0 too."""
    x = _array("x", x)
    return _log_softmax.bind(x, axis=_axis(axis, x.ndim))


def logsumexp(a: Any, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Any:
    """As ``jax.scipy.special.logsumexp`` without weights, over one axis, some, or all (None)."""
    a = _array("a", a)
    if axis is None:
        axes = tuple(range(a.ndim))
    else:
        axes = tuple(_axis(d, a.ndim) for d in (axis if isinstance(axis, tuple) else (axis,)))
    kept = tuple(1 if d in axes else n for d, n in enumerate(a.shape))
    if len(set(axes)) != len(axes):
        raise ValueError(f"axis: {axis} names a dimension twice")
    if len(axes) == 1:
        result = _logsumexp.bind(a, axis=axes[0])
    else:
        front = jnp.moveaxis(a, axes, range(len(axes)))
        entries = math.prod(front.shape[: len(axes)])
        result = _logsumexp.bind(front.reshape(entries, *front.shape[len(axes) :]), axis=0)
    return result.reshape(kept) if keepdims else result
