"""Bounds of elementwise functions and of their slopes over many intervals at once.

Bounds are float64 arrays and enclose every real result: each operation widens them by more than the rounding
error of its numpy function. A `Dual` has the bounds of a function and of its derivative, by the rules of calculus.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Relative, of bounds: a few units in the last place. It keeps their sign.
WIDENING = 2.0**-49

erf = np.vectorize(math.erf, otypes=[np.float64])


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    power = np.exp(-np.abs(x))
    return np.where(x < 0, power, 1.0) / (1.0 + power)


@dataclass(frozen=True)
class Interval:
    """low <= number <= high."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @classmethod
    def of(cls, numbers: ArrayLike) -> Interval:
        numbers = np.asarray(numbers, np.float64)
        return cls(numbers, numbers)

    def __add__(self, other: Interval) -> Interval:
        return _widened(self.low + other.low, self.high + other.high)

    def __neg__(self) -> Interval:
        return Interval(-self.high, -self.low)

    def __sub__(self, other: Interval) -> Interval:
        return self + -other

    def __mul__(self, other: Interval) -> Interval:
        with np.errstate(invalid="ignore"):
            ends = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        # Infinity is a bound, not a number: its product with 0 is 0.
        ends = [np.where(np.isnan(end), 0.0, end) for end in ends]
        return _widened(np.minimum.reduce(ends), np.maximum.reduce(ends))

    def inverse(self) -> Interval:
        """1 / number; all numbers where 0 is among them."""
        has_zero = (self.low <= 0) & (self.high >= 0)
        low, high = np.where(has_zero, -math.inf, 1 / self.high), np.where(has_zero, math.inf, 1 / self.low)
        return _widened(low, high)

    def rising(self, function: Callable[[NDArray], NDArray], least=-math.inf, most=math.inf) -> Interval:
        """A rising function between the limits `least` and `most`, which a result that rounds to them has."""
        low, high = function(self.low), function(self.high)
        result = _widened(low, high)
        low = np.where(low == most, most, np.maximum(result.low, least))
        return Interval(low, np.where(high == least, least, np.minimum(result.high, most)))

    def where(self, condition: NDArray[np.bool_], other: Interval) -> Interval:
        return Interval(np.where(condition, self.low, other.low), np.where(condition, self.high, other.high))

    def hull(self, other: Interval) -> Interval:
        return Interval(np.minimum(self.low, other.low), np.maximum(self.high, other.high))


def _widened(low: NDArray, high: NDArray) -> Interval:
    return Interval(low - WIDENING * np.abs(low), high + WIDENING * np.abs(high))


@dataclass(frozen=True)
class Dual:
    """A function and its derivative. At a kink the derivative is between those of both sides."""

    value: Interval
    slope: Interval

    @classmethod
    def constant(cls, number: float) -> Dual:
        return cls(Interval.of(number), Interval.of(0.0))

    @classmethod
    def identity(cls, low: NDArray, high: NDArray) -> Dual:
        return cls(Interval(low, high), Interval.of(np.ones(low.shape)))

    def __add__(self, other: Dual | float) -> Dual:
        other = _dual(other)
        return Dual(self.value + other.value, self.slope + other.slope)

    def __neg__(self) -> Dual:
        return Dual(-self.value, -self.slope)

    def __sub__(self, other: Dual | float) -> Dual:
        return self + -_dual(other)

    def __mul__(self, other: Dual | float) -> Dual:
        other = _dual(other)
        return Dual(self.value * other.value, self.slope * other.value + self.value * other.slope)

    def __truediv__(self, other: Dual | float) -> Dual:
        inverse = _dual(other).value.inverse()
        quotient = self.value * inverse
        return Dual(quotient, (self.slope - quotient * _dual(other).slope) * inverse)

    def maximum(self, other: Dual | float) -> Dual:
        other = _dual(other)
        low, high = (
            np.maximum(*ends) for ends in ((self.value.low, other.value.low), (self.value.high, other.value.high))
        )
        slope = self.slope.where(self.value.low > other.value.high, self.slope.hull(other.slope))
        return Dual(Interval(low, high), other.slope.where(other.value.low > self.value.high, slope))

    def minimum(self, other: Dual | float) -> Dual:
        return -(-self).maximum(-_dual(other))

    def power(self, exponent: int) -> Dual:
        """To a positive integer."""
        if exponent == 1:
            return self
        base = self if exponent % 2 else self.maximum(-self)
        value = base.value.rising(lambda x: x**exponent)
        return Dual(value, self.power(exponent - 1).value * Interval.of(float(exponent)) * self.slope)

    def exp(self) -> Dual:
        value = self.value.rising(np.exp, 0.0)
        return Dual(value, value * self.slope)

    def sigmoid(self) -> Dual:
        value = self.value.rising(_sigmoid, 0.0, 1.0)
        return Dual(value, value * (Interval.of(1.0) - value) * self.slope)

    def tanh(self) -> Dual:
        value, one = self.value.rising(np.tanh, -1.0, 1.0), Interval.of(1.0)
        return Dual(value, (one - value) * (one + value) * self.slope)

    def erf(self) -> Dual:
        value = self.value.rising(erf, -1.0, 1.0)
        bell = (-self.power(2)).value.rising(np.exp, 0.0, 1.0)
        return Dual(value, bell * Interval.of(2 / math.sqrt(math.pi)) * self.slope)

    def softplus(self) -> Dual:
        value = self.value.rising(lambda x: np.logaddexp(0.0, x), 0.0)
        return Dual(value, self.sigmoid().value * self.slope)


def _dual(operand: Dual | float) -> Dual:
    return operand if isinstance(operand, Dual) else Dual.constant(operand)
