"""Softmax and every derivative of it, each entry within a stated number of ulps of the exact value.

Functions take arrays of float64, float32, float16 and ml_dtypes' bfloat16, of any strides and without a copy, and
integers by way of float64. These parameters are common to all:

out : ndarray
    Receives the result, which is then returned. It may be the input, where shapes are equal; any other overlap costs a
    copy. Results are rounded to its dtype, by "same_kind" casting.
dtype : dtype
    Of the result: float16, float32, float64 or bfloat16. Arithmetic is in the widest dtype of the call. By default the
    widest of the inputs.
mode : {"default", "exact"}
    Default: every entry within 2 ulp, products within 4u of their terms. Exact: float32 correctly rounded, float64
    within 0.51 ulp; the same bits on every machine.
nonfinite : {"ieee", "limit", "zero"}
    What a row becomes that holds +inf, or nothing but -inf. ieee: NaN. limit: +inf entries share the mass. zero: rows
    of -inf are 0. A NaN makes its row NaN and no other.
threads : int
    At most so many; by default as many as pay. Bits do not depend on it.

The GIL is released while a large call computes. The same operations as generalised ufuncs are in `softjac.ufuncs`.
"""

from . import _core
from ._derivatives import (
    gradient,
    jacobian,
    log_softmax_jvp,
    log_softmax_vjp,
    softmax_hvp,
    softmax_jvp,
    softmax_vjp,
)
from ._forward import log_softmax, logsumexp, softmax
from ._losses import cross_entropy, cross_entropy_grad, mape, max_relative_error
from ._types import Build

__version__ = _core.build()["version"]


def info() -> Build:
    """What is known of this build: its version, the kernel sets in it, the one in use here, and how many threads.

    Examples
    --------
    >>> import softjac
    >>> sorted(softjac.info())
    ['kernel_set', 'kernel_sets', 'threads', 'version']
    """
    return _core.build()


__all__ = [
    "cross_entropy",
    "cross_entropy_grad",
    "gradient",
    "info",
    "jacobian",
    "log_softmax",
    "log_softmax_jvp",
    "log_softmax_vjp",
    "logsumexp",
    "mape",
    "max_relative_error",
    "softmax",
    "softmax_hvp",
    "softmax_jvp",
    "softmax_vjp",
]
