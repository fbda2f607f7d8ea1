"""Functions of softjac that PyTorch differentiates, to any order, on the CPU: in place of ``torch.softmax``,
``torch.log_softmax``, ``torch.logsumexp`` and ``torch.nn.functional.cross_entropy``.

Each is a custom operator, so that torch.compile and torch.vmap know it, within a function that torch.func and forward
mode know. Tensors of float64 and float32 are read where they lie; float16 and bfloat16 are computed in float32. As in
`softjac.autograd`, functions linear in their second argument are enough, for their derivatives are made of them:

    softmax_vjp P(x, g) = J g    log_softmax_jvp L(x, t) = t - <s, t>    log_softmax_vjp V(x, g) = g - s sum(g)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch  # type: ignore[import-not-found, unused-ignore]

import softjac

__all__ = ["cross_entropy", "log_softmax", "logsumexp", "softmax"]


def _operator(schema: str) -> Callable[[Any], Any]:
    name, _, arguments = schema.partition("(")
    made: Callable[[Any], Any] = torch.library.custom_op(
        f"softjac::{name}", mutates_args=(), device_types="cpu", schema="(" + arguments
    )
    return made


def _values(tensor: Any) -> Any:
    """The tensor as an array of the same memory."""
    return None if tensor is None else tensor.detach().resolve_neg().numpy()


def _like(x: Any) -> Any:
    return torch.empty(x.shape, dtype=x.dtype, device=x.device)


def _reduced(x: Any, dim: int, keepdim: bool) -> Any:
    shape = list(x.shape)
    shape[dim : dim + 1] = [1] if keepdim else []
    return torch.empty(shape, dtype=x.dtype, device=x.device)


def _filled(function: Callable[..., Any], *operands: Any, dim: int) -> Any:
    result = _like(operands[0])
    function(*map(_values, operands), dim, out=result.numpy())
    return result


@_operator("softmax(Tensor x, int dim) -> Tensor")
def _softmax(x: Any, dim: int) -> Any:
    return _filled(softjac.softmax, x, dim=dim)


@_operator("log_softmax(Tensor x, int dim) -> Tensor")
def _log_softmax(x: Any, dim: int) -> Any:
    return _filled(softjac.log_softmax, x, dim=dim)


@_operator("logsumexp(Tensor x, int dim, bool keepdim) -> Tensor")
def _logsumexp(x: Any, dim: int, keepdim: bool) -> Any:
    result = _reduced(x, dim, keepdim)
    softjac.logsumexp(_values(x), dim, keepdim, out=result.numpy())
    return result


@_operator("softmax_vjp(Tensor x, Tensor g, int dim) -> Tensor")
def _softmax_vjp(x: Any, g: Any, dim: int) -> Any:
    return _filled(softjac.softmax_vjp, x, g, dim=dim)


@_operator("log_softmax_jvp(Tensor x, Tensor t, int dim) -> Tensor")
def _log_softmax_jvp(x: Any, t: Any, dim: int) -> Any:
    return _filled(softjac.log_softmax_jvp, x, t, dim=dim)


@_operator("log_softmax_vjp(Tensor x, Tensor g, int dim) -> Tensor")
def _log_softmax_vjp(x: Any, g: Any, dim: int) -> Any:
    return _filled(softjac.log_softmax_vjp, x, g, dim=dim)


# What a loss is told besides its tensors: dim, ignore_index, reduction, label_smoothing.
_HOW = "int dim, int ignore_index, str reduction, float label_smoothing"


def _named(dim: int, ignore_index: int, reduction: str, label_smoothing: float) -> dict[str, Any]:
    return dict(axis=dim, ignore_index=ignore_index, reduction=reduction, label_smoothing=label_smoothing)


@_operator(f"cross_entropy(Tensor x, Tensor target, Tensor? weight, {_HOW}) -> Tensor")
def _cross_entropy(x: Any, target: Any, weight: Any, *how: Any) -> Any:
    loss = softjac.cross_entropy(_values(x), _values(target), weight=_values(weight), **_named(*how))
    return torch.from_numpy(np.array(loss))


@_operator(f"cross_entropy_grad(Tensor x, Tensor target, Tensor? weight, Tensor upstream, {_HOW}) -> Tensor")
def _cross_entropy_grad(x: Any, target: Any, weight: Any, upstream: Any, *how: Any) -> Any:
    result = _like(x)
    given = {"weight": _values(weight), "upstream": _values(upstream), "out": result.numpy()}
    softjac.cross_entropy_grad(_values(x), _values(target), **given, **_named(*how))
    return result


for _operation in (_softmax, _log_softmax, _softmax_vjp, _log_softmax_jvp, _log_softmax_vjp, _cross_entropy_grad):
    _operation.register_fake(lambda x, *_: _like(x))
_logsumexp.register_fake(_reduced)


def _losses_like(x: Any, dim: int, reduction: str) -> list[int]:
    """The shape of the loss."""
    return [*x.shape[:dim], *x.shape[dim + 1 :]] if reduction == "none" else []


@_cross_entropy.register_fake  # type: ignore[untyped-decorator, unused-ignore]
def _loss_shape(x: Any, target: Any, weight: Any, dim: int, ignore_index: int, reduction: str, smoothing: float) -> Any:
    return torch.empty(_losses_like(x, dim, reduction), dtype=x.dtype, device=x.device)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    tensors = [value is None or isinstance(value, torch.Tensor) for value in inputs]
    count = tensors.index(False)
    # None among them (a weight that is not given) is kept as it is.
    ctx.save_for_backward(*inputs[:count])
    ctx.save_for_forward(*inputs[:count])
    ctx.how = inputs[count:]


def _differentiated(
    operation: Any, derivatives: Sequence[Any], along: Sequence[Any] | None = None
) -> Callable[..., Any]:
    """The operation with derivatives by its first arguments: `derivatives` of the gradient from above and all
    arguments, `along` of a tangent and all arguments; None where there is none. Not given, `along` is the same: the
    Jacobians are symmetric."""
    moves = derivatives if along is None else along

    def backward(ctx: Any, u: Any) -> tuple[Any, ...]:
        arguments = (*ctx.saved_tensors, *ctx.how)
        wanted = zip(derivatives, ctx.needs_input_grad)
        found = [by(u, *arguments) if by and needed else None for by, needed in wanted]
        return (*found, *[None] * (len(arguments) - len(found)))

    def jvp(ctx: Any, *tangents: Any) -> Any:
        arguments = (*ctx.saved_tensors, *ctx.how)
        return sum(by(t, *arguments) for by, t in zip(moves, tangents) if by and t is not None)

    operation.register_autograd(backward, setup_context=_keep)
    # torch.func refuses what is registered so, and torch.compile a function with a jvp: each has its own way.
    members = {
        "generate_vmap_rule": True,
        "forward": staticmethod(lambda *arguments: operation(*arguments)),
        "setup_context": staticmethod(_keep),
        "backward": staticmethod(backward),
        "jvp": staticmethod(jvp),
    }
    function: Any = type(operation._name, (torch.autograd.Function,), members)

    def call(*arguments: Any) -> Any:
        return operation(*arguments) if torch.compiler.is_compiling() else function.apply(*arguments)

    return call


def _total(g: Any, dim: int) -> Any:
    return g.sum(dim, keepdim=True)


def _bend(u: Any, x: Any, g: Any, dim: int) -> Any:
    return _softmax_vjp(x, _log_softmax_jvp(x, g, dim) * _log_softmax_jvp(x, u, dim), dim)


def _spread(u: Any, x: Any, dim: int, keepdim: bool) -> Any:
    return (u if keepdim else u.unsqueeze(dim)) * _softmax(x, dim)


def _mass(x: Any, target: Any, weight: Any, dim: int, ignore_index: int, reduction: str, smoothing: float) -> Any:
    """The sum of each row's target, over the divisor: the factor of J in the second derivative."""
    each = x.new_ones(x.shape[dim]) if weight is None else weight
    if target.is_floating_point():
        mass = (1 - smoothing) * (target.movedim(dim, -1) * each).sum(-1) + smoothing * each.mean()
        return mass / mass.numel() if reduction == "mean" else mass
    counts = target != ignore_index
    own = torch.where(counts, each[torch.where(counts, target, 0)], 0)
    mass = (1 - smoothing) * own + smoothing * each.mean()
    # Ignored rows are 0 even where all are, and the divisor.
    return torch.where(counts, mass / own.sum() if reduction == "mean" else mass, 0)


def _curve(u: Any, x: Any, target: Any, weight: Any, upstream: Any, *how: Any) -> Any:
    dim = how[0]
    factor = _mass(x, target, weight, *how) * upstream
    return factor.unsqueeze(dim) * _softmax_vjp(x, u, dim)


def _rise(t: Any, x: Any, target: Any, weight: Any, *how: Any) -> Any:
    """What the loss gains in the direction t."""
    ones = x.new_ones(_losses_like(x, how[0], how[2]))
    along = (t * _cross_entropy_grad(x, target, weight, ones, *how)).sum(how[0])
    return along if how[2] == "none" else along.sum()


def _in_front(value: Any, at: Any, size: int) -> Any:
    return value.unsqueeze(0).expand(size, *value.shape) if at is None else value.movedim(at, 0)


def _batched(operation: Any, tensors: int) -> None:
    """In one call: the batch is one more dimension in front."""

    def rule(info: Any, in_dims: Any, *arguments: Any) -> Any:
        operands = (_in_front(v, at, info.batch_size) for v, at in zip(arguments[:tensors], in_dims))
        dim, *rest = arguments[tensors:]
        return operation(*operands, dim + 1, *rest), 0

    operation.register_vmap(rule)


def _one_by_one(operation: Any) -> None:
    """A loss has its sum and its divisor for each of the batch."""

    def rule(info: Any, in_dims: Any, *arguments: Any) -> Any:
        def of(i: int) -> Any:
            return operation(*(v if at is None else v.select(at, i) for v, at in zip(arguments, in_dims)))

        return torch.stack([of(i) for i in range(info.batch_size)]), 0

    operation.register_vmap(rule)


for _operation in (_softmax, _log_softmax, _logsumexp):
    _batched(_operation, 1)
for _operation in (_softmax_vjp, _log_softmax_jvp, _log_softmax_vjp):
    _batched(_operation, 2)
for _operation in (_cross_entropy, _cross_entropy_grad):
    _one_by_one(_operation)


# From here on each name is of the operation with its derivatives, which are made of such.
_softmax = _differentiated(_softmax, [lambda u, x, dim: _softmax_vjp(x, u, dim)])
_log_softmax = _differentiated(
    _log_softmax,
    [lambda u, x, dim: _log_softmax_vjp(x, u, dim)],
    [lambda t, x, dim: _log_softmax_jvp(x, t, dim)],
)
_logsumexp = _differentiated(
    _logsumexp,
    [_spread],
    [lambda t, x, dim, keepdim: (_softmax(x, dim) * t).sum(dim, keepdim)],
)
_softmax_vjp = _differentiated(_softmax_vjp, [_bend, lambda u, x, g, dim: _softmax_vjp(x, u, dim)])
_log_softmax_jvp = _differentiated(
    _log_softmax_jvp,
    [
        lambda u, x, t, dim: -_total(u, dim) * _softmax_vjp(x, t, dim),
        lambda u, x, t, dim: _log_softmax_vjp(x, u, dim),
    ],
    [
        lambda v, x, t, dim: -_total(_softmax_vjp(x, t, dim) * v, dim).expand_as(x),
        lambda v, x, t, dim: _log_softmax_jvp(x, v, dim),
    ],
)
_log_softmax_vjp = _differentiated(
    _log_softmax_vjp,
    [
        lambda u, x, g, dim: -_total(g, dim) * _softmax_vjp(x, u, dim),
        lambda u, x, g, dim: _log_softmax_jvp(x, u, dim),
    ],
    [
        lambda t, x, g, dim: -_total(g, dim) * _softmax_vjp(x, t, dim),
        lambda t, x, g, dim: _log_softmax_vjp(x, t, dim),
    ],
)
_cross_entropy = _differentiated(
    _cross_entropy,
    [lambda u, x, target, weight, *how: _cross_entropy_grad(x, target, weight, u, *how)],
    [_rise],
)
_cross_entropy_grad = _differentiated(
    _cross_entropy_grad,
    [_curve, None, None, lambda u, x, target, weight, upstream, *how: _rise(u, x, target, weight, *how)],
    [_curve, None, None, lambda t, x, target, weight, _, *how: _cross_entropy_grad(x, target, weight, t, *how)],
)


def _widened(name: str, tensor: Any) -> Any:
    """In a dtype of the library, of one dimension at least."""
    if tensor.device.type not in ("cpu", "meta"):
        raise ValueError(f"{name}: on {tensor.device}; softjac computes on the CPU")
    if tensor.dtype in (torch.float16, torch.bfloat16):
        tensor = tensor.float()
    if tensor.dtype not in (torch.float32, torch.float64):
        raise TypeError(f"{name}: {tensor.dtype}; expected float16, bfloat16, float32 or float64")
    return tensor


def _along(operation: Any, x: Any, dim: int, *rest: Any) -> Any:
    rank = max(x.dim(), 1)
    if not -rank <= dim < rank:
        raise IndexError(f"dim: {dim}; expected -{rank} to {rank - 1}")
    wide = _widened("input", x)
    if x.dim() == 0:
        return operation(wide.unsqueeze(0), 0, *rest).reshape(()).to(x.dtype)
    return operation(wide, dim % rank, *rest).to(x.dtype)


def softmax(input: Any, dim: int) -> Any:
    """As ``torch.softmax``; entries within 2 ulp.

    >>> import torch
    >>> from softjac.torch import softmax
    >>> x = torch.tensor([40.0, 0.0], dtype=torch.float64, requires_grad=True)
    >>> torch.autograd.grad(softmax(x, 0)[0], x)[0]
    tensor([ 4.2484e-18, -4.2484e-18], dtype=torch.float64)
    """
    return _along(_softmax, input, dim)


def log_softmax(input: Any, dim: int) -> Any:
    """As ``torch.log_softmax``; entries within 2 ulp, those near 0 too."""
    return _along(_log_softmax, input, dim)


def logsumexp(input: Any, dim: int, keepdim: bool = False) -> Any:
    """As ``torch.logsumexp`` over one dimension."""
    return _along(_logsumexp, input, dim, keepdim)


def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """As ``torch.nn.functional.cross_entropy``: classes in dimension 1, or 0 of a single row. The target is labels, or
    probabilities in the shape of `input`; neither it nor `weight` is differentiated."""
    if target.is_complex() or target.dtype == torch.bool:
        raise TypeError(f"target: {target.dtype}; expected labels, of an integer dtype, or probabilities")
    if target.requires_grad:
        raise ValueError("target: requires a gradient; expected one that does not, such as target.detach()")
    if input.dim() == 0:
        raise ValueError("input: no dimensions; expected classes in dimension 1, or 0 of a single row")
    wide = _widened("input", input)
    if target.device != input.device:
        raise ValueError(f"target: on {target.device}; expected {input.device}, as the input")
    factors = None if weight is None else _widened("weight", weight).detach().to(wide.dtype)
    dim = 1 if input.dim() > 1 else 0
    wanted = _widened("target", target).to(wide.dtype) if target.is_floating_point() else target.long()
    return _cross_entropy(wide, wanted, factors, dim, ignore_index, reduction, label_smoothing).to(input.dtype)
