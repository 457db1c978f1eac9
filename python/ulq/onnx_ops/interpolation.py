"""Which elements Resize reads along each axis, and with which weights (ONNX operators, Resize-19).

Before operator set 11 there are scales only, Upsample is another name, and coordinates are asymmetric.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ulq.onnx_ops.registry import Node

NEAREST = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


def has_scales_only(node: Node) -> bool:
    """Whether this is the form before operator set 11."""
    return node.version < 11


def is_static(node: Node) -> bool:
    return not any(node.is_runtime(i) for i in (1, 2, 3))


def scales_of(node: Node) -> np.ndarray | None:
    """The scales that are given: an attribute first, then an input, then behind the region of interest."""
    if has_scales_only(node):
        return node.const(1) if node.has(1) else np.asarray(node.required("scales"))
    return node.const(2) if node.has(2) and node.const(2).size else None


def coordinate_mode(node: Node) -> str:
    return "asymmetric" if has_scales_only(node) else node.attr("coordinate_transformation_mode", "half_pixel")


def nearest_rounding(node: Node):
    """The function that rounds coordinates to elements."""
    return NEAREST["floor" if has_scales_only(node) else node.attr("nearest_mode", "round_prefer_floor")]


@dataclass(frozen=True)
class Axis:
    """Element i of the resized axis is the sum over k of element `numbers[i, k]` times `weights[i, k]`, or
    `extrapolation` where `outside[i]`."""

    number: int
    numbers: np.ndarray
    weights: np.ndarray
    outside: np.ndarray
    extrapolation: np.ndarray


def axes_of(node: Node) -> Iterator[Axis]:
    """The axes that change."""
    shape, resized = node.inputs[0].shape, node.output_shape
    axes = [int(axis) % len(shape) for axis in node.attr("axes", range(len(shape)))]
    scales = _scales(node, axes, shape, resized)
    roi = None if has_scales_only(node) else node.const(1)
    for index, axis in enumerate(axes):
        begin, end = (0.0, 1.0) if roi is None or not roi.size else (roi[index], roi[index + len(axes)])
        crops = coordinate_mode(node) == "tf_crop_and_resize"
        if scales[index] == 1 and shape[axis] == resized[axis] and not (crops and (begin, end) != (0, 1)):
            continue
        x = _coordinates(node, shape[axis], resized[axis], scales[index], float(begin), float(end))
        numbers, weights = _taps(node, x, shape[axis], scales[index])
        outside = (x < 0) | (x > shape[axis] - 1) if crops else np.zeros(len(x), bool)
        fill = np.array(node.attr("extrapolation_value", 0.0)).astype(node.inputs[0].dtype)
        yield Axis(axis, numbers, weights, outside, fill)


def _scales(node: Node, axes: list[int], shape, resized) -> list[float]:
    given = scales_of(node)
    if given is not None:
        return [float(scale) for scale in given]
    sizes = [int(size) for size in node.const(3)]
    ratios = [size / shape[axis] for axis, size in zip(axes, sizes, strict=True)]
    policy = node.attr("keep_aspect_ratio_policy", "stretch")
    if policy == "stretch":
        return ratios
    return [min(ratios) if policy == "not_larger" else max(ratios)] * len(axes)


def _coordinates(node: Node, extent: int, resized: int, scale: float, begin: float, end: float) -> np.ndarray:
    """Where the elements of the resized axis lie on the given one."""
    i = np.arange(resized, dtype=np.float64)
    mode = coordinate_mode(node)
    length = scale * extent  # of the resized axis, which is rounded
    if mode == "asymmetric":
        return i / scale
    if mode == "align_corners":
        return i * 0 if resized == 1 else i * (extent - 1) / (length - 1)
    if mode == "tf_crop_and_resize":
        step = 0.5 if resized == 1 else 1 / (length - 1)
        offset = i + 1 if resized == 1 else i
        return begin * (extent - 1) + offset * (end - begin) * (extent - 1) * step
    if mode == "half_pixel_symmetric":
        return extent / 2 * (1 - resized / length) + (i + 0.5) / scale - 0.5
    if mode == "pytorch_half_pixel" and resized == 1:
        return i - 0.5
    if mode in ("half_pixel", "pytorch_half_pixel"):
        return (i + 0.5) / scale - 0.5
    raise node.error(f"unknown coordinate_transformation_mode '{mode}'")


def _taps(node: Node, x: np.ndarray, extent: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
    mode = node.attr("mode", "nearest")
    if mode == "nearest":
        nearest = nearest_rounding(node)(x)
        return np.clip(nearest, 0, extent - 1).astype(np.int64)[:, None], np.ones((len(x), 1))
    antialias = bool(node.attr("antialias", 0))
    shrink = min(scale, 1.0) if antialias else 1.0
    reach = (1 if mode == "linear" else 2) / shrink
    first = np.floor(x - reach).astype(np.int64) + 1
    numbers = first[:, None] + np.arange(math.ceil(2 * reach))
    distance = np.abs(numbers - x[:, None]) * shrink
    weights = np.maximum(1 - distance, 0) if mode == "linear" else _cubic(distance, node.attr("cubic_coeff_a", -0.75))
    if node.attr("exclude_outside", 0):
        weights = np.where((numbers < 0) | (numbers >= extent), 0, weights)
    if antialias or node.attr("exclude_outside", 0):
        weights = weights / weights.sum(1, keepdims=True)
    return np.clip(numbers, 0, extent - 1), weights


def _cubic(x: np.ndarray, a: float) -> np.ndarray:
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0))
