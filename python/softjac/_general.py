"""_general.py: arguments that the extension does not take as they are, made into such: lists, scalars, other dtypes and
byte orders, tuples of axes, shapes to broadcast, arrays of other libraries. The public functions call it where _core
answered NotImplemented."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core

try:
    from numpy.lib.array_utils import normalize_axis_tuple
except ImportError:  # NumPy 1
    from numpy.core.numeric import normalize_axis_tuple  # type: ignore[no-redef, unused-ignore]

Array = NDArray[Any]
Sizes = tuple[int, ...]
Options = tuple[Any, Any, Any, Any]  # mode, nonfinite, given, threads


# ---------------------------------------------------------------- dtypes


def is_known(dtype: np.dtype[Any]) -> bool:
    """bfloat16 is that of ml_dtypes; nothing here imports it."""
    return dtype in (np.float16, np.float32, np.float64) or dtype.name == "bfloat16"


def real(name: str, value: Any) -> Array:
    """As an array of real numbers, of at most 64 bits, aligned and in native byte order."""
    if isinstance(value, np.ma.MaskedArray):
        raise ValueError(f"{name}: masked arrays are not supported")
    array = np.asarray(value)
    if array.dtype.kind in "biu":
        return array.astype(np.float64)
    dtype = array.dtype.newbyteorder("=")
    if not is_known(dtype):
        raise TypeError(f"{name}: dtype {dtype} is not supported; expected float16, float32, float64 or integers")
    return np.require(array, dtype, "A")


def result_dtype(dtype: Any, out: Any, *arrays: Array) -> np.dtype[Any]:
    if dtype is None and isinstance(out, np.ndarray) and (out.dtype.kind == "f" or is_known(out.dtype)):
        dtype = out.dtype if out.dtype.itemsize <= 8 else np.float64
    chosen = np.result_type(*arrays) if dtype is None else np.dtype(dtype).newbyteorder("=")
    if not is_known(chosen):
        raise TypeError(f"dtype: {chosen} is not supported; expected float16, float32 or float64")
    return chosen


def weighted(x: Any, b: Any) -> Array:
    """x + log b, whose exponentials are b exp(x); -inf where b is 0, whatever x is."""
    x, b = real("x", x), real("b", b)
    if (b < 0).any():
        raise ValueError("b: negative; expected factors of at least 0")
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(b == 0, -np.inf, x + np.log(b)).astype(np.result_type(x, b), copy=False)


def sign(logarithm: Any) -> Any:
    """Of a sum of terms that are not negative, by its logarithm."""
    some = np.where(np.isnan(logarithm), logarithm, 1)
    return np.where(np.isneginf(logarithm), 0, some).astype(some.dtype)[()]


# ---------------------------------------------------------------- axes


def class_axes(axis: Any, ndim: int) -> Sizes:
    return tuple(range(ndim)) if axis is None else normalize_axis_tuple(axis, ndim)


def last(count: int) -> Sizes:
    return tuple(range(-count, 0))


def to_rows(array: Array, axis: Any) -> tuple[Array, Sizes]:
    """The array with its class axes as one, the last; and their sizes. No dimensions are one class."""
    if array.ndim == 0:
        array = array.reshape(1)
    axes = class_axes(axis, array.ndim)
    moved = np.moveaxis(array, axes, last(len(axes)))
    batch, sizes = moved.shape[: moved.ndim - len(axes)], moved.shape[moved.ndim - len(axes) :]
    return moved.reshape(batch + (math.prod(sizes),)), sizes


def from_rows(rows: Array, sizes: Sizes, axis: Any) -> Array:
    """The inverse, of a result of as many rows."""
    array = rows.reshape(rows.shape[:-1] + sizes)
    return np.moveaxis(array, last(len(sizes)), class_axes(axis, array.ndim))


def from_dense(dense: Array, sizes: Sizes, axis: Any) -> Array:
    """The same of a dense Jacobian, which has all dimensions twice."""
    half = dense.shape[: dense.ndim // 2 - 1] + sizes
    axes, ndim = class_axes(axis, len(half)), len(half)
    outputs, inputs = range(ndim - len(axes), ndim), range(2 * ndim - len(axes), 2 * ndim)
    target = axes + tuple(ndim + a for a in axes)
    return np.moveaxis(dense.reshape(half + half), (*outputs, *inputs), target)


def common_rows(arrays: dict[str, Array], axis: Any) -> tuple[list[Array], Sizes]:
    """All as rows of one shape; classes are not broadcast."""
    pairs = {name: to_rows(array, axis) for name, array in arrays.items()}
    sizes = next(iter(pairs.values()))[1]
    for name, (_, own) in pairs.items():
        if own != sizes:
            raise ValueError(f"{name}: size {own} along the class axes; expected {sizes}")
    batch = np.broadcast_shapes(*(rows.shape[:-1] for rows, _ in pairs.values()))
    return [np.broadcast_to(rows, batch + rows.shape[-1:]) for rows, _ in pairs.values()], sizes


# ---------------------------------------------------------------- results


def computed(core: Callable[..., Any], x: Array, operand: Any, dtype: np.dtype[Any], options: Options) -> Array:
    """Of rows; all that can still be missing is a view of at most 12 dimensions, of the result too."""
    result = core(x, operand, -1, None, dtype, *options)
    if result is NotImplemented:
        raise ValueError(f"x: {x.ndim} dimensions; expected at most 12, in the result too")
    return np.asarray(result)


def delivered(result: Array, dtype: np.dtype[Any], out: Any) -> Any:
    """In `out` if there is one; a scalar where it has no dimensions, as ufuncs give it."""
    result = result.astype(dtype, copy=False)
    if out is None:
        return result[()]
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be an array, not {type(out).__name__}")
    if out.shape != result.shape:
        raise ValueError(f"out: shape {out.shape}; expected {result.shape}")
    np.copyto(out, result, casting="same_kind")
    return out


def is_foreign(*values: Any) -> bool:
    """Whether one is an array of a library that computes for itself what NumPy is asked (NEP 18)."""
    own = np.ndarray.__array_function__
    return any(getattr(type(value), "__array_function__", own) is not own for value in values)


def by_gufunc(core: Callable[..., Any], inputs: Sequence[Any], axis: Any, out: Any, dtype: Any, *options: Any) -> Any:
    """Of foreign arrays. A gufunc has no options: all must be the defaults, each of which is falsy or a first word."""
    if any(option not in (None, False, "default", "ieee", "logits", "blocks") for option in options):
        raise TypeError(f"{core.__name__}: options need NumPy arrays; map the function over the blocks of others")
    if dtype is None and getattr(getattr(inputs[0], "dtype", None), "kind", "f") in "biu":
        dtype = np.float64  # the first loop that holds small integers is that of float16
    keywords = {"out": out, "dtype": dtype}
    given = {key: value for key, value in keywords.items() if value is not None}
    return _core.gufuncs[core.__name__](*inputs, axis=axis, **given)


# ---------------------------------------------------------------- the four kinds of functions


def forward(core: Callable[..., Any], x: Any, axis: Any, out: Any, dtype: Any, options: Options) -> Any:
    if is_foreign(x, out):
        return by_gufunc(core, (x,), axis, out, dtype, *options)
    x = real("x", x)
    chosen = result_dtype(dtype, out, x)
    rows, sizes = to_rows(x, axis)
    result = from_rows(computed(core, rows, None, chosen, options), sizes, axis)
    return delivered(result.reshape(x.shape), chosen, out)


def reduction(
    core: Callable[..., Any], x: Any, keepdims: Any, axis: Any, out: Any, dtype: Any, options: Options
) -> Any:
    if is_foreign(x, out):
        return by_gufunc(core, (x,), axis, out, dtype, keepdims, *options)
    x = real("x", x)
    chosen = result_dtype(dtype, out, x)
    rows, _ = to_rows(x, axis)
    result = computed(core, rows, False, chosen, options)
    if keepdims and x.ndim > 0:
        result = np.expand_dims(result, class_axes(axis, x.ndim))
    return delivered(result, chosen, out)


def gradient(core: Callable[..., Any], x: Any, k: Any, axis: Any, out: Any, dtype: Any, options: Options) -> Any:
    if is_foreign(x, k, out):
        return by_gufunc(core, (x, k), axis, out, dtype, *options)
    x, k = real("x", x), np.asarray(k)
    if k.dtype.kind not in "iu":
        raise TypeError(f"k: dtype {k.dtype}; expected integers")
    chosen = result_dtype(dtype, out, x)
    rows, sizes = to_rows(x, axis)
    if k.ndim == 0:
        result = computed(core, rows, int(k), chosen, options)
    else:
        result = of_each_class(core, rows, k, chosen, options)
    result = from_rows(result, sizes, axis)
    return delivered(result.reshape(x.shape) if k.ndim == 0 else result, chosen, out)


def of_each_class(core: Callable[..., Any], rows: Array, k: Array, dtype: np.dtype[Any], options: Options) -> Array:
    """A class for every row: one call for each class there is."""
    n = rows.shape[-1]
    if k.size and not (-n <= k.min() and k.max() < n):
        raise IndexError(f"k: values from {k.min()} to {k.max()} are out of bounds for {n} classes")
    batch = np.broadcast_shapes(rows.shape[:-1], k.shape)
    rows, k = np.broadcast_to(rows, batch + (n,)), np.broadcast_to(np.where(k < 0, k + n, k), batch)
    result = np.empty(batch + (n,), dtype)
    for q in np.unique(k):
        result[k == q] = computed(core, rows[k == q], int(q), dtype, options)
    return result


def jacobian(core: Callable[..., Any], x: Any, layout: str, axis: Any, out: Any, dtype: Any, options: Options) -> Any:
    if is_foreign(x, out):
        return by_gufunc(core, (x,), axis, out, dtype, layout, *options)
    x = real("x", x)
    chosen = result_dtype(dtype, out, x)
    rows, sizes = to_rows(x, axis)
    result = computed(core, rows, layout, chosen, options)
    if layout == "dense":
        result = from_dense(result, sizes, axis).reshape(x.shape + x.shape)
    return delivered(result, chosen, out)


def product(core: Callable[..., Any], x: Any, g: Any, axis: Any, out: Any, dtype: Any, options: Options) -> Any:
    if is_foreign(x, g, out):
        return by_gufunc(core, (x, g), axis, out, dtype, *options)
    x, g = real("x", x), real("g", g)
    chosen = result_dtype(dtype, out, x, g)
    (rows, others), sizes = common_rows({"x": x, "g": g}, axis)
    result = from_rows(computed(core, rows, others, chosen, options), sizes, axis)
    return delivered(result.reshape(()) if x.ndim == g.ndim == 0 else result, chosen, out)


def curvature(inputs: dict[str, Any], axis: Any, out: Any, dtype: Any, options: Options) -> Any:
    """The Hessian-vector product of x, g, v and, where it is not None, h."""
    arrays = {name: real(name, value) for name, value in inputs.items() if value is not None}
    chosen = result_dtype(dtype, out, *arrays.values())
    rows, sizes = common_rows(arrays, axis)
    x, g, v, h = [*rows, None][:4]
    result = np.empty(rows[0].shape, chosen)
    if _core.softmax_hvp(x, g, v, h, result, *options) is NotImplemented:
        raise ValueError(f"x: {rows[0].ndim} dimensions; expected at most 12")
    result = from_rows(result, sizes, axis)
    return delivered(result.reshape(()) if all(a.ndim == 0 for a in arrays.values()) else result, chosen, out)
