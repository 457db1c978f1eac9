"""Tensors that are a function of one tensor of codes: a number for each code.

Elementwise operators of such tensors, and quantizers behind them, are tables over the codes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ulq import exact

# A rising table of so few codes is better a part of the layer that yields its input: thresholds.
MOST_THRESHOLDS = 15


@dataclass(frozen=True, eq=False)
class Levels:
    """The number that each code of `source` becomes, from its smallest code on.

    `source` is the `ulq.values.Value` of the codes. `is_table` tells codes that were looked up.
    """

    source: Any
    numbers: NDArray[np.float64]
    is_table: bool = False

    def dequantized(self, scale: float, zero: float) -> Levels:
        return Levels(self.source, (self.numbers - zero) * scale)

    def clipped(self, low: float, high: float) -> Levels:
        return replace(self, numbers=np.clip(self.numbers, low, high))

    def quantized(self, scale, zero, low: int, high: int, rounding: str, first: bool) -> Levels:
        reals = exact.Real.of_floats(self.numbers)
        return Levels(self.source, exact.quantize(reals, scale, zero, low, high, rounding, first).astype(np.float64))

    def counted(self, thresholds) -> Levels:
        """How many of the thresholds each number reaches."""
        reached = self.numbers[:, None] >= np.asarray(thresholds, np.float64)
        return Levels(self.source, np.sum(reached, axis=1).astype(np.float64))

    def as_table(self) -> tuple[list[int], int]:
        """Codes from 0 on, and what was taken away from them."""
        base = int(self.numbers.min())
        return [int(number) - base for number in self.numbers], base


def as_thresholds(table: list[int]) -> list[float] | None:
    """The codes at which a rising table of few codes rises, each as often as it rises there."""
    rising = all(left <= right for left, right in zip(table, table[1:], strict=False))
    if not rising or not 1 <= table[-1] <= MOST_THRESHOLDS:
        return None
    return [float(np.searchsorted(table, level)) for level in range(1, table[-1] + 1)]
