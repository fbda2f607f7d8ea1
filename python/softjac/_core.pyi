# Positional arguments alone; NotImplemented where one is not what the extension takes as it is.
from typing import Any, Final, Protocol

import numpy as np

from ._types import Build

class _Operation(Protocol):
    __name__: str
    def __call__(
        self,
        x: Any,
        operand: Any,
        axis: Any,
        out: Any,
        dtype: Any,
        mode: Any,
        nonfinite: Any,
        given: Any,
        threads: Any,
        /,
    ) -> Any: ...

# operand: None
softmax: Final[_Operation]
log_softmax: Final[_Operation]
# operand: keepdims
logsumexp: Final[_Operation]
# operand: the class, an int
softmax_gradient: Final[_Operation]
log_softmax_gradient: Final[_Operation]
# operand: "blocks" or "dense"
softmax_jacobian: Final[_Operation]
log_softmax_jacobian: Final[_Operation]
# operand: the cotangent or tangent
softmax_vjp: Final[_Operation]
softmax_jvp: Final[_Operation]
log_softmax_vjp: Final[_Operation]
log_softmax_jvp: Final[_Operation]

def softmax_hvp(
    x: Any, g: Any, v: Any, h: Any, out: Any, mode: Any, nonfinite: Any, given: Any, threads: Any, /
) -> Any: ...
def cross_entropy(
    logits: Any,
    target: Any,
    loss: Any,
    grad: Any,
    reduction: Any,
    label_smoothing: Any,
    weight: Any,
    ignore_index: Any,
    z_loss: Any,
    upstream: Any,
    mode: Any,
    nonfinite: Any,
    threads: Any,
    /,
) -> Any: ...
def mape(pred: Any, true: Any, /) -> float: ...
def max_relative_error(pred: Any, true: Any, /) -> float: ...

gufuncs: Final[dict[str, np.ufunc]]

def build() -> Build: ...
def xla_handlers() -> dict[str, Any]: ...
