"""Scales and zero points of ONNX nodes as grids, their checks, and rounding in numpy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ulq.codes import Grid, Shape
from ulq.onnx_ops.registry import Node
from ulq.values import doubles

# Round to an integer; half_up and half_down send ties away from and towards zero.
ROUNDINGS = {
    "half_even": np.rint,
    "half_up": lambda x: np.copysign(np.floor(np.abs(x.astype(np.float64)) + 0.5), x),
    "half_down": lambda x: np.copysign(np.ceil(np.abs(x.astype(np.float64)) - 0.5), x),
    "ceil": np.ceil,
    "floor": np.floor,
    "up": lambda x: np.copysign(np.ceil(np.abs(x)), x),
    "down": np.trunc,
}


def along_axis(shape: Shape, *arrays: np.ndarray) -> tuple[int, list[tuple[float, ...]]] | None:
    """The one axis along which constants vary when they broadcast to `shape`, and their numbers.

    None where a constant varies along several axes, or would enlarge the shape.
    """
    axis: int | None = None
    for array in arrays:
        extents = [(i - array.ndim + len(shape), size) for i, size in enumerate(array.shape) if size != 1]
        if not extents:
            continue
        if len(extents) > 1 or extents[0][0] < 0 or shape[extents[0][0]] != extents[0][1]:
            return None
        if axis not in (None, extents[0][0]):
            return None
        axis = extents[0][0]
    return axis or 0, [doubles(array) for array in arrays]


def check_scale(node: Node, scale: np.ndarray, name: str = "scale") -> None:
    """A quantizer's scale is positive and finite."""
    wrong = scale[~(np.isfinite(scale) & (scale > 0))] if scale.size else np.zeros(1)
    if wrong.size:
        raise node.error(f"{name} must be positive and finite, got {np.ravel(wrong)[0]}")


def linear_grid(node: Node, shape: Shape, scale: np.ndarray, zero: np.ndarray | None, axis: int) -> Grid:
    """Scale and zero point of QuantizeLinear: one number, or one per index of `axis`."""
    check_scale(node, scale)
    zero = np.zeros(1) if zero is None else zero.astype(np.float64)
    if scale.size == zero.size == 1:
        return Grid(doubles(scale), doubles(zero))
    if not -len(shape) <= axis < len(shape):
        raise node.error(f"axis {axis} is out of range for {len(shape)} dimensions")
    extent = shape[axis]
    for array, name in ((scale, "scale"), (zero, "zero point")):
        if array.ndim > 1 or array.size not in (1, extent):
            raise node.error(f"expected one {name} or {extent} along axis {axis}, got shape {list(array.shape)}")
    return Grid(doubles(scale), doubles(zero), axis % len(shape))


def spread(numbers: Sequence[float], axis: int, rank: int, dtype=np.float32) -> np.ndarray:
    """Numbers along an axis as an array that broadcasts to a tensor of the rank."""
    array = np.asarray(numbers, dtype)
    return array.reshape([-1 if i == axis else 1 for i in range(rank)]) if array.size > 1 else array.reshape(())


def byte_element(array: np.ndarray) -> str | None:
    """The 8-bit code type that holds all numbers of a float array, None where one is no such integer."""
    low, high = array.min(initial=0), array.max(initial=0)
    if not (-128 <= low and high <= (127 if low < 0 else 255)) or (np.rint(array) != array).any():
        return None
    return "si8" if low < 0 else "ui8"
