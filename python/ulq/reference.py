"""The definition of exactness: what every ulq operation computes, in plain numpy.

Slow and obvious on purpose, written from the descriptions in `dialect/*.td`.
This module is the integer level, channels last: accumulators are int64 and the
epilogue is float64, step by step, which is what kernels promise bit for bit.
`ulq.reference_graph` is the graph level, `ulq.layouts` the packed level.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ulq import exact

# ----------------------------------------------------------------------------
# Convolution over channels-last arrays
# ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Geometry:
    """Extents of a convolution or pool, as `#ulq.geometry`.

    `input` and `output` are [batch, height, width, channels], `kernel`,
    `strides` and `dilations` [height, width], `pads` [top, left, bottom, right].
    """

    input: Sequence[int]
    output: Sequence[int]
    kernel: Sequence[int] = (1, 1)
    strides: Sequence[int] = (1, 1)
    pads: Sequence[int] = (0, 0, 0, 0)
    dilations: Sequence[int] = (1, 1)
    groups: int = 1

    @classmethod
    def of(cls, shape, outputs, kernel=(1, 1), strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1), groups=1):
        """The geometry whose output extents follow from the input [n, h, w, c]."""
        extents = [
            (shape[1 + i] + pads[i] + pads[2 + i] - dilations[i] * (kernel[i] - 1) - 1) // strides[i] + 1
            for i in range(2)
        ]
        return cls(shape, (shape[0], *extents, outputs), kernel, strides, pads, dilations, groups)

    def taps(self, x: NDArray, padding) -> list[NDArray]:
        """For each kernel position, row by row, the input under it: [n, oh, ow, c]."""
        top, left, bottom, right = self.pads
        padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=padding)
        (height, width), (stride_y, stride_x) = self.output[1:3], self.strides
        taps = []
        for ky, kx in itertools.product(*map(range, self.kernel)):
            y, x0 = ky * self.dilations[0], kx * self.dilations[1]
            rows = slice(y, y + stride_y * (height - 1) + 1, stride_y)
            columns = slice(x0, x0 + stride_x * (width - 1) + 1, stride_x)
            taps.append(padded[:, rows, columns, :])
        return taps


def accumulate(x: NDArray, w: NDArray, geometry: Geometry, padding=0) -> NDArray:
    """Sum over taps and channels of x * w, in the type of the operands.

    `x` is [n, h, w, c], `w` [outputs, kh, kw, c / groups]; the result has the
    geometry's output shape.
    """
    outputs = geometry.output[3]
    groups = geometry.groups
    depth, width = x.shape[3] // groups, outputs // groups
    result = np.zeros(tuple(geometry.output), np.result_type(x, w))
    for tap, weights in zip(geometry.taps(x, padding), w.reshape(outputs, -1, depth).swapaxes(0, 1), strict=True):
        for g in range(groups):
            chosen = slice(g * width, (g + 1) * width)
            result[..., chosen] += tap[..., g * depth : (g + 1) * depth] @ weights[chosen].T
    return result


# ----------------------------------------------------------------------------
# Integer level
# ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Affine:
    """v * scale + offset; one value, or one per output channel."""

    scale: ArrayLike
    offset: ArrayLike

    def __call__(self, v, operands):
        return v * np.asarray(self.scale, np.float64) + np.asarray(self.offset, np.float64)


@dataclass(frozen=True)
class Clamp:
    """min(max(v, minimum), maximum)."""

    minimum: float
    maximum: float

    def __call__(self, v, operands):
        return np.minimum(np.maximum(v, self.minimum), self.maximum)


@dataclass(frozen=True)
class Leaky:
    """v < 0 ? alpha * v : v."""

    alpha: float

    def __call__(self, v, operands):
        return np.where(v < 0, self.alpha * v, v)


@dataclass(frozen=True)
class Add:
    """v + (r * scale + offset), r an epilogue operand."""

    operand: int
    scale: float
    offset: float

    def __call__(self, v, operands):
        return v + (np.asarray(operands[self.operand], np.float64) * self.scale + self.offset)


@dataclass(frozen=True)
class Quantize:
    """The code of v, as a number: see `ulq.exact.quantize` for the two orders."""

    scale: ArrayLike
    zero_point: ArrayLike
    minimum: int
    maximum: int
    rounding: str = "half_even"
    zero_point_first: bool = False

    def __call__(self, v, operands):
        v = v / np.asarray(self.scale, np.float64)
        zero = np.asarray(self.zero_point, np.float64)
        if self.zero_point_first:
            return exact.round_float(np.clip(v + zero, self.minimum, self.maximum), self.rounding)
        return np.clip(exact.round_float(v, self.rounding) + zero, self.minimum, self.maximum)


@dataclass(frozen=True)
class Dequantize:
    """(v - zero_point) * scale."""

    scale: ArrayLike
    zero_point: ArrayLike

    def __call__(self, v, operands):
        return (v - np.asarray(self.zero_point, np.float64)) * np.asarray(self.scale, np.float64)


@dataclass(frozen=True)
class Threshold:
    """`start` and the number of thresholds that v reaches, the last `falling` subtracted.

    `values` is [count] or [channels * count].
    """

    values: ArrayLike
    count: int
    falling: int = 0
    start: int = 0

    def __call__(self, v, operands):
        table = np.asarray(self.values, np.float64).reshape(-1, self.count)
        return self.start + (v[..., None] >= table).astype(np.float64) @ directions(self.count, self.falling)


Step = Affine | Clamp | Leaky | Add | Quantize | Dequantize | Threshold


class LayerResult(NamedTuple):
    """What `layer` computes, each of the geometry's output shape.

    `accumulator`: int64 (float64 for f32 inputs). `codes`: int64, or None when
    the last step yields no code. `values`: float32, v after all steps, or, when
    there are codes, before the last step.
    """

    accumulator: NDArray
    codes: NDArray[np.int64] | None
    values: NDArray[np.float32]


def layer(
    x: NDArray,
    w: NDArray,
    geometry: Geometry,
    pad_code: int = 0,
    weight_zero: ArrayLike | None = None,
    steps: Sequence[Step] = (),
    thresholds: ArrayLike | None = None,
    descending: ArrayLike | None = None,
    operands: Sequence[NDArray] = (),
    computed: bool = False,
    input_zero: int = 0,
    falling: int = 0,
    start: int = 0,
) -> LayerResult:
    """The integer-level `ulq.layer`: exact accumulation, then the epilogue in float64.

    Args:
        x: codes [n, h, w, c] of any integer type, or floats.
        w: integer weights [outputs, kh, kw, c / groups], or floats.
        geometry: extents; taps outside the input read `pad_code`.
        weight_zero: [outputs], added to every weight of an output channel.
        steps: the epilogue.
        thresholds: [outputs, levels]; the codes count `acc >= t` instead of
            taking the last step, or `acc <= t` where `descending` [outputs].
        operands: what `Add` steps refer to, of the output shape.
        computed: w is [n, outputs, 1, c], unsigned codes or floats: a matrix
            for each image.
        input_zero: subtracted from every code of x, beside computed codes.
        falling: how many of the last `thresholds` are subtracted.
        start: the code where no threshold is reached.
    """
    kind = np.float64 if np.issubdtype(np.asarray(x).dtype, np.floating) else np.int64
    weights = np.asarray(w).astype(kind)
    if weight_zero is not None:
        weights = weights + np.asarray(weight_zero, kind).reshape((-1, 1, 1) if computed else (-1, 1, 1, 1))
    if computed:
        accumulator = multiply_images(np.asarray(x).astype(kind) - kind(input_zero), weights)
    else:
        accumulator = accumulate(np.asarray(x).astype(kind), weights, geometry, pad_code)

    v = before = accumulator.astype(np.float64)
    for step in steps:
        before, v = v, step(v, operands)
    if thresholds is not None:
        codes = start + count_integer_thresholds(accumulator, np.asarray(thresholds), descending, falling)
    elif steps and isinstance(steps[-1], Quantize | Threshold):
        codes = v.astype(np.int64)
    else:
        return LayerResult(accumulator, None, v.astype(np.float32))
    values = before if steps and isinstance(steps[-1], Quantize | Threshold) else v
    return LayerResult(accumulator, codes, values.astype(np.float32))


def multiply_images(x: NDArray, w: NDArray) -> NDArray:
    """Rows of x [n, h, 1, c] by rows of w [n, outputs, 1, c], image by image: [n, h, 1, outputs]."""
    return (x[:, :, 0] @ w[:, :, 0].swapaxes(1, 2))[:, :, None]


def count_integer_thresholds(
    accumulator: NDArray, thresholds: NDArray, descending: ArrayLike | None, falling: int = 0
) -> NDArray:
    """Codes [..., outputs] from accumulators and thresholds [outputs, levels]."""
    signs = directions(thresholds.shape[1], falling)
    up = (accumulator[..., None] >= thresholds) @ signs
    down = (accumulator[..., None] <= thresholds) @ signs
    return up if descending is None else np.where(np.asarray(descending, bool), down, up)


def directions(count: int, falling: int) -> NDArray[np.int64]:
    """1 for each threshold that raises the code, -1 for the last `falling`, which lower it."""
    return np.where(np.arange(count) < count - falling, 1, -1)


def max_pool_codes(x: NDArray, geometry: Geometry) -> NDArray[np.int64]:
    """Largest code of each window, [n, h, w, c]; padding never wins."""
    return np.max(geometry.taps(np.asarray(x, np.int64), np.iinfo(np.int64).min), axis=0)


# ----------------------------------------------------------------------------
# Boxes
# ----------------------------------------------------------------------------


def suppress(
    boxes: NDArray, scores: NDArray, most: NDArray, iou: NDArray, threshold: NDArray = None, *, center_point: bool
) -> tuple[NDArray, NDArray]:
    """Rows [image, class, box] and their number, `ulq.non_max_suppression`; areas and quotients are in float32."""
    rows = []
    for image, of_image in enumerate(scores):
        corners = [_corners(box, center_point) for box in boxes[image]]
        for kind, of_class in enumerate(of_image):
            left = [box for box, score in enumerate(of_class) if threshold is None or score > threshold]
            left = [box for box in left if not np.isnan(of_class[box])]
            for _ in range(most.item()):
                if not left:
                    break
                best = left[int(np.argmax(of_class[left]))]  # the first of equal ones
                rows.append((image, kind, best))
                left = [box for box in left if box != best and not overlap(corners[best], corners[box]) > iou]
    return np.array(rows, np.int64).reshape(-1, 3), np.array([len(rows)], np.int64)


def _corners(box: NDArray, center_point: bool) -> tuple[NDArray, NDArray]:
    """The lower and the upper corner of a box."""
    if center_point:
        return box[:2] - box[2:] / np.float32(2), box[:2] + box[2:] / np.float32(2)
    return np.minimum(box[:2], box[2:]), np.maximum(box[:2], box[2:])


def overlap(first: tuple[NDArray, NDArray], second: tuple[NDArray, NDArray]) -> np.float32:
    """The area of the intersection over that of the union, 0 where the boxes do not intersect."""
    extents = np.minimum(first[1], second[1]) - np.maximum(first[0], second[0])
    if not (extents > 0).all():
        return np.float32(0)
    area = extents[0] * extents[1]
    (a, b), (c, d) = first[1] - first[0], second[1] - second[0]
    with np.errstate(all="ignore"):
        return area / (a * b + c * d - area)
