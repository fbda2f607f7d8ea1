"""_types.py: what annotations of the public functions say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypedDict, Union

from numpy.typing import NDArray

Array = NDArray[Any]
Axis = Union[int, Sequence[int], None]
Mode = Literal["default", "exact"]
Nonfinite = Literal["ieee", "limit", "zero"]
Given = Literal["logits", "softmax"]
Reduction = Literal["none", "sum", "mean"]
Layout = Literal["blocks", "dense"]


class Build(TypedDict):
    version: str
    kernel_set: str
    kernel_sets: list[str]
    threads: int
