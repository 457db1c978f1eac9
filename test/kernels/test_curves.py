"""Layers whose quantizer stands behind a function: curves in place of thresholds, with all their codes exact."""

import math

import numpy as np
import pytest
from whole_layers import Case, check, objects_of, runs_of

from ulq.reference import Add, Affine, Dequantize, Quantize, Threshold

FUNCTIONS = {
    "silu": lambda x: x / (1 + np.exp(-x)),
    "gelu": lambda x: x * (1 + np.vectorize(math.erf)(x * math.sqrt(0.5))) / 2,
    "hardswish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "hump": lambda x: np.exp(-x * x),
}
W8 = tuple(range(-128, 128))


def stairs(name: str, bits: int) -> Threshold:
    """Where a quantizer behind the function steps, by bisection between the numbers of a grid."""
    grid = np.linspace(-10, 10, 40001)
    y = FUNCTIONS[name](grid)
    last, low, span = (1 << bits) - 1, y.min(), np.ptp(y) * 0.9

    def codes(x):
        return np.rint((FUNCTIONS[name](x) - low) / span * last).clip(0, last).astype(int)

    known = codes(grid)
    rising = np.repeat(np.arange(len(grid) - 1), np.maximum(np.diff(known), 0))
    falling = np.repeat(np.arange(len(grid) - 1), np.maximum(-np.diff(known), 0))

    def first(cells, sign):
        """In each of these cells, the first number of the next code."""
        low, high = grid[cells], grid[cells + 1]
        before = known[cells]
        for _ in range(60):
            middle = (low + high) / 2
            reached = sign * (codes(middle) - before) > 0
            low, high = np.where(reached, low, middle), np.where(reached, middle, high)
        return high

    return Threshold([*first(rising, 1), *first(falling, -1)], len(rising) + len(falling), len(falling), int(known[0]))


def scales(channels: int) -> np.ndarray:
    """Of sums of 4 products of 8 bits, so that they are numbers up to 5 to 20."""
    return np.geomspace(5, 20, channels) * (-1.0) ** np.arange(channels) / 65000


def make_cases() -> list[Case]:
    shape, channels = (1, 48, 48, 4), 21
    affine = Affine(scales(channels), np.linspace(-2, 2, channels))
    cases = [
        Case(f"{name}{bits}", shape, channels, 8, W8, steps=(affine, stairs(name, bits)), out_bits=bits)
        for name in FUNCTIONS
        for bits in (5, 8)
    ]
    for bits in (4, 8):
        steps = (affine, stairs("silu", bits), Dequantize(0.03, 0.0), Add(0, 0.025, 0.0))
        quantize = Quantize(0.036, 0, 0, (1 << bits) - 1)
        cases.append(Case(f"residual{bits}", shape, channels, 8, W8, addends=(bits,), out_bits=bits,
                          steps=(*steps, quantize)))  # fmt: skip
    return cases


CASES = make_cases()


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    return objects_of(CASES, tmp_path_factory)


@pytest.mark.parametrize(("isa", "case"), runs_of(CASES))
def test_curve(isa, case, objects):
    check(isa, case, objects)
