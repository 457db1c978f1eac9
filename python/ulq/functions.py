"""Tensors that are an elementwise function of one tensor of real numbers, and where a quantizer behind them steps.

A quantizer of such a function is a step function of the real number, which may fall and rise: thresholds. They are
found by bisection, on stretches where bounds of the derivative prove that the function is monotone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ulq.intervals import Dual

Numbers = NDArray[np.float64]

# More steps are no longer cheaper than the function itself; behind a product a curve takes the place of many.
MOST_STEPS, MOST_STEPS_OF_PRODUCT = 31, 511
# Intervals that are neither monotone nor of one code, halved at once.
MOST_UNSETTLED = 4096
# Real numbers are tensors of float32.
LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, eq=False)
class Function:
    """`source`, a `ulq.values.Value`, or an operator on functions of it and on numbers.

    `numbers` is the operator on float64 arrays, which defines the function; `bounds` is the same on `Dual`.
    `is_graph` tells functions that operations of the graph level compute.
    """

    source: object
    operands: tuple[Function | float, ...] = ()
    numbers: Callable[..., Numbers] | None = None
    bounds: Callable[..., Dual] | None = None
    is_graph: bool = False

    def at(self, x: Numbers) -> Numbers:
        return self._evaluate("numbers", x, {})

    def between(self, low: Numbers, high: Numbers) -> Dual:
        return self._evaluate("bounds", Dual.identity(low, high), {})

    def _evaluate(self, kind: str, leaf, known: dict):
        if not self.operands:
            return leaf
        if self not in known:
            operands = [o._evaluate(kind, leaf, known) if isinstance(o, Function) else o for o in self.operands]
            known[self] = getattr(self, kind)(*operands)
        return known[self]


@dataclass(frozen=True)
class Waiting:
    """Codes of a function: what `code` makes of its numbers, and what emits them where they stay as they are."""

    function: Function
    code: Callable[[Numbers], NDArray]
    emit: Callable[[], object]


@dataclass(frozen=True)
class Steps:
    """The code is `start` and the number of `rising` thresholds that x reaches, less that of `falling` ones."""

    start: int
    rising: list[float]
    falling: list[float]
    base: int  # the smallest code

    @property
    def span(self) -> int:
        """The largest code above `base`."""
        events = sorted([(x, 1) for x in self.rising] + [(x, -1) for x in self.falling])
        codes = np.cumsum([self.start - self.base, *(step for _, step in events)])
        return int(codes.max())


def find_steps(function: Function, code: Callable[[Numbers], NDArray], most: int) -> Steps | None:
    """The steps of a quantizer, `code` of a monotone array of numbers, behind a function of float32 numbers.

    None where it has no step or more than `most`, or where no bounds prove that all are found.
    """
    with np.errstate(all="ignore"):
        points = _monotone_parts(function, code)
        if points is None:
            return None
        codes = code(function.at(points))
        jumps = np.abs(np.diff(codes))
        if not 0 < jumps.sum() <= most:
            return None
        rising, falling = _first_reached(function, code, points, codes)
    return Steps(int(codes[0]), rising, falling, int(codes.min()))


def _monotone_parts(function: Function, code: Callable[[Numbers], NDArray]) -> Numbers | None:
    """Ascending numbers between which the code never both rises and falls."""
    low, high = np.array([-LARGEST, 0.0]), np.array([0.0, LARGEST])
    points = [np.array([-LARGEST, 0.0, LARGEST])]
    while low.size:
        bounds = function.between(low, high)
        monotone = (bounds.slope.low >= 0) | (bounds.slope.high <= 0)
        known = np.isfinite(bounds.value.low) & np.isfinite(bounds.value.high)
        single = code(np.where(known, bounds.value.low, 0.0)) == code(np.where(known, bounds.value.high, 0.0))
        middle = _middle(low, high)
        open_ = ~monotone & ~(known & single) & (middle > low)
        low, middle, high = low[open_], middle[open_], high[open_]
        if low.size > MOST_UNSETTLED:
            return None
        points.append(middle)
        low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
    return np.unique(np.concatenate(points))


def _first_reached(function: Function, code, points: Numbers, codes: NDArray) -> tuple[list[float], list[float]]:
    """For each code that is passed upwards, and for each downwards, the first number that has reached it."""
    parts = []
    for part in zip(points[:-1], points[1:], codes[:-1], codes[1:], strict=True):
        sign = 1 if part[2] < part[3] else -1
        parts += [(*part[:2], level, sign) for level in range(int(part[2]) + sign, int(part[3]) + sign, sign)]
    low, high, level, sign = np.array(parts, np.float64).T
    while True:
        middle = _middle(low, high)
        if not np.any(middle > low):
            return sorted(high[sign > 0].tolist()), sorted(high[sign < 0].tolist())
        reached = sign * (code(function.at(middle)) - level) >= 0
        low, high = np.where(reached, low, middle), np.where(reached, middle, high)


def _middle(low: Numbers, high: Numbers) -> Numbers:
    """The float64 number halfway in their order; `low` where it is the neighbour of `high`."""
    return _number(_rank(low) + (_rank(high) - _rank(low)) // 2)


def _rank(x: Numbers) -> NDArray[np.int64]:
    """The place of a number in the order of all float64 numbers, 0 for 0."""
    bits = np.abs(x).view(np.int64)
    return np.where(x < 0, -bits, bits)


def _number(rank: NDArray[np.int64]) -> Numbers:
    size = np.abs(rank).view(np.float64)
    return np.where(rank < 0, -size, size)
