"""Tensors of real numbers that can be rounded without error.

A quantizer rounds the real number that a graph defines. Evaluated in floating
point, a value that lies on or next to a tie may fall on the wrong side. `Real`
therefore carries a float64 approximation of every element, whether it is exact,
and, on demand, the element itself as a `fractions.Fraction`. Rounding uses the
approximation where it is exact or further than `MARGIN` from a decision
boundary, and the fraction elsewhere. The approximations come from a handful of
float64 operations each (error some 1e-15 of the largest term), so the margin is
safe by five decimal orders.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

MARGIN = 1e-9


@dataclass(frozen=True)
class Real:
    """A tensor of real numbers.

    `values` is the float64 approximation, of any shape. Where every element is
    an integer multiple of a unit, as in a dequantized tensor or the exact
    product of two of them, `integers` (int64, or Python integers) and `unit`
    (an object array of `Fraction` that broadcasts to the shape) say so.
    `fraction` maps a flat index to the element; without it the elements are
    `integers * unit`, or else the float64 values themselves. `certain`, of the
    shape, marks elements whose float64 value is exact: most of them in networks
    with power-of-two scales, where ties abound and fractions would be slow.
    """

    values: NDArray[np.float64]
    certain: NDArray[np.bool_]
    integers: NDArray | None = None
    unit: NDArray | None = None
    fraction: Callable[[int], Fraction] | None = field(default=None, repr=False)

    @classmethod
    def of_floats(cls, values: ArrayLike) -> Real:
        """The tensor whose elements are exactly these floats."""
        values = np.asarray(values, np.float64)
        return cls(values, np.ones(values.shape, bool))

    @classmethod
    def of_integers(cls, integers: NDArray, unit: NDArray) -> Real:
        """The tensor `integers * unit`; `unit` broadcasts to the shape."""
        unit = np.asarray(unit, object)
        scale = unit.astype(np.float64)
        values, exact = product(np.asarray(integers).astype(np.float64), scale)
        exact &= (np.abs(values) < 2.0**53 * scale) & (scale.astype(object) == unit).astype(bool)
        return cls(values, exact, integers, unit)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    def at(self, index: int) -> Fraction:
        """The element at a flat row-major index."""
        if self.fraction is not None:
            return self.fraction(index)
        if self.integers is None:
            return Fraction(float(self.values.flat[index]))
        unit = np.broadcast_to(self.unit, self.shape).flat[index]
        return int(self.integers.flat[index]) * unit

    def uniform_unit(self) -> Fraction | None:
        """The one unit of all elements, or None."""
        if self.unit is None:
            return None
        first = self.unit.flat[0]
        return first if self.unit.size == 1 or bool(np.all(self.unit == first)) else None

    def rearranged(self, move: Callable[[NDArray], NDArray]) -> Real:
        """The same elements elsewhere: `move` acts on any array of this shape."""
        values = move(self.values)
        if self.integers is not None:
            unit = self.unit
            moved = unit if unit.size == 1 else move(np.broadcast_to(unit, self.shape))
            moved = moved.reshape((1,) * values.ndim) if moved.size == 1 else moved
            return Real(values, move(self.certain), move(self.integers), moved)
        origin = move(np.arange(self.values.size).reshape(self.shape))
        return Real(values, move(self.certain), fraction=lambda i: self.at(int(origin.flat[i])))


def product(a: ArrayLike, b: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """a * b in float64, and where it is exact (Dekker's two-product)."""
    result = np.multiply(a, b)
    a_high, a_low = _split(a)
    b_high, b_low = _split(b)
    error = ((a_high * b_high - result) + a_high * b_low + a_low * b_high) + a_low * b_low
    # Below 1e-250 the error itself may underflow; above 1e280 and for infinities it is NaN, which is not 0 either.
    return result, (error == 0) & ((np.abs(result) > 1e-250) | (np.equal(a, 0) | np.equal(b, 0)))


def total(a: ArrayLike, b: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """a + b in float64, and where it is exact (Knuth's two-sum)."""
    result = np.add(a, b)
    with np.errstate(invalid="ignore"):  # infinities: the error is NaN, which is not 0
        part = result - a
        error = (a - (result - part)) + (b - part)
    return result, error == 0


def _split(a: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The upper and lower halves of the significand."""
    with np.errstate(over="ignore", invalid="ignore"):
        shifted = np.multiply(a, 2.0**27 + 1)
        high = shifted - (shifted - a)
        return high, a - high


def along(values: ArrayLike, axis: int, rank: int) -> NDArray[np.float64]:
    """One value per tensor, or one per index of `axis`, shaped to broadcast."""
    array = np.asarray(values, np.float64)
    if array.size == 1:
        return array.reshape((1,) * rank)
    return array.reshape([-1 if i == axis else 1 for i in range(rank)])


def round_fraction(value: Fraction, mode: str) -> int:
    """Round one number; `mode` is a case of the dialect's Rounding enum."""
    sign = -1 if value < 0 else 1
    match mode:
        case "half_even":
            return round(value)
        case "half_up":  # ties away from zero
            return sign * math.floor(abs(value) + Fraction(1, 2))
        case "half_down":  # ties towards zero
            return sign * math.ceil(abs(value) - Fraction(1, 2))
        case "ceil":
            return math.ceil(value)
        case "floor":
            return math.floor(value)
        case "up":  # away from zero
            return sign * math.ceil(abs(value))
        case "down":  # towards zero
            return math.trunc(value)
    raise ValueError(f"unknown rounding mode '{mode}'")


def round_float(values: NDArray[np.float64], mode: str) -> NDArray[np.float64]:
    """Round float64 elements as they are, with the modes of `round_fraction`."""
    sign = np.where(values < 0, -1.0, 1.0)
    size = np.abs(values)
    # size - floor(size) is exact, so a tie is seen as one however large the value.
    low = np.floor(size)
    rest = size - low
    match mode:
        case "half_even":
            return np.rint(values)
        case "half_up":
            return sign * (low + (rest >= 0.5))
        case "half_down":
            return sign * (low + (rest > 0.5))
        case "ceil":
            return np.ceil(values)
        case "floor":
            return np.floor(values)
        case "up":
            return sign * np.ceil(size)
        case "down":
            return np.trunc(values)
    raise ValueError(f"unknown rounding mode '{mode}'")


def _exact_quotient(x: Real, scale: NDArray, offset: NDArray) -> NDArray[np.bool_]:
    """Where float64 computes x / scale + offset without error."""
    quotient = x.values / scale
    multiple, exact = product(quotient, scale)
    return x.certain & exact & (multiple == x.values) & total(quotient, offset)[1]


def _near_boundary(values: NDArray[np.float64], mode: str) -> NDArray[np.bool_]:
    shifted = values - 0.5 if mode.startswith("half") else values
    return np.abs(shifted - np.rint(shifted)) <= MARGIN * (1 + np.abs(values))


def quantize(
    x: Real,
    scale: ArrayLike,
    zero_point: ArrayLike,
    minimum: int,
    maximum: int,
    rounding: str = "half_even",
    zero_point_first: bool = False,
    axis: int = 0,
) -> NDArray[np.int64]:
    """Codes of a tensor under a uniform quantizer, rounded exactly.

    `clamp(round(x / scale) + zero_point, minimum, maximum)` (ONNX
    QuantizeLinear), or with `zero_point_first`
    `round(clamp(x / scale + zero_point, minimum, maximum))` (QONNX IntQuant).
    `scale` and `zero_point` have one value, or one per index of `axis`.
    Returns int64 codes of the shape of `x`.
    """
    rank = x.values.ndim
    scale = np.broadcast_to(along(scale, axis, rank), x.shape)
    zero = np.broadcast_to(along(zero_point, axis, rank), x.shape)
    before = zero if zero_point_first else np.zeros(())
    after = np.zeros(()) if zero_point_first else zero
    before, after = np.broadcast_to(before, x.shape), np.broadcast_to(after, x.shape)

    # The bounds are integers, so clamping and rounding commute; clamping first
    # keeps values that are far outside, and infinities, from overflowing.
    unrounded = np.clip(x.values / scale + before, minimum - after - 2.0, maximum - after + 2.0)
    rounded = round_float(unrounded, rounding)
    inside = (unrounded > minimum - after - 1.5) & (unrounded < maximum - after + 1.5)
    for i in np.flatnonzero(_near_boundary(unrounded, rounding) & inside & ~_exact_quotient(x, scale, before)):
        exact = x.at(int(i)) / Fraction(float(scale.flat[i])) + Fraction(float(before.flat[i]))
        rounded.flat[i] = round_fraction(exact, rounding)
    return np.clip(rounded + after, minimum, maximum).astype(np.int64)


def count_reached(
    x: Real, thresholds: ArrayLike, count: int, axis: int = 1, falling: int = 0, start: int = 0
) -> NDArray[np.int64]:
    """`start` and the number of thresholds t with x >= t, compared exactly; the last `falling` are subtracted.

    `thresholds` holds `count` ascending numbers for all elements, or `count`
    for each index of `axis`, channel after channel. Returns int64 of the shape
    of `x`.
    """
    table = np.asarray(thresholds, np.float64).reshape(-1, count)
    codes = np.full(x.shape, start, np.int64)
    for level in range(count):
        threshold = np.broadcast_to(along(table[:, level], axis, x.values.ndim), x.shape)
        reached = x.values >= threshold
        near = np.abs(x.values - threshold) <= MARGIN * (1 + np.abs(x.values))
        for i in np.flatnonzero(near & ~x.certain):
            reached.flat[i] = x.at(int(i)) >= Fraction(float(threshold.flat[i]))
        codes += reached if level < count - falling else -reached.astype(np.int64)
    return codes


def integer_quotient(codes: NDArray, scale: ArrayLike, zero_point: ArrayLike, axis: int) -> Real:
    """`(codes - zero_point) * scale` as integers times a unit.

    A fractional zero point (0.5 for bipolar codes) goes into the unit: with D
    its denominator, the integers are `D * codes - D * zero_point`.
    """
    zeros = [Fraction(float(z)) for z in np.asarray(zero_point, np.float64).flat]
    denominator = math.lcm(*(z.denominator for z in zeros))
    kind = np.int64 if denominator <= 1 << 20 else object
    rank = codes.ndim
    shift = np.array([int(z * denominator) for z in zeros], object)
    shift = shift.reshape(along(np.zeros(shift.size), axis, rank).shape).astype(kind)
    scales = np.asarray(scale, np.float64)
    unit = np.array([Fraction(float(s)) / denominator for s in scales.flat], object)
    unit = unit.reshape(along(np.zeros(unit.size), axis, rank).shape)
    return Real.of_integers(codes.astype(kind) * denominator - shift, unit)
